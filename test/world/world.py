# SPDX-License-Identifier: MIT
"""Unmodified programs on Quire and on Linux: reads cases, runs them, compares.

A case is a piece of shell in SET/NAME.sh under a heading `#: PROGRAMS: what it shows`. What it
printed on Linux, with its exit status, stands in SET/NAME.linux, and Quire must print the same
bytes. Nothing is filtered here: a case whose output would vary (process ids, times, the kernel's
name) filters it itself, where its reader sees it. `#! reason` under a heading says that Quire
answers differently, and why; such a case fails once it answers as Linux does."""

import dataclasses
import glob
import os
import re
import subprocess
import tempfile

WORLD = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(WORLD))
SETS = ("busybox", "debian")
SHELL = {"busybox": "/bin/sh", "debian": "/bin/bash"}
LICENCE = "# SPDX-License-Identifier: MIT\n"
TIMEOUT = 900


@dataclasses.dataclass
class Case:
    title: str
    script: str
    line: int
    differs: str = ""  # why Quire's answer is another one

    @property
    def programs(self):
        return [name.strip() for name in self.title.partition(":")[0].split(",")]


@dataclasses.dataclass
class Answer:
    output: str
    status: int

    def __str__(self):
        lines = self.output.split("\n")
        text = "".join(f"|{line}\n" for line in lines[:-1])
        text += f"|{lines[-1]}\\\n" if lines[-1] else ""  # no newline at the end
        return f"{text}= {self.status}\n"


def files(which):
    """The names of a set's files of cases."""
    return sorted(os.path.basename(p)[:-3] for p in glob.glob(f"{WORLD}/{which}/*.sh"))


def cases(which, name):
    found = []
    with open(f"{WORLD}/{which}/{name}.sh") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#: "):
                found.append(Case(line[3:].strip(), "", number))
            elif line.startswith("#! ") and found and not found[-1].script:
                found[-1].differs = f"{found[-1].differs} {line[3:].strip()}".strip()
            elif found:
                found[-1].script += line
    titles = [case.title for case in found]
    twice = {title for title in titles if titles.count(title) > 1}
    assert not twice, f"{which}/{name}.sh: two cases with one heading: {twice}"
    return found


def recorded(which, name):
    """{heading: what Linux answered}"""
    path = f"{WORLD}/{which}/{name}.linux"
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        parts = re.split(r"^#: (.*)\n", f.read(), flags=re.M)
    return dict(zip(parts[1::2], (text.rstrip("\n") + "\n" for text in parts[2::2])))


def record(which, name, answers):
    with open(f"{WORLD}/{which}/{name}.linux", "w") as f:
        f.write(LICENCE)
        for title, answer in answers.items():
            f.write(f"\n#: {title}\n{answer}")


def decode(output, names):
    """{name: Answer} from what run.sh printed."""
    found, at = {}, 0
    while head := re.compile(rb"@@ (\S+) (\d+) (\d+)\n").match(output, at):
        end = head.end() + int(head[3])
        text = output[head.end():end].decode(errors="backslashreplace")
        found[head[1].decode()] = Answer(text, int(head[2]))
        at = end + 1
    return found


def run(command, which, chosen, timeout=TIMEOUT):
    """Runs cases in one boot; `command` is tools/quire with its options. Returns their answers in
    order, None for each that did not come to its end, and what the run said on standard error."""
    names = [f"{i:04}" for i in range(len(chosen))]
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        os.mkdir(f"{folder}/cases")
        for name, case in zip(names, chosen):
            with open(f"{folder}/cases/{name}", "w") as f:
                f.write(case.script)
        arch = command[command.index("--arch") + 1]
        options = ["--add", f"{folder}/cases:/world/cases", "--add", f"{WORLD}/run.sh:/world/run.sh",
                   "--add", f"{ROOT}/build/sysroot/{arch}/bin/busybox:/world/busybox",
                   "--timeout", str(timeout), *extra(which, arch)]
        done = subprocess.run([*command, *options, "--", "/world/busybox", "sh", "-c",
                               '. "$0"; [ ! -e /proc/quire/audit ] || cat /proc/quire/audit >&2',
                               "/world/run.sh", SHELL[which]], stdin=subprocess.DEVNULL,
                              capture_output=True)
    answers = decode(done.stdout, names)
    return [answers.get(name) for name in names], done.stderr.decode(errors="backslashreplace")


def prepare(which, arch):
    """Builds what a set needs besides the image."""
    if which == "debian":
        subprocess.run([f"{ROOT}/tools/mkworld", arch], check=True, stdout=subprocess.DEVNULL)


def extra(which, arch):
    if which == "busybox":
        return []
    return ["--initrd", f"{ROOT}/build/world/{arch}.cpio"]


def problem(case, answer, wanted):
    """What is wrong with an answer, or the empty string."""
    if answer is None:
        return f"{case.title}: did not come to its end"
    if wanted is None:
        return f"{case.title}: no answer of Linux is recorded: tools/world --record"
    same = str(answer) == wanted
    if case.differs and same:
        return f"{case.title}: answers as Linux does now: the mark #! must go"
    if case.differs or same:
        return ""
    return f"{case.title}\n--- Linux\n{wanted}+++ Quire\n{answer}"
