# SPDX-License-Identifier: MIT
# What the build and the runner must know about this CPU. Plain `NAME := value` lines only, one
# line each: make includes this file and tools/quire reads it.

# The compiler. No LSE atomics: the Raspberry Pi 4's Cortex-A72 is ARMv8.0. x18 is left to the user: entry.S.
TARGET := aarch64-none-elf
ARCH_CFLAGS := -mgeneral-regs-only -march=armv8-a -mno-outline-atomics -ffixed-x18 -fno-pic
# With the MMU off an access that is not aligned faults.
EARLY_CFLAGS := -mstrict-align
EARLY_LIB := lib/fdt.c lib/string.c

# User programs.
USER_TARGET := aarch64-linux-musl
MULTIARCH := aarch64-linux-gnu
USER_CFLAGS := -march=armv8-a
DEB_ARCH := arm64
ELF_MACHINE := 183

# Booting. KERNEL is what QEMU's -kernel gets.
KERNEL := Image
QEMU := qemu-system-aarch64
MACHINE_DEFAULT := virt
QEMU_virt := -M virt -cpu cortex-a72
# A GICv2 knows 8 CPUs; with more, these options join the machine's.
MANY_CPUS_virt := 8 gic-version=3
QEMU_raspi4b := -M raspi4b -global bcm2835-fb.xres=1920 -global bcm2835-fb.yres=1080
QEMU_SINCE_raspi4b := 9.0
# The tree's console is the second serial port.
QEMU_SERIAL_raspi4b := -serial null
QEMU_NOISE_raspi4b := warning: bcm2711 dtc:
MEM_raspi4b := 2G
CPUS_raspi4b := 4
DTB_raspi4b := bcm2711-rpi-4-b.dtb
QEMU_ICOUNT_virt := -M virt -cpu cortex-a72
QEMU_xlnx-versal-virt := -M xlnx-versal-virt
# Two that run us, and two small ones.
CPUS_xlnx-versal-virt := 4
QEMU_NOISE_xlnx-versal-virt := warning: nic cadence_gem
GDB_ARCH := aarch64
