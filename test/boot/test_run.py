# SPDX-License-Identifier: MIT
"""The runner: streams byte for byte, exit statuses, files, environment."""

import json
import os
import random
import re
import shutil
import subprocess

import pytest

from boards import ONE_EACH, ROOT, TWO_EACH, on

ALL_BYTES = bytes(range(256))


@on(TWO_EACH)
def test_all_byte_values_go_through(board):
    done = board.run("cat", stdin=ALL_BYTES * 3)
    assert (done.returncode, done.stdout, done.stderr) == (0, ALL_BYTES * 3, b"")


@on(TWO_EACH)
def test_a_megabyte_goes_through_cat(board):
    data = random.Random(1).randbytes(1 << 20)
    done = board.run("cat", stdin=data, timeout=120)
    assert done.returncode == 0
    assert done.stdout == data


@on(ONE_EACH)
def test_stdout_and_stderr_stay_apart(board):
    done = board.shell("echo out; echo err >&2; echo out2")
    assert (done.stdout, done.stderr) == (b"out\nout2\n", b"err\n")


@on(ONE_EACH)
def test_input_that_nobody_reads_does_not_block(board):
    done = board.shell("exec <&-; sleep 1; echo end", stdin=bytes(100_000))
    assert (done.returncode, done.stdout) == (0, b"end\n")


@on(ONE_EACH)
def test_closed_input_is_end_of_file(board):
    done = board.run("wc", "-c")
    assert done.stdout.strip() == b"0"


@on(TWO_EACH)
def test_exit_status_is_the_programs_own(board):
    assert board.shell("exit 7").returncode == 7
    assert board.run("true").returncode == 0


@on(TWO_EACH)
def test_null_dereference_exits_with_139(board):
    assert board.run("/test/helper/crash", "null").returncode == 139


@on(ONE_EACH)
def test_signals_become_exit_statuses(board):
    assert board.run("/test/helper/crash", "write").returncode == 139
    assert board.run("/test/helper/crash", "exec").returncode == 139
    assert board.run("/test/helper/crash", "abort").returncode == 134
    assert board.shell("kill -KILL $$").returncode == 137


@on(ONE_EACH)
def test_program_not_found_is_127(board):
    done = board.run("no-such-program")
    assert done.returncode == 127
    assert b"no-such-program" in done.stderr


@on(ONE_EACH)
def test_program_not_executable_is_126(board):
    assert board.run("/etc/passwd").returncode == 126


@on(ONE_EACH)
def test_timeout_is_124(board):
    done = board.run("sleep", "1000", timeout=8)
    assert done.returncode == 124
    assert b"no end after 8 s" in done.stderr


@on(ONE_EACH)
def test_background_process_does_not_keep_the_run(board):
    assert board.shell("sleep 1000 & echo started", timeout=30).returncode == 0


@on(ONE_EACH)
def test_files_and_folders_come_along(board, tmp_path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "run.sh").write_text("#!/bin/sh\necho ran $0\n")
    (tmp_path / "folder" / "run.sh").chmod(0o755)
    (tmp_path / "folder" / "inner" / "data").write_bytes(ALL_BYTES)
    (tmp_path / "single").write_text("one file\n")
    done = board.shell("/srv/run.sh; cat /etc/single; cat /srv/inner/data",
                       options=["--add", f"{tmp_path}/folder:/srv",
                                "--add", f"{tmp_path}/single:/etc/single"])
    assert done.stderr == b""
    assert done.stdout == b"ran /srv/run.sh\none file\n" + ALL_BYTES


@on(ONE_EACH)
def test_environment_and_folder(board):
    done = board.shell('echo "$GREETING"; pwd', options=["--env", "GREETING=a b", "--cwd", "/tmp"])
    assert done.stdout == b"a b\n/tmp\n"


@on(ONE_EACH)
def test_folder_that_is_not_there_is_126(board):
    done = board.run("pwd", options=["--cwd", "/nosuch"])
    assert (done.returncode, done.stdout) == (126, b"") and b"/nosuch" in done.stderr


@on(ONE_EACH)
def test_missing_loader_is_named(board, tmp_path):
    (tmp_path / "script").write_text("#!/nosuch\n")
    (tmp_path / "script").chmod(0o755)
    done = board.run("/script", options=["--add", f"{tmp_path}/script:/script"])
    assert done.returncode == 127 and b"loader" in done.stderr


@on(ONE_EACH)
def test_file_as_input_is_a_file(board, tmp_path):
    """As large as would take minutes byte by byte, and read from where it stands."""
    (tmp_path / "data").write_bytes(ALL_BYTES * 40_000)
    with open(tmp_path / "data", "rb") as stdin:
        stdin.seek(256)
        done = subprocess.run([*board.command("--timeout", "60"), "--", "sh", "-c", "md5sum; ls /etc/quire"],
                              stdin=stdin, capture_output=True, timeout=90)
    wanted = subprocess.run(["md5sum"], input=ALL_BYTES * 39_999, capture_output=True)
    assert (done.returncode, done.stdout) == (0, wanted.stdout + b"run\n")


@on(ONE_EACH)
def test_arguments_arrive_as_they_are(board):
    odd = ["", "a b", "c\nd", "'\"$x\\", "é"]
    done = board.run("sh", "-c", r'''printf '<%s>' "$@"''', "sh", *odd)
    assert done.stdout.decode() == "".join(f"<{a}>" for a in odd)


@on(ONE_EACH)
def test_log_goes_to_its_file(board, tmp_path):
    done = board.run("echo", "hello", options=["--log", f"{tmp_path}/log"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")
    assert (tmp_path / "log").stat().st_size > 0


@on(TWO_EACH)
def test_strace_decodes_calls_and_follows_children(board, tmp_path):
    trace = tmp_path / "trace"
    done = board.shell("echo hello | cat; /test/helper/crash null; test -e /nosuch; exit 3",
                       options=("--strace-output", str(trace)))
    text = trace.read_text()
    assert (done.returncode, done.stdout) == (3, b"hello\n")
    for pattern in (r'execve\("/bin/sh", \["sh", "-c", "echo hello', r"pipe2?\(\[\d+, \d+\]",
                    r'write\(1, "hello\\n", 6\) = 6', r'read\(0, "hello\\n"|resumed>, "hello\\n"',
                    r"SIGSEGV \{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0\} ---",
                    r"\+\+\+ killed by SIGSEGV \+\+\+", r"exit_group\(3\) = \?",
                    r"\+\+\+ exited with 3 \+\+\+", r"= -1 ENOENT \(No such file or directory\)"):
        assert re.search(pattern, text), f"{pattern}\n{text}"
    assert all(re.match(r"\[\d+\] ", line) for line in text.splitlines())
    assert "lost" not in text
    assert text.splitlines()[0].partition(" ")[2].startswith("execve(")


@on(ONE_EACH)
def test_strace_waits_for_a_slow_reader(board, tmp_path):
    """More than the kernel's buffer holds: nothing is lost, whoever is slower."""
    trace = tmp_path / "trace"
    script = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i > /dev/null; done"
    assert board.shell(script, options=("--strace-output", str(trace))).returncode == 0
    written = re.findall(r'write\(1, "(\d+)\\n"', trace.read_text())
    assert written == [str(n) for n in range(1, 2001)]


@on(ONE_EACH)
def test_unknown_calls_and_flags_are_logged_once(board, tmp_path):
    log = tmp_path / "log"
    board.shell("/test/helper/crash unknown; /test/helper/crash unknown",
                options=("--log", str(log), "--append", "logunknown"))
    lines = [line for line in log.read_text().splitlines() if "unknown: crash" in line]
    assert len(lines) == 3, lines
    assert any("system call 999 (?) is missing" in line for line in lines)
    assert any(line.endswith("flags 0x40") for line in lines)
    assert any("prctl" in line and line.endswith("value 0x3e7") for line in lines)


@on(ONE_EACH)
def test_faults_of_a_program_are_recorded(board, tmp_path):
    """64 KiB of buffer are 16 pages that are written first."""
    command = board.command("--timeout", "60")
    done = subprocess.run([f"{ROOT}/tools/faults", *command[1:], "--json", f"{tmp_path}/t.json", "--svg",
                           f"{tmp_path}/t.svg", "--", "sh", "-c",
                           "dd if=/dev/zero of=/dev/null bs=64K count=1 2>/dev/null; echo done; exit 5"],
                          capture_output=True, timeout=90)
    assert (done.returncode, done.stdout) == (5, b"done\n")
    assert b"zero_write" in done.stderr
    events = [e for e in json.loads((tmp_path / "t.json").read_text())["traceEvents"] if e["ph"] == "X"]
    pages = {e["args"]["address"] for e in events if e["name"] == "zero_write"}
    assert len(pages) >= 16
    assert all(e["dur"] > 0 for e in events)
    assert "<circle" in (tmp_path / "t.svg").read_text()


@pytest.mark.skipif(not shutil.which("gdb-multiarch"), reason="gdb-multiarch is missing")
@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
def test_profile_finds_every_instruction(arch):
    """The sum over functions is what the program's own clock says a call costs."""
    program = ["/bin/vmbench", "-d", "100", "syscall"]
    clock = subprocess.run([f"{ROOT}/tools/quire", "--arch", arch, "--no-build", "--icount", "--", *program],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    cost = float(re.search(r"null_syscall ([\d.]+)", clock.stdout)[1])
    done = subprocess.run([f"{ROOT}/tools/profile", "--arch", arch, "--after", "50", "sys_getppid", "--", *program],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    parts = [float(n) for n in re.findall(r"^ +([\d.]+)  ", done.stdout, re.M)]
    assert f"{float(sum(parts)):.1f} instructions" in done.stdout
    assert abs(sum(parts) - cost) < 1
    assert re.search(r" the program$", done.stdout, re.M) and " sys_getppid\n" in done.stdout


@pytest.mark.parametrize("words, says", [
    (["--nonsense"], "nonsense"), (["ls", "-l"], "put -- before ls"),
    (["--cpus", "0", "--", "true"], "1 to 16"), (["--cpus", "17", "--", "true"], "1 to 16"),
    (["--mem", "16M", "--", "true"], "at least 32M"), (["--mem", "much", "--", "true"], "at least 32M"),
    (["--env", "FOO", "--", "true"], "K=V"), (["--add", "x:y", "--", "true"], "HOST:/GUEST"),
])
def test_wrong_options_say_so(words, says):
    done = subprocess.run([f"{ROOT}/tools/quire", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and says in done.stderr


def test_missing_file_says_so():
    done = subprocess.run([f"{ROOT}/tools/quire", "--no-build", "--add", "/no/such:/x", "--",
                           "true"], capture_output=True)
    assert done.returncode != 0 and b"/no/such" in done.stderr
    assert b"Traceback" not in done.stderr
