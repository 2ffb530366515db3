# SPDX-License-Identifier: MIT
# How guest kernels are built: the built-in ones here, the tests' own in tests/guests/guests.mk.
#
# $(eval $(call guest_kernel,FOLDER/NAME)) builds $(O)/FOLDER/NAME.elf from FOLDER/NAME/*.c and
# *.asm and the runtime in guest/builtin/lib. It is an ELF32 file with 64-bit code, which every
# multiboot loader takes; NAME.elf64 beside it has the symbols.

O ?= build
GUEST_CFLAGS := -std=gnu17 -m64 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mcmodel=small \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-common -fno-strict-aliasing -fcf-protection=none -Wall -Wextra -Werror \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla
GUEST_LIB := guest/builtin/lib

guest_objects = $(patsubst %,$(O)/%.guest.o,$(wildcard $(1)/*.c $(1)/*.asm))

define guest_kernel
$(O)/$(1).elf64: $(GUEST_LIB)/guest.ld $(call guest_objects,$(GUEST_LIB)) $(call guest_objects,$(1))
	@ld -m elf_x86_64 -nostdlib -static -z max-page-size=4096 -z noexecstack \
		--no-warn-rwx-segments --build-id=none -T $(GUEST_LIB)/guest.ld -o $$@ \
		$$(filter %.o,$$^)
$(O)/$(1).elf: $(O)/$(1).elf64
	@objcopy -S -O elf32-i386 $$< $$@
	@echo '  GUEST   $$@'
endef

$(O)/%.c.guest.o: %.c $(O)/.flags | $(O)/.deps-run
	@mkdir -p $(@D)
	@$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.asm.guest.o: %.asm | $(O)/.deps-run
	@mkdir -p $(@D)
	@nasm -f elf64 -g -F dwarf -I ./ -w+error -MD $(@:.o=.d) -MT $@ -o $@ $<

$(eval $(call guest_kernel,guest/builtin/bench))

# guest/builtin_guests.asm takes these files in.
$(O)/guest/builtin_guests.asm.o: $(O)/guest/builtin/bench.elf

-include $(wildcard $(O)/guest/builtin/*/*.guest.d)
