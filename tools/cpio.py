# SPDX-License-Identifier: MIT
"""Writes "newc" cpio archives without being root and always the same way: owner 0, one time for
all, folders made as needed, device nodes straight into the archive."""

import os
import stat

TIME = 1704067200  # 2024-01-01: the same input gives the same archive
TRAILER = "TRAILER!!!"


class Archive:
    """With `below`, another archive that is unpacked first: its folders, and links to them, stay as
    they are."""

    def __init__(self, below=b""):
        self.entries = {}  # path without leading slash -> (mode, data, (major, minor))
        self.there = {path.strip("/") for _, path, mode in records(below) if not stat.S_ISREG(mode)}

    def put(self, path, mode, data=b"", device=(0, 0)):
        path = path.strip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.folder(parent)
        self.entries[path] = (mode, data, device)

    def folder(self, path, mode=0o755):
        if path.strip("/") not in self.there:
            self.put(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        self.put(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self.put(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor, mode=0o666):
        self.put(path, stat.S_IFCHR | mode, b"", (major, minor))

    def add(self, source, path):
        """Adds the host's file or folder `source` as `path`, with modes and symbolic links."""
        info = os.lstat(source) if os.path.islink(source) and path in self.entries \
            else os.stat(source)
        if not stat.S_ISDIR(info.st_mode):
            with open(source, "rb") as f:
                return self.file(path, f.read(), stat.S_IMODE(info.st_mode))
        self.folder(path, stat.S_IMODE(info.st_mode))
        for name in sorted(os.listdir(source)):
            inner, target = os.path.join(source, name), f"{path.rstrip('/')}/{name}"
            if os.path.islink(inner):
                self.link(target, os.readlink(inner))
            elif os.path.isdir(inner) or os.path.isfile(inner):
                self.add(inner, target)

    def bytes(self, first_inode=1, trailer=True):
        out = bytearray()
        for number, (path, (mode, data, device)) in enumerate(self.entries.items(), first_inode):
            out += record(number, mode, path, data, device)
        if trailer:
            out += record(0, 0, TRAILER, b"", (0, 0))
        return bytes(out)


def record(inode, mode, path, data, device):
    name = os.fsencode(path) + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, TIME, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def records(archive):
    """(offset, path, mode) of each record, up to the first trailer."""
    at = 0
    while at < len(archive):
        mode, size, name_size = (int(archive[at + o:at + o + 8], 16) for o in (14, 54, 94))
        path = os.fsdecode(archive[at + 110:at + 110 + name_size - 1])
        yield at, path, mode
        if path == TRAILER:
            return
        at += (110 + name_size + 3) & ~3
        at += (size + 3) & ~3


def without_trailer(archive):
    """The archive `archive` (bytes), open for more records."""
    return next((archive[:at] for at, path, _ in records(archive) if path == TRAILER), archive)
