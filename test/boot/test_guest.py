# SPDX-License-Identifier: MIT
"""Each guest test (user/test/*.c) on the boards that differ most, with QUIRE_TEST_LONG on every
board. After it the kernel's own audit must find every page, table, region and reference accounted
for. What takes minutes on a busy machine runs with QUIRE_TEST_LONG only."""

import glob
import os

import pytest

import tap
from boards import BOARDS, PI_DEBUG, ROOT, TWO_EACH, on

LONG = bool(os.environ.get("QUIRE_TEST_LONG"))
SLOW = set() if LONG else {"fail_block_test"}
TESTS = sorted({os.path.basename(p)[:-2] for p in glob.glob(f"{ROOT}/user/test/*.c")} - SLOW)
SCRIPT = """/test/$0; s=$?
[ -e /proc/quire/audit ] && { echo '# audit'; cat /proc/quire/audit; }
exit $s"""


@on(BOARDS if LONG else TWO_EACH)
@pytest.mark.parametrize("name", TESTS)
def test_guest(board, name):
    done = board.run("sh", "-c", SCRIPT, name, timeout=360 if LONG else 120)
    output, _, audit = done.stdout.decode(errors="replace").partition("# audit\n")
    problems = tap.problems(output, done.returncode)
    errors = done.stderr.decode(errors="replace")
    assert not problems, "\n".join(problems) + f"\n{output[-8000:]}\n{errors[-8000:]}"
    assert audit == ""


@on(PI_DEBUG)
@pytest.mark.parametrize("name", ["fork_test", "mmap_test", "pipe_test"])
def test_guest_with_checks(board, name):
    test_guest(board, name)
