# SPDX-License-Identifier: MIT
"""One run of QEMU seen from the host: the frames of user/init, panics, timeouts, terminals.

Text outside frames is the kernel's own: what it says before init has taken the console over, and
a panic, which starts with a line `*** panic: ...` and ends with `*** end of panic`."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import tty

INPUT_WINDOW = 2048  # as in user/init/init.h
INPUT_FRAME = 1024
PANIC = b"*** panic: "
PANIC_END = b"*** end of panic"
TIMEOUT, DIED, HUNG_UP = 124, 125, 128 + signal.SIGHUP
LAST_WORDS = 64 << 10  # how much of the line's raw bytes is kept


def end_with_runner():
    """No QEMU outlives its runner."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def in_child():
    """An own process group: Ctrl-C on a terminal must not reach QEMU before us."""
    os.setpgid(0, 0)
    end_with_runner()


def interactive(command, timeout=None):
    """A shell for a human: QEMU's own console multiplexer, Ctrl-A X ends it. So does the end of the
    terminal, which we must look for: only the session's leader gets a SIGHUP, and make is one that
    then waits for us."""
    print("  Ctrl-A X ends QEMU, Ctrl-A H shows what else there is.", flush=True)
    terminal = os.isatty(0)  # not once it is gone
    qemu = subprocess.Popen(command + ["-serial", "mon:stdio"], preexec_fn=end_with_runner)
    try:
        watch = select.poll()
        watch.register(os.pidfd_open(qemu.pid), select.POLLIN)
        if terminal:
            watch.register(0, 0)  # a hang-up is always reported
        ended = dict(watch.poll(timeout and timeout * 1000))
        if not ended:
            return say_timeout(timeout)
        return HUNG_UP if 0 in ended else qemu.wait()
    finally:
        stop(qemu)


def stop(qemu):
    """QEMU gives the terminal back as it was, if it may."""
    qemu.terminate()
    try:
        qemu.wait(5)
    except subprocess.TimeoutExpired:
        qemu.kill()
        qemu.wait()


def say_timeout(seconds):
    print(f"tools/quire: no end after {seconds:g} s", file=sys.stderr)
    return TIMEOUT


class Frames:
    """Takes the serial line's bytes apart: frames() yields (channel, payload)."""

    def __init__(self, channels=b"ROEALX"):
        self.channels = channels
        self.pending = bytearray()
        self.text = bytearray()  # what was outside frames
        self.recent = bytearray()  # all of it, for a panic in the middle of a frame

    def feed(self, data):
        self.pending += data
        self.recent += data
        del self.recent[:-LAST_WORDS]

    def frames(self):
        at = 0
        try:
            while at < len(self.pending):
                start = self.pending.find(1, at)
                if start < 0:
                    start = len(self.pending)
                self.text += self.pending[at:start]
                at = start
                if len(self.pending) - at < 4:
                    return
                channel = self.pending[at + 1]
                end = at + 4 + int.from_bytes(self.pending[at + 2:at + 4], "little")
                if channel not in self.channels:
                    self.text += self.pending[at:at + 1]
                    at += 1
                elif end > len(self.pending):
                    return
                else:
                    payload = bytes(self.pending[at + 4:end])
                    at = end
                    yield chr(channel), payload
        finally:
            del self.pending[:at]

    def panicked(self, idle):
        """The text of a panic if there was one. Inside a frame that never became complete it is
        believed only when it is the line's last word."""
        start = self.text.find(PANIC)
        if start >= 0 and (idle or PANIC_END in self.text[start:]):
            return bytes(self.text[start:])
        if idle and self.recent.rstrip().endswith(PANIC_END):
            return bytes(self.recent[self.recent.rfind(PANIC):])
        return None


class Run:
    CHANNELS = b"ROEALSX"

    def __init__(self, command, args):
        self.args = args
        self.frames = Frames(self.CHANNELS)
        self.deadline = time.monotonic() + args.timeout if args.timeout else None
        self.log = bytearray()
        self.trace = open(args.strace_output, "wb") if args.strace_output else None
        self.status = None
        self.ready = False
        self.credit = INPUT_WINDOW
        self.input = bytearray()  # read from our standard input, not sent yet
        self.input_open, self.input_end_sent = True, False
        self.to_guest = bytearray()
        self.qemu = subprocess.Popen(command + ["-chardev", "stdio,id=line,signal=off",
                                                "-serial", "chardev:line"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, preexec_fn=in_child)
        threading.Thread(target=self.pass_on_errors, daemon=True).start()
        self.line_in, self.line_out = self.qemu.stdin.fileno(), self.qemu.stdout.fileno()
        os.set_blocking(self.line_in, False)

    def pass_on_errors(self):
        """QEMU's own words, without what it says at every start of a machine that lacks devices."""
        for line in self.qemu.stderr:
            if not self.args.noise or os.fsencode(self.args.noise) not in line:
                write_all(2, line)

    def close(self):
        self.qemu.kill()
        self.qemu.wait()
        if self.trace:
            self.trace.close()
        if self.args.log:
            with open(self.args.log, "wb") as f:
                f.write(self.frames.text.replace(b"\r\n", b"\n") + self.log)

    def out_of_time(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def timed_out(self):
        say_timeout(self.args.timeout)
        self.report_text()
        return TIMEOUT

    def report_text(self):
        """What the kernel said outside frames, for a run that went wrong."""
        text = self.frames.text.strip()
        sys.stderr.buffer.write(text.replace(b"\r\n", b"\n") + (b"\n" if text else b""))
        sys.stderr.flush()

    def died(self, panic):
        if panic is None:
            print(f"tools/quire: QEMU ended (status {self.qemu.wait()}) before the program did",
                  file=sys.stderr)
            self.report_text()
        else:
            sys.stderr.buffer.write(panic.replace(b"\r\n", b"\n").rstrip() + b"\n")
        return DIED

    def handle(self, channel, payload):
        if channel == "R":
            self.ready = True
        elif channel == "O":
            write_all(1, payload)
        elif channel == "E":
            write_all(2, payload)
        elif channel == "S" and self.trace:
            self.trace.write(payload)
        elif channel == "S":
            write_all(2, payload)
        elif channel == "A":
            self.credit += int.from_bytes(payload, "little")
        elif channel == "L":
            self.log += payload
        elif channel == "X":
            self.status = payload[0]

    def queue_input(self):
        """Frames as much input as the guest has room for."""
        while self.ready and self.input and self.credit and len(self.to_guest) < INPUT_WINDOW:
            part = self.input[:min(self.credit, INPUT_FRAME)]
            del self.input[:len(part)]
            self.credit -= len(part)
            self.to_guest += b"\1I" + len(part).to_bytes(2, "little") + part
        if self.ready and not self.input_open and not self.input and not self.input_end_sent:
            self.to_guest += b"\1C\0\0"
            self.input_end_sent = True

    def read_input(self):
        data = os.read(0, 65536)
        self.input += data
        self.input_open = bool(data)

    def send(self):
        try:
            del self.to_guest[:os.write(self.line_in, self.to_guest)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.to_guest.clear()

    def step(self):
        """Waits for something to happen and handles it. Returns the exit status at the end."""
        self.queue_input()
        readers = [self.line_out]
        if self.ready and self.input_open and len(self.input) < INPUT_WINDOW:
            readers.append(0)
        writers = [self.line_in] if self.to_guest else []
        readable, writable, _ = select.select(readers, writers, [], 0.5)
        if self.out_of_time():
            return self.timed_out()
        if writable:
            self.send()
        if 0 in readable:
            self.read_input()
        data = b""
        if self.line_out in readable:
            data = os.read(self.line_out, 65536)
            self.frames.feed(data)
            for channel, payload in self.frames.frames():
                self.handle(channel, payload)
        if self.status is not None:
            return self.status
        panic = self.frames.panicked(idle=not data)
        if panic is not None or (self.line_out in readable and not data):
            return self.died(panic)
        return None


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def piped(command, args):
    run = Run(command, args)
    try:
        status = None
        while status is None:
            status = run.step()
        return status
    except BrokenPipeError:  # nobody reads our output any more: as a shell would report it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    finally:
        run.close()


class TerminalRun(Run):
    """The program has the console: bytes go both ways as they are, and only the last frames,
    after the program, are ours. There is no escape: Ctrl-C goes to the program."""

    CHANNELS = b"LX"

    def step(self):
        writers = [self.line_in] if self.to_guest else []
        readable, writable, _ = select.select([self.line_out, 0], writers, [], 0.5)
        if self.out_of_time():
            return self.timed_out()
        if writable:
            self.send()
        if 0 in readable and not self.read_keys():
            return HUNG_UP
        data = os.read(self.line_out, 65536) if self.line_out in readable else b""
        self.frames.feed(data)
        for channel, payload in self.frames.frames():
            self.handle(channel, payload)
        self.show()
        if self.status is not None:
            return self.status
        panic = self.frames.panicked(idle=not data)
        if panic is not None or (self.line_out in readable and not data):
            return DIED
        return None

    def read_keys(self):
        """False: the terminal is gone."""
        try:
            keys = os.read(0, 4096)
        except OSError:
            keys = b""
        self.to_guest += keys
        return bool(keys)

    shown = 0

    def show(self):
        text = self.frames.text
        write_all(1, text[self.shown:])
        del text[:-LAST_WORDS]
        self.shown = len(text)


def on_terminal(command, args):
    saved = termios.tcgetattr(0)
    run = TerminalRun(command, args)
    try:
        tty.setraw(0)
        status = None
        while status is None:
            status = run.step()
        return status
    finally:
        run.close()
        with contextlib.suppress(termios.error):  # it may be gone
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
