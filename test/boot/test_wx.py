# SPDX-License-Identifier: MIT
"""No page is writable and executable, and no page of the kernel is the user's: seen from outside, in
the page tables themselves as QEMU's monitor prints them while a program runs. Its `info tlb` walks
them all, but it can do so for x86-64 only."""

import re
import socket
import subprocess
import tempfile
import time

from boards import BOARDS, LINUX, on

KERNEL_HALF = 1 << 47
BUSY = "echo ready; while :; do :; done"
LINE = re.compile(r"^([0-9a-f]{16}): [0-9a-f]{16} ([X-])\S*([U-])([W-])\s*$", re.M)


def monitor(path, command):
    """What QEMU's monitor answers."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        text = b""
        s.sendall(f"{command}\n".encode())
        while text.count(b"(qemu)") < 2:
            part = s.recv(65536)
            if not part:
                break
            text += part
    return text.decode(errors="replace").replace("\r", "")


@on([b for b in BOARDS if b.arch == "x86_64" and b.cpus == 1 and b.arch not in LINUX])
def test_no_page_is_writable_and_executable(board):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/monitor"
        command = board.command("--timeout", "60", f"--qemu-args=-monitor unix:{path},server,nowait")
        run = subprocess.Popen([*command, "--", "timeout", "3", "sh", "-c", BUSY],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        with run:
            assert run.stdout.readline() == b"ready\n"
            time.sleep(0.5)
            pages = LINE.findall(monitor(path, "info tlb"))
    kernel = [(int(va, 16), nx, user, write) for va, nx, user, write in pages
              if int(va, 16) >= KERNEL_HALF]
    assert len(kernel) > 100 and any(nx == "-" for _, nx, _, _ in kernel), "not the page tables"
    assert any(user == "U" for _, _, user, _ in pages), "no program runs"
    assert not [p for p in pages if p[1] == "-" and p[3] == "W"]
    assert not [hex(va) for va, _, user, _ in kernel if user == "U"]
