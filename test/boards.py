# SPDX-License-Identifier: MIT
"""The boards that boot tests run on, and how to run a program there."""

import dataclasses
import functools
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{ROOT}/tools")

import machine

ARCHES = machine.arches(ROOT)
UNAME = {"arm64": "aarch64", "x86_64": "x86_64"}

# QUIRE_TEST_LINUX=arm64=FILE,x86_64=FILE runs the tests on those kernels instead: a test that
# Linux does not pass is a wrong test.
LINUX = dict(pair.split("=", 1) for pair in os.environ.get("QUIRE_TEST_LINUX", "").split(",")
             if pair)


@dataclasses.dataclass(frozen=True)
class Board:
    arch: str
    debug: bool
    cpus: int
    machine: str = ""  # the CPU's usual one

    def __str__(self):
        name = self.machine or self.arch
        return f"{name}-{'debug' if self.debug else 'release'}-{self.cpus}"

    @functools.cached_property
    def lacking(self):
        """Why nothing can run there, or None."""
        if not self.machine or (os.path.exists(f"{ROOT}/build/dtb") and machine.find_qemu(
                ROOT, machine.facts(ROOT, self.arch), self.machine)):
            return None
        return f"no QEMU with the machine {self.machine}, or no device tree: tools/setup {self.machine}"

    @property
    def uname(self):
        return UNAME[self.arch]

    def command(self, *options, cpus=None):
        command = [f"{ROOT}/tools/quire", "--no-build", "--arch", self.arch,
                   "--cpus", str(cpus or self.cpus), *options]
        command += ["--debug"] if self.debug else []
        command += ["--machine", self.machine] if self.machine else []
        command += ["--kernel", LINUX[self.arch]] if self.arch in LINUX else []
        return command

    def run(self, *program, options=(), stdin=b"", timeout=60, cpus=None):
        """Runs one program. Its output comes back as bytes."""
        command = self.command("--timeout", str(timeout), *options, cpus=cpus)
        return subprocess.run([*command, "--", *program], input=stdin, capture_output=True,
                              timeout=timeout + 30)

    def shell(self, script, **more):
        return self.run("sh", "-c", script, **more)


BOARDS = [Board(arch, debug, cpus) for arch in ARCHES
          for debug, cpus in ((False, 1), (False, 4), (True, 1), (True, 4))]
# Where a test is about the runner or costs much, the two that differ most must do.
TWO_EACH = [b for b in BOARDS if (b.debug, b.cpus) in ((False, 1), (True, 4))]
ONE_EACH = [b for b in BOARDS if (b.debug, b.cpus) == (False, 4)]
# A board whose CPUs and memory are fixed. Linux would need other options than those of the runner.
PI = [] if LINUX else [Board("arm64", False, 4, "raspi4b")]
# The same with a DEBUG kernel, for a few tests: it is slow.
PI_DEBUG = [] if LINUX else [Board("arm64", True, 4, "raspi4b")]
BOARDS += PI
TWO_EACH += PI


def on(boards):
    """Decorator: the test runs on these boards only."""
    def mark(function):
        function.boards = boards
        return function
    return mark
