# SPDX-License-Identifier: MIT
# User programs: each file is one static Linux program, built with musl; init has a folder. The C library comes from
# the distribution's packages, unpacked under build/sysroot, and nothing of the host's is used.

SYSROOT := $(BUILD)/sysroot/$(ARCH)
SYSROOT_PACKAGES := musl-dev linux-libc-dev busybox-static '/libgcc-\d+-dev/'
USER_SRC := $(wildcard user/test/*.c user/bench/*.c user/helper/*.c user/fuzz/*.c)
USER_BIN := $(BASE)/init/init $(patsubst %.c,$(BASE)/%,$(USER_SRC))
INIT_OBJ := $(patsubst user/%.c,$(BASE)/%.o,$(wildcard user/init/*.c))
MUSL_LIB := $(SYSROOT)/usr/lib/$(USER_TARGET)

UFLAGS := --target=$(USER_TARGET) $(USER_CFLAGS) -std=gnu23 -O2 -g -static -fno-pie \
	-fno-stack-protector -fno-asynchronous-unwind-tables -Wall -Wextra -Wno-unused-parameter \
	-nostdlibinc -isystem $(SYSROOT)/usr/include/$(USER_TARGET) \
	-idirafter $(SYSROOT)/usr/include/$(MULTIARCH) -idirafter $(SYSROOT)/usr/include \
	-D_GNU_SOURCE= -iquote . -MMD -MP

.PHONY: user sysroot
user: $(USER_BIN)
sysroot: $(SYSROOT)/.done

$(SYSROOT)/.done: | $(BUILD)/.tools
	$(Q)rm -rf $(SYSROOT)
	$(Q)tools/sysroot $(DEB_ARCH) $(SYSROOT) $(SYSROOT_PACKAGES)
	@touch $@

# $(call LINK_STATIC,OBJECTS): a static program with musl.
LINK_STATIC = $(LD) -static -nostdlib -z noexecstack -o $@ $(MUSL_LIB)/crt1.o $(MUSL_LIB)/crti.o $1 \
	--start-group $(MUSL_LIB)/libc.a \
	$(wildcard $(SYSROOT)/usr/lib/gcc/$(MULTIARCH)/*/libgcc.a) --end-group $(MUSL_LIB)/crtn.o

$(BASE)/user/%: user/%.c $(SYSROOT)/.done
	$(call SAY,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -MF $@.d -MT $@ -c -o $@.o $<
	$(Q)$(call LINK_STATIC,$@.o)

$(INIT_OBJ): $(BASE)/init/%.o: user/init/%.c $(SYSROOT)/.done
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -c -o $@ $<

$(BASE)/init/init: $(INIT_OBJ)
	$(call SAY,USER,$@)
	$(Q)$(call LINK_STATIC,$^)

-include $(wildcard $(USER_BIN:=.d) $(INIT_OBJ:.o=.d))

# Programs that musl's loader links when they start (test/world). The library comes from the
# distribution's package and is not here: an empty one of its name stands in when we link.
DYNAMIC := $(BASE)/user/dynamic/hello $(BASE)/user/dynamic/front.so
MUSL_LOADER = /lib/ld-musl-$(firstword $(subst -, ,$(USER_TARGET))).so.1

.PRECIOUS: $(BASE)/user/dynamic/%.o
.PHONY: dynamic
dynamic: $(DYNAMIC)

$(BASE)/user/dynamic/%.o: user/dynamic/%.c $(SYSROOT)/.done
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -static -fno-pie,$(UFLAGS)) -fPIC -MF $@.d -c -o $@ $<

$(BASE)/user/dynamic/libc.so: $(BASE)/user/dynamic/front.o
	$(Q)$(LD) -shared -soname libc.so -o $@ $<

$(BASE)/user/dynamic/hello: $(BASE)/user/dynamic/hello.o $(BASE)/user/dynamic/libc.so
	$(Q)$(LD) -pie --dynamic-linker $(MUSL_LOADER) -z noexecstack -z relro -z lazy -o $@ \
		--allow-shlib-undefined --unresolved-symbols=ignore-all $(MUSL_LIB)/Scrt1.o \
		$(MUSL_LIB)/crti.o $^ $(MUSL_LIB)/crtn.o

$(BASE)/user/dynamic/%.so: $(BASE)/user/dynamic/%.o
	$(Q)$(LD) -shared -z noexecstack -o $@ $< $(filter %/libc.so,$^)

$(BASE)/user/dynamic/front.so: $(BASE)/user/dynamic/libc.so
