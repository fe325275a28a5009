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


def test_a_backport_is_newer_by_its_own_numbers():
    backport = sysroot.upstream("1:10.0.2+ds-2+deb13u1~bpo12+1")
    assert backport == [10, 0, 2] and backport > sysroot.upstream("1:7.2+dfsg-7+deb12u18")
    assert sysroot.upstream("9.0") > sysroot.upstream("1:8.2.2+ds-0ubuntu1")


def test_backports_come_from_the_releases_own_server():
    sources = [("http://one.test/debian", "bookworm", ["main"], ""),
               ("http://one.test/debian-security", "bookworm-security", ["main"], "")]
    assert list(sysroot.backports(sources, "bookworm")) == [
        ("http://one.test/debian", "bookworm-backports", ["main"], "")]
