/* SPDX-License-Identifier: MIT */
/* Multiboot kernels (specification 0.6.96). */
#include "arch/string.h"
#include "guest/load_parts.h"
#include "mm/phys/phys.h"

#define MB1_SEARCH           KIB(8)
#define MB1_HEADER_MAGIC     0x1badb002
#define MB1_LOADER_MAGIC     0x2badb002
#define MB1_MUST_UNDERSTAND  0xffffU
#define MB1_UNDERSTOOD       0x7U /* module alignment, memory information, video (ignored) */
#define MB1_HAS_ADDRESSES    BIT(16)

#define MB1_INFO_MEMORY      BIT(0)
#define MB1_INFO_CMDLINE     BIT(2)
#define MB1_INFO_MODULES     BIT(3)
#define MB1_INFO_MMAP        BIT(6)
#define MB1_INFO_LOADER      BIT(9)
#define MB1_INFO_FRAMEBUFFER BIT(12)
#define MB1_FRAMEBUFFER_RGB  1
#define MB1_FRAMEBUFFER_TEXT 2

#define PACKED               __attribute__((packed))

struct mb1_header {
	u32 magic, flags, checksum;
	struct load_aout aout;
	u32 entry_addr;
};

struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
	u32 apm_table, vbe[4];
	u64 framebuffer_addr;
	u32 framebuffer_pitch, framebuffer_width, framebuffer_height;
	u8 framebuffer_bpp, framebuffer_type;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
} PACKED;

struct mb1_module {
	u32 start, end, string, reserved;
};

struct mb1_mmap {
	u32 size; /* of what follows */
	u64 addr, length;
	u32 type;
} PACKED;

_Static_assert(sizeof(struct mb1_info) == 116, "the information structure's layout");
_Static_assert(sizeof(struct mb1_mmap) == 24, "the memory map entry's layout");

/* The header's offset in the file, or ~0. Its address fields may be missing at the file's end. */
static u64 find_header(const struct load_file *file, struct mb1_header *h)
{
	const u64 required = offsetof(struct mb1_header, aout);

	for (u64 at = 0; at + required <= MB1_SEARCH && load_read(file, at, h, required); at += 4)
		if (h->magic == MB1_HEADER_MAGIC && !(h->magic + h->flags + h->checksum))
			return at;
	return ~0ULL;
}

static int make_plan(const struct load *l, u64 at, struct mb1_header *h, struct load_plan *plan)
{
	u32 unknown = h->flags & MB1_MUST_UNDERSTAND & ~MB1_UNDERSTOOD;

	if (unknown)
		return fail("%s: its multiboot header requires flags 0x%x that notrap does not "
			    "know",
			    l->what, unknown);
	if (!(h->flags & MB1_HAS_ADDRESSES))
		return load_plan_elf(l, plan);
	if (!load_read(&l->file[0], at, h, sizeof(*h)))
		return fail("%s is truncated: its multiboot header ends beyond its %lu bytes",
			    l->what, l->file[0].size);
	if (load_plan_aout(l, at, &h->aout, plan))
		return -1;
	plan->entry = h->entry_addr;
	return 0;
}

static void put_framebuffer(const struct boot_framebuffer *fb, struct mb1_info *info)
{
	if (fb->type == BOOT_FB_NONE)
		return;
	info->flags |= MB1_INFO_FRAMEBUFFER;
	info->framebuffer_addr = fb->addr;
	info->framebuffer_pitch = fb->pitch;
	info->framebuffer_width = fb->width;
	info->framebuffer_height = fb->height;
	info->framebuffer_bpp = fb->bpp;
	info->framebuffer_type = MB1_FRAMEBUFFER_TEXT;
	if (fb->type != BOOT_FB_RGB)
		return;
	info->framebuffer_type = MB1_FRAMEBUFFER_RGB;
	info->red_pos = fb->red_pos;
	info->red_size = fb->red_size;
	info->green_pos = fb->green_pos;
	info->green_size = fb->green_size;
	info->blue_pos = fb->blue_pos;
	info->blue_size = fb->blue_size;
}

static u32 put_string(struct load_block *b, const char *s)
{
	return (u32)load_put(b, s, strlen(s) + 1, 1);
}

static u32 put_modules(const struct load *l, struct load_block *b)
{
	u64 list = load_put(b, NULL, (l->files - 1) * sizeof(struct mb1_module), 8);
	struct mb1_module *m = load_at(b, list);

	for (u32 i = 1; i < l->files; i++) {
		u32 string = put_string(b, l->file[i].given);

		if (m)
			m[i - 1] = (struct mb1_module){(u32)l->busy[i].start, (u32)l->busy[i].end,
						       string, 0};
	}
	return (u32)list;
}

static u32 put_mmap(const struct memmap *map, struct load_block *b)
{
	u64 first = load_put(b, NULL, 0, 8);

	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];
		const struct mb1_mmap entry = {
			.size = sizeof(entry) - sizeof(entry.size),
			.addr = r->start,
			.length = r->end - r->start,
			.type = r->type,
		};

		load_put(b, &entry, sizeof(entry), 1);
	}
	return (u32)first;
}

static void put_info(const struct load *l, struct load_block *b, u64 entry, struct guest_start *out)
{
	u32 lower, upper;
	struct mb1_info info = {
		.flags = MB1_INFO_MEMORY | MB1_INFO_CMDLINE | MB1_INFO_MODULES | MB1_INFO_MMAP,
		.mods_count = l->files - 1,
		.mmap_length = l->map->count * (u32)sizeof(struct mb1_mmap),
	};

	load_basic_meminfo(l->map, &lower, &upper);
	info.mem_lower = lower;
	info.mem_upper = upper;
	info.cmdline = put_string(b, l->file[0].given);
	/* By this name kernels tell whether command lines begin with a file's name. */
	if (*l->boot->loader) {
		info.flags |= MB1_INFO_LOADER;
		info.boot_loader_name = put_string(b, l->boot->loader);
	}
	info.mods_addr = put_modules(l, b);
	info.mmap_addr = put_mmap(l->map, b);
	put_framebuffer(&l->boot->fb, &info);
	u64 at = load_put(b, &info, sizeof(info), 8);

	load_multiboot_start(out, entry, MB1_LOADER_MAGIC, at, load_put_gdt(b, false));
}

int load_multiboot1(struct load *l, struct guest_start *out)
{
	struct mb1_header h = {0};
	struct load_plan plan = {0};
	struct load_block block = {0};
	u64 at = find_header(&l->file[0], &h);

	if (at == ~0ULL)
		return 1;
	if (make_plan(l, at, &h, &plan) || load_run_plan(l, &plan))
		return -1;
	out->kind = GUEST_START_MULTIBOOT1;
	put_info(l, &block, plan.entry, out);
	block.start = load_place(l, block.used, LOAD_LIMIT, "multiboot information");
	if (block.start == MEMMAP_NONE)
		return -1;
	block.used = 0;
	put_info(l, &block, plan.entry, out);
	say("guest: multiboot kernel, entry at 0x%lx, %u modules", plan.entry, l->files - 1);
	return 0;
}
