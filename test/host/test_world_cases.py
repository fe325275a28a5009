# SPDX-License-Identifier: MIT
"""test/world speaks of every applet, and Linux's answer to each case is recorded."""

import importlib.machinery
import importlib.util
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [f"{ROOT}/test/world", f"{ROOT}/tools"]

import machine
import world

NOT_RUN = f"{ROOT}/test/world/busybox/not-run.txt"


def applets():
    loader = importlib.machinery.SourceFileLoader("mkimage", f"{ROOT}/tools/mkimage")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mkimage", loader))
    loader.exec_module(module)
    busybox = f"{ROOT}/build/sysroot/{machine.arches(ROOT)[0]}/bin/busybox"
    if not os.path.exists(busybox):
        pytest.skip(f"{busybox} has not been fetched")
    return set(module.applets(busybox))


def named():
    return {name for file in world.files("busybox") for case in world.cases("busybox", file)
            for name in case.programs}


def not_run():
    with open(NOT_RUN) as f:
        lines = [line for line in f if not line.startswith("#") and ":" in line]
    return {name for line in lines for name in line.partition(":")[2].split()}


def test_every_applet_is_run_or_its_absence_explained():
    assert applets() - named() == not_run()
    assert len(named() & applets()) >= 150


@pytest.mark.parametrize("which", world.SETS)
def test_every_case_has_an_answer_and_every_answer_a_case(which):
    for name in world.files(which):
        titles = [case.title for case in world.cases(which, name)]
        assert titles == list(world.recorded(which, name)), f"{which}/{name}"
