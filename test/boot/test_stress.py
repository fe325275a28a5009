# SPDX-License-Identifier: MIT
"""Many processes, and too little memory. The kernel survives, the shell answers, nothing leaks.

QUIRE_TEST_LONG=1 (make test-long) makes it a hundred thousand forks and ten thousand programs."""

import os

from boards import BOARDS, ONE_EACH, ROOT, on

LONG = bool(os.environ.get("QUIRE_TEST_LONG"))
FOUR = [b for b in BOARDS if b.cpus == 4 and (LONG or not b.debug)]
FORKS, EXECS = ("100000", "10000") if LONG else ("400", "100")
SMALL = ["--mem", "128M"]

# What must be back to what it was once all is over, and by how much it may differ: the kernel
# keeps some pages and objects at hand (each of four CPUs 16 empty tables: mm/pt.c), and frees what
# others may still look at a little later.
SLACK = {"tasks": 0, "threads": 2, "pages_anon": 16, "pages_table": 4 * 16}


def counters(text):
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def leaks(before, after):
    return {name: (before[name], after[name]) for name, slack in SLACK.items()
            if after[name] > before[name] + slack}


# A first round fills caches; then the counters must not grow.
STRESS = """stress_fork 40 10 > /dev/null; sleep 1; cat /proc/quire/counters > /tmp/before
stress_fork $0 $1; s=$?; sleep 1; cat /proc/quire/counters > /tmp/after
echo '# before'; cat /tmp/before; echo '# after'; cat /tmp/after
echo '# audit'; cat /proc/quire/audit; exit $s"""


@on(FOUR)
def test_forks_and_execs_leave_nothing_behind(board):
    done = board.run("sh", "-c", STRESS, FORKS, EXECS, timeout=3600 if LONG else 120)
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, text = done.stdout.decode().partition("# before\n")
    before, _, text = text.partition("# after\n")
    after, _, audit = text.partition("# audit\n")
    assert audit == ""
    assert leaks(counters(before), counters(after)) == {}


SHELL = f"{ROOT}/test/boot/stress_shell.sh:/tmp/stress_shell.sh"
SHELL_STRESS = """sh /tmp/stress_shell.sh 5 4 > /dev/null 2>&1; sleep 1; cat /proc/quire/counters > /tmp/before
sh /tmp/stress_shell.sh $0 6 2> /dev/null; s=$?; sleep 1; cat /proc/quire/counters > /tmp/after
echo '# before'; cat /tmp/before; echo '# after'; cat /tmp/after
echo '# audit'; cat /proc/quire/audit; exit $s"""


@on([b for b in BOARDS if b.cpus == 4 and b.debug])
def test_a_shells_day_leaves_nothing_behind(board):
    """An hour of it: QUIRE_TEST_SHELL_SECONDS=3600."""
    seconds = int(os.environ.get("QUIRE_TEST_SHELL_SECONDS", 60 if LONG else 10))
    done = board.run("sh", "-c", SHELL_STRESS, str(seconds), options=["--add", SHELL], timeout=seconds * 2 + 120)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs, _, text = done.stdout.decode().partition("# before\n")
    before, _, text = text.partition("# after\n")
    after, _, audit = text.partition("# audit\n")
    assert int(jobs.split()[1]) > 0
    assert audit == ""
    assert leaks(counters(before), counters(after)) == {}
    print(f"{board}: {jobs.strip()} in {seconds} s")


AFTERMATH = """; sleep 2; echo '# alive'; date > /tmp/date && rm /tmp/date && echo $((6*7))
echo '# audit'; cat /proc/quire/audit; exit 0"""


def survives(board, script, options, timeout=100):
    done = board.shell(script + AFTERMATH, options=options, timeout=timeout)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:].decode(errors="replace")
    _, alive, rest = done.stdout.decode(errors="replace").partition("# alive\n")
    answer, _, audit = rest.partition("# audit\n")
    assert (answer, audit) == ("42\n", "")
    return done


@on(ONE_EACH)
def test_a_fork_bomb_in_128_mib(board):
    survives(board, "/test/helper/hog bomb", SMALL)


@on(ONE_EACH)
def test_a_program_that_eats_all_memory_in_128_mib(board):
    done = survives(board, "/test/helper/hog memory; echo status $?", SMALL)
    assert b"status 137\n" in done.stdout


@on(ONE_EACH)
def test_page_tables_that_eat_all_memory(board):
    """Whoever does nothing wrong is left alone, though he has more pages than who does."""
    done = survives(board, "/test/helper/hog hold 50 & other=$!; sleep 1; /test/helper/hog tables; echo status $?; "
                    "kill -0 $other && echo left alone; kill $other", SMALL)
    assert b"status 137\n" in done.stdout and b"left alone\n" in done.stdout


@on(ONE_EACH)
def test_a_file_that_eats_all_memory_in_128_mib(board):
    done = survives(board, "cat /dev/zero > /tmp/big; echo status $?; rm /tmp/big", SMALL)
    assert b"status 1\n" in done.stdout and b"No space left" in done.stderr


@on(ONE_EACH)
def test_memory_above_4_gib(board):
    done = board.shell("/test/helper/hog touch 200; free -m | grep Mem; cat /proc/quire/audit",
                       options=["--mem", "6G"])
    assert done.returncode == 0
    name, total = done.stdout.split()[:2]
    assert name == b"Mem:" and int(total) > 5500
