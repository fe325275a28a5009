# SPDX-License-Identifier: MIT
"""Runs each fuzz target (test/fuzz) over the inputs that are kept for it: those that reach all the code
that fuzzing has reached, and those that once broke something. `make fuzz` looks for more."""

import glob
import os
import re
import subprocess

import pytest

from boards import ROOT
from test_host import made_from

TARGETS = made_from("test/fuzz/*_fuzz.c")


@pytest.mark.parametrize("binary", TARGETS, ids=lambda path: str(path).split("/")[-1])
def test_corpus(binary, tmp_path):
    corpus = f"{ROOT}/test/fuzz/corpus/{os.path.basename(binary).split('_fuzz-')[0]}"
    inputs = len(glob.glob(f"{corpus}/*"))
    done = subprocess.run([f"{ROOT}/{binary}", "-runs=0", f"-artifact_prefix={tmp_path}/", corpus],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-8000:]
    ran = re.search(r"^Done (\d+) runs", done.stdout, re.M)
    assert inputs and ran and int(ran[1]) >= inputs, done.stdout[-2000:]
