# SPDX-License-Identifier: MIT
# What `make check` does; each step is a target of its own.

CHECK_C   := $(sort $(shell find $(wildcard $(ROOMS)) tests -name '*.[ch]'))
TIDY_HOST := $(wildcard tests/host/*.c tests/linux/*.c)
TIDY_32   := $(wildcard guest/builtin/lib/32/*.c tests/guests/*32/*.c)
TIDY_64   := $(filter-out $(TIDY_32),$(filter guest/builtin/% tests/guests/%,$(filter %.c,$(CHECK_C))))
TIDY_BARE := $(filter-out $(TIDY_HOST) $(TIDY_32) $(TIDY_64),$(filter %.c,$(CHECK_C)))

# $(call tidy,files,flags): clang-tidy on a few files at a time; its chatter is shown on failure.
tidy = @printf '%s\n' $(1) | xargs -r -P $(JOBS) -n 4 sh -c \
	'clang-tidy --quiet "$$@" -- $(2) 2>$(O)/tidy.$$$$ || { cat $(O)/tidy.$$$$; exit 1; }' -

# $(call layer,rooms): linked by themselves, they lack no name but the linker script's.
layer = @ld -r -o $(O)/layer.o $(foreach r,$(1),$(filter $(O)/$(r)/%,$(OBJS))) $(O)/symbols.o \
		2>$(O)/layer.txt || { cat $(O)/layer.txt; exit 1; }; \
	! nm -u $(O)/layer.o | grep -v ' U _[a-z]*_\(start\|end\)$$' || \
	{ echo 'check: not found in $(1): these come from above'; exit 1; }

# The files of mm/shadow, low to high: none uses a later one.
SHADOW := spte.h bounds.h mmu.h types.h ranges tables.h lists recycle tables flush soft \
	  wp0.h entry.h entry direct protect mirror lives.h lives sync settle.h settle init translate \
	  shortcut root invlpg fault wp0 write audit.h audit_lists audit_frames audit_entry audit

.PHONY: check-layers check-format check-gcc check-clang check-tidy check-cppcheck check-python check-generated

check: check-layers check-format check-generated check-python check-gcc check-clang check-cppcheck check-tidy
	@echo 'check: all passed'

# A room uses those below it alone; vmx/ and svm/ stand beside each other.
check-layers: all
	$(call layer,arch)
	$(call layer,arch mm/phys)
	$(call layer,arch mm/phys mm/guest)
	$(call layer,arch mm/phys mm/nested)
	$(call layer,arch mm/phys mm/guest mm/shadow)
	@$(PYTHON) tools/check-order mm/shadow $(O)/mm/shadow $(SHADOW) -- $(O)/symbols.o \
		$(filter $(O)/arch/% $(O)/mm/phys/% $(O)/mm/guest/%,$(OBJS))
	$(call layer,arch mm)
	$(call layer,arch mm guest)
	$(call layer,arch mm guest vmx)
	$(call layer,arch mm guest svm)

check-format: | test-deps
	@clang-format --dry-run -Werror $(CHECK_C)

# Whole builds, in folders of their own; what the image takes in comes from the ordinary one. The
# branches are those that each compiler makes.
check-gcc check-clang: check-%: all
	@$(MAKE) --no-print-directory -s CC=$* O=$(O)/check-$* all guests linux-programs >/dev/null
	@$(PYTHON) tools/check-branches $(O)/check-$*/notrap.debug.elf

check-tidy: | test-deps
	$(call tidy,$(TIDY_BARE),$(CFLAGS))
	$(call tidy,$(TIDY_32),$(GUEST_CFLAGS) $(GUEST_CFLAGS_32))
	$(call tidy,$(TIDY_64),$(GUEST_CFLAGS) $(GUEST_CFLAGS_64))
	$(call tidy,$(TIDY_HOST),-std=gnu17 -I. -D_GNU_SOURCE)

check-cppcheck: | test-deps
	@cppcheck -q -j $(JOBS) --enable=warning,performance,portability --error-exitcode=1 \
		--inline-suppr --std=c11 --platform=unix64 --suppressions-list=tools/cppcheck.txt \
		-I. $(filter %.c,$(CHECK_C))

check-python: | test-deps
	@$(PYTHON) tools/check-python tests/emu/*.py tools/mksyms tools/readme tools/host-tests \
		tools/check-branches tools/check-order

# The README's table of counters comes from mm/counters.def.
check-generated: | test-deps
	@$(PYTHON) tools/readme --check
