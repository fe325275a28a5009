# SPDX-License-Identifier: MIT
"""Shards, boards and the last line for all tests."""

import os
import time

import pytest

from boards import ARCHES, BOARDS, ROOT, Board

PASSED, FAILED = "passed", "failed"
counts = {PASSED: 0, FAILED: 0}


def pytest_addoption(parser):
    parser.addoption("--shard", default="", help="host (and single boards), or the CPU whose boot tests to run")


def pytest_generate_tests(metafunc):
    if "board" not in metafunc.fixturenames:
        return
    chosen = getattr(metafunc.function, "boards", BOARDS)
    skip = {b: [pytest.mark.skip(reason=b.lacking)] if b.lacking else [] for b in chosen}
    metafunc.parametrize("board", [pytest.param(b, marks=skip[b]) for b in chosen], ids=str)


def shard_of(item):
    spec = getattr(item, "callspec", None)
    board = spec and spec.params.get("board")
    # A test that runs on no board (all of its boards are for make test-long) is there, skipped.
    return board.arch if isinstance(board, Board) and not board.machine else "host"


def pytest_collection_modifyitems(config, items):
    shard = config.getoption("--shard")
    if shard:
        items[:] = [item for item in items if shard_of(item) == shard]


def cpu_seconds():
    """Of this process and of what it started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A line for each test that ran: the shard, the name, its seconds, and those of the host's CPUs."""
    wall, cpu = time.monotonic(), cpu_seconds()
    yield
    wall, cpu = time.monotonic() - wall, cpu_seconds() - cpu
    with open(f"{ROOT}/build/test-times.tsv", "a") as out:
        print(shard_of(item), item.nodeid, f"{wall:.2f}", f"{cpu:.2f}", sep="\t", file=out)


def pytest_runtest_logreport(report):
    if report.failed:
        counts[FAILED] += 1
    elif report.when == "call" and report.passed:
        counts[PASSED] += 1


def pytest_collectreport(report):
    if report.failed:
        counts[FAILED] += 1


def pytest_unconfigure(config):
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed")


assert ARCHES, "no arch/*/arch.mk found"
