# SPDX-License-Identifier: MIT
# The initial file system, the CD image that GRUB boots, the SD card of the Raspberry Pi 4.

INITRAMFS := $(BASE)/initramfs.cpio
ISO := $(OUT)/quire.iso

.PHONY: image iso
image: $(INITRAMFS)

$(INITRAMFS): $(BASE)/user/list $(USER_BIN) $(SYSROOT)/.done tools/mkimage tools/cpio.py $(wildcard user/etc/*)
	$(call SAY,IMAGE,$@)
	$(Q)tools/mkimage $@ --busybox $(SYSROOT)/bin/busybox --etc user/etc \
		--add $(BASE)/init/init:/sbin/init \
		$(foreach p,$(filter $(BASE)/user/test/%,$(USER_BIN)),--add $p:/test/$(notdir $p)) \
		$(foreach p,$(filter $(BASE)/user/helper/%,$(USER_BIN)),--add $p:/test/helper/$(notdir $p)) \
		$(foreach p,$(filter $(BASE)/user/fuzz/%,$(USER_BIN)),--add $p:/test/fuzz/$(notdir $p)) \
		$(foreach p,$(filter $(BASE)/user/bench/%,$(USER_BIN)),--add $p:/bin/$(notdir $p))

# A program that is gone must go from the image too.
$(BASE)/user/list: FORCE
	@mkdir -p $(@D); echo '$(USER_BIN)' | cmp -s - $@ || echo '$(USER_BIN)' > $@

# GRUB counts on Multiboot2: an architecture says in arch.mk whether it has that.
ifeq ($(MULTIBOOT),yes)
iso: $(ISO)
else
iso:
	@echo 'make iso: needs ARCH=x86_64 (a PC with GRUB)'; false
endif

$(ISO): $(OUT)/quire.elf $(INITRAMFS) tools/mkiso
	$(Q)$(SETUP) --quiet iso
	$(call SAY,ISO,$@)
	$(Q)tools/mkiso $@ $(OUT)/quire.elf $(INITRAMFS)

# The Raspberry Pi 4's firmware is the distribution's package, or a folder of the user's: make sdcard FIRMWARE=DIR
SDCARD := $(BUILD)/quire-rpi4.img
FIRMWARE ?= $(BUILD)/firmware
DTB_FILE := $(BUILD)/dtb/bcm2711-rpi-4-b.dtb

.PHONY: sdcard
ifeq ($(ARCH),arm64)
sdcard: $(SDCARD)
else
sdcard:
	@echo 'make sdcard: needs ARCH=arm64 (a Raspberry Pi 4)'; false
endif

$(SDCARD): $(OUT)/$(KERNEL) $(INITRAMFS) tools/mksd | $(DTB_FILE) $(filter $(BUILD)/firmware/%,$(FIRMWARE)/start4.elf)
	$(call SAY,SDCARD,$@)
	$(Q)tools/mksd $@ --kernel $(OUT)/$(KERNEL) --initrd $(INITRAMFS) --dtb $(DTB_FILE) --firmware $(FIRMWARE)

$(DTB_FILE):
	$(Q)$(SETUP) --quiet raspi4b

$(BUILD)/firmware/start4.elf:
	$(Q)tools/sysroot --only '*/raspi-firmware/*' --component non-free-firmware arm64 $(@D) raspi-firmware || \
		{ echo 'make sdcard: name a folder that has start4.elf and fixup4.dat: make sdcard FIRMWARE=DIR'; false; }
