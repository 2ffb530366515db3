/* SPDX-License-Identifier: MIT */
/* Multiboot 1 boot information: Multiboot specification 0.6.96, 3.3. */
#include "arch/console.h"
#include "arch/string.h"
#include "boot/multiboot.h"
#include "boot/parse.h"
#include "mm/phys/phys.h"

enum info_flags {
	INFO_CMDLINE = 1 << 2,
	INFO_MODS = 1 << 3,
	INFO_MMAP = 1 << 6,
	INFO_LOADER_NAME = 1 << 9,
	INFO_FRAMEBUFFER = 1 << 12,
};

struct info {
	u32 flags;
	u32 mem_lower, mem_upper;
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 loader_name;
	u32 apm_table;
	u32 vbe_control_info, vbe_mode_info;
	u16 vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
	u64 fb_addr;
	u32 fb_pitch, fb_width, fb_height;
	u8 fb_bpp, fb_type;
	u8 fb_red_pos, fb_red_size, fb_green_pos, fb_green_size, fb_blue_pos, fb_blue_size;
} __attribute__((packed));

enum { FB_RGB = 1, FB_EGA_TEXT = 2 };

struct module {
	u32 start, end;
	u32 cmdline;
	u32 reserved;
};

/* size does not count itself. */
struct mmap_entry {
	u32 size;
	u64 start, length;
	u32 type;
} __attribute__((packed));

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

static int parse_mmap(const struct info *info, struct bootinfo *boot)
{
	const u8 *map;
	u64 at = 0;

	if (info->mmap_length > MMAP_BYTES_MAX)
		return fail("boot information: a memory map of %u bytes", info->mmap_length);
	map = loader_bytes(info->mmap_addr, info->mmap_length, "memory map");
	if (!map)
		return -1;
	while (info->mmap_length - at >= sizeof(struct mmap_entry)) {
		struct mmap_entry e;

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

static int parse_modules(const struct info *info, struct bootinfo *boot)
{
	for (u32 i = 0; i < info->mods_count; i++) {
		const void *at = loader_bytes(info->mods_addr + (u64)i * sizeof(struct module),
					      sizeof(struct module), "list of modules");
		struct module m;

		if (!at)
			return -1;
		memcpy(&m, at, sizeof(m));
		if (boot_add_module(boot, m.start, m.end, copy_string(m.cmdline),
				    names_in_cmdlines(boot)))
			return -1;
	}
	return 0;
}

static void parse_framebuffer(const struct info *info, struct bootinfo *boot)
{
	if (info->fb_type != FB_RGB && info->fb_type != FB_EGA_TEXT)
		return;
	boot->fb = (struct boot_framebuffer){
		.type = info->fb_type == FB_RGB ? BOOT_FB_RGB : BOOT_FB_TEXT,
		.addr = info->fb_addr,
		.pitch = info->fb_pitch,
		.width = info->fb_width,
		.height = info->fb_height,
		.bpp = info->fb_bpp,
	};
	if (info->fb_type == FB_RGB) {
		boot->fb.red_pos = info->fb_red_pos;
		boot->fb.red_size = info->fb_red_size;
		boot->fb.green_pos = info->fb_green_pos;
		boot->fb.green_size = info->fb_green_size;
		boot->fb.blue_pos = info->fb_blue_pos;
		boot->fb.blue_size = info->fb_blue_size;
	}
}

int multiboot1_parse(u64 info_hpa, struct bootinfo *boot)
{
	const struct info *info = loader_bytes(info_hpa, sizeof(*info), "structure");

	if (!info)
		return -1;
	boot_begin(boot);
	if (info->flags & INFO_LOADER_NAME)
		boot->loader = copy_string(info->loader_name);
	if (info->flags & INFO_CMDLINE)
		boot->cmdline = copy_string(info->cmdline);
	if (!boot->loader || !boot->cmdline)
		return -1;
	if (names_in_cmdlines(boot))
		boot->cmdline = boot_words(boot->cmdline);
	if (info->flags & INFO_MODS && parse_modules(info, boot))
		return -1;
	if (info->flags & INFO_FRAMEBUFFER)
		parse_framebuffer(info, boot);
	if (!(info->flags & INFO_MMAP))
		return fail("the boot loader gives no memory map; use GRUB's multiboot2 command");
	return parse_mmap(info, boot);
}
