# SPDX-License-Identifier: MIT
"""Disk images for tests: random bytes, MBR and GPT, and how to damage them."""

import random
import struct
import zlib

SECTOR = 512
TYPE_GUID = bytes.fromhex("af3dc60f838472478e793d69d8477de4")


def noise(sectors, seed=1):
    return bytearray(random.Random(seed).randbytes(sectors * SECTOR))


def mbr(image, parts):
    """parts: four (type, start, sectors) at most."""
    image[440:510] = bytes(70)
    for i, (kind, start, sectors) in enumerate(parts):
        image[446 + 16 * i:462 + 16 * i] = struct.pack("<BxxxBxxxII", 0, kind, start, sectors)
    image[510:512] = b"\x55\xaa"


def put_table(image, at, parts):
    """An MBR-like table in another sector, for the chain of an extended partition."""
    table = bytearray(SECTOR)
    mbr(table, parts)
    image[at * SECTOR:(at + 1) * SECTOR] = table


def gpt_header(block, other, entries, blocks, crc):
    def pack(check):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, check, 0, block, other, 34,
                           blocks - 34, bytes(16), entries, 128, 128, crc)
    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")


def gpt(image, parts):
    """parts: (first, last) in sectors."""
    blocks = len(image) // SECTOR
    mbr(image, [(0xee, 1, blocks - 1)])
    array = b"".join(struct.pack("<16s16sQQQ72x", TYPE_GUID, bytes([i + 1]) * 16, first, last, 0)
                     for i, (first, last) in enumerate(parts)).ljust(128 * 128, b"\0")
    crc = zlib.crc32(array)
    for header, other, entries in ((1, blocks - 1, 2), (blocks - 1, 1, blocks - 33)):
        image[header * SECTOR:(header + 1) * SECTOR] = gpt_header(header, other, entries, blocks, crc)
        image[entries * SECTOR:entries * SECTOR + len(array)] = array


def write(path, image):
    path.write_bytes(image)
    return path
