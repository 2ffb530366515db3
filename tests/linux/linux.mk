# SPDX-License-Identifier: MIT
# What is booted beside the project's own guests: Debian's kernels with an initramfs of the project's, other
# kernels, the machine that KVM runs on, a Debian on a disk.

# Debian's kernels: the words of its amd64 and i386 architectures, with and without PAE.
ARCHES           := amd64 i686-pae i686
kernel_amd64     := amd64 linux-image-cloud-amd64
kernel_i686-pae  := i386 linux-image-686-pae
kernel_i686      := i386 linux-image-686
programs_amd64   := amd64
programs_i686-pae := i386
programs_i686    := i386

# What else the tests boot: Debian's kernels for all machines and with real-time scheduling, Xen,
# and memtest86+.
kernel_amd64-full := amd64 linux-image-amd64
kernel_amd64-rt   := amd64 linux-image-rt-amd64
OTHER_KERNELS     := $(addprefix $(O)/linux/,vmlinuz-amd64-full vmlinuz-amd64-rt xen \
		     memtest86+x64.bin memtest86+ia32.bin)

ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH) is none of: $(ARCHES))
endif

linux_files = $(O)/linux/vmlinuz-$(1) $(O)/linux/initramfs-$(programs_$(1)).cpio
LINUX      := $(call linux_files,$(ARCH))

linux-programs: $(O)/linux/selfcheck-amd64 $(O)/linux/selfcheck-i386 $(O)/kvm/vmm

$(O)/linux/vmlinuz-%: tools/fetch-kernel tools/fetch-package | $(O)/.deps-run
	@tools/fetch-kernel $(kernel_$*) $(O)/packages $@

$(O)/linux/xen: tools/fetch-package | $(O)/.deps-run
	@mkdir -p $(@D)
	@dpkg-deb --fsys-tarfile $$(tools/fetch-package amd64 xen-system-amd64 $(O)/packages) | \
		tar -x -O --wildcards './boot/xen-*.gz' | gunzip >$@

$(O)/linux/memtest86+%: tools/fetch-package | $(O)/.deps-run
	@mkdir -p $(@D)
	@dpkg-deb --fsys-tarfile $$(tools/fetch-package amd64 memtest86+ $(O)/packages) | \
		tar -x -O ./boot/$(@F) >$@

SELFCHECK := $(addprefix tests/linux/,selfcheck.c init.c workloads.c bench.c efi.c)
SELFCHECK_H := tests/linux/init.h tests/linux/selfcheck.h guest/hypercall.h mm/counters.def
selfcheck = $(CC) -std=gnu17 -O2 -Wall -Wextra -Werror $(1) -static -I. -o $@ $(SELFCHECK) && strip $@

$(O)/linux/selfcheck-amd64: $(SELFCHECK) $(SELFCHECK_H) | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(call selfcheck,-m64)

$(O)/linux/selfcheck-i386: $(SELFCHECK) $(SELFCHECK_H) | $(O)/.deps-linux32
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(call selfcheck,-m32)

$(O)/linux/busybox-amd64: | $(O)/.deps-run
	@mkdir -p $(@D)
	@cp /bin/busybox $@

$(O)/linux/busybox-i386: tools/fetch-package | $(O)/.deps-run
	@mkdir -p $(@D)
	@dpkg-deb --fsys-tarfile $$(tools/fetch-package i386 busybox-static $(O)/packages) | \
		tar -x -O --wildcards '*/busybox' >$@
	@chmod 755 $@

$(O)/linux/initramfs-%.cpio: $(O)/linux/selfcheck-% $(O)/linux/busybox-% tests/linux/shell tools/mkinitramfs
	@tools/mkinitramfs $@ $(O)/linux/selfcheck-$* tests/linux/shell $(O)/linux/busybox-$*

# For `make bench`: a program that maps libraries, and these, beside its own loader.
BENCH_LINUX := $(O)/linux/initramfs-bench.cpio
BENCH_LIBS  := ld-linux-x86-64.so.2 libc.so.6 libm.so.6

$(O)/linux/step: tests/linux/step.c | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror -m64 -Wl,--dynamic-linker=/ld-linux-x86-64.so.2 \
		-Wl,-rpath,/ -o $@ $< -lm && strip $@

$(BENCH_LINUX): $(O)/linux/initramfs-amd64.cpio $(O)/linux/step
	@tools/mkinitramfs $@ $(O)/linux/selfcheck-amd64 tests/linux/shell $(O)/linux/busybox-amd64 \
		$(O)/linux/step $(foreach lib,$(BENCH_LIBS),$$($(CC) -m64 -print-file-name=$(lib)))

# A disk and a network card are kept busy: NVMe and virtio for the one kernel, AHCI and e1000 for the other.
modules_amd64 := virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev failover \
	net_failover virtio_net virtio_blk
modules_i686-pae := crct10dif_common crc-t10dif crc64 crc64-rocksoft t10-pi scsi_common scsi_mod \
	libata libahci ahci sd_mod e1000
TRAFFIC := $(O)/linux/traffic-amd64.cpio $(O)/linux/traffic-i686-pae.cpio

$(O)/linux/traffic-program-%: tests/linux/traffic.c tests/linux/init.c tests/linux/init.h | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror $(if $(filter amd64,$*),-m64,-m32) -static -I. \
		-o $@ $(filter %.c,$^) && strip $@

$(O)/linux/traffic-%.cpio: $(O)/linux/traffic-program-% $(O)/linux/vmlinuz-% tools/mktraffic tools/kernel-modules
	@tools/mktraffic $@ $< $$(tools/fetch-package $(kernel_$*) $(O)/packages) $(modules_$*)

.PRECIOUS: $(O)/linux/traffic-program-% $(O)/linux/selfcheck-% $(O)/linux/busybox-%

# The cloud kernel's modules for EFI's runtime services.
EFI_MODULES := $(addprefix $(O)/linux/efi/,efivarfs.ko efi-pstore.ko)

$(EFI_MODULES) &: tools/fetch-package tools/kernel-modules | $(O)/.deps-run
	@tools/kernel-modules $(O)/linux/efi $$(tools/fetch-package $(kernel_amd64) $(O)/packages) efivarfs efi-pstore
	@touch $(EFI_MODULES)

$(O)/linux/initramfs-efi.cpio: $(O)/linux/initramfs-amd64.cpio $(EFI_MODULES)
	@tools/mkinitramfs $@ $(O)/linux/selfcheck-amd64 tests/linux/shell $(O)/linux/busybox-amd64 \
		$(EFI_MODULES)

# What nested KVM runs on: Debian's cloud kernel, this root, QEMU in it.
NESTED := $(call linux_files,amd64) $(O)/linux/nested.cpio

$(O)/linux/nested.cpio: tests/nested/init tools/mknested tools/kernel-modules $(O)/linux/busybox-amd64 $(O)/linux/vmlinuz-amd64 | \
		$(O)/.deps-qemu
	@echo '  PACK    $@'
	@tools/mknested $@ tests/nested/init $(O)/linux/busybox-amd64 \
		$$(tools/fetch-package $(kernel_amd64) $(O)/packages)

# The peer: the same kernel and KVM, and a small VMM of our own.
VMM := $(wildcard tests/kvm/*.c)

$(O)/kvm/vmm: $(VMM) tests/kvm/vmm.h | $(O)/.deps-run
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -m64 -static -I. -o $@ $(VMM)

$(O)/kvm/root.cpio: tests/kvm/init tools/mknested tools/kernel-modules $(O)/kvm/vmm $(O)/linux/busybox-amd64 $(O)/linux/vmlinuz-amd64
	@echo '  PACK    $@'
	@tools/mknested $@ tests/kvm/init $(O)/linux/busybox-amd64 \
		$$(tools/fetch-package $(kernel_amd64) $(O)/packages) $(O)/kvm/vmm

# A Debian on a disk, with the menu entry that README.md tells: made anew when that changes, not when
# another line of README.md does.
DEBIAN := $(O)/debian/bookworm.img

$(O)/debian/entry: README.md
	@mkdir -p $(@D)
	@awk '/^menuentry "Linux under notrap"/ { on = 1 } on { print } /^}/ { on = 0 }' $< >$@.new
	@cmp -s $@.new $@ || cp $@.new $@

$(O)/debian/%.img: $(O)/debian/entry tests/debian/setup tools/debian-image | $(O)/.deps-image
	@tools/debian-image $* linux-image-cloud-amd64 $(O)/packages $(O)/debian/entry tests/debian/setup $@
