# SPDX-License-Identifier: MIT
"""The console on a framebuffer: its pixels, as QEMU's monitor dumps them."""

import os
import socket
import subprocess
import tempfile
import time

from boards import PI, on

GLYPH = 8, 16
GREEN, BLUE, GREY, BLACK = (0, 170, 0), (0, 0, 170), (170, 170, 170), (0, 0, 0)


class Picture:
    def __init__(self, path):
        with open(path, "rb") as f:
            kind, size, _, self.bytes = f.read().split(b"\n", 3)
        assert kind == b"P6"
        self.width, self.height = map(int, size.split())

    def colours(self, column, row):
        """All colours in one character's cell."""
        found = set()
        for y in range(row * GLYPH[1], (row + 1) * GLYPH[1]):
            at = 3 * (y * self.width + column * GLYPH[0])
            line = self.bytes[at:at + 3 * GLYPH[0]]
            found |= {tuple(line[i:i + 3]) for i in range(0, len(line), 3)}
        return found


def screendump(monitor, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(monitor)
        s.sendall(f"screendump {path}\n".encode())
        for _ in range(100):
            time.sleep(0.1)
            # Written in one go or not: the size tells.
            if os.path.exists(path) and os.path.getsize(path) > 1000:
                time.sleep(0.5)
                return Picture(path)
    raise AssertionError("QEMU made no picture")


def shown(board, text):
    """What the screen looks like after a program has written the text to it."""
    script = f"printf '{text}' > /dev/tty1; stty size < /dev/tty1; sleep 20"
    with tempfile.TemporaryDirectory() as folder:
        monitor = f"{folder}/monitor"
        command = board.command("--timeout", "60",
                                f"--qemu-args=-monitor unix:{monitor},server,nowait")
        with subprocess.Popen([*command, "--", "sh", "-c", script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as run:
            try:
                rows, columns = map(int, run.stdout.readline().split())
                time.sleep(1)
                return screendump(monitor, f"{folder}/picture"), rows, columns
            finally:
                run.terminate()


@on(PI)
def test_characters_become_pixels(board):
    picture, rows, columns = shown(
        board, r"\033[2J\033[H\033[32m█\033[44m \033[0mA\033[3;5H\342\224\200\033[?25l\033[67;240HX")
    assert (picture.width, picture.height) == (1920, 1080)
    assert (rows, columns) == (67, 240)
    assert picture.colours(0, 0) == {GREEN}
    assert picture.colours(1, 0) == {BLUE}
    assert picture.colours(2, 0) == {GREY, BLACK}
    assert picture.colours(4, 2) == {GREY, BLACK}
    assert picture.colours(239, 66) == {GREY, BLACK}
    assert picture.colours(100, 30) == {BLACK}


@on(PI)
def test_a_shell_on_the_screen_is_typed_at_the_serial_line(board):
    """console=tty0: the prompt is on the screen, the keys come from the line."""
    with tempfile.TemporaryDirectory() as folder:
        monitor = f"{folder}/monitor"
        command = board.command("--append", "console=ttyS0 console=tty0 loglevel=0",
                                f"--qemu-args=-monitor unix:{monitor},server,nowait "
                                f"-chardev socket,path={folder}/line,server=on,wait=off,id=keys "
                                "-serial chardev:keys")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
            try:
                time.sleep(8)
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(f"{folder}/line")
                    line.sendall(rb"printf '\033[2J\033[H\033[32m\342\226\210'; sleep 30" + b"\r")
                    time.sleep(2)
                    picture = screendump(monitor, f"{folder}/picture")
            finally:
                run.terminate()
    assert picture.colours(0, 0) == {GREEN}


@on(PI)
def test_lines_scroll(board):
    picture, rows, _ = shown(board, r"\033[2J\033[H\033[?25l" + r"\n" * 66 + r"\033[32m█\n")
    assert picture.colours(0, rows - 2) == {GREEN}
    assert picture.colours(0, rows - 1) == {BLACK}


@on(PI)
def test_programs_draw_on_the_framebuffer(board):
    """Through a mapping, a child's share of it, and write(2); afterwards no page is missing or too many."""
    script = ("printf '\\033[2J\\033[H\\033[?25l' > /dev/tty1; sleep 1; /test/helper/fbdraw && cat /proc/quire/audit"
              " && cat /sys/class/graphics/fb0/virtual_size; echo end; sleep 20")
    with tempfile.TemporaryDirectory() as folder:
        monitor = f"{folder}/monitor"
        command = board.command("--timeout", "60", f"--qemu-args=-monitor unix:{monitor},server,nowait")
        with subprocess.Popen([*command, "--", "sh", "-c", script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as run:
            try:
                said = [run.stdout.readline() for _ in range(3)]
                assert said == [b"1920 x 1080, 32 bits\n", b"1920,1080\n", b"end\n"]
                picture = screendump(monitor, f"{folder}/picture")
            finally:
                run.terminate()
    rows = [picture.colours(100, row) for row in range(4)]
    assert rows == [{(255, 0, 0)}, {(0, 255, 0)}, {(0, 0, 255)}, {BLACK}]
