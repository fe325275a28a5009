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
        return dict(re.findall(r"^([\w-]+) := (.*?)\s*$", f.read(), re.M))


def machines(root, arch):
    return [key[len("QEMU_"):] for key in facts(root, arch) if re.match("QEMU_[a-z]", key)]


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


def bytes_of(size):
    """Of QEMU's way to write a size, which counts in MiB; None if it is none."""
    parts = re.fullmatch(r"(\d+)([bkmgt]?)", size.lower())
    return int(parts[1]) << 10 * "bkmgt".index(parts[2] or "m") if parts else None


def max_cpus(root):
    with open(f"{root}/lib/base.h") as f:
        return int(re.search(r"MAX_CPUS = (\d+)", f.read())[1])


def newer_machines(about):
    """Machines that only newer versions of QEMU have: tools/setup NAME gets what they need."""
    return [key[len("QEMU_SINCE_"):] for key in about if key.startswith("QEMU_SINCE_")]


def set_up(root, name):
    """What a machine needs, if it needs more than QEMU as it is. Returns whether it is there."""
    return subprocess.run([f"{root}/tools/setup", "--quiet", name],
                          stdin=subprocess.DEVNULL).returncode == 0


def kernel_file(root, args, about):
    if args.kernel:
        return args.kernel
    folder = f"{root}/build/{args.arch}" + ("-debug" if args.debug else "")
    return f"{folder}/{about['KERNEL']}"


def has_machine(program, name):
    known = subprocess.run([program, "-M", "help"], stdout=subprocess.PIPE, text=True).stdout
    return re.search(rf"^{name} ", known, re.M) is not None


def find_qemu(root, about, name):
    """How to call QEMU: the system's, or the one that tools/setup has unpacked if only that one has
    the machine. None: neither."""
    newer = f"{root}/build/qemu/usr"
    system = shutil.which(about["QEMU"])
    since = about.get(f"QEMU_SINCE_{name}")
    if system and (not since or has_machine(system, name)):
        return [about["QEMU"]]
    if since and os.path.exists(f"{newer}/bin/{about['QEMU']}"):
        libraries = ":".join(glob.glob(f"{newer}/lib/*-linux-gnu*"))
        return ["env", f"LD_LIBRARY_PATH={libraries}", f"{newer}/bin/{about['QEMU']}",
                "-L", f"{newer}/share/qemu"]
    return None


def qemu_program(root, about, arch, name):
    if f"QEMU_{name}" not in about:
        have = "; ".join(f"{' '.join(machines(root, a))} ({a})" for a in arches(root))
        fail(f"{arch} has no machine {name}; there are {have}")
    program = find_qemu(root, about, name)
    since = about.get(f"QEMU_SINCE_{name}")
    if program:
        return program
    if since:
        fail(f"machine {name} needs QEMU {since} or later: run tools/setup {name}")
    fail(f"{about['QEMU']} is missing: run tools/setup")


def board_limits(root, about, name, args):
    """What a real board fixes: its memory, its CPUs, its device tree."""
    args.mem = about.get(f"MEM_{name}", args.mem)
    args.cpus = int(about.get(f"CPUS_{name}", args.cpus))
    tree = about.get(f"DTB_{name}")
    if tree and not args.dtb:
        args.dtb = f"{root}/build/dtb/{tree}"
        if not os.path.exists(args.dtb):
            fail(f"{name} needs the board's {tree}: run tools/setup {name}, or say --dtb FILE")


def qemu(root, args, initrd, options):
    about = facts(root, args.arch)
    name, _, extra = (args.machine or about["MACHINE_DEFAULT"]).partition(",")
    if not args.no_build and name in newer_machines(about) and not set_up(root, name):
        sys.exit(125)
    args.noise = about.get(f"QEMU_NOISE_{name}")
    program = qemu_program(root, about, args.arch, name)
    board_limits(root, about, name, args)
    machine = about.get(f"QEMU_ICOUNT_{name}" if args.icount else f"QEMU_{name}")
    kernel = kernel_file(root, args, about)
    if args.icount and (args.cpus != 1 or not machine):
        fail(f"--icount counts the instructions of one CPU: not with --cpus {args.cpus} on {name}")
    for file in filter(None, (kernel, initrd, args.dtb)):
        if not os.path.exists(file):
            fail(f"{file} is missing")
    command = [*program, *shlex.split(machine)]
    few, _, more = about.get(f"MANY_CPUS_{name}", f"{args.cpus} ").partition(" ")
    if not extra and args.cpus > int(few):
        extra = more
    if extra:
        command[command.index("-M") + 1] += "," + extra
    command += ["-m", args.mem, "-smp", str(args.cpus), "-accel", "tcg", "-nodefaults",
                "-display", "none", "-no-reboot", "-net", "none",
                "-kernel", kernel, "-initrd", initrd, "-append", options]
    command += shlex.split(about.get(f"QEMU_SERIAL_{name}", ""))
    command += ICOUNT if args.icount else []
    command += ["-dtb", args.dtb] if args.dtb else []
    command += ["-S", "-s"] if args.gdb else []
    return command + shlex.split(args.qemu_args)
