# SPDX-License-Identifier: MIT
"""Reads TAP, what guest tests print."""

import re


def problems(text, status):
    """What is wrong with a test program's output; an empty list if nothing is."""
    lines = text.splitlines()
    found = [line for line in lines
             if line.startswith("Bail out!") or re.match(r"not ok(?!.*# (TODO|SKIP))", line)]
    plans = [int(m[1]) for m in (re.match(r"1\.\.(\d+)", line) for line in lines) if m]
    results = sum(1 for line in lines if re.match(r"(not )?ok\b", line))
    if len(plans) != 1:
        found.append(f"{len(plans)} plans instead of one: the program did not come to its end")
    elif plans[0] != results:
        found.append(f"{results} results instead of {plans[0]}")
    elif not results:
        found.append("no results")
    if status:
        found.append(f"exit status {status}")
    return found
