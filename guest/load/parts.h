/* SPDX-License-Identifier: MIT */
/* What the loaders share: the files, where things are put, and the parts of a kernel image. */
#ifndef GUEST_LOAD_PARTS_H
#define GUEST_LOAD_PARTS_H

#include "arch/cpu.h"
#include "guest/firmware/acpi.h"
#include "guest/load/load.h"

/*
 * Every protocol enters the kernel with 32-bit physical addresses, or tables that map just these; and
 * what the last page below 4 GiB holds would end at an address that has 33.
 */
#define LOAD_LIMIT     (GIB(4) - PAGE_SIZE)
#define LOAD_LOW_MIN   KIB(64)
#define LOAD_LOW_MAX   KIB(640)
#define LOAD_PARTS_MAX 32
#define LOAD_BUSY_MAX  (BOOT_MODULES_MAX + LOAD_PARTS_MAX + 8)

struct load_file {
	const u8 *data;
	u64 size;
	const char *cmdline, *given; /* as in struct boot_module */
};

/*
 * One guest being loaded. file[0] is its kernel, the others are its modules.
 *
 * Memory that must not be overwritten yet: busy[i] is where file[i] lies now (empty if it is not
 * in guest RAM to begin with), the rest are places already given to something.
 */
struct load {
	const struct bootinfo *boot;
	const struct memmap *map;
	struct memmap free; /* the same, as boot->free is of boot->map */
	const char *what;   /* the kernel's name in messages: "module 1", "built-in guest bench" */
	u32 files;
	struct load_file file[BOOT_MODULES_MAX];
	u8 rsdp[ACPI_RSDP_MAX]; /* read before anything is overwritten */
	u32 rsdp_size;          /* 0: not known */
	u32 busies;
	struct memmap_range busy[LOAD_BUSY_MAX];
};

/* Copy `len` bytes at `offset` of a file. False if the file does not have them all. */
bool load_read(const struct load_file *file, u64 offset, void *to, u64 len);

/*
 * Take [start, start + size) for `part` (its name in messages); it need not be free of files.
 * Returns 0, or -1 after a fail() line when it is not all guest RAM.
 */
int load_claim(struct load *l, u64 start, u64 size, const char *part);

/*
 * memmap_find() in guest RAM, avoiding the first `nr` of l->busy: where the firmware's tables are not, unless
 * there is no other room.
 */
u64 load_find(const struct load *l, const struct memmap_room *room, u32 nr);

/*
 * Find and take free guest RAM: in the low 640K if that has room, else the highest below `max`.
 * Returns its address, or MEMMAP_NONE after a fail() line.
 */
u64 load_place(struct load *l, u64 size, u64 max, const char *part);

/* True when file i overlaps memory taken for something else. */
bool load_file_in_the_way(const struct load *l, u32 i);

/*
 * Move file i to free guest RAM, page-aligned, wholly below `max`.
 * Returns 0, or -1 with nothing changed when there is no room.
 */
int load_move_file(struct load *l, u32 i, u64 max);

/* ---- guest data: built twice by the same code, first to learn its size, then in place ---- */

struct load_block {
	u64 start; /* physical, 8-byte aligned; 0 while measuring */
	u64 used;  /* bytes */
};

/*
 * Append `len` bytes (zeros if data is NULL) at the next multiple of `align`, at most 4096.
 * Returns the place's physical address; while measuring, a number of no meaning.
 */
u64 load_put(struct load_block *b, const void *data, u64 len, u64 align);

/* The bytes at an address that load_put() returned, or NULL while measuring. */
void *load_at(const struct load_block *b, u64 addr);

/* ---- EFI ---- */

/*
 * Append the firmware's memory map to the guest's data, page by page as it was but for notrap's own
 * memory, which is reserved in it. Returns its size in bytes: 0 where there is none.
 */
u32 load_put_efi_map(const struct load *l, struct load_block *b, u64 *at);

/* ---- multiboot ---- */

struct load_part {
	u64 offset; /* in the file */
	u64 dest;   /* physical */
	u64 filesz; /* bytes copied */
	u64 memsz;  /* bytes taken; what is not copied is zeroed */
};

struct load_plan {
	u32 count;
	struct load_part part[LOAD_PARTS_MAX];
	u64 entry; /* physical */
};

/* The address fields of both multiboot headers, in their order. */
struct load_aout {
	u32 header_addr, load_addr, load_end_addr, bss_end_addr;
};

/*
 * Both return 0, or -1 after a fail() line. An ELF's entry point is translated to a physical
 * address where it is a virtual one; the address fields leave `entry` to the caller.
 */
int load_plan_elf(const struct load *l, struct load_plan *plan);
int load_plan_aout(const struct load *l, u64 header_offset, const struct load_aout *aout,
		   struct load_plan *plan);

/*
 * Put the kernel's parts into place, after moving every file that lies there; then see that each
 * module is in guest RAM below 4G, page-aligned. Returns 0, or -1 after a fail() line.
 */
int load_run_plan(struct load *l, const struct load_plan *plan);

/* The start state that both multiboots share: 32-bit protected mode, the GDT at `gdt`. */
void load_multiboot_start(struct guest_start *out, u64 entry, u64 magic, u64 info, u64 gdt);

/* KiB of RAM from 0 and from 1M up to the first hole. */
void load_basic_meminfo(const struct memmap *map, u32 *lower, u32 *upper);

/* Four entries: null, null, code (64-bit or 32-bit), data. Returns its address. */
u64 load_put_gdt(struct load_block *b, bool long_mode);

#define LOAD_GDT_LIMIT 31
#define LOAD_CS        0x10 /* __BOOT_CS */
#define LOAD_DS        0x18 /* __BOOT_DS */
#define LOAD_CR0_PROT  (CR0_PE | CR0_ET)

/*
 * multiboot2_info.c: build the information structure and the GDT in a block of guest data, and set the start
 * state.
 * load_base: the relocated kernel's lowest address, or MEMMAP_NONE.
 */
void mb2_put_info(const struct load *l, struct load_block *b, u64 load_base, u64 entry,
		  struct guest_start *out);

/* ---- the protocols: 1 if the file is none of this kind, else 0 or -1 as load_guest() ---- */

int load_linux(struct load *l, struct guest_start *out);
int load_multiboot1(struct load *l, struct guest_start *out);
int load_multiboot2(struct load *l, struct guest_start *out);

#endif
