# SPDX-License-Identifier: MIT
# What `make check` does; each step is a target of its own.

CHECK_C   := $(sort $(shell find $(wildcard $(ROOMS)) tests -name '*.[ch]'))
TIDY_HOST := $(wildcard tests/host/*.c tests/host/*/*.c tests/linux/*.c tests/kvm/*.c tests/profile/*.c)
TIDY_32   := $(wildcard guest/builtin/lib/32/*.c tests/guests/*32/*.c)
TIDY_64   := $(filter-out $(TIDY_32),$(filter guest/builtin/% tests/guests/%,$(filter %.c,$(CHECK_C))))
TIDY_BARE := $(filter-out $(TIDY_HOST) $(TIDY_32) $(TIDY_64),$(filter %.c,$(CHECK_C)))

# How many states of a function clang's analyzer looks at: a quarter of what it would by itself, which
# takes four times as long; make soak gives it these.
TIDY_NODES ?= 56000

# $(call tidy,files,flags): clang-tidy on a few files at a time; its chatter is shown on failure.
tidy = @printf '%s\n' $(1) | xargs -r -P $(JOBS) -n 4 sh -c \
	'clang-tidy --quiet "$$@" -- $(2) -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>$(O)/tidy.$$$$ || { cat $(O)/tidy.$$$$; exit 1; }; rm $(O)/tidy.$$$$' -

# $(call layer,rooms): each room uses those before it alone. guest/: without the rooms in it.
layer = @$(PYTHON) tools/check-layer $(O) $(1)

# The files of mm/shadow, low to high: none uses a later one.
SHADOW := spte.h bounds.h mmu.h types.h ranges tables.h lists recycle tables flood flush reach \
	  wp0.h entry.h leaf.h entry direct protect lines.h clear mirror.h mirror pass.h pass fill lives.h lives sync linger dying settle.h filter settle \
	  init translate ahead soften shortcut.h shortcut memo.h memo eager root invlpg fault wp0 write straight.h mend straight audit.h audit_lists audit_frames audit_mirror \
	  audit_memo audit_entry audit

.PHONY: check-layers check-format check-gcc check-clang check-tidy check-cppcheck check-python \
	check-generated check-docs check-fuzzers

check: check-layers check-format check-generated check-docs check-python check-gcc check-clang check-fuzzers \
	check-cppcheck check-tidy
	@echo 'check: all passed'

# Low to high; vmx/ and svm/ stand beside each other, and so do mm/nested and mm/shadow.
check-layers: all
	$(call layer,arch guest/insn mm/ $(addprefix mm/,phys guest nested shadow) guest/ \
		$(addprefix guest/,firmware machine iommu cpus chipset vcpu exit load start) vmx)
	$(call layer,arch mm/ $(addprefix mm/,phys guest shadow))
	@$(PYTHON) tools/check-order mm/shadow $(O)/mm/shadow $(SHADOW) -- $(O)/symbols.o \
		$(filter $(O)/arch/% $(O)/mm/phys/% $(O)/mm/guest/%,$(OBJS))
	$(call layer,arch mm guest svm)

check-format: | test-deps
	@clang-format --dry-run -Werror $(CHECK_C)

# Whole builds, in folders of their own; what the image takes in comes from the ordinary one. The
# branches are those that each compiler makes.
check-gcc check-clang: check-%: all
	@$(MAKE) --no-print-directory -s -j $(JOBS) CC=$* O=$(O)/check-$* all guests linux-programs >/dev/null
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
		tools/check-branches tools/check-layer tools/check-order tools/check-docs tools/figure

# The documents' tables and figures come from mm/counters.def, docs/measurements.md, docs/figures/*.dot.
check-generated: | test-deps
	@$(PYTHON) tools/readme --check
	@$(PYTHON) tools/figure --check $(FIGURES)

# What the documents name is there.
check-docs:
	@$(PYTHON) tools/check-docs README.md CAVEATS.md $(wildcard docs/*.md)

# They build, and get through a few inputs.
check-fuzzers: $(FUZZERS:fuzz-%=$(O)/host/fuzz_%)
	@for fuzzer in $^; do $$fuzzer -runs=100 >$(O)/fuzzer.txt 2>&1 || { cat $(O)/fuzzer.txt; exit 1; }; done
