# SPDX-License-Identifier: MIT
# Tests, and what humans type: run, test, test-long, check, bench, debug, setup.

# ---- Host tests (test/host/NAME_test.c) and fuzz targets (test/fuzz/NAME_fuzz.c), see tools/hostmk ----

HOST := $(BUILD)/host
HOST_SRC := $(wildcard test/host/*_test.c test/fuzz/*_fuzz.c)
HOST_FLAGS := -std=gnu23 -g -O1 -DQUIRE_HOST -DDEBUG -iquote . -Itest/host/include -MMD -MP -Wall -Wextra \
	-Wno-unused-parameter -Wno-pass-failed -fno-omit-frame-pointer -fno-strict-aliasing -fno-common
HOST_COMPILE = $(Q)mkdir -p $(@D) && $(CC) $(HOST_FLAGS) \
	-fno-sanitize-recover=all -c -o $@ $<
HOST_LINK = $(Q)$(CC) -o $@ $(filter %.o,$^) -lcmocka -lm -pthread

# Made every time, for a test may have gone, but replaced only when it says something new.
$(HOST)/tests.mk: FORCE
	@mkdir -p $(@D)
	@tools/hostmk $(HOST) $(HOST_SRC) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
ifneq ($(filter test test-long check-host host-tests $(HOST)/%,$(MAKECMDGOALS)),)
include $(HOST)/tests.mk
endif

.PHONY: host-tests check-host
host-tests: $(HOST_BIN)

# ---- For humans ----

RUN = tools/quire --arch $(ARCH) --machine $(MACHINE) --cpus $(CPUS) --mem $(MEM) \
	$(if $(filter 1,$(DEBUG)),--debug) $(if $(APPEND),--append '$(APPEND)') --no-build
PYTHON = $(shell $(SETUP) --python)

.PHONY: run debug test test-long model fuzz mutants check bench profile setup help
run: kernel image
	$(Q)$(SETUP) --quiet run $(if $(QEMU_SINCE_$(MACHINE)),$(MACHINE))
	@$(RUN)

debug: kernel image
	$(Q)$(SETUP) --quiet run debug $(if $(QEMU_SINCE_$(MACHINE)),$(MACHINE))
	@echo '  QEMU waits for: gdb-multiarch -ex "set architecture $(GDB_ARCH)" \'
	@echo '      -ex "target remote :1234" $(OUT)/quire.elf'
	@$(RUN) --gdb

test:
	$(Q)$(SETUP) --quiet build run test
	@tools/test $(TESTS)

# The same with a hundred thousand forks, and what else takes its time.
test-long:
	$(Q)$(SETUP) --quiet build run test
	@QUIRE_TEST_LONG=1 tools/test $(TESTS)

# Random histories of mm/ on a software machine: fast, and as many as wanted. And whether they find mistakes made on purpose.
model:
	@tools/model $(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--first-seed $(SEED))

# Inputs that nobody thought of, to what reads bytes from outside (test/fuzz); the longer, the more.
fuzz:
	$(Q)$(SETUP) --quiet build test
	@tools/fuzz $(if $(TIME),--time $(TIME)) $(TARGET)

mutants:
	@tools/mutants $(MUTANTS)

check:
	@tools/check

bench:
	$(Q)$(SETUP) --quiet build run
	@tools/bench $(if $(findstring command,$(origin ARCH)),--arch $(ARCH)) $(BENCH) $(ROWS)

profile:
	$(Q)$(SETUP) --quiet build run debug
	@tools/profile --arch $(ARCH) $(ROWS)

setup:
	@tools/setup

help:
	@echo 'make [ARCH=arm64|x86_64] [MACHINE=virt|raspi4b|q35] [CPUS=n] [MEM=size] [DEBUG=1] [V=1] GOAL'
	@echo
	@echo '  CPUS is 1 to 16, MEM at least 32M; q35 needs ARCH=x86_64, the others arm64. V=1 shows the commands.'
	@echo "  APPEND='WORDS' are boot options for run and debug: boot/options.h lists them."
	@echo
	@echo '  run      boot to a shell on this terminal'
	@echo '  test     run all tests; TESTS="-k fork" passes options to pytest (all is built first, on both CPUs)'
	@echo '  test-long  the same, with what takes an hour'
	@echo '  model    run the model of mm/ for long; STEPS=100000000 SEED=n'
	@echo '  fuzz     run the fuzzers; TIME=3600 (seconds each) TARGET=elf'
	@echo '  mutants  see whether the model finds mistakes made on purpose; MUTANTS="NAME..." only these'
	@echo '  check    examine the sources: layers, sizes, licence'
	@echo '  bench    measure common operations beside Linux; ROWS=fork only these, BENCH=--instructions no time'
	@echo '  profile  the instructions of one operation by function; ROWS=mprotect_1p'
	@echo '  debug    boot and wait for gdb'
	@echo '  iso      a CD image that GRUB boots (ARCH=x86_64)'
	@echo '  sdcard   build/quire-rpi4.img, a card for a Raspberry Pi 4; FIRMWARE=DIR if not the package'"'"'s'
	@echo '  setup    check the tools and install what is missing'
	@echo '  clean    remove what was built'
