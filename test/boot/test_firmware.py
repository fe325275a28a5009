# SPDX-License-Identifier: MIT
"""The Raspberry Pi 4 as its own firmware starts it, without QEMU's help: the image where the firmware
puts it, a tree with memory on both sides of VideoCore's part, CPUs in a spin table, at EL2 or EL3."""

import filecmp
import os
import re
import shlex
import shutil
import struct
import subprocess

import pytest

import fdt
import machine
from boards import PI, ROOT, on

MIB, GIB = 1 << 20, 1 << 30
TREE, INITRD = 0x2eff0000, 0x10000000
HOLE, FAKE_BUS, FAKE_SIZE = 0x50000000, 0x10000000, 0x1000
SENSOR_VALID, SENSOR = 1 << 10, 750
ABSENT_BUS, ABSENT = 0x20000000, 0xf0000000
ABSENT_DEVICES = {  # compatible: node
    "brcm,bcm2711-rng200": "rng@7e104000",
    "arm,pl011": "serial@7e201000",
    "brcm,bcm2711-gpio": "gpio@7e200000",
    "brcm,bcm2835-sdhci": "mmc@7e300000",
}
STUCK = 0x2000  # behind the fake registers of FAKE_BUS: a PL011 that is always busy
LOW, HIGH = (0, 948 * MIB), (GIB, GIB)  # as on a board of 2 GiB
SCRIPT = ("mount -t devtmpfs dev /dev; exec < /dev/console > /dev/console 2>&1;"
          " mount -t proc proc /proc; mount -t sysfs sysfs /sys; dmesg; free -m; nproc;"
          " cat /sys/class/thermal/thermal_zone0/type /sys/class/thermal/thermal_zone0/temp;"
          " /test/helper/hog touch 1200 && echo touched; cat /proc/quire/audit; echo end; poweroff -f")


def parsed_tree(initrd_size):
    with open(f"{ROOT}/build/dtb/bcm2711-rpi-4-b.dtb", "rb") as f:
        root = fdt.parse(f.read())
    memory = root.child("memory@0")
    memory.props["reg"] = b"".join(fdt.cells(0, start, size) for start, size in (LOW, HIGH))
    chosen = root.child("chosen")
    chosen.props["bootargs"] = fdt.string(f'init=/bin/sh -- -c "{SCRIPT}"')
    chosen.props["linux,initrd-start"] = fdt.cells(INITRD)
    chosen.props["linux,initrd-end"] = fdt.cells(INITRD + initrd_size)
    # QEMU has neither of these devices: words in memory that is no one's play their registers.
    soc = root.child("soc")
    soc.props["ranges"] += fdt.cells(FAKE_BUS, 0, HOLE, 3 * FAKE_SIZE)
    soc.child("avs-monitor@7d5d2000").props["reg"] = fdt.cells(FAKE_BUS, FAKE_SIZE)
    soc.child("rng@7e104000").props["reg"] = fdt.cells(FAKE_BUS + FAKE_SIZE, 0x28)
    hole = root.child("reserved-memory").child("hole@50000000")
    hole.props.update({"reg": fdt.cells(0, HOLE, 16 * MIB), "no-map": b""})
    return root


def tree(initrd_size):
    return fdt.flatten(parsed_tree(initrd_size), [(0, 4096)])


def tree_of_absent_devices(initrd_size):
    """It names devices where the bus has none: a read there ends in an external abort."""
    root = parsed_tree(initrd_size)
    soc = root.child("soc")
    soc.props["ranges"] += fdt.cells(ABSENT_BUS, 0, ABSENT, 0x10000)
    for name in ABSENT_DEVICES.values():
        soc.child(name).props["reg"] = fdt.cells(ABSENT_BUS, 0x1000)
    return fdt.flatten(root, [(0, 4096)])


def tree_without_devices(initrd_size):
    """Registers at no address at all, and sizes beyond all bounds."""
    root = parsed_tree(initrd_size)
    soc = root.child("soc")
    for reg, name in zip((b"", b"\xff" * 8, fdt.cells(ABSENT_BUS, 0xffffffff), b"\0"),
                         ABSENT_DEVICES.values()):
        soc.child(name).props["reg"] = reg
    return fdt.flatten(root, [(0, 4096)])


def tree_with_console(change, node="/soc/serial@7e201000"):
    """The log goes to that port of the tree, which `change` spoils; the shell to the mini UART."""
    def make(initrd_size):
        root = parsed_tree(initrd_size)
        chosen = root.child("chosen")
        chosen.props["bootargs"] = fdt.string(f'console=ttyS0 init=/bin/sh -- -c "{SCRIPT}"')
        chosen.props["stdout-path"] = fdt.string(node)
        change(root.child("soc"))
        return fdt.flatten(root, [(0, 4096)])
    return make


def absent(soc):
    soc.props["ranges"] += fdt.cells(ABSENT_BUS, 0, ABSENT, 0x10000)
    soc.child("serial@7e201000").props["reg"] = fdt.cells(ABSENT_BUS, 0x1000)


def stuck(soc):
    soc.child("serial@7e201000").props["reg"] = fdt.cells(FAKE_BUS + STUCK, 0x1000)


def tree_without_end(initrd_size):
    blob = tree(initrd_size)
    return blob[:len(blob) // 2]


def tree_with_alias(initrd_size):
    """As the board's own firmware leaves it: no stdout-path, but the port's alias."""
    root = parsed_tree(initrd_size)
    del root.child("chosen").props["stdout-path"]
    root.child("aliases").props["serial0"] = fdt.string("/soc/serial@7e215040")
    return fdt.flatten(root, [(0, 4096)])


def tree_that_shows_the_card(initrd_size):
    root = parsed_tree(initrd_size)
    script = SCRIPT.replace("nproc;", "cat /proc/partitions; head -c 82 /dev/mmcblk0p1 | tail -c 11;")
    root.child("chosen").props["bootargs"] = fdt.string(f'init=/bin/sh -- -c "{script}"')
    return fdt.flatten(root, [(0, 4096)])


def stub(folder, level, kernel):
    elf, binary = f"{folder}/stub.elf", f"{folder}/stub.bin"
    subprocess.run(["clang-19", "--target=aarch64-none-elf", "-nostdlib", "-fuse-ld=lld-19",
                    f"-DLEVEL={level}", f"-DKERNEL={kernel:#x}", f"-DTREE={TREE:#x}",
                    "-Wl,-Ttext=0", "-o", elf, f"{ROOT}/test/firmware/stub.S"], check=True)
    subprocess.run(["llvm-objcopy-19", "-O", "binary", elf, binary], check=True)
    return binary


def boot(folder, level=2, kernel=0x80000, initrd=f"{ROOT}/build/arm64/initramfs.cpio", tree=tree, seconds=120,
         image=f"{ROOT}/build/arm64/Image", card=None):
    """What the serial line says until the machine is off, or for so long."""
    about = machine.facts(ROOT, "arm64")
    blob = f"{folder}/tree.dtb"
    with open(blob, "wb") as f:
        f.write(tree(os.path.getsize(initrd)))
    registers = bytearray(3 * FAKE_SIZE)
    registers[STUCK + 0x18] = 1 << 3
    registers[0x200:0x204] = struct.pack("<I", SENSOR_VALID | SENSOR)
    registers[FAKE_SIZE:FAKE_SIZE + 4] = struct.pack("<I", 0x1fff)  # on
    registers[FAKE_SIZE + 0x20:FAKE_SIZE + 0x28] = struct.pack("<II", 0x12345678, 1)
    with open(f"{folder}/registers", "wb") as f:
        f.write(registers)
    loads = [(f"{folder}/registers", HOLE), (stub(folder, level, kernel), 0), (image, kernel),
             (initrd, INITRD), (blob, TREE)]
    command = [*machine.find_qemu(ROOT, about, "raspi4b"), *shlex.split(about["QEMU_raspi4b"]),
               "-m", "2G", "-smp", "4", "-accel", "tcg", "-nodefaults", "-display", "none",
               "-no-reboot", "-serial", "null", "-serial", "stdio"]
    for file, address in loads:
        command += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
    if card:
        command += ["-drive", f"if=none,id=card,file={card},format=raw",
                    "-device", "sd-card,drive=card,bus=main-system-bus/generic-sdhci/sd-bus"]
    try:
        text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds).stdout
    except subprocess.TimeoutExpired as end:
        text = end.stdout or b""
    return text.decode(errors="replace").replace("\r", "")


@on(PI)
@pytest.mark.parametrize("level, kernel", [(2, 0x200000), (2, 0x80000), (3, 0x80000)])
def test_the_firmware_starts_it(board, tmp_path, level, kernel):
    with open(f"{ROOT}/build/arm64/Image", "rb") as f:
        assert struct.unpack("<Q", f.read(16)[8:])[0] == 0  # text offset: any 2 MiB boundary
    text = boot(tmp_path, level, kernel)
    assert f"\nQuire at {kernel:#x}, tree at {TREE:#x}, entered at EL{level}: EL1, tables, MMU\n" in text, text
    assert text.index("MMU") < text.index("Quire on aarch64") < text.index("sdhci")
    assert f"4 CPUs, entered at EL{level}, GICv2" in text, text
    total = int(re.search(r"^Mem:\s+(\d+)", text, re.M)[1])
    assert 1900 < total < 948 + 1024 - 16, text
    assert re.search(rf"^4\ncpu-thermal\n{410040 - 487 * SENSOR}\ntouched\nend$", text, re.M), text
    assert "rng200" not in text


# The image with an undefined instruction at a symbol: what was said before, and where the exception is.
SPOILT = {"enter_el1": ("", 2), "tables_build": (" EL1", 1), "cpu_setup": (" EL1, tables", 1),
          "boot_high": (" EL1, tables", 1)}


@on(PI)
@pytest.mark.parametrize("symbol", SPOILT)
def test_an_exception_before_the_mmu_is_told(board, tmp_path, symbol):
    elf = f"{ROOT}/build/arm64/quire.elf"
    names = subprocess.run(["llvm-nm-19", elf], capture_output=True, text=True, check=True).stdout
    offset = int(re.search(rf"^(\w+) . {symbol}$", names, re.M)[1], 16) & 0xffffff
    with open(f"{ROOT}/build/arm64/Image", "rb") as f:
        image = bytearray(f.read())
    image[offset:offset + 4] = bytes(4)
    with open(f"{tmp_path}/Image", "wb") as f:
        f.write(image)
    said, level = SPOILT[symbol]
    pc = 0xffffff8000000000 + offset if symbol == "boot_high" else 0x80000 + offset
    text = boot(tmp_path, image=f"{tmp_path}/Image", seconds=8)
    assert re.search(re.escape(f"entered at EL2:{said}\nException at EL{level}: ESR 0x2000000, PC {pc:#x}"
                               f" (image + {offset:#x}), FAR ") + "0x[0-9a-f]+\n$", text), text


@on(PI)
@pytest.mark.parametrize("spoil", [absent, stuck])
def test_a_console_that_does_not_work(board, tmp_path, spoil):
    """The early console is silent and soon given up."""
    text = boot(tmp_path, tree=tree_with_console(spoil))
    assert "tables" not in text, text
    assert re.search(r"^touched\nend$", text, re.M), text


@on(PI)
def test_a_console_that_only_an_alias_names(board, tmp_path):
    text = boot(tmp_path, tree=tree_with_alias)
    assert "entered at EL2: EL1, tables, MMU\n" in text, text
    assert re.search(r"^touched\nend$", text, re.M), text


@on(PI)
@pytest.mark.parametrize("tree", [tree_without_end, lambda _: b"", lambda _: os.urandom(4096)],
                         ids=["cut", "none", "noise"])
def test_no_tree(board, tmp_path, tree):
    """Nothing can be said, and nothing that is not meant is."""
    assert boot(tmp_path, tree=tree, seconds=5) == ""


@on(PI)
def test_devices_that_are_not_there(board, tmp_path):
    text = boot(tmp_path, tree=tree_of_absent_devices)
    for compatible in ABSENT_DEVICES:
        assert f"device {compatible}: nothing answers at {ABSENT:#x}" in text, text
    assert re.search(r"^touched\nend$", text, re.M), text


@on(PI)
def test_devices_without_registers(board, tmp_path):
    text = boot(tmp_path, tree=tree_without_devices)
    assert re.search(r"^touched\nend$", text, re.M), text


def spoilt(folder, change):
    with open(f"{ROOT}/build/arm64/initramfs.cpio", "rb") as f:
        data = bytearray(f.read())
    change(data)
    path = f"{folder}/initramfs"
    with open(path, "wb") as f:
        f.write(data)
    return path


def cut_end(data):
    del data[-len(data) // 8:]


def no_archive(data):
    data[:] = b"\xa5" * 65536


@on(PI)
def test_initramfs_that_ends_early(board, tmp_path):
    """What came before the damage is there, the shell among it."""
    text = boot(tmp_path, initrd=spoilt(tmp_path, cut_end))
    assert "initramfs: damaged" in text
    assert re.search(r"^end$", text, re.M), text


@on(PI)
def test_no_initramfs(board, tmp_path):
    text = boot(tmp_path, initrd=spoilt(tmp_path, no_archive), seconds=20)
    assert "initramfs: damaged" in text
    assert "no init: /bin/sh" in text, text


@on(PI)
@pytest.mark.skipif(not shutil.which("mcopy"), reason="no mtools")
def test_what_is_on_the_card_boots(board, tmp_path):
    """The files that tools/mksd has put on a card, with that card in the board."""
    firmware, card = tmp_path / "firmware", tmp_path / "card.img"
    firmware.mkdir()
    for name in ("start4.elf", "fixup4.dat"):
        (firmware / name).write_bytes(os.urandom(5000))
    own = {"kernel8.img": f"{ROOT}/build/arm64/Image", "initramfs.cpio": f"{ROOT}/build/arm64/initramfs.cpio",
           "bcm2711-rpi-4-b.dtb": f"{ROOT}/build/dtb/bcm2711-rpi-4-b.dtb"}
    subprocess.run([f"{ROOT}/tools/mksd", card, "--firmware", firmware, "--size", "128", "--boot-size", "64",
                    *(word for option, file in zip(("--kernel", "--initrd", "--dtb"), own.values())
                      for word in (option, file))], check=True)
    for name, file in [*own.items(), ("start4.elf", firmware / "start4.elf")]:
        subprocess.run(["mcopy", "-i", f"{card}@@{MIB}", f"::{name}", tmp_path / name], check=True)
        assert filecmp.cmp(tmp_path / name, file, shallow=False)
    text = boot(tmp_path, initrd=f"{tmp_path}/initramfs.cpio", image=f"{tmp_path}/kernel8.img", card=card,
                tree=tree_that_shows_the_card)
    sizes = {name: int(blocks) >> 10 for blocks, name in re.findall(r"^ *179 +\d+ +(\d+) (mmc\w+)$", text, re.M)}
    assert sizes == {"mmcblk0": 128, "mmcblk0p1": 64, "mmcblk0p2": 63}, text
    assert re.search(r"^QUIRE +cpu-thermal\n\d+\ntouched\nend$", text, re.M), text
