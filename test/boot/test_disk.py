# SPDX-License-Identifier: MIT
"""Disks: virtio on `virt`, in both its dialects, the SD card of `raspi4b` (PIO) and that of another board whose controller has
ADMA2. What the guest reads is what the image holds, what it has synced is in the image afterwards, and no device takes the
kernel with it."""

import hashlib
import os
import socket
import subprocess
import threading
import time

import pytest

import disks
from boards import LINUX, Board

MIB = 1 << 20
VIRTIO = "-drive if=none,id=d,file={},format=raw -device virtio-blk-device,drive=d"
CARD = "-drive if=sd,file={},format=raw"
EMMC2 = ("-drive if=none,id=d,file={},format=raw "
         "-device sd-card,drive=d,bus=main-system-bus/generic-sdhci/sd-bus")
VIRT = Board("arm64", False, 4)
PI = Board("arm64", False, 4, "raspi4b")
PI_DEBUG = Board("arm64", True, 4, "raspi4b")
VERSAL = Board("arm64", False, 2, "xlnx-versal-virt")

PLACES = {
    "virtio": (VIRT, VIRTIO, "/dev/vda"),
    "virtio-1": (VIRT, "-global virtio-mmio.force-legacy=false " + VIRTIO, "/dev/vda"),
    "virtio-debug": (Board("arm64", True, 4), VIRTIO, "/dev/vda"),
    "adma2": (VERSAL, CARD, "/dev/mmcblk0"),
    "emmc2": (PI, EMMC2, "/dev/mmcblk0"),
    "emmc2-debug": (PI_DEBUG, EMMC2, "/dev/mmcblk0"),
    "emmc": (PI, CARD, "/dev/mmcblk0"),
}

pytestmark = pytest.mark.skipif(bool(LINUX), reason="Quire's own devices")


def run(place, image, script, qemu="", timeout=120):
    board, args, device = PLACES[place]
    done = board.run("sh", "-c", f"D={device}\n{script}\ncat /proc/quire/audit", timeout=timeout,
                     options=("--qemu-args", args.format(image) + " " + qemu))
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout.decode()


def image_of(tmp_path, data, size=None):
    path = tmp_path / "disk.img"
    path.write_bytes(data)
    if size:
        os.truncate(path, size)
    return path


@pytest.mark.parametrize("place", PLACES)
def test_bytes_are_the_images(place, tmp_path):
    data = disks.noise(4 * MIB // disks.SECTOR)
    disks.mbr(data, [(0x0c, 64, 1024), (0x83, 2048, 4096)])
    image = image_of(tmp_path, data)
    part = "${D}p2" if "mmc" in PLACES[place][2] else "${D}2"
    out = run(place, image, f"md5sum < $D; md5sum < {part}; dd if=$D bs=1 skip=1000001 count=3 2>/dev/null | md5sum").split()
    assert out[0::2] == [hashlib.md5(part).hexdigest() for part in
                         (data, data[2048 * 512:6144 * 512], data[1000001:1000004])]


SYSFS = """
N=${D#/dev/}; cd /sys/block; echo *
cat $N/size $N/dev $N/removable $N/queue/logical_block_size $N/*2/size $N/*2/start $N/*2/partition $N/*2/dev
cd /sys/class/block; for i in *; do cat $i/size; done
for i in /sys/dev/block/*; do [ $(cat $i/dev) = ${i##*/} ] && sed -n s/DEVNAME=//p $i/uevent; done
ls $N/nothing 2>/dev/null || ls /sys/class/block/ | wc -l
"""


@pytest.mark.parametrize("place, number", [("virtio", 254), ("emmc2-debug", 179)])
def test_sysfs(place, number, tmp_path):
    data = disks.noise(4 * MIB // disks.SECTOR)
    disks.mbr(data, [(0x0c, 64, 1024), (0x83, 2048, 4096)])
    name = PLACES[place][2][5:]
    parts = [f"{name}{'p' if 'mmc' in name else ''}{i}" for i in (1, 2)]
    out = run(place, image_of(tmp_path, data), SYSFS).split()
    assert out == [name, "8192", f"{number}:0", "1" if "mmc" in name else "0", "512", "4096", "2048", "2", f"{number}:2",
                   "8192", "1024", "4096", name, *parts, "3"]


WRITE = """
dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null
dd if=/tmp/a of=$D bs=64k seek=1 conv=notrunc 2>/dev/null
dd if=/tmp/a of=$D bs=777 count=20 seek=1000 conv=notrunc 2>/dev/null
dd if=/tmp/a of=$D bs=5 count=1 seek=400000 conv=notrunc 2>/dev/null
sync; md5sum < $D; blockdev --flushbufs $D; md5sum < $D
"""


@pytest.mark.parametrize("place", PLACES)
def test_writes_reach_the_image(place, tmp_path):
    image = image_of(tmp_path, disks.noise(2 * MIB // disks.SECTOR))
    out = run(place, image, WRITE).split()[0::2]
    assert out == [hashlib.md5(image.read_bytes()).hexdigest()] * 2


def test_dirty_pages_go_by_themselves(tmp_path):
    image = image_of(tmp_path, bytes(2 * MIB))
    run("virtio", image, "echo hello > $D; sleep 5")
    assert image.read_bytes()[:6] == b"hello\n"


@pytest.mark.parametrize("place", ["virtio", "virtio-debug"])
def test_mapped_writes_are_synced(place, tmp_path):
    """The run ends, and QEMU with it, long before anything would be written by itself."""
    image = image_of(tmp_path, bytes(2 * MIB))
    assert run(place, image, "/test/helper/mapdisk $D 65536 text").split() == ["text", "text"]
    data = image.read_bytes()
    assert data[65536:65542] == data[69632:69638] == b"text!\0"


@pytest.mark.parametrize("place", ["virtio", "virtio-debug", "emmc2"])
def test_direct(place, tmp_path):
    """What was written so is in the image without a sync."""
    image = image_of(tmp_path, bytes(2 * MIB))
    assert run(place, image, "/test/helper/direct $D").split() == ["direct"]
    want = bytearray((i * 7 + i // 4096) & 255 for i in range(65536))
    want[512:518] = b"cached"
    assert image.read_bytes()[512:66048] == want


PARALLEL = """
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
for i in 0 1 2 3; do
  (for round in 1 2 3; do
     dd if=/tmp/a of=$D bs=64k seek=$((i*16)) conv=notrunc,fsync 2>/dev/null
     blockdev --flushbufs $D
     dd if=$D bs=64k skip=$((i*16)) count=16 2>/dev/null | cmp - /tmp/a || echo differs
   done) &
done
wait; sync; md5sum < /tmp/a
"""


@pytest.mark.parametrize("place", ["virtio", "virtio-debug", "adma2", "emmc2"])
def test_four_at_once(place, tmp_path):
    image = image_of(tmp_path, bytes(4 * MIB))
    out = run(place, image, PARALLEL, timeout=240)
    data = image.read_bytes()
    assert out.split() == [hashlib.md5(data[i * MIB:(i + 1) * MIB]).hexdigest() if not i else "-"
                           for i in range(2)]
    assert data == data[:MIB] * 4


def test_disk_larger_than_memory(tmp_path):
    """Clean pages are dropped, dirty ones written, and nothing is killed."""
    data = disks.noise(160 * MIB // disks.SECTOR)
    image = image_of(tmp_path, data)
    script = "md5sum < $D; dd if=/dev/zero of=$D bs=1M count=120 conv=notrunc 2>/dev/null; sync; md5sum < $D"
    script = f"D=/dev/vda\n{script}\ncat /proc/quire/audit"
    done = VIRT.shell(script, options=("--mem", "96M", "--qemu-args", VIRTIO.format(image)), timeout=120)
    data[:120 * MIB] = bytes(120 * MIB)
    want = [hashlib.md5(image.read_bytes()).hexdigest()]
    assert hashlib.md5(data).hexdigest() == want[0]
    assert done.stdout.decode().split()[2::2] == want, done.stderr[-3000:]


def test_card_of_many_blocks(tmp_path):
    """SDHC: addresses are blocks, and the last one is beyond 32 bits of bytes."""
    image = image_of(tmp_path, bytes(512), 8 << 30)
    run("adma2", image, "blockdev --getsize64 $D > /tmp/s; read s < /tmp/s; [ $s = 8589934592 ] || echo size\n"
        "echo there | dd of=$D bs=512 seek=16777215 conv=notrunc 2>/dev/null; sync")
    with open(image, "rb") as file:
        file.seek((8 << 30) - 512)
        assert file.read(6) == b"there\n"


def damaged():
    cases = {"noise": disks.noise(4096), "zeros": bytearray(4096 * 512)}
    cases["one sector"] = disks.noise(1)
    loop = disks.noise(4096)
    disks.mbr(loop, [(5, 64, 4000)])
    disks.put_table(loop, 64, [(0x83, 1, 10), (5, 0, 4000)])
    cases["chain in a ring"] = loop
    outside = disks.noise(4096)
    disks.mbr(outside, [(0x83, 4000, 0xffffffff), (0x83, 0xffffffff, 1), (5, 4095, 0xffffffff)])
    cases["outside"] = outside
    headless = disks.noise(4096)
    disks.gpt(headless, [(64, 99)])
    headless[512 + 80:512 + 88] = b"\xff" * 8
    headless[-512:] = bytes(512)
    cases["gpt of all ones"] = headless
    return cases


@pytest.mark.parametrize("name", damaged())
def test_damaged_tables(name, tmp_path):
    data = damaged()[name]
    out = run("virtio", image_of(tmp_path, data), "md5sum < $D")
    assert out.split()[0] == hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("where", [PI, VERSAL], ids=str)
def test_no_card(where):
    done = where.shell("ls /dev/mmcblk* 2>/dev/null; echo shell", timeout=60)
    assert (done.returncode, done.stdout) == (0, b"shell\n")


def eject(monitor, seconds):
    """Takes the card away while the guest writes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(str(monitor))
            except OSError:
                time.sleep(0.2)
                continue
            time.sleep(4)
            s.sendall(b"eject -f sd0\n")
            time.sleep(1)
            return


REMOVED = """
exec 5< /sys/block/${D#/dev/}/size
while dd if=/dev/zero of=$D bs=64k count=16 conv=notrunc,fsync 2>/dev/null; do :; done
echo ended; dd if=$D bs=512 count=1 of=/dev/null 2>/dev/null || echo gone; sleep 3; ls $D /sys/block/* 2>/dev/null
cat <&5 2>/dev/null || echo unknown; echo shell
"""


@pytest.mark.parametrize("place", ["adma2", "emmc"])
def test_card_removed_while_written(place, tmp_path):
    image = image_of(tmp_path, bytes(4 * MIB))
    monitor = tmp_path / "monitor"
    hand = threading.Thread(target=eject, args=(monitor, 30))
    hand.start()
    out = run(place, image, REMOVED, f"-monitor unix:{monitor},server=on,wait=off")
    hand.join()
    assert out.split() == ["ended", "gone", "unknown", "shell"]


BLKDEBUG = """
[inject-error]
event = "{event}"
errno = "5"
sector = "{sector}"
once = "off"
"""
FAILING = ("-drive if=none,id=d,driver=raw,file.driver=blkdebug,file.config={},file.image.driver=file,"
           "file.image.filename={} -device virtio-blk-device,drive=d")


def test_bad_sector(tmp_path):
    """A sector that cannot be read or written: EIO for it, the rest goes on. (QEMU's card does not
    tell its controller about such errors.)"""
    data = disks.noise(4096)
    image = image_of(tmp_path, data)
    config = tmp_path / "blkdebug"
    config.write_text("".join(BLKDEBUG.format(event=e, sector=2000) for e in ("read_aio", "write_aio")))
    script = """D=/dev/vda
dd if=$D bs=4096 count=200 2>/dev/null | md5sum
dd if=$D bs=4096 skip=250 count=1 2>&1 >/dev/null | grep -o 'Input/output error'
dd if=$D bs=4096 skip=300 count=10 2>/dev/null | md5sum
dd if=/dev/zero of=$D bs=4096 seek=250 count=1 conv=notrunc,fsync 2>&1 | grep -o 'Input/output error'
dd if=/dev/zero of=$D bs=4096 seek=400 count=1 conv=notrunc,fsync 2>/dev/null && echo written
cat /proc/quire/audit"""
    done = VIRT.shell(script, timeout=120, options=("--qemu-args", FAILING.format(config, image)))
    md5 = [hashlib.md5(data[a * 4096:b * 4096]).hexdigest() for a, b in ((0, 200), (300, 310))]
    assert done.stdout.decode().split() == [md5[0], "-", "Input/output", "error", md5[1], "-", "Input/output", "error", "written"], \
        done.stderr[-3000:]
