# SPDX-License-Identifier: MIT
# How guest kernels are built: the built-in ones here, the tests' own in tests/guests/guests.mk.
#
# $(eval $(call guest_kernel,FOLDER/NAME,BITS)) builds $(O)/FOLDER/NAME.elf from
# FOLDER/NAME/*.c and *.asm and the runtime in guest/builtin/lib, as a kernel of 32 or 64 bits.
# It is an ELF32 file in either case, which every multiboot loader takes; NAME.sym beside it has
# the symbols.

O ?= build
GUEST_CFLAGS := -std=gnu17 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-common -fno-strict-aliasing \
	-fcf-protection=none -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wvla
GUEST_CFLAGS_32 := -m32 -march=i686
GUEST_CFLAGS_64 := -m64 -mcmodel=small -mno-red-zone
GUEST_LD_32 := elf_i386
GUEST_LD_64 := elf_x86_64
GUEST_LIB := guest/builtin/lib

guest_sources = $(wildcard $(1)/*.c $(1)/*.asm)
guest_objects = $(patsubst %,$(O)/%.guest$(2).o,$(call guest_sources,$(1)))

define guest_kernel
$(O)/$(1).sym: $(GUEST_LIB)/guest.ld $(call guest_objects,$(GUEST_LIB),$(2)) \
		$(call guest_objects,$(GUEST_LIB)/$(2),$(2)) $(call guest_objects,$(1),$(2))
	@ld -m $(GUEST_LD_$(2)) -nostdlib -static -z max-page-size=4096 -z noexecstack \
		--no-warn-rwx-segments --build-id=none -T $(GUEST_LIB)/guest.ld -o $$@ \
		$$(filter %.o,$$^)
$(O)/$(1).elf: $(O)/$(1).sym
	@objcopy -S -O elf32-i386 $$< $$@
	@echo '  GUEST   $$@'
endef

define guest_compile
$(O)/%.c.guest$(1).o: %.c $(O)/.flags | $(O)/.deps-run
	@mkdir -p $$(@D)
	@$$(CC) $(GUEST_CFLAGS) $(GUEST_CFLAGS_$(1)) -MMD -MP -c -o $$@ $$<
$(O)/%.asm.guest$(1).o: %.asm | $(O)/.deps-run
	@mkdir -p $$(@D)
	@nasm -f elf$(1) -g -F dwarf -I ./ -w+error -MD $$(@:.o=.d) -MT $$@ -o $$@ $$<
endef
$(eval $(call guest_compile,32))
$(eval $(call guest_compile,64))

$(eval $(call guest_kernel,guest/builtin/bench,64))

# guest/builtin_guests.asm takes these files in.
$(O)/guest/builtin_guests.asm.o: $(O)/guest/builtin/bench.elf

-include $(wildcard $(O)/guest/builtin/*/*.d $(O)/guest/builtin/lib/*/*.d)
