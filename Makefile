# SPDX-License-Identifier: MIT
# Builds notrap, boots it on an emulated machine, and tests it. `make help` lists the targets.

# Choices of the user, on the command line of make:
#   CC=gcc|clang  HOST=auto|bochs|qemu-kvm|qemu-tcg|nested-kvm|bochs30|bochs3|qemu10|qemu11  MODEL=<cpu model>  MEMORY=<MiB, or 2G>  CPUS=<n>
#   ARCH=amd64|i686-pae|i686 (Debian's kernel that `make linux` boots)
#   CMDLINE="further notrap options"
#   WAYS="native; bypass on" BENCH_GUESTS="built-in; linux" (make bench, bench-kvm: not all of them)
#   KERNEL=<file> INITRD=<file> APPEND="<its command line>" UNTIL=<regular expression> TIMEOUT=<seconds> (make boot)
ifeq ($(origin CC),default)
CC      := gcc
endif
HOST    ?= auto
MODEL   ?=
MEMORY  ?= 256
CPUS    ?= 1
CMDLINE ?=
WAYS    ?=
BENCH_GUESTS ?=
KERNEL  ?=
INITRD  ?=
APPEND  ?=
UNTIL   ?=
TIMEOUT ?= 600
ARCH    ?= amd64

O       := build
PYTHON  := /usr/bin/python3
ROOMS   := boot arch mm vmx svm guest
# Emulators are what takes time: as many at once as `make test` may start.
JOBS    ?= 2

CFLAGS  := -std=gnu17 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
	   -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables -fno-common \
	   -fno-strict-aliasing -fcf-protection=none -fno-jump-tables -Wall -Wextra -Werror \
	   -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Indirect branches go through arch/thunk.asm: each compiler has its own word for it.
# Without the other one gcc may turn the loop inside memcpy() into a call of memcpy().
CFLAGS_gcc := -mindirect-branch=thunk-extern -mindirect-branch-register \
	   -fno-tree-loop-distribute-patterns
CFLAGS_clang := -mretpoline -mretpoline-external-thunk
cflags   = $(CFLAGS) $(CFLAGS_$(1))
NASMFLAGS := -f elf64 -g -F dwarf -I ./ -I $(O)/ -w+error
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments \
	   --build-id=none -T linker.ld

# A room may have rooms in it; guest/builtin/ holds programs of their own.
SRC_DIRS := $(filter-out guest/builtin/,$(ROOMS:%=%/) $(wildcard $(ROOMS:%=%/*/)))
SRC_C   := $(wildcard $(SRC_DIRS:%=%*.c))
SRC_ASM := $(wildcard $(SRC_DIRS:%=%*.asm))
OBJS    := $(SRC_C:%.c=$(O)/%.o) $(SRC_ASM:%.asm=$(O)/%.asm.o)
# A user's text as one word of the shell's, after what it is.
option   = $(1)='$(subst ','\'',$(2))'
EMU     := $(PYTHON) -m tests.emu $(call option,--host,$(HOST)) $(call option,--model,$(MODEL)) \
	   $(call option,--memory,$(MEMORY)) $(call option,--cpus,$(CPUS)) --arch=$(ARCH) \
	   $(call option,--options,$(value CMDLINE))

.PHONY: all run bare boot linux linux-shell linux-bare iso test test-host test-emu check deps clean help \
	test-deps guests linux-programs compare compare-large compare-linux compare-sync profile bench bench-kvm readme readme-bench figures
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(O)/notrap.elf

help:
	@echo 'make run          the built-in guest: bare, bypass_guest_pf=0, =1; one table; under a minute'
	@echo 'make bare         the built-in guest alone, on the bare machine'
	@echo 'make linux        Debian'"'"'s kernel and a self-check under notrap'
	@echo 'make boot         a kernel of your own: KERNEL= INITRD= APPEND= UNTIL= TIMEOUT=, docs/ci.md'
	@echo 'make linux-shell  the same kernel with a shell on this terminal'
	@echo 'make linux-bare   the same kernel and self-check on the bare machine'
	@echo 'make compare      the built-in guest bare, on shadow tables, on nested paging; three machines'
	@echo 'make compare-linux  the three Linux runs side by side'
	@echo 'make compare-sync   the built-in guest under sync=hybrid, always and never'
	@echo 'make compare-large  large pages changed one by one, likewise'
	@echo 'make profile      where its instructions go while Linux forks, maps, protects; WORKLOAD=fork: by function'
	@echo 'make bench        all figures: the built-in guest and Linux in each way; table, CSV, chart; 25 CPU minutes'
	@echo 'make bench-kvm    the same with KVM beside it, ept=0 and ept=1, in the same Bochs; 40 CPU minutes'
	@echo 'make iso          build/notrap.iso: a GRUB menu of these for other machines, BIOS or UEFI'
	@echo 'make test         host tests and emulated tests; test-host, test-emu: one kind alone'
	@echo 'make test-nested  notrap under nested KVM, which Bochs makes: every way; an hour'
	@echo 'make soak         the long tests: seeds, fuzzers, every way on every model; hours'
	@echo 'make fuzz-NAME    a fuzzer for FUZZ_SECONDS: $(FUZZERS:fuzz-%=%); coverage-NAME: what it reaches'
	@echo 'make test-release builds and tests in a root of another Debian: RELEASE=bookworm or trixie; minutes;'
	@echo '                  with WHOLE=1 all of make test there, an hour'
	@echo 'make check        format, both compilers, static analysis, generated text'
	@echo 'make guests       the test guests, build/tests/guests/*.elf'
	@echo 'make counts       tests/emu/counts.txt, the exits and ticks that make test expects, printed anew; minutes'
	@echo 'make readme       the tables of output in docs/ and README.md, printed again; minutes'
	@echo 'make readme-bench  the tables and the chart of make bench-kvm in docs/, likewise'
	@echo 'make readme-nested  the table from nested KVM, printed again; ten minutes'
	@echo 'make figures      the figures of docs/, drawn again'
	@echo 'make deps         install the Debian packages that all of this needs'
	@echo 'make emulators    Bochs 3.0, 3.1, QEMU 10, 11 from later Debians, in build/emulators; 900 MB'
	@echo '                  make test-emu EMULATORS="qemu10 bochs3": these in place of the system'\''s;'
	@echo '                  ONLY=qemu or ONLY=bochs: what starts that one alone'
	@echo 'make clean        remove build/'
	@echo
	@echo 'CC=gcc|clang HOST=auto|bochs|qemu-kvm|qemu-tcg|nested-kvm|bochs30|bochs3|qemu10|qemu11 MODEL=<cpu model> MEMORY=<MiB or 2G> CPUS=<n>'
	@echo 'CMDLINE="notrap options" ARCH=amd64|i686-pae|i686 JOBS=<emulators at once>'
	@echo 'WAYS="native; bypass on" BENCH_GUESTS="built-in; linux": a part of make bench and bench-kvm'
	@echo 'FUZZ_SECONDS= SOAK_HOST_SEEDS= SOAK_FUZZ_SECONDS= SOAK_SEEDS=: docs/machines.md'

# --- packages -----------------------------------------------------------------------------------

deps:
	@tools/deps run test

# The stamps keep a build from asking dpkg each time.
$(O)/.deps-%: tools/deps
	@mkdir -p $(@D)
	@tools/deps $*
	@touch $@

test-deps: | $(O)/.deps-run $(O)/.deps-test

# --- the hypervisor -----------------------------------------------------------------------------

# Objects depend on the words of the compiler's command line, so that CC=clang rebuilds them.
flags := $(CC) $(call cflags,$(CC)) $(NASMFLAGS) $(LDFLAGS)
ifneq ($(flags),$(file <$(O)/.flags))
$(shell mkdir -p $(O))
$(file >$(O)/.flags,$(flags))
endif

$(O)/%.o: %.c $(O)/.flags | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  CC      $<'
	@$(CC) $(call cflags,$(CC)) -MMD -MP -c -o $@ $<

$(O)/%.asm.o: %.asm $(O)/.flags | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  NASM    $<'
	@nasm $(NASMFLAGS) -MD $(@:.o=.d) -MT $@ -o $@ $<

$(O)/vmx/entry.asm.o: $(O)/vmx/offsets.inc

$(O)/vmx/offsets.inc: vmx/offsets.h $(O)/.flags | $(O)/.deps-run
	@mkdir -p $(@D)
	@$(CC) $(call cflags,$(CC)) -MMD -MP -MF $(@:.inc=.d) -MT $@ -x c -S -o $@.s $<
	@sed -n 's/.*"-> \(.*\) \([0-9]*\)".*/\1 equ \2/p' $@.s >$@

# Linked twice: the table of symbols lies last in the image, so that it moves no code.
$(O)/symbols.0.asm: tools/mksyms | $(O)/.deps-run
	@$(PYTHON) tools/mksyms --empty >$@

$(O)/symbols.asm: $(O)/notrap.tmp.elf tools/mksyms
	@nm -n $< | $(PYTHON) tools/mksyms >$@

$(O)/symbols%o: $(O)/symbols%asm
	@nasm -f elf64 -o $@ $<

$(O)/notrap.tmp.elf: $(OBJS) $(O)/symbols.0.o linker.ld
	@ld $(LDFLAGS) -o $@ $(OBJS) $(O)/symbols.0.o

$(O)/notrap.debug.elf: $(O)/notrap.tmp.elf $(O)/symbols.o
	@ld $(LDFLAGS) -o $@ $(OBJS) $(O)/symbols.o

$(O)/notrap.elf: $(O)/notrap.debug.elf
	@strip -o $@ $<
	@echo '  LD      $@'

# --- guests, each a multiboot kernel of its own ---------------------------------------------------

# These add to GUESTS (built before the emulated tests) and to HOST_TESTS (programs to run).
GUESTS     :=
HOST_TESTS :=
-include guest/builtin/builtin.mk
-include tests/guests/guests.mk
-include tests/host/host.mk

guests: $(GUESTS)

include tests/linux/linux.mk

# --- machines -----------------------------------------------------------------------------------

# The machine of these targets.
ifeq ($(HOST),nested-kvm)
run bare linux linux-bare compare compare-sync compare-linux: $(NESTED)
endif

run: all
	@$(EMU) run
bare: all
	@$(EMU) bare
linux: all $(LINUX)
	@$(EMU) linux
linux-shell: all $(LINUX)
	@$(EMU) shell
boot: all
	@$(EMU) $(call option,--kernel,$(KERNEL)) $(call option,--initrd,$(INITRD)) \
		$(call option,--append,$(value APPEND)) $(call option,--until,$(value UNTIL)) \
		$(call option,--timeout,$(TIMEOUT)) boot
linux-bare: $(LINUX)
	@$(EMU) linux-bare
compare: all | $(O)/.deps-qemu
	@$(EMU) compare
compare-sync: all
	@$(EMU) compare-sync
compare-large: all guests
	@$(EMU) compare-large
compare-linux: all $(LINUX)
	@$(EMU) compare-linux
BENCH_WORDS = $(call option,--ways,$(value WAYS)) $(call option,--guests,$(value BENCH_GUESTS))
bench: all $(LINUX) $(BENCH_LINUX) | $(O)/.deps-figures
	@$(EMU) $(BENCH_WORDS) bench
bench-kvm: all $(LINUX) $(BENCH_LINUX) $(O)/kvm/root.cpio | $(O)/.deps-figures
	@$(EMU) $(BENCH_WORDS) bench-kvm
# Where the hypervisor's instructions go: tests/emu/profile.py. QEMU's interface for plugins has changed since 9.0.
WORKLOAD ?=
profile: all $(LINUX) $(O)/profile/plugin.so
	@$(EMU) $(call option,--workload,$(value WORKLOAD)) profile
$(O)/profile/plugin.so: tests/profile/plugin.c | $(O)/.deps-qemu
	@mkdir -p $(@D)
	@version=$$(qemu-system-x86_64 --version | sed -n 's/.* version \([0-9]*\)\..*/\1/p'); \
	$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror -DVERSION=$$((version < 9 ? 1 : 2)) -shared -fPIC -o $@ $<
iso: all $(LINUX) | $(O)/.deps-iso
	@$(EMU) iso

# --- tests --------------------------------------------------------------------------------------

test: test-host test-emu

# Failures are printed as they come (tests/emu/conftest.py), and named once more at the end.
PYTEST := $(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup -p no:cacheprovider --tb=no -rfs

test-host: | $(O)/.deps-run $(O)/.deps-host
	@$(MAKE) --no-print-directory -j $(JOBS) $(HOST_TESTS)
	@JOBS=$(JOBS) tools/host-tests $(HOST_TESTS)

test-emu: all guests $(foreach a,$(ARCHES),$(call linux_files,$(a))) $(TRAFFIC) $(OTHER_KERNELS) \
		$(O)/linux/initramfs-efi.cpio $(NESTED) $(O)/kvm/root.cpio $(BENCH_LINUX) $(DEBIAN) \
		$(O)/profile/plugin.so | test-deps
	@$(PYTEST) tests/emu

# Nested KVM at length: all that `make test` runs a part of.
.PHONY: test-nested
test-nested: all guests $(NESTED) | test-deps
	@SOAK=1 $(PYTEST) tests/emu/test_nested_kvm.py

# Some of each kind of run, in a minute: the defaults on one CPU of each vendor.
SLICE := test_grub or test_options or test_bare or \
	test_under_notrap and corei7 and hybrid-auto-1 or test_guest and qemu-tcg-max or \
	test_linux.py and test_self_check and 1-corei7
.PHONY: test-slice
test-slice: all guests $(call linux_files,amd64) | $(O)/.deps-emulated
	@$(PYTEST) tests/emu/test_boot.py tests/emu/test_errors.py tests/emu/test_guests.py \
		tests/emu/test_svm.py tests/emu/test_nested.py tests/emu/test_linux.py -k "$(SLICE)"

# Builds, host tests, `make run` and that slice in a minimal root of the other Debian release; with WHOLE=1
# all of `make test`.
RELEASE ?=
WHOLE ?=
.PHONY: test-release
test-release:
	@WHOLE=$(WHOLE) tools/test-release $(O)/releases $(RELEASE)

# For HOST=bochs30, bochs3, qemu10 and qemu11. `make test-emu EMULATORS="qemu10 bochs30"` has all tests
# start these; with ONLY=qemu or ONLY=bochs as well, those alone that start no other.
.PHONY: emulators
emulators:
	@tools/emulators $(O)/emulators
export EMULATORS ONLY

# The long versions, one after the other. Seeds are shared out to JOBS processes.
SOAK_HOST_SEEDS   ?= 5000
SOAK_FUZZ_SECONDS ?= 600
SOAK_SEEDS        ?= 6
SOAK_TESTS        := $(addprefix tests/emu/test_,$(addsuffix .py,linux linux32 guests differ bound \
		     access chipset crashme debian dma kernels large slow smp trace uefi svm nested nested_kvm bochs3 \
		     task_switch))
.PHONY: soak soak-tidy soak-random soak-fuzz soak-emu
soak: all guests soak-tidy soak-random soak-fuzz soak-emu
	@echo 'soak: all passed'

soak-tidy:
	@$(MAKE) --no-print-directory check-tidy TIDY_NODES=225000

soak-random: $(O)/host/test_mmu_random
	@share=$$(($(SOAK_HOST_SEEDS) / $(JOBS))); seq 0 $$(($(JOBS) - 1)) | xargs -P $(JOBS) -I{} \
		sh -c "MMU_SEEDS=$$share MMU_FIRST=\$$(({} * $$share + 1)) $<"

soak-fuzz:
	@$(MAKE) --no-print-directory -j $(JOBS) $(FUZZERS) FUZZ_SECONDS=$(SOAK_FUZZ_SECONDS)

soak-emu: all guests $(foreach a,$(ARCHES),$(call linux_files,$(a))) $(TRAFFIC) $(OTHER_KERNELS) \
		$(O)/linux/initramfs-efi.cpio $(NESTED) $(DEBIAN) | test-deps
	@SOAK=1 SOAK_SEEDS=$(SOAK_SEEDS) $(PYTEST) $(SOAK_TESTS)

include tools/check.mk

# The documents' blocks of real output, printed again.
readme: all guests $(LINUX) $(O)/profile/plugin.so | $(O)/.deps-qemu
	@$(EMU) run >$(O)/bench.txt && tools/readme run $(O)/bench.txt
	@$(EMU) compare >$(O)/compare.txt && tools/readme compare $(O)/compare.txt
	@$(EMU) compare-sync >$(O)/sync.txt && tools/readme sync $(O)/sync.txt
	@$(EMU) compare-large >$(O)/large.txt && tools/readme large $(O)/large.txt
	@$(EMU) compare-linux >$(O)/linux.txt && tools/readme linux $(O)/linux.txt
	@$(EMU) profile >$(O)/profile.txt && tools/readme profile $(O)/profile.txt
	@tools/readme

# The figures that tests/emu/test_counts.py expects, printed again.
.PHONY: counts
counts: all guests
	@$(EMU) counts >$(O)/counts.txt || { cat $(O)/counts.txt; exit 1; }
	@cp $(O)/counts.txt tests/emu/counts.txt

# An hour of CPU time.
readme-bench: all $(LINUX) $(BENCH_LINUX) $(O)/kvm/root.cpio | $(O)/.deps-figures
	@$(EMU) $(BENCH_WORDS) bench-kvm >$(O)/bench-kvm.txt && \
		tools/readme bench $(O)/bench-kvm.txt
	@[ ! -e $(O)/bench/bench.svg ] || cp $(O)/bench/bench.svg docs/figures/

# Ten minutes, and no two runs print quite the same.
.PHONY: readme-nested
readme-nested: all $(NESTED)
	@$(EMU) --host=nested-kvm compare >$(O)/nested.txt && tools/readme nested $(O)/nested.txt
	@tools/readme

FIGURES := $(wildcard docs/figures/*.dot)

figures: | $(O)/.deps-figures
	@tools/figure $(FIGURES)

clean:
	rm -rf $(O)

-include $(OBJS:.o=.d) $(O)/vmx/offsets.d
