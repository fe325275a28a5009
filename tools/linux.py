# SPDX-License-Identifier: MIT
"""The distribution's kernel, to compare with: its package is unpacked under build/linux."""

import glob
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PACKAGE = r"/linux-image-\d+\.\d+\.\d+-\d+(\+deb\d+)?-cloud-(arm64|amd64)/"
DEB_ARCH = {"arm64": "arm64", "x86_64": "amd64"}


def kernel(arch):
    folder = f"{ROOT}/build/linux/{arch}"
    pattern = f"{folder}/boot/vmlinuz-*"
    if not glob.glob(pattern):
        subprocess.run([f"{ROOT}/tools/sysroot", DEB_ARCH[arch], folder, PACKAGE], check=True)
    return max(glob.glob(pattern))
