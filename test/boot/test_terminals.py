# SPDX-License-Identifier: MIT
"""Terminals from outside: what a shell on the console makes of sessions, pseudo-terminals and hang-ups."""

from boards import ONE_EACH, on
from test_shell import CTRL_C, CTRL_D, PROMPT, console

# The second run must find what the first one did, once those that it killed have ended.
TWICE = """for i in 1 2; do /test/$0 > /tmp/out || { cat /tmp/out; exit 1; }
n=0; while sleep 1; n=$((n + 1)); [ $n -lt 20 ] && [ "$(cat /proc/sys/kernel/pty/nr)" != 0 ]; do :; done
grep -E '^(inode|dentry|file) ' /proc/slabinfo | cut -c1-25; cat /proc/sys/kernel/pty/nr; ls /dev/pts; done
cat /proc/quire/audit"""


@on(ONE_EACH)
def test_pseudo_terminals_come_and_go(board):
    with console(board) as c:
        assert c.run("tty | sed 's/[^/]*$//'") == "/dev/\n"
        c.run("exec 3<>/dev/ptmx")
        assert c.run("cd /dev/pts; echo *") == "0 ptmx\n"
        c.run("exec 3>&-")
        assert c.run("echo *") == "ptmx\n"
        assert c.run("grep -c devpts /proc/mounts") == "1\n"


@on(ONE_EACH)
def test_devpts_is_mounted_anew(board):
    script = """mkdir /tmp/p && mount -t devpts -o newinstance,ptmxmode=0600,mode=0600,gid=5,max=2 x /tmp/p || exit 1
exec 3<>/tmp/p/ptmx 4<>/tmp/p/ptmx; ls -ln /tmp/p | tr -s ' ' | cut -d' ' -f1,4,5,6,10 | tail -3; ls /dev/pts
(exec 5<>/tmp/p/ptmx) 2>&1 | grep -o 'No space.*'; grep -o 'rw.*' /proc/mounts | grep max=
exec 3>&- 4>&-; umount /tmp/p && echo done; mount -t devpts -o bogus x /tmp/p 2>&1 | grep -o 'Invalid.*'"""
    done = board.shell(script)
    assert done.stdout.decode() == (
        "crw------- 5 136, 0 0\ncrw------- 5 136, 1 1\ncrw------- 0 5, 2 ptmx\nptmx\n"
        "No space left on device\nrw,relatime,gid=5,mode=600,ptmxmode=600,max=2 0 0\ndone\nInvalid argument\n"), done.stderr


@on(ONE_EACH)
def test_a_session_that_ends_takes_its_foreground_along(board):
    with console(board) as c:
        c.keys("sh -c 'trap \"echo hup > /tmp/hup; exit\" HUP; kill -HUP $PPID; while :; do sleep 1; done'\r")
        c.expect(PROMPT)
        assert "hup" in c.run("sleep 2; cat /tmp/hup")
        c.keys(CTRL_D)
        c.expect(PROMPT)
        c.keys("cat\r", CTRL_C)
        c.expect(PROMPT)


@on(ONE_EACH)
def test_terminals_give_everything_back(board):
    for name in ("pty_test", "pty_end_test", "session_test", "job_test"):
        done = board.run("sh", "-c", TWICE, name, timeout=120)
        lines = done.stdout.decode().splitlines()
        assert done.returncode == 0 and len(lines) % 2 == 0 and lines[:len(lines) // 2] == lines[len(lines) // 2:], \
            "\n".join(lines)
