# SPDX-License-Identifier: MIT
# Host tests: tests/host/test_NAME.c becomes the program build/host/test_NAME, which `make test-host`
# runs. Fuzzers: `make fuzz-NAME` builds tests/host/fuzz_NAME.c and runs it FUZZ_SECONDS.
#
# A test with sources or libraries beside its own file says so here:
#   src_NAME := ...    libs_NAME := ...

FUZZ_SECONDS ?= 300

fake_console  := tests/host/fake/console.c
fake          := $(fake_console) tests/host/fake/ram.c

src_chipset   := guest/chipset/pci_guard.c guest/chipset/power_effect.c
boot_sources  := $(fake) tests/host/boot_memory.c boot/parse.c guest/firmware/acpi.c guest/firmware/rsdp.c mm/phys/memmap.c
src_multiboot1 := $(boot_sources) boot/multiboot1.c
src_multiboot2 := $(boot_sources) boot/multiboot2.c boot/efi_map.c
src_cpuid     := $(fake_console) guest/machine/report.c
src_console   := arch/format.c arch/screen.c
src_format    := arch/format.c
src_insn      := tests/host/insn_oracle.c $(wildcard guest/insn/*.c)
libs_insn     := -lZydis
src_insn_run  := $(wildcard guest/insn/*.c)
src_insn_system := $(wildcard guest/insn/*.c)
src_ipi       := $(fake) tests/host/fake/io_apic.c
src_rsdp      := $(fake) guest/firmware/acpi.c guest/firmware/rsdp.c mm/phys/memmap.c
src_svm_caps  := $(fake_console) svm/caps.c svm/exit_names.c
src_vmx_caps  := $(fake_console) vmx/caps.c vmx/exit_names.c
mmu_sources   := $(fake) tests/host/ref_walk.c tests/host/guest_tlb.c tests/host/tlb_model.c \
		 tests/host/sim_mem.c tests/host/sim.c tests/host/sim_access.c tests/host/sim_setup.c tests/host/straight.c tests/host/sim_changes.c tests/host/ref_reach.c tests/host/random_guest.c \
		 tests/host/random_config.c tests/host/random_pressure.c tests/host/random_device.c tests/host/random_large.c \
		 tests/host/random_table.c tests/host/random_cow.c tests/host/random_space.c tests/host/random_turn.c \
		 tests/host/random_protect.c tests/host/random_around.c tests/host/random_window.c tests/host/random_modes.c tests/host/random_entry.c \
		 $(filter-out mm/phys/map.c mm/nested/nested.c,$(wildcard mm/*/*.c))
$(foreach idea,idea rights keys large write turn linger flush sync resync formats 5level pool filter straight soft work,$(eval \
	src_mmu_$(idea) := $(mmu_sources) tests/host/mmu_guest.c))
src_mmu       := $(mmu_sources)
src_mmu_switch := $(mmu_sources)
src_mmu_space := $(mmu_sources)
src_mmu_random := $(mmu_sources)
src_mmu_flood := $(mmu_sources)
src_mmu_recycle := $(mmu_sources)
src_iommu     := guest/iommu/dmar.c guest/iommu/ivrs.c guest/iommu/tables.c
src_iommu_pages := $(fake) guest/iommu/pages.c
src_iommu_units := $(src_iommu) $(src_iommu_pages) tests/host/model_vtd.c tests/host/model_amdvi.c \
		  guest/iommu/vtd.c guest/iommu/amdvi.c
src_memmap    := mm/phys/memmap.c
src_mitigate  := guest/vcpu/mitigate.c
src_memtype   := guest/machine/memtype.c
src_msr       := $(src_ipi) tests/host/msr_cpu.c guest/machine/memtype.c mm/shadow/ranges.c
src_mtrr      := $(src_msr)
src_nested    := $(fake) mm/nested/nested.c mm/phys/memmap.c
src_options   := $(fake_console) guest/options.c
src_pci       := $(fake_console) guest/chipset/pci_filter.c guest/chipset/pci_bars.c guest/chipset/pci_caps.c guest/chipset/pci_guard.c mm/shadow/ranges.c
src_watch     := $(fake) guest/chipset/watch.c
src_smm_base  := $(fake)
src_progress  := $(fake_console) guest/exit/progress.c
src_report    := $(fake_console) guest/machine/report.c
load_sources  := $(fake) tests/host/load_machine.c tests/host/load_files.c mm/phys/memmap.c \
		 $(wildcard guest/firmware/acpi*.c guest/load/*.c) guest/firmware/rsdp.c
src_load_refused := $(load_sources) tests/host/load_bzimage.c
src_load      := $(src_load_refused) boot/multiboot1.c boot/parse.c # fuzz_load's too
libs_load     := -lcmocka
$(foreach kind,multiboot1 multiboot2 elf,$(eval src_load_$(kind) := $(load_sources) tests/host/load_plain.c))
src_load_efi  := $(load_sources)
src_acpi      := $(load_sources)
src_madt      := guest/firmware/madt.c $(load_sources)
src_mptable   := guest/firmware/mptable.c $(load_sources)

# -----------------------------------------------------------------------------------------------

HOST_CFLAGS := -std=gnu17 -I. -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror \
	       -fsanitize=address,undefined -fno-sanitize-recover=undefined
HOST_HEADERS := $(wildcard arch/*.h mm/*.h mm/*/*.h */*.def guest/*.h guest/*/*.h boot/*.h vmx/*.h svm/*.h tests/host/*.h tests/host/*/*.h)

# The longest ones first, since several run at once.
LONGEST    := $(addprefix $(O)/host/,test_mmu_random test_mmu_straight)
HOST_TESTS += $(LONGEST) $(filter-out $(LONGEST),$(patsubst tests/host/%.c,$(O)/host/%,$(wildcard tests/host/test_*.c)))

# Objects, so that what several programs test is compiled once.
$(O)/host/obj/%.o: %.c $(O)/.flags | $(O)/.deps-run $(O)/.deps-host
	@mkdir -p $(@D)
	@echo '  HOSTCC  $<'
	@$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

host_objects = $(patsubst %.c,$(O)/host/obj/%.o,$(1))

.PRECIOUS: $(O)/host/obj/%.o
.SECONDEXPANSION:

$(O)/host/test_%: $(O)/host/obj/tests/host/test_%.o $$(call host_objects,$$(src_$$*))
	@echo '  HOSTLD  $@'
	@$(CC) $(HOST_CFLAGS) -o $@ $^ -lcmocka $(libs_$*)

-include $(shell find $(O)/host/obj -name '*.d' 2>/dev/null)

# The bytes choose operations: no comparison in mm/ tells the fuzzer anything about them.
fuzz_flags_mmu := -fno-sanitize-coverage=trace-cmp

$(O)/host/fuzz_%: tests/host/fuzz_%.c $$(src_$$*) $(HOST_HEADERS) | test-deps
	@mkdir -p $(@D)
	@echo '  FUZZ    $@'
	@clang $(HOST_CFLAGS) -fsanitize=fuzzer $(fuzz_flags_$*) -o $@ $< $(src_$*) $(libs_$*)

FUZZERS := $(patsubst tests/host/fuzz_%.c,fuzz-%,$(wildcard tests/host/fuzz_*.c))
.PHONY: $(FUZZERS)
$(FUZZERS): fuzz-%: $(O)/host/fuzz_%
	@mkdir -p $(O)/host/corpus-$*
	@$< -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 $(FUZZ_FLAGS) \
		-artifact_prefix=$(O)/host/$*- $(O)/host/corpus-$*

# The lines of the hypervisor's own sources that a fuzzer's corpus reaches: make coverage-mmu.
$(O)/host/cover_%: tests/host/fuzz_%.c $$(src_$$*) $(HOST_HEADERS) | test-deps
	@mkdir -p $(@D)
	@clang $(HOST_CFLAGS) -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping \
		-o $@ $< $(src_$*) $(libs_$*)

COVERAGE := $(FUZZERS:fuzz-%=coverage-%)
.PHONY: $(COVERAGE)
$(COVERAGE): coverage-%: $(O)/host/cover_%
	@LLVM_PROFILE_FILE=$<.profraw $< -runs=0 $(O)/host/corpus-$* 2>/dev/null
	@llvm-profdata merge -o $<.profdata $<.profraw
	@llvm-cov report $< -instr-profile=$<.profdata $(filter-out tests/%,$(src_$*)) \
		-show-branch-summary=0 -show-region-summary=0
