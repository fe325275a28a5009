# SPDX-License-Identifier: MIT
"""The shell: as one program, and typed at a console by a human's hand (pexpect)."""

import contextlib
import re
import signal
import time

import pexpect

from boards import BOARDS, ONE_EACH, PI, PI_DEBUG, TWO_EACH, on

PROMPT = r"root@quire:\S+# "


@on(BOARDS + PI_DEBUG)
def test_shell_pipes_and_exits(board):
    done = board.shell("echo $((6*7)) | cat; uname -m; exit 7")
    assert done.stdout.decode() == f"42\n{board.uname}\n"
    assert (done.returncode, done.stderr) == (7, b"")


@on([b for b in BOARDS if b.cpus == 4])
def test_every_cpu_is_used(board):
    assert board.run("nproc").stdout == b"4\n"


# ---- Interactive ----

class Console:
    def __init__(self, board):
        command = board.command()
        self.child = pexpect.spawn(command[0], command[1:], timeout=30, encoding="latin-1",
                                   dimensions=(24, 80), echo=False)
        self.child.delaybeforesend = 0.05
        self.child.expect(PROMPT)

    def run(self, line):
        """Types a line and returns what came before the next prompt, without the echo."""
        self.child.sendline(line)
        self.child.expect(PROMPT)
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self.child.before).replace("\r", "")
        return text.split("\n", 1)[1] if "\n" in text else text

    def keys(self, *keys):
        for key in keys:
            self.child.send(key)

    def expect(self, pattern):
        self.child.expect(pattern)
        return self.child.match


@contextlib.contextmanager
def console(board):
    it = Console(board)
    try:
        yield it
    finally:
        it.child.kill(signal.SIGTERM)  # the runner ends the machine first
        for _ in range(100):
            if not it.child.isalive():
                break
            time.sleep(0.05)
        it.child.close(force=True)


LEFT, RIGHT, UP = "\x1b[D", "\x1b[C", "\x1b[A"
BACKSPACE, CTRL_C, CTRL_D, CTRL_Z, ESCAPE = "\x7f", "\x03", "\x04", "\x1a", "\x1b"


@on(TWO_EACH)
def test_line_editing(board):
    with console(board) as c:
        c.keys("echo helxx", BACKSPACE, BACKSPACE)
        assert c.run("lo") == "hello\n"
        c.keys("echo ac", LEFT, "b", RIGHT)
        assert c.run("d") == "abcd\n"
        c.keys(UP, "e\r")  # the shell prints its prompt again with the line it recalls
        c.expect("\nabcde\r")
        c.expect(PROMPT)


@on(TWO_EACH)
def test_pipes_redirections_here_documents(board):
    with console(board) as c:
        assert c.run("seq 100 | grep 1 | sort -rn | head -3 | tr '\\n' ,; echo") == "100,91,81,\n"
        c.run("cd /tmp; echo one > f; echo two >> f; ls nothing 2> err")
        assert c.run("cat < f; wc -l < err") == "one\ntwo\n1\n"
        c.keys("cat << END | rev\r", "abc\r", "$((1+1))\r")
        assert c.run("END").endswith("cba\n2\n")


@on(TWO_EACH)
def test_job_control(board):
    with console(board) as c:
        c.keys("sleep 100\r")
        time.sleep(1)
        c.keys(CTRL_C)
        c.expect(PROMPT)
        assert c.run("echo $?") == "130\n"
        c.keys("sleep 100\r")
        time.sleep(1)
        c.keys(CTRL_Z)
        c.expect("Stopped")
        c.expect(PROMPT)
        assert "Stopped" in c.run("jobs")
        c.run("bg")
        assert "Running" in c.run("jobs")
        c.keys("fg\r")
        time.sleep(1)
        c.keys(CTRL_C)
        c.expect(PROMPT)
        assert c.run("jobs") == ""


@on(TWO_EACH)
def test_background_jobs_wait_and_trap(board):
    with console(board) as c:
        c.run("(sleep 1; exit 3) & p=$!")
        assert c.run("wait $p; echo $?").startswith("3\n")
        assert c.run("sh -c 'trap \"echo caught; exit 4\" TERM; kill $$; sleep 9'; echo $?"
                     ) == "caught\n4\n"


@on(TWO_EACH)
def test_ctrl_c_ends_a_pipe_of_busy_programs(board):
    with console(board) as c:
        c.keys("yes | cat > /dev/null\r")
        time.sleep(1)
        c.keys(CTRL_C)
        c.expect(PROMPT)
        assert c.run("echo alive") == "alive\n"


@on(TWO_EACH)
def test_end_of_file_ends_the_shell_and_init_starts_another(board):
    with console(board) as c:
        first = c.run("echo $$")
        c.keys(CTRL_D)
        c.expect(PROMPT)
        assert c.run("echo $$") != first


@on(TWO_EACH)
def test_vi_edits_and_saves(board):
    with console(board) as c:
        c.run("cd /tmp; echo 'first line' > note")
        c.keys("vi note\r")
        c.expect("first line")
        time.sleep(1)
        c.keys("osecond line", ESCAPE)
        time.sleep(0.5)
        c.keys("1GxxxxxiFirst", ESCAPE)
        time.sleep(0.5)
        c.keys(":wq\r")
        c.expect(PROMPT)
        assert c.run("cat note") == "First line\nsecond line\n"


@on(TWO_EACH)
def test_ps_and_free(board):
    with console(board) as c:
        assert re.search(r"^\s*1 .*init", c.run("ps"), re.M)
        assert re.search(r"^Mem:\s+[1-9]\d+", c.run("free"), re.M)


@on(TWO_EACH)
def test_terminal_size_and_modes(board):
    with console(board) as c:
        assert c.run("stty size") == "24 80\n"  # the host's terminal
        c.run("stty rows 30 cols 90")
        assert c.run("stty size") == "30 90\n"
        assert "isig icanon" in c.run("stty -a")


@on(ONE_EACH + PI + PI_DEBUG)
def test_poweroff_ends_the_machine(board):
    with console(board) as c:
        c.keys("poweroff\r")
        c.child.expect(pexpect.EOF, timeout=30)
        c.child.close()
        assert c.child.exitstatus == 0


@on(ONE_EACH)
def test_one_program_on_the_terminal(board):
    """With a terminal as its standard input the runner gives the program the console."""
    command = board.command("--timeout", "60")
    child = pexpect.spawn(command[0], [*command[1:], "--", "sh", "-c",
                                       "tty; stty size; read x; echo got $x; exit 9"],
                          timeout=30, encoding="latin-1", dimensions=(33, 77))
    child.expect(r"/dev/\S+")
    child.expect("33 77")
    child.send("word\r")
    child.expect("got word")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 9
