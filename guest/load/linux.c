/* SPDX-License-Identifier: MIT */
/* Linux bzImages: checked, placed, and entered by the 64-bit (or 32-bit) boot protocol. */
#include "guest/load/linux.h"
#include "arch/string.h"
#include "guest/load/parts.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

#define HEADER_AT offsetof(struct linux_boot_params, hdr)

/*
 * Where setup_sects or syssize is wrong, so is the place of everything else: the compressed kernel,
 * if the header tells where it is, has to be there. What it begins with: boot.rst, payload_offset.
 */
static bool payload_in_place(const struct load *l, const struct linux_kernel *k)
{
	static const u8 magics[][4] = {
		{0x1f, 0x8b},          /* gzip */
		{0x1f, 0x9e},          /* gzip, old */
		{'B', 'Z'},            /* bzip2 */
		{0x5d, 0x00},          /* LZMA */
		{0xfd, '7'},           /* XZ */
		{0x89, 'L'},           /* LZO */
		{0x02, 0x21},          /* LZ4 */
		{0x28, 0xb5},          /* ZSTD */
		{0x7f, 'E', 'L', 'F'}, /* not compressed */
	};
	u64 start = k->hdr.payload_offset, len = k->hdr.payload_length;
	u8 first[4];

	if (!start)
		return true;
	if (len < sizeof(first) || start + len > k->size ||
	    !load_read(&l->file[0], k->offset + start, first, sizeof(first)))
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(magics); i++) {
		if (!memcmp(first, magics[i], magics[i][2] ? 4 : 2))
			return true;
	}
	return false;
}

static int check(const struct load *l, struct linux_kernel *k)
{
	const struct linux_setup_header *h = &k->hdr;
	const struct load_file *file = &l->file[0];
	u64 need;

	if (h->version < LINUX_PROTOCOL_MIN)
		return fail("%s is a bzImage of boot protocol %u.%02u: notrap takes 2.10 (Linux "
			    "2.6.31) or later",
			    l->what, h->version >> 8, h->version & 0xff);
	k->header_end = offsetof(struct linux_boot_params, hdr.magic) + h->jump_length;
	if (k->header_end < offsetof(struct linux_boot_params, hdr.handover_offset) ||
	    !(h->loadflags & LINUX_LOADED_HIGH))
		return fail("%s is a bzImage with a broken setup header", l->what);

	k->offset = ((h->setup_sects ? h->setup_sects : 4) + 1) * 512ULL;
	k->size = h->syssize * LINUX_PARAGRAPH;
	need = k->offset + k->size;
	if (need >= file->size + LINUX_PARAGRAPH)
		return fail("%s is a truncated bzImage: header says %lu bytes, file has %lu",
			    l->what, need, file->size);
	/* The header counts paragraphs, rounded up: the kernel's last one may end behind the file. */
	if (need > file->size)
		k->size = file->size - k->offset;

	k->entry64 = h->version >= LINUX_PROTOCOL_XLF && (h->xloadflags & LINUX_XLF_KERNEL_64);
	if (k->size <= LINUX_ENTRY_64 || k->header_end > k->offset)
		return fail("%s is a bzImage with a broken setup header", l->what);
	if (!payload_in_place(l, k))
		return fail("%s is a bzImage with a broken setup header: with %u setup sectors and "
			    "0x%lx bytes after them no compressed kernel is at 0x%x",
			    l->what, h->setup_sects, k->size, h->payload_offset);
	if (h->init_size < k->size)
		return fail(
			"%s is a bzImage with a broken setup header: its 0x%lx bytes need 0x%x to "
			"run in",
			l->what, k->size, h->init_size);
	if (h->relocatable_kernel &&
	    (!h->kernel_alignment || (h->kernel_alignment & (h->kernel_alignment - 1))))
		return fail("%s is a bzImage with a broken setup header: alignment 0x%x", l->what,
			    h->kernel_alignment);
	if (strlen(file->cmdline) > h->cmdline_size)
		return fail("%s: its command line has %lu characters, this kernel takes %u",
			    l->what, (u64)strlen(file->cmdline), h->cmdline_size);
	if (l->files > 2)
		return fail("%s is Linux, which takes one initrd: module 3 is one too many",
			    l->what);
	return 0;
}

static int place_kernel(struct load *l, struct linux_kernel *k)
{
	const struct linux_setup_header *h = &k->hdr;
	u64 room = h->init_size, pref = h->pref_address;

	if (!h->relocatable_kernel) {
		/* It is loaded at 1M and unpacks itself to its one address. */
		k->at = LINUX_FIXED_LOAD;
		if (load_claim(l, k->at, k->size, "kernel image"))
			return -1;
		return load_claim(l, pref, room, "unpacked kernel");
	}

	k->at = pref;
	if (pref >= LOAD_LIMIT || room > LOAD_LIMIT - pref || pref < MIB(1) ||
	    pref % h->kernel_alignment || !memmap_is_ram(&l->free, pref, pref + room))
		/* Below the preferred address it would move itself back up there. */
		k->at = load_find(l,
				  &(struct memmap_room){.size = room,
							.align = h->kernel_alignment,
							.min = pref > MIB(1) ? pref : MIB(1),
							.max = LOAD_LIMIT,
							.lowest = true},
				  0);
	if (k->at == MEMMAP_NONE)
		return fail("%s: no room for the kernel: 0x%lx bytes of free RAM from 0x%lx to 4G "
			    "are needed: add memory",
			    l->what, room, pref);
	return load_claim(l, k->at, room, "kernel");
}

/* A copy in RAM, of the boot loader's or notrap's making, is not the guest's to see or to keep. */
static int place_rsdp(struct load *l, struct linux_kernel *k)
{
	if (!l->rsdp_size)
		return 0;
	k->rsdp = l->boot->rsdp;
	if (!memmap_is_ram(&l->boot->map, k->rsdp, k->rsdp + 1))
		return 0;
	k->rsdp = load_place(l, PAGE_SIZE, LOAD_LIMIT, "copy of the RSDP");
	if (k->rsdp == MEMMAP_NONE)
		return -1;
	k->copy = (struct memmap_range){k->rsdp, k->rsdp + PAGE_SIZE, MEMMAP_ACPI};
	return 0;
}

static int place_initrd(struct load *l, const struct linux_kernel *k)
{
	const struct memmap_range *at = &l->busy[1];
	u64 max = k->hdr.initrd_addr_max + 1ULL;
	bool above = k->entry64 && (k->hdr.xloadflags & LINUX_XLF_ABOVE_4G);
	u64 end = memmap_ram_end(l->map) < map_end() ? memmap_ram_end(l->map) : map_end();

	if (l->files < 2 || !l->file[1].size)
		return 0;
	if (at->start % PAGE_SIZE == 0 && (above || at->end <= max) &&
	    memmap_is_ram(l->map, at->start, at->end) && !load_file_in_the_way(l, 1))
		return 0;
	if (!load_move_file(l, 1, max) || (above && !load_move_file(l, 1, end)))
		return 0;
	return fail("module 2, the initrd, is too large: it has %lu bytes, and beside the kernel's "
		    "%lu no room for them is left in %lu bytes of RAM below 0x%lx",
		    l->file[1].size, l->busy[l->files].end - l->busy[l->files].start,
		    memmap_ram_size(l->map), above || max > end ? end : max);
}

int load_linux(struct load *l, struct guest_start *out)
{
	struct linux_kernel k = {0};
	struct load_block block = {0};

	if (!load_read(&l->file[0], HEADER_AT, &k.hdr, sizeof(k.hdr))) {
		u32 magic;

		if (!load_read(&l->file[0], offsetof(struct linux_boot_params, hdr.magic), &magic,
			       sizeof(magic)) ||
		    magic != LINUX_HDRS)
			return 1;
		return fail("%s is a truncated bzImage: header says %lu bytes, file has %lu",
			    l->what, HEADER_AT + sizeof(k.hdr), l->file[0].size);
	}
	if (k.hdr.magic != LINUX_HDRS || k.hdr.boot_flag != LINUX_BOOT_FLAG)
		return 1;
	if (check(l, &k) || place_kernel(l, &k) || place_rsdp(l, &k))
		return -1;
	linux_params(l, &k, &block, out);
	block.start = load_place(l, block.used, LOAD_LIMIT, "boot parameters");
	if (block.start == MEMMAP_NONE || place_initrd(l, &k))
		return -1;

	if (k.copy.start)
		memcpy(phys_ptr(k.copy.start), l->rsdp, l->rsdp_size);
	block.used = 0;
	linux_params(l, &k, &block, out);
	memmove(phys_ptr(k.at), l->file[0].data + k.offset, k.size);
	say("guest: Linux, boot protocol %u.%02u, %s entry at 0x%lx", k.hdr.version >> 8,
	    k.hdr.version & 0xff, k.entry64 ? "64-bit" : "32-bit", out->rip);
	if (l->files > 1 && l->file[1].size)
		say("guest: initrd at 0x%lx, %lu bytes", l->busy[1].start, l->file[1].size);
	return 0;
}
