# SPDX-License-Identifier: MIT
# The initial file system, and the CD image that GRUB boots.

INITRAMFS := $(BASE)/initramfs.cpio
ISO := $(OUT)/quire.iso

.PHONY: image iso
image: $(INITRAMFS)

$(INITRAMFS): $(BASE)/user/list $(USER_BIN) $(SYSROOT)/.done tools/mkimage tools/cpio.py $(wildcard user/etc/*)
	$(call SAY,IMAGE,$@)
	$(Q)tools/mkimage $@ --busybox $(SYSROOT)/bin/busybox --etc user/etc \
		--add $(BASE)/user/init:/sbin/init \
		$(foreach p,$(filter $(BASE)/user/test/%,$(USER_BIN)),--add $p:/test/$(notdir $p)) \
		$(foreach p,$(filter $(BASE)/user/helper/%,$(USER_BIN)),--add $p:/test/helper/$(notdir $p)) \
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
