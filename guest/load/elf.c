/* SPDX-License-Identifier: MIT */
/* Where the parts of a multiboot kernel go: from ELF program headers, or from the header itself. */
#include "arch/string.h"
#include "guest/load/parts.h"

#define ELF_MAGIC        0x464c457f
#define ELF_CLASS_32     1
#define ELF_CLASS_64     2
#define ELF_LITTLE       1
#define ELF_TYPE_EXEC    2
#define ELF_TYPE_DYN     3
#define ELF_MACHINE_386  3
#define ELF_MACHINE_X64  62
#define ELF_PT_LOAD      1
#define ELF_PHDRS_AT_ALL 4096 /* more than any linker makes; bounds the walk */

struct elf_header {
	u32 magic;
	u8 class, data, version, pad[9];
	u16 type, machine;
	u32 version2;
	union {
		struct {
			u32 entry, phoff, shoff, flags;
			u16 ehsize, phentsize, phnum;
		} e32;
		struct {
			u64 entry, phoff, shoff;
			u32 flags;
			u16 ehsize, phentsize, phnum;
		} e64;
	};
};

struct elf32_phdr {
	u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

struct elf64_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

/* What both classes say, in the wider form. */
struct elf_info {
	bool is64;
	u64 entry, phoff;
	u32 phnum, phentsize;
};

static int read_header(const struct load *l, struct elf_info *info)
{
	struct elf_header h = {0};
	u64 has = l->file[0].size < sizeof(h) ? l->file[0].size : sizeof(h);

	load_read(&l->file[0], 0, &h, has);
	if (h.magic != ELF_MAGIC)
		return fail("%s has a multiboot header without address fields, and is no ELF file",
			    l->what);
	if (has < sizeof(h))
		return fail("%s is a truncated ELF: the header alone has %lu bytes, file has %lu",
			    l->what, (u64)sizeof(h), has);
	if ((h.class != ELF_CLASS_32 && h.class != ELF_CLASS_64) || h.data != ELF_LITTLE ||
	    (h.machine != ELF_MACHINE_386 && h.machine != ELF_MACHINE_X64) ||
	    (h.type != ELF_TYPE_EXEC && h.type != ELF_TYPE_DYN))
		return fail("%s is an ELF file, but no x86 executable", l->what);
	info->is64 = h.class == ELF_CLASS_64;
	info->entry = info->is64 ? h.e64.entry : h.e32.entry;
	info->phoff = info->is64 ? h.e64.phoff : h.e32.phoff;
	info->phnum = info->is64 ? h.e64.phnum : h.e32.phnum;
	info->phentsize = info->is64 ? h.e64.phentsize : h.e32.phentsize;
	if (info->phnum > ELF_PHDRS_AT_ALL ||
	    info->phentsize < (info->is64 ? sizeof(struct elf64_phdr) : sizeof(struct elf32_phdr)))
		return fail("%s is an ELF file with broken program headers: %u of %u bytes",
			    l->what, info->phnum, info->phentsize);
	return 0;
}

static bool read_phdr(const struct load *l, const struct elf_info *info, u32 i,
		      struct elf64_phdr *out)
{
	/* The product is far from overflow; the sum is checked. */
	u64 at = info->phoff + (u64)i * info->phentsize;
	struct elf32_phdr p;

	if (at < info->phoff)
		return false;
	if (info->is64)
		return load_read(&l->file[0], at, out, sizeof(*out));
	if (!load_read(&l->file[0], at, &p, sizeof(p)))
		return false;
	*out = (struct elf64_phdr){
		.type = p.type,
		.flags = p.flags,
		.offset = p.offset,
		.vaddr = p.vaddr,
		.paddr = p.paddr,
		.filesz = p.filesz,
		.memsz = p.memsz,
	};
	return true;
}

static int add_part(const struct load *l, struct load_plan *plan, const struct load_part *part)
{
	if (part->memsz > LOAD_LIMIT || part->dest > LOAD_LIMIT - part->memsz)
		return fail("%s: a segment at 0x%lx, 0x%lx bytes, is not below 4G", l->what,
			    part->dest, part->memsz);
	if (plan->count == LOAD_PARTS_MAX)
		return fail("%s: more than %u segments to load", l->what, LOAD_PARTS_MAX);
	plan->part[plan->count++] = *part;
	return 0;
}

int load_plan_elf(const struct load *l, struct load_plan *plan)
{
	struct elf_info info = {0};
	bool translated = false;

	*plan = (struct load_plan){0};
	if (read_header(l, &info))
		return -1;
	plan->entry = info.entry;
	for (u32 i = 0; i < info.phnum; i++) {
		struct elf64_phdr p;

		if (!read_phdr(l, &info, i, &p))
			return fail("%s is a truncated ELF: program header %u is beyond the file's "
				    "%lu bytes",
				    l->what, i, l->file[0].size);
		if (p.type != ELF_PT_LOAD || !p.memsz)
			continue;
		if (p.filesz > l->file[0].size || p.offset > l->file[0].size - p.filesz)
			return fail("%s is a truncated ELF: segment %u has 0x%lx bytes at 0x%lx, "
				    "file has 0x%lx",
				    l->what, i, p.filesz, p.offset, l->file[0].size);
		if (p.filesz > p.memsz)
			return fail("%s: segment %u has more bytes in the file (0x%lx) than in "
				    "memory (0x%lx)",
				    l->what, i, p.filesz, p.memsz);
		if (add_part(l, plan, &(struct load_part){p.offset, p.paddr, p.filesz, p.memsz}))
			return -1;
		/* The entry is an address as the program sees it; failing that, a physical one. */
		if (!translated && info.entry - p.vaddr < p.memsz) {
			plan->entry = info.entry - p.vaddr + p.paddr;
			translated = true;
		}
	}
	if (!plan->count)
		return fail("%s is an ELF file with nothing to load", l->what);
	return 0;
}

int load_plan_aout(const struct load *l, u64 header_offset, const struct load_aout *aout,
		   struct load_plan *plan)
{
	u64 size = l->file[0].size;
	struct load_part part = {.dest = aout->load_addr};
	u64 before = (u64)aout->header_addr - aout->load_addr;

	*plan = (struct load_plan){0};
	if (aout->header_addr < aout->load_addr || before > header_offset)
		return fail("%s: its multiboot header at 0x%x is loaded before the file starts "
			    "(load address 0x%x)",
			    l->what, aout->header_addr, aout->load_addr);
	part.offset = header_offset - before;
	part.filesz = size - part.offset;
	if (aout->load_end_addr) {
		if (aout->load_end_addr < aout->load_addr)
			return fail("%s: its load end 0x%x is below its load address 0x%x", l->what,
				    aout->load_end_addr, aout->load_addr);
		part.filesz = aout->load_end_addr - aout->load_addr;
	}
	if (part.filesz > size - part.offset)
		return fail("%s is truncated: its header says 0x%lx bytes from 0x%lx, file has "
			    "0x%lx",
			    l->what, part.filesz, part.offset, size);
	part.memsz = part.filesz;
	if (aout->bss_end_addr) {
		if (aout->bss_end_addr < aout->load_addr + part.filesz)
			return fail("%s: its bss end 0x%x is below its load end 0x%lx", l->what,
				    aout->bss_end_addr, aout->load_addr + part.filesz);
		part.memsz = aout->bss_end_addr - aout->load_addr;
	}
	return add_part(l, plan, &part);
}
