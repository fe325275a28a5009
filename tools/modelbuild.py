# SPDX-License-Identifier: MIT
"""Builds test/host/vm_model_test.c without sanitizers: fast, and from changed sources of mm/ if need be. For tools/model and
tools/mutants."""

import concurrent.futures
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEST = "test/host/vm_model_test.c"
THREADS = "test/host/vm_threads_test.c"
KMAP = "test/host/kmap_stacks_test.c"
CC = os.environ.get("CC") or ("clang-19" if shutil.which("clang-19") else "clang")
FLAGS = ("-std=gnu23 -g1 -DQUIRE_HOST -DDEBUG -iquote . -Itest/host/include -Wno-unused-parameter "
         "-fno-strict-aliasing -fno-common").split()


def sources(test):
    with open(f"{ROOT}/{test}") as f:
        head = "".join(f.readlines()[:15])
    return [test] + " ".join(re.findall(r"^// uses: *(.*)$", head, re.M)).split()


def includes(path, seen):
    """All files of the tree that a source file includes, itself too."""
    if path in seen or not os.path.exists(f"{ROOT}/{path}"):
        return seen
    seen.add(path)
    with open(f"{ROOT}/{path}") as f:
        for name in re.findall(r'^#include "([^"]+)"', f.read(), re.M):
            includes(name, seen)
            includes(f"test/host/{name}", seen)
    return seen


def compile_one(source, out, cpu, flags, front=None):
    """front: a folder with changed files, looked into first."""
    path = source
    first = []
    if front:
        first = ["-iquote", front]
        if os.path.exists(f"{front}/{source}"):
            path = f"{front}/{source}"
    os.makedirs(os.path.dirname(out), exist_ok=True)
    subprocess.run([CC, *first, *FLAGS, *flags, "-idirafter", f"arch/{cpu}", "-c", "-o", out, path],
                   cwd=ROOT, check=True)
    return out


def build(folder, cpu, flags=("-O2",), jobs=2, front=None, changed=None, base=None, test=TEST):
    """The binary, made in folder. changed: only what includes one of these files is compiled anew; the other objects come from the
    folder base."""
    binary = f"{folder}/model"
    objects, todo = [], []
    for source in sources(test):
        name = source[:-2].replace("/", "_") + ".o"
        if changed and not changed & includes(source, set()):
            objects.append(f"{base}/{name}")
        else:
            objects.append(f"{folder}/{name}")
            todo.append((source, f"{folder}/{name}"))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda t: compile_one(*t, cpu, flags, front), todo))
    subprocess.run([CC, *flags, "-o", binary, *objects, "-lcmocka", "-lm", "-pthread"], cwd=ROOT, check=True)
    return binary


def shares(steps, each, least):
    """Parts of about the same size that are `steps` together, none larger than `each`: at least so many, if there are as many."""
    parts = max(-(-steps // each), min(least, steps))
    return [steps // parts + (i < steps % parts) for i in range(parts)]
