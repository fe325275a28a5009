# SPDX-License-Identifier: MIT
"""The machines: what arch/NAME/arch.mk says about a CPU, building for it, QEMU's command line."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import sys

ICOUNT = "-icount shift=0,sleep=off -rtc base=2024-01-01,clock=vm -seed 1".split()


def fail(text):
    print(f"tools/quire: {text}", file=sys.stderr)
    sys.exit(125)


def arches(root):
    return sorted(p.split("/")[-2] for p in glob.glob(f"{root}/arch/*/arch.mk"))


def facts(root, arch):
    with open(f"{root}/arch/{arch}/arch.mk") as f:
        return dict(re.findall(r"^(\w+) := (.*?)\s*$", f.read(), re.M))


def build(root, arch, debug, kernel):
    """Makes what is missing or stale, quietly."""
    goals = (["kernel"] if kernel else []) + ["image"]
    command = ["make", "-s", "-C", root, f"-j{os.cpu_count()}", f"ARCH={arch}", "QUIET=1",
               f"DEBUG={int(debug)}", *goals]
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    made = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        sys.stderr.write(made.stdout)
        fail("the build failed")


def kernel_file(root, args, about):
    if args.kernel:
        return args.kernel
    folder = f"{root}/build/{args.arch}" + ("-debug" if args.debug else "")
    return f"{folder}/{about['KERNEL']}"


def check_machine(about, arch, name):
    """A machine that only newer versions of QEMU have must not end in QEMU's own words."""
    if not shutil.which(about["QEMU"]):
        fail(f"{about['QEMU']} is missing: run tools/setup")
    if f"QEMU_{name}" not in about:
        fail(f"{arch} has no machine {name}")
    since = about.get(f"QEMU_SINCE_{name}")
    if not since:
        return
    known = subprocess.run([about["QEMU"], "-M", "help"], stdout=subprocess.PIPE, text=True).stdout
    if not re.search(rf"^{name} ", known, re.M):
        fail(f"this {about['QEMU']} has no machine {name}: QEMU {since} or later is needed")


def board_limits(about, name, args):
    """What a real board fixes: its memory, its CPUs, its device tree."""
    args.mem = about.get(f"MEM_{name}", args.mem)
    args.cpus = int(about.get(f"CPUS_{name}", args.cpus))
    tree = about.get(f"DTB_{name}")
    if tree and not args.dtb:
        fail(f"{name} needs --dtb FILE: {tree} of the board's firmware or of a Linux kernel")


def qemu(root, args, initrd, options):
    about = facts(root, args.arch)
    name, _, extra = (args.machine or about["MACHINE_DEFAULT"]).partition(",")
    check_machine(about, args.arch, name)
    board_limits(about, name, args)
    machine = about.get(f"QEMU_ICOUNT_{name}" if args.icount else f"QEMU_{name}")
    kernel = kernel_file(root, args, about)
    if args.icount and (args.cpus != 1 or not machine):
        fail(f"--icount counts the instructions of one CPU: not with --cpus {args.cpus} on {name}")
    for file in filter(None, (kernel, initrd, args.dtb)):
        if not os.path.exists(file):
            fail(f"{file} is missing")
    command = [about["QEMU"], *shlex.split(machine)]
    few, _, more = about.get(f"MANY_CPUS_{name}", f"{args.cpus} ").partition(" ")
    if not extra and args.cpus > int(few):
        extra = more
    if extra:
        command[2] += "," + extra
    command += ["-m", args.mem, "-smp", str(args.cpus), "-accel", "tcg", "-nodefaults",
                "-display", "none", "-no-reboot", "-net", "none",
                "-kernel", kernel, "-initrd", initrd, "-append", options]
    command += ICOUNT if args.icount else []
    command += ["-dtb", args.dtb] if args.dtb else []
    command += ["-S", "-s"] if args.gdb else []
    return command + shlex.split(args.qemu_args)
