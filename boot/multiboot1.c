/* SPDX-License-Identifier: MIT */
/* Multiboot 1 boot information: Multiboot specification 0.6.96, 3.3. */
#include "arch/console.h"
#include "arch/string.h"
#include "boot/parse.h"
#include "mm/phys/phys.h"

/* A string in the loader's memory has no stated size; none is longer than this. */
#define CMDLINE_MAX 4096

/* Bytes of a memory map: far more than a struct memmap holds. */
#define MMAP_BYTES_MAX 65536

/* Past the last address that the loader can name; no more is mapped this early. */
#define LOADER_END GIB(4)

/* `size` bytes of the loader's; NULL after a fail() line when some of them are past all it can name. */
static const void *loader_bytes(u64 hpa, u64 size, const char *what)
{
	if (hpa > LOADER_END || size > LOADER_END - hpa)
		return fail("boot information: its %s at 0x%lx, %lu bytes, reaches past 4 GiB",
			    what, hpa, size),
		       NULL;
	return phys_ptr(hpa);
}

/*
 * GRUB 2 leaves the file's name out of command lines; the specification's older loaders, and
 * QEMU, put it first.
 */
static bool names_in_cmdlines(const struct bootinfo *boot)
{
	return strncmp(boot->loader, "GRUB 2", 6) != 0;
}

static const char *copy_string(u32 hpa)
{
	u64 max = LOADER_END - hpa < CMDLINE_MAX ? LOADER_END - hpa : CMDLINE_MAX;
	const char *s = hpa ? boot_string(phys_ptr(hpa), max) : "";

	if (s && strlen(s) == max)
		return fail("boot information: the string at 0x%x does not end within %lu bytes",
			    hpa, max),
		       NULL;
	return s;
}

static int parse_mmap(const struct mb1_info *info, struct bootinfo *boot)
{
	const u8 *map;
	u64 at = 0;

	if (info->mmap_length > MMAP_BYTES_MAX)
		return fail("boot information: a memory map of %u bytes", info->mmap_length);
	map = loader_bytes(info->mmap_addr, info->mmap_length, "memory map");
	if (!map)
		return -1;
	while (info->mmap_length - at >= sizeof(struct mb1_mmap)) {
		struct mb1_mmap e;

		memcpy(&e, map + at, sizeof(e));
		if (e.size < sizeof(e) - sizeof(e.size))
			return fail("boot information: a memory map entry of %u bytes", e.size);
		if (boot_add_range(boot, e.start, e.length, e.type, false))
			return -1;
		at += (u64)e.size + sizeof(e.size);
		if (at > info->mmap_length)
			break;
	}
	return 0;
}

static int parse_modules(const struct mb1_info *info, struct bootinfo *boot)
{
	for (u32 i = 0; i < info->mods_count; i++) {
		const void *at = loader_bytes(info->mods_addr + (u64)i * sizeof(struct mb1_module),
					      sizeof(struct mb1_module), "list of modules");
		struct mb1_module m;

		if (!at)
			return -1;
		memcpy(&m, at, sizeof(m));
		if (boot_add_module(boot, m.start, m.end, copy_string(m.cmdline),
				    names_in_cmdlines(boot)))
			return -1;
	}
	return 0;
}

int multiboot1_parse(u64 info_hpa, struct bootinfo *boot)
{
	const struct mb1_info *info = loader_bytes(info_hpa, sizeof(*info), "structure");

	if (!info)
		return -1;
	boot_begin(boot);
	if (info->flags & MB1_INFO_LOADER)
		boot->loader = copy_string(info->loader_name);
	if (info->flags & MB1_INFO_CMDLINE)
		boot->cmdline = copy_string(info->cmdline);
	if (!boot->loader || !boot->cmdline)
		return -1;
	if (names_in_cmdlines(boot))
		boot->cmdline = boot_words(boot->cmdline);
	if ((info->flags & MB1_INFO_MODULES) && parse_modules(info, boot))
		return -1;
	if (info->flags & MB1_INFO_FRAMEBUFFER)
		boot_set_framebuffer(boot, &info->fb.screen, &info->fb.colours);
	if (!(info->flags & MB1_INFO_MMAP))
		return fail("the boot loader gives no memory map; use GRUB's multiboot2 command");
	return parse_mmap(info, boot);
}
