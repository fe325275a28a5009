# SPDX-License-Identifier: MIT
"""Unmodified programs answer on Quire as they do on Linux: test/world says how."""

import os
import sys

import pytest

from boards import ONE_EACH, ROOT, on

sys.path.insert(0, f"{ROOT}/test/world")

import world

# The distribution's own packages take minutes: make test-long.
SETS = world.SETS if os.environ.get("QUIRE_TEST_LONG") else ["busybox"]
FILES = [(which, name) for which in SETS for name in world.files(which)]


@on(ONE_EACH)
@pytest.mark.parametrize("which, name", FILES, ids=[f"{which}-{name}" for which, name in FILES])
def test_programs_answer_as_on_linux(board, which, name):
    world.prepare(which, board.arch)
    cases, wanted = world.cases(which, name), world.recorded(which, name)
    answers, errors = world.run(board.command("--mem", "1G", cpus=2), which, cases)  # as Linux was asked
    problems = [world.problem(case, answer, wanted.get(case.title))
                for case, answer in zip(cases, answers)]
    assert not list(filter(None, problems)), "\n".join(filter(None, problems)) + errors
    assert errors == ""
