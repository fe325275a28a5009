# SPDX-License-Identifier: MIT
"""Runs the host tests (test/host/*_test.c), and the guest tests on the host's own kernel: a test
that Linux does not pass is a wrong test."""

import glob
import os
import platform
import subprocess
import sys

import pytest

import tap
from boards import ROOT

sys.path.insert(0, f"{ROOT}/tools")


def made_from(pattern):
    """The binaries that tools/hostmk has rules for."""
    sources = sorted(glob.glob(f"{ROOT}/{pattern}"))
    made = subprocess.run([f"{ROOT}/tools/hostmk", "build/host", *sources],
                          capture_output=True, text=True, check=True).stdout
    return [line.split(" += ")[1] for line in made.splitlines() if line.startswith("HOST_BIN")]


def guest_tests():
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return []
    return sorted(os.path.basename(p)[:-2] for p in glob.glob(f"{ROOT}/user/test/*.c"))


@pytest.mark.parametrize("binary", made_from("test/host/*_test.c"), ids=lambda path: str(path).split("/")[-1])
def test_host(binary):
    done = subprocess.run([f"{ROOT}/{binary}"], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=240, cwd=ROOT)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-8000:]


@pytest.mark.parametrize("name", guest_tests())
def test_guest_on_linux(name, tmp_path):
    done = subprocess.run([f"{ROOT}/build/x86_64/user/test/{name}"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120, cwd=tmp_path)
    output = done.stdout.decode(errors="replace")
    problems = tap.problems(output, done.returncode)
    assert not problems, "\n".join(problems) + "\n" + output[-8000:]
