# SPDX-License-Identifier: MIT
"""Histories of memory calls (user/fuzz/history.c): every answer is Linux's, as test/history has them.

A change of the program needs new answers: tools/histories --record. QUIRE_TEST_LONG=1 (make
test-long) asks Linux itself, which runs in QEMU too, about a hundred thousand calls more."""

import os
import subprocess

from boards import LINUX, ROOT, TWO_EACH, on

LONG = bool(os.environ.get("QUIRE_TEST_LONG"))
WANTED = [b for b in TWO_EACH if not b.machine and b.arch not in LINUX]


def compare(board, *options, timeout):
    done = subprocess.run([f"{ROOT}/tools/histories", "--arch", board.arch, "--cpus", str(board.cpus),
                           *(["--debug"] if board.debug else []), *options], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout[-8000:]


@on(WANTED)
def test_recorded_histories(board):
    compare(board, "--recorded", "--count", "30" if board.debug else "100", "--shorten", "0", timeout=180)


@on([b for b in WANTED if not b.debug and LONG])
def test_many_histories(board):
    compare(board, "--seed", "1001", "--count", "1000", timeout=3000)
