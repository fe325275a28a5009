# SPDX-License-Identifier: MIT
"""Device trees: from a blob to nested nodes and back (Devicetree Specification, chapter 5)."""

import struct

BEGIN, END, PROP, NOP, FINISH = 1, 2, 3, 4, 9
MAGIC = 0xd00dfeed


def cells(*numbers):
    return b"".join(struct.pack(">I", n) for n in numbers)


def string(text):
    return text.encode() + b"\0"


class Node:
    def __init__(self, name=""):
        self.name, self.props, self.children = name, {}, []

    def child(self, name):
        """The child of that name, made if there is none."""
        for node in self.children:
            if node.name == name:
                return node
        self.children.append(Node(name))
        return self.children[-1]


def parse(blob):
    """The root node."""
    at, strings = struct.unpack(">II", blob[8:16])
    stack, root = [], None
    while True:
        token, = struct.unpack(">I", blob[at:at + 4])
        at += 4
        if token == BEGIN:
            end = blob.index(b"\0", at)
            node = Node(blob[at:end].decode())
            at = (end + 4) & ~3
            if stack:
                stack[-1].children.append(node)
            root = root or node
            stack.append(node)
        elif token == END:
            stack.pop()
        elif token == PROP:
            size, name = struct.unpack(">II", blob[at:at + 8])
            name = blob[strings + name:blob.index(b"\0", strings + name)].decode()
            stack[-1].props[name] = blob[at + 8:at + 8 + size]
            at = (at + 8 + size + 3) & ~3
        elif token == FINISH:
            return root


def pad(data):
    return data + bytes(-len(data) % 4)


def flatten(root, reserved=()):
    """The blob of a tree, with (address, size) reservations."""
    strings, structure = bytearray(), bytearray()

    def emit(node):
        structure.extend(cells(BEGIN) + pad(string(node.name)))
        for name, value in node.props.items():
            if string(name) not in strings:
                strings.extend(string(name))
            structure.extend(cells(PROP, len(value), strings.index(string(name))) + pad(value))
        for child in node.children:
            emit(child)
        structure.extend(cells(END))

    emit(root)
    structure.extend(cells(FINISH))
    map_ = b"".join(struct.pack(">QQ", *r) for r in [*reserved, (0, 0)])
    at = 40 + len(map_)
    end = at + len(structure)
    header = cells(MAGIC, end + len(strings), at, end, 40, 17, 16, 0, len(strings), len(structure))
    return header + map_ + bytes(structure) + bytes(strings)
