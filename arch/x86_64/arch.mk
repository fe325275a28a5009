# SPDX-License-Identifier: MIT
# What the build and the runner must know about this CPU. Plain `NAME := value` lines only, one
# line each: make includes this file and tools/quire reads it.

# The compiler. No SIMD in the kernel: those registers belong to the user.
TARGET := x86_64-none-elf
ARCH_CFLAGS := -momit-leaf-frame-pointer -mno-red-zone -mcmodel=kernel -mno-sse -mno-mmx -mno-80387 -fno-pic -fcf-protection=none

# User programs.
USER_TARGET := x86_64-linux-musl
MULTIARCH := x86_64-linux-gnu
USER_CFLAGS := -march=x86-64
DEB_ARCH := amd64
ELF_MACHINE := 62

# Booting. KERNEL is what QEMU's -kernel gets (PVH). Under -icount `rep stosb` would count once for
# each byte, so the string features that make memset choose it are hidden.
KERNEL := quire.elf
QEMU := qemu-system-x86_64
MACHINE_DEFAULT := q35
QEMU_q35 := -M q35 -cpu max
QEMU_ICOUNT_q35 := -M q35 -cpu max,-erms,-fsrm
MULTIBOOT := yes
GDB_ARCH := i386:x86-64
