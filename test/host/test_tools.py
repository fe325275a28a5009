# SPDX-License-Identifier: MIT
"""The runner's host side, with a shell script in QEMU's place, and the archive writer."""

import argparse
import os
import subprocess
import sys
import time

import pexpect
import pytest

from boards import ROOT

sys.path.insert(0, f"{ROOT}/tools")

import cpio
import modelbuild
import session

PANIC = b"*** panic: test\r\nframe 1\r\n*** end of panic\r\n"


def run(script, timeout=20):
    args = argparse.Namespace(timeout=timeout, log=None, strace_output=None)
    return session.piped(["bash", "-c", script], args)


def frame(channel, payload):
    return b"\1" + channel + len(payload).to_bytes(2, "little") + payload


def collect(frames, stream, step):
    got = []
    for at in range(0, len(stream), step):
        frames.feed(stream[at:at + step])
        got += frames.frames()
    return got


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_frames_survive_any_cut(step):
    stream = b"early text\n" + frame(b"R", b"") + frame(b"O", bytes(range(256))) \
        + b"late text\n" + frame(b"X", b"\7\0")
    frames = session.Frames()
    got = collect(frames, stream, step)
    assert got == [("R", b""), ("O", bytes(range(256))), ("X", b"\7\0")]
    assert bytes(frames.text) == b"early text\nlate text\n"


def test_a_stray_1_is_text():
    frames = session.Frames()
    got = collect(frames, b"a\1bcdef" + frame(b"E", b"x"), 4)
    assert got == [("E", b"x")] and bytes(frames.text) == b"a\1bcdef"


def test_panic_outside_frames_is_found_at_once():
    frames = session.Frames()
    collect(frames, b"boot\r\n" + PANIC, 5)
    assert frames.panicked(idle=False) == PANIC


def test_panic_inside_a_frame_is_found_when_the_line_is_idle():
    frames = session.Frames()
    collect(frames, b"\1O\x00\x10some output" + PANIC, 5)
    assert frames.panicked(idle=False) is None
    assert frames.panicked(idle=True).startswith(b"*** panic: test")


def test_a_program_that_prints_a_panic_is_no_panic():
    frames = session.Frames()
    collect(frames, frame(b"O", PANIC) + frame(b"O", b"more"), 5)
    assert frames.panicked(idle=True) is None


def test_status_and_output(capfd):
    assert run(r"printf '\1R\0\0\1O\3\0abc\1E\1\0e\1X\2\0\11\0'; sleep 60") == 9
    assert capfd.readouterr() == ("abc", "e")


def test_panic_is_125_with_its_text(capfd):
    assert run(r"printf 'x\r\n*** panic: p\r\n  at f\r\n*** end of panic\r\n'; sleep 60") == 125
    assert capfd.readouterr() == ("", "*** panic: p\n  at f\n*** end of panic\n")


def test_machine_that_stops_is_125(capfd):
    assert run(r"printf 'last words\r\n'") == 125
    assert "last words" in capfd.readouterr().err


def test_timeout_is_124(capfd):
    start = time.monotonic()
    assert run("sleep 60", timeout=1) == 124
    assert time.monotonic() - start < 10
    assert "no end after 1 s" in capfd.readouterr().err


def test_archive_can_be_continued():
    first, second = cpio.Archive(), cpio.Archive()
    first.file("a/b", b"12345")
    second.link("c", "a/b")
    joined = cpio.without_trailer(first.bytes()) + second.bytes(first_inode=100)
    names = [n for n in (b"a\0", b"a/b\0", b"c\0", b"TRAILER!!!\0") if n in joined]
    assert len(names) == 4 and joined.count(b"TRAILER!!!") == 1 and len(joined) % 4 == 0


def test_folders_of_the_archive_below_stay_as_they_are(tmp_path):
    below = cpio.Archive()
    below.folder("tmp", 0o1777)
    below.link("lib", "usr/lib")
    more = cpio.Archive(cpio.without_trailer(below.bytes()))
    more.file("tmp/new/a", b"")
    more.file("lib/b", b"")
    more.add(str(tmp_path), "tmp")
    assert [path for _, path, _ in cpio.records(more.bytes())] == ["tmp/new", "tmp/new/a", "lib/b", "TRAILER!!!"]


def test_archive_is_the_same_every_time(tmp_path):
    (tmp_path / "f").write_text("x")
    made = []
    for _ in range(2):
        archive = cpio.Archive()
        archive.add(str(tmp_path), "d")
        made.append(archive.bytes())
    assert made[0] == made[1]


def test_end_of_the_terminal_ends_the_machine():
    """Only a session's leader hears of it by a signal: here a shell that does not care, as make does."""
    script = f"import sys; sys.path.insert(0, {ROOT + '/tools'!r}); import session\n" \
             "session.interactive(['sh', '-c', 'echo $$ is up; exec sleep 60'])"
    child = pexpect.spawn("sh", ["-c", 'trap "" HUP; "$@"; :', "sh", sys.executable, "-c", script])
    child.expect(rb"(\d+) is up")
    machine = int(child.match[1])
    os.close(child.child_fd)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{machine}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{machine}")


@pytest.mark.parametrize("steps, each, parts", [(20_000, 250_000, 2), (2_000_000, 250_000, 8), (600_001, 250_000, 3), (1, 10, 1)])
def test_the_model_takes_as_many_steps_as_asked_for(steps, each, parts):
    shares = modelbuild.shares(steps, each, 2)
    assert sum(shares) == steps and len(shares) == parts and max(shares) <= each


@pytest.mark.parametrize("tool", ["abi", "bench", "check", "faults", "mkiso", "quire", "screenshot", "setup", "test"])
def test_help_is_help(tool):
    done = subprocess.run([f"{ROOT}/tools/{tool}", "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and f"tools/{tool} " in done.stdout and done.stderr == ""


@pytest.mark.parametrize("words", [["MACHINE=foo"], ["MACHINE=virt", "ARCH=x86_64"]])
def test_unknown_machine_is_turned_down_before_the_build(words):
    done = subprocess.run(["make", "-C", ROOT, "-n", "run", *words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "q35 (ARCH=x86_64)" in done.stderr
