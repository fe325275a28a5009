# SPDX-License-Identifier: MIT
"""As many of each as there can be, address-space numbers that run out all the time, and everything at once.

QUIRE_TEST_LONG=1 (make test-long) makes it ten thousand processes and a thousand generations, and minutes of soup."""

import os
import re

import tap
from boards import BOARDS, ONE_EACH, on

LONG = bool(os.environ.get("QUIRE_TEST_LONG"))
AUDIT = "; s=$?; sleep 1; echo '# audit'; cat /proc/quire/audit; echo '# counters'; cat /proc/quire/counters; exit $s"


def passes(board, script, options=(), timeout=120):
    """Runs TAP programs; afterwards the audit is empty. Returns the kernel's counters."""
    done = board.shell(script + AUDIT, options=options, timeout=timeout)
    text = done.stdout.decode(errors="replace")
    output, _, rest = text.partition("# audit\n")
    audit, _, counters = rest.partition("# counters\n")
    assert done.returncode == 0 and "not ok" not in output, (text + done.stderr.decode(errors="replace"))[-8000:]
    assert audit == ""
    return {name: int(value) for name, value in (line.split() for line in counters.splitlines())}


@on(ONE_EACH)
def test_ten_thousand_processes_and_a_thousand_generations(board):
    """The short form runs as a guest test on every board."""
    numbers = "10000 1000 1000" if LONG else "2000 200 400"
    passes(board, f"/test/limits_test {numbers}", ["--mem", "2G"], 1200 if LONG else 120)


@on([b for b in BOARDS if b.cpus == 4])
def test_address_space_numbers_that_run_out(board):
    """With 3 bits there are 7 for 4 CPUs and some 20 processes."""
    seconds = 60 if LONG else 3
    counters = passes(board, f"/test/race_test {seconds} && /test/fork_test && /test/soup_test {seconds}",
                      ["--append", "asidbits=3"], 120 + 6 * seconds)
    assert counters["tlb_rollovers"] > 20 or counters["tlb_asid_bits"] == 0


@on([b for b in ONE_EACH if b.arch == "x86_64"])
def test_no_address_space_numbers_at_all(board):
    """As on x86-64 processors without PCIDs; every arm64 has numbers."""
    counters = passes(board, "/test/race_test && /test/fork_test", ["--append", "asidbits=0"])
    assert counters["tlb_asid_bits"] == 0


@on([b for b in BOARDS if b.cpus == 4 and b.debug])
def test_everything_at_once_in_too_little_memory(board):
    """An hour of it: QUIRE_TEST_SOUP_SECONDS=3600."""
    seconds = int(os.environ.get("QUIRE_TEST_SOUP_SECONDS", 180 if LONG else 8))
    passes(board, f"/test/soup_test {seconds} 320", ["--mem", "256M"], seconds * 2 + 200)


@on(ONE_EACH)
def test_what_must_not_depend_on_size(board):
    """Instructions, counted: see user/test/cost_test.c."""
    done = board.run("/test/cost_test", "counted", options=["--icount", "--mem", "3G"], timeout=400, cpus=1)
    text = done.stdout.decode(errors="replace")
    assert not tap.problems(text, done.returncode), text
    assert not re.search("# SKIP", text)
