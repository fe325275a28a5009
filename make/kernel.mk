# SPDX-License-Identifier: MIT
# The kernel: every source file of its folders, one link, and a second one with the symbol table
# that backtraces print.

KERNEL_DIRS := boot mm proc fs sys dev lib
KERNEL_SRC := $(sort $(foreach d,$(KERNEL_DIRS),$(wildcard $d/*.c $d/*/*.c)) \
		$(wildcard arch/*.c arch/$(ARCH)/*.c arch/$(ARCH)/*.S))
KERNEL_OBJ := $(addprefix $(OUT)/,$(addsuffix .o,$(basename $(KERNEL_SRC))))
# The console's font: a package's file, made part of the image.
FONT := Uni2-Terminus16.psf
KERNEL_OBJ += $(OUT)/font-data.o
# Code that runs before the MMU is on, with its own copies of what it needs of lib/: one object that shows early_* only.
EARLY_SRC := $(wildcard arch/$(ARCH)/early/*.c)
EARLY_OBJ := $(if $(EARLY_SRC),$(OUT)/early-all.o)
EARLY_PARTS := $(addprefix $(OUT)/early/,$(addsuffix .o,$(basename $(EARLY_SRC) $(EARLY_LIB))))
KERNEL_OBJ += $(EARLY_OBJ)
KERNEL_LD := arch/$(ARCH)/kernel.ld

KFLAGS := --target=$(TARGET) $(ARCH_CFLAGS) -ffreestanding -g -I. -Iarch/$(ARCH) -MMD -MP
KCFLAGS := $(KFLAGS) -std=gnu23 -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-fno-omit-frame-pointer -fno-stack-protector -fno-asynchronous-unwind-tables \
	-Wall -Wextra -Werror -Wmissing-prototypes -Wvla -Wno-unused-parameter
ifeq ($(DEBUG),1)
KFLAGS += -DDEBUG
KCFLAGS += -DDEBUG -O1 -fsanitize=undefined -fsanitize-trap=undefined
else
KCFLAGS += -O2
endif

.PHONY: kernel
kernel: $(OUT)/$(KERNEL)

$(BUILD)/.tools: tools/setup
	$(Q)$(SETUP) --quiet build
	@mkdir -p $(@D) && touch $@

$(OUT)/%.o: %.c | $(BUILD)/.tools
	$(call SAY,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KCFLAGS) -MJ $@.json -c -o $@ $<

$(OUT)/early/%.o: %.c | $(BUILD)/.tools
	$(call SAY,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KCFLAGS) $(EARLY_CFLAGS) -c -o $@ $<

$(OUT)/early-all.o: $(EARLY_PARTS)
	$(Q)$(LD) -r -o $@ $^
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='early_*' $@

$(OUT)/%.o: %.S | $(BUILD)/.tools
	$(call SAY,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLER__ -c -o $@ $<

$(BUILD)/font/$(FONT): | $(BUILD)/.tools
	$(Q)tools/sysroot --only '*/$(FONT).gz' $(DEB_ARCH) $(@D) console-setup-linux
	$(Q)gzip -dkf $@.gz

$(OUT)/font-data.S: $(BUILD)/font/$(FONT)
	@mkdir -p $(@D)
	$(Q)printf '%s\n' '.section .rodata' '.globl font_psf, font_psf_end' 'font_psf: .incbin "$<"' \
		'font_psf_end:' > $@

$(OUT)/font-data.o: $(OUT)/font-data.S
	$(Q)$(CC) --target=$(TARGET) -c -o $@ $<

# Two links. The first has an empty symbol table; the table made from it lies last in the image,
# so that the second moves no function (tools/ksyms --check makes sure).
LINK = $(LD) -nostdlib -static --fatal-warnings -z max-page-size=4096 -z noexecstack \
	--build-id=none -T $(KERNEL_LD)

$(OUT)/ksyms-none.S: tools/ksyms
	@mkdir -p $(@D)
	$(Q)tools/ksyms < /dev/null > $@

$(OUT)/ksyms.S: $(OUT)/quire-1.elf tools/ksyms
	$(Q)$(NM) -n $< | tools/ksyms > $@

$(OUT)/ksyms%.o: $(OUT)/ksyms%.S
	$(Q)$(CC) --target=$(TARGET) -c -o $@ $<

$(OUT)/ksyms.o: $(OUT)/ksyms.S
	$(Q)$(CC) --target=$(TARGET) -c -o $@ $<

$(OUT)/quire-1.elf: $(KERNEL_OBJ) $(OUT)/ksyms-none.o $(KERNEL_LD)
	$(call SAY,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^)

$(OUT)/quire.elf: $(KERNEL_OBJ) $(OUT)/ksyms.o $(KERNEL_LD)
	$(call SAY,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^)
	$(Q)$(NM) -n $@ | tools/ksyms --check $(OUT)/ksyms.S

$(OUT)/Image: $(OUT)/quire.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# A source that is gone must relink: the list of objects is a file that changes with it.
$(OUT)/quire-1.elf $(OUT)/quire.elf: $(OUT)/objects
$(OUT)/objects: FORCE
	@mkdir -p $(@D); echo '$(KERNEL_OBJ)' | cmp -s - $@ || echo '$(KERNEL_OBJ)' > $@
.PHONY: FORCE
FORCE:

.PHONY: compile_commands.json
compile_commands.json: $(KERNEL_OBJ)
	$(Q)(echo '['; cat $(wildcard $(KERNEL_OBJ:=.json)) | sed '$$s/,$$//'; echo ']') > $@

-include $(wildcard $(KERNEL_OBJ:.o=.d) $(EARLY_PARTS:.o=.d))
