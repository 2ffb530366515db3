/* SPDX-License-Identifier: MIT */
/* Kernel files, from the specifications' offsets. */
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"
#include <string.h>

void make_bzimage(u8 file[FILE_MAX])
{
	memset(file, 0, FILE_MAX);
	fill_pattern(file + BZ_OFFSET, BZ_PAYLOAD, 1);
	file[0x1f1] = BZ_OFFSET / 512 - 1;    /* setup_sects */
	put32(file + 0x1f4, BZ_PAYLOAD / 16); /* syssize */
	put16(file + 0x1fe, 0xaa55);          /* boot_flag */
	put16(file + 0x200, 0x6aeb);          /* jump over the header */
	put_text(file + 0x202, "HdrS");       /* header */
	put16(file + 0x206, 0x020f);          /* version */
	file[0x211] = 0x41;                   /* loadflags: LOADED_HIGH, KEEP_SEGMENTS */
	put32(file + 0x214, 0x100000);        /* code32_start */
	put32(file + 0x22c, 0x7fffffff);      /* initrd_addr_max */
	put32(file + 0x230, 0x200000);        /* kernel_alignment */
	file[0x234] = 1;                      /* relocatable_kernel */
	put16(file + 0x236, 3);               /* xloadflags: KERNEL_64, ABOVE_4G */
	put32(file + 0x238, 255);             /* cmdline_size */
	put64(file + 0x258, 0x1000000);       /* pref_address */
	put32(file + 0x260, 0x400000);        /* init_size */
	put32(file + 0x268, 0x12345678);      /* kernel_info_offset: copied as it is */
}

static void put_elf_header(u8 *file, bool is64, u64 entry, u32 count)
{
	put_text(file, is64 ? "\177ELF\2\1\1" : "\177ELF\1\1\1");
	put16(file + 16, 2);             /* ET_EXEC */
	put16(file + 18, is64 ? 62 : 3); /* EM_X86_64, EM_386 */
	put32(file + 20, 1);
	if (is64) {
		put64(file + 24, entry);
		put64(file + 32, 64); /* e_phoff */
		put16(file + 52, 64);
		put16(file + 54, 56); /* e_phentsize */
		put16(file + 56, (u16)count);
	} else {
		put32(file + 24, (u32)entry);
		put32(file + 28, 52);
		put16(file + 40, 52);
		put16(file + 42, 32);
		put16(file + 44, (u16)count);
	}
}

void make_elf(u8 file[FILE_MAX], bool is64, u64 entry, const struct elf_load *load, u32 count)
{
	memset(file, 0, FILE_MAX);
	fill_pattern(file + 0x1000, ELF_SIZE - 0x1000, 2);
	put_elf_header(file, is64, entry, count);
	for (u32 i = 0; i < count; i++) {
		u8 *p = file + (is64 ? 64 + 56 * i : 52 + 32 * i);

		put32(p, 1); /* PT_LOAD */
		if (is64) {
			put64(p + 8, load[i].offset);
			put64(p + 16, load[i].vaddr);
			put64(p + 24, load[i].paddr);
			put64(p + 32, load[i].filesz);
			put64(p + 40, load[i].memsz);
		} else {
			put32(p + 4, (u32)load[i].offset);
			put32(p + 8, (u32)load[i].vaddr);
			put32(p + 12, (u32)load[i].paddr);
			put32(p + 16, (u32)load[i].filesz);
			put32(p + 20, (u32)load[i].memsz);
		}
	}
}

void put_mb1(u8 *at, u32 flags)
{
	put32(at, 0x1badb002);
	put32(at + 4, flags);
	put32(at + 8, -(0x1badb002 + flags));
}

void put_mb2(u8 *at, const void *tags, u32 size)
{
	put32(at, 0xe85250d6);
	put32(at + 4, 0);
	put32(at + 8, 16 + size);
	put32(at + 12, -(0xe85250d6 + 16 + size));
	memcpy(at + 16, tags, size);
}

const u8 builtin_file[64] = {
	0x02, 0xb0, 0xad, 0x1b, 0x00, 0x00, 0x01, 0x00, 0xfe, 0x4f, 0x51, 0xe4, /* magic, flags */
	0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, /* addresses */
	0x00, 0x10, 0x10, 0x00, 0x20, 0x00, 0x10, 0x00, 0xf4, /* bss, entry, hlt */
};
