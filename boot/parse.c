/* SPDX-License-Identifier: MIT */
/* What both multiboot parsers share: copies of strings, modules, ranges of memory. */
#include "boot/parse.h"
#include "arch/console.h"
#include "arch/string.h"
#include "mm/phys/phys.h"

/* Command lines of all modules and our own. */
#define STRINGS_MAX 16384

/* An ACPI 2.0 RSDP. */
#define RSDP_SIZE 36

static char strings[STRINGS_MAX];
static size_t strings_used;
static u8 rsdp_copy[RSDP_SIZE];

void boot_begin(struct bootinfo *boot)
{
	*boot = (struct bootinfo){
		.cmdline = "",
		.loader = "",
		.image_start = boot->image_start,
		.image_end = boot->image_end,
	};
	strings_used = 0;
}

const char *boot_string(const void *from, size_t max)
{
	const char *s = from;
	char *copy = strings + strings_used;
	size_t len = 0;

	while (len < max && s[len])
		len++;
	if (len >= STRINGS_MAX - strings_used) {
		fail("the command lines from the boot loader are longer than %d bytes in all; "
		     "shorten them",
		     STRINGS_MAX);
		return NULL;
	}
	memcpy(copy, s, len);
	copy[len] = 0;
	strings_used += len + 1;
	return copy;
}

const char *boot_words(const char *given)
{
	while (*given && *given != ' ')
		given++;
	while (*given == ' ')
		given++;
	return given;
}

int boot_add_module(struct bootinfo *boot, u64 start, u64 end, const char *given, bool name_first)
{
	if (!given)
		return -1;
	if (end < start)
		return fail("module %u: the boot loader says it ends (%lx) before it starts (%lx)",
			    boot->modules, end, start);
	if (boot->modules == BOOT_MODULES_MAX)
		return fail("more than %d modules; load fewer", BOOT_MODULES_MAX);
	boot->module[boot->modules++] = (struct boot_module){
		.start = start,
		.size = end - start,
		.cmdline = name_first ? boot_words(given) : given,
		.given = given,
	};
	return 0;
}

int boot_add_range(struct bootinfo *boot, u64 start, u64 size, u32 type, bool in_use)
{
	if (size == 0)
		return 0;
	if (type < MEMMAP_RAM || type > MEMMAP_BAD)
		type = MEMMAP_RESERVED;
	/* A firmware may name the last byte of the address space. */
	if (size > ~0ULL - start)
		size = ~0ULL - start;
	if (memmap_add(&boot->map, start, start + size, type) ||
	    memmap_add(&boot->free, start, start + size, in_use ? MEMMAP_RESERVED : type))
		return fail("the firmware's memory map has more than %d ranges", MEMMAP_MAX);
	return 0;
}

void boot_keep_rsdp(struct bootinfo *boot, const void *rsdp, size_t size)
{
	if (size > RSDP_SIZE)
		size = RSDP_SIZE;
	memset(rsdp_copy, 0, RSDP_SIZE);
	memcpy(rsdp_copy, rsdp, size);
	boot->rsdp = phys_addr(rsdp_copy);
}
