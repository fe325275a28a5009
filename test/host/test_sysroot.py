# SPDX-License-Identifier: MIT
"""Where tools/sysroot looks for packages of another CPU."""

import importlib.machinery
import importlib.util

from boards import ROOT

loader = importlib.machinery.SourceFileLoader("sysroot", f"{ROOT}/tools/sysroot")
sysroot = importlib.util.module_from_spec(importlib.util.spec_from_loader("sysroot", loader))
loader.exec_module(sysroot)

DEB822 = """# a comment
Types: deb deb-src
URIs: http://one.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb-src
URIs: http://two.test/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://three.test/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """# deb http://off.test/ubuntu noble main
deb [arch=amd64 signed-by=/k.gpg] http://on.test/ubuntu noble main universe # why
deb-src http://src.test/ubuntu noble main
"""


def test_stanzas_are_read():
    assert list(sysroot.deb822_entries(DEB822)) == [
        (["http://one.test/debian"], ["bookworm", "bookworm-updates"], ["main"],
         "signed-by=/usr/share/keyrings/k.gpg")]


def test_lines_are_read_without_their_architecture():
    assert list(sysroot.one_line_entries(ONE_LINE)) == [
        (["http://on.test/ubuntu"], ["noble"], ["main", "universe"], "signed-by=/k.gpg")]


def test_other_cpus_of_ubuntu_are_on_ports():
    assert sysroot.ports_uri("http://de.archive.ubuntu.test/ubuntu/") \
        == "http://ports.ubuntu.test/ubuntu-ports/"
    assert sysroot.ports_uri("http://mirror.test/pub/ubuntu") == "http://mirror.test/pub/ubuntu-ports"
