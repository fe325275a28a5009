# SPDX-License-Identifier: MIT
# Quire's build. `make help` lists what there is to do; `make run` boots to a shell.
#
#   ARCH=arm64|x86_64  MACHINE=virt|raspi4b|q35  CPUS=n  MEM=size  DEBUG=1
#
# Output goes to build/$(ARCH), or build/$(ARCH)-debug with DEBUG=1 (BUILD= names another place). All that depends on the CPU
# stands in arch/$(ARCH)/arch.mk. A single object is a target too: make build/arm64/mm/page.o

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

BUILD ?= build

# ARCH and DEBUG follow from the goal when it names a file in build/.
ARCHES := $(sort $(patsubst arch/%/arch.mk,%,$(wildcard arch/*/arch.mk)))
GOALS_OF = $(filter $(BUILD)/$1/% $(BUILD)/$1-debug/%,$(MAKECMDGOALS))
ARCH ?= $(or $(firstword $(foreach a,$(ARCHES),$(if $(call GOALS_OF,$a),$a))),arm64)
DEBUG ?= $(if $(filter $(BUILD)/$(ARCH)-debug/%,$(MAKECMDGOALS)),1)
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH) is not one of: $(ARCHES))
endif
include arch/$(ARCH)/arch.mk

MACHINE ?= $(MACHINE_DEFAULT)
COMMA := ,
MACHINES = $(shell sed -n 's/^QEMU_\([a-z][^ ]*\) :=.*/\1/p' arch/$1/arch.mk)
ifneq ($(filter run debug,$(MAKECMDGOALS)),)
ifeq ($(filter $(firstword $(subst $(COMMA), ,$(MACHINE))),$(call MACHINES,$(ARCH))),)
$(error MACHINE=$(MACHINE): there are $(foreach a,$(ARCHES),$(call MACHINES,$a) (ARCH=$a)))
endif
endif
CPUS ?= 1
MEM ?= 1G
BASE := $(BUILD)/$(ARCH)
ifneq ($(filter-out 0 1,$(DEBUG)),)
$(error DEBUG=$(DEBUG): expected 1, or nothing)
endif
OUT := $(BASE)$(if $(filter 1,$(DEBUG)),-debug)

# V=1 shows the commands.
Q := $(if $(V),,@)
SAY = $(if $(V)$(QUIET),,@printf '  %-7s %s\n' '$1' '$2')

# Looked for when a command runs, not before: set-up may only just have installed it.
LLVM ?= $(if $(shell command -v clang-19),-19)
CC = clang$(LLVM)
LD = ld.lld$(LLVM)
NM = llvm-nm$(LLVM)
OBJCOPY = llvm-objcopy$(LLVM)
SETUP := tools/setup

include make/kernel.mk
-include make/user.mk make/image.mk make/test.mk

.PHONY: all clean
all: kernel image

clean:
	rm -rf $(addprefix $(BUILD)/,$(foreach a,$(ARCHES),$a $a-debug) host)
