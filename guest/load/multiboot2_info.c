/* SPDX-License-Identifier: MIT */
/* The multiboot2 information structure (specification 2.0, 3.6). */
#include "arch/string.h"
#include "guest/load/parts.h"
#include "guest/multiboot.h"

/* A tag of two pieces, either of which may be empty. */
static void put_tag(struct load_block *b, u32 type, const void *first, u64 first_size,
		    const void *second, u64 second_size)
{
	const struct mb2_tag tag = {type, (u32)(sizeof(tag) + first_size + second_size)};

	load_put(b, &tag, sizeof(tag), 8);
	load_put(b, first, first_size, 1);
	load_put(b, second, second_size, 1);
}

static void put_string(struct load_block *b, u32 type, const char *s)
{
	put_tag(b, type, s, strlen(s) + 1, NULL, 0);
}

static void put_modules(const struct load *l, struct load_block *b)
{
	for (u32 i = 1; i < l->files; i++) {
		const u32 place[] = {(u32)l->busy[i].start, (u32)l->busy[i].end};
		const char *words = l->file[i].given;

		put_tag(b, MB2_INFO_MODULE, place, sizeof(place), words, strlen(words) + 1);
	}
}

static void put_memory(const struct memmap *map, struct load_block *b)
{
	const u32 layout[] = {sizeof(struct mb2_mmap), 0};
	u32 basic[2];

	load_basic_meminfo(map, &basic[0], &basic[1]);
	put_tag(b, MB2_INFO_MEMORY, basic, sizeof(basic), NULL, 0);

	const struct mb2_tag tag = {MB2_INFO_MMAP, (u32)(sizeof(tag) + sizeof(layout) +
							 map->count * sizeof(struct mb2_mmap))};

	load_put(b, &tag, sizeof(tag), 8);
	load_put(b, layout, sizeof(layout), 1);
	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];
		const struct mb2_mmap entry = {r->start, r->end - r->start, r->type, 0};

		load_put(b, &entry, sizeof(entry), 1);
	}
}

static void put_framebuffer(const struct boot_framebuffer *fb, struct load_block *b)
{
	const struct mb2_framebuffer f = {.screen = fb->screen, .colours = fb->colours};

	if (fb->screen.type != BOOT_FB_NONE)
		put_tag(b, MB2_INFO_FRAMEBUFFER, &f,
			fb->screen.type == BOOT_FB_RGB ? sizeof(f)
						       : offsetof(struct mb2_framebuffer, colours),
			NULL, 0);
}

/* Boot services have ended: there is neither tag 18, nor an image's handle. */
static void put_efi(const struct load *l, struct load_block *b)
{
	const struct bootinfo *boot = l->boot;
	struct load_block measure = {0};
	u64 map;

	if (!boot->efi_systab)
		return;
	/* The lower half of a little-endian number is a 32-bit firmware's. */
	put_tag(b, boot->efi.is32 ? MB2_INFO_EFI32 : MB2_INFO_EFI64, &boot->efi_systab,
		boot->efi.is32 ? sizeof(u32) : sizeof(u64), NULL, 0);
	if (!boot->efi.map)
		return;

	const u32 layout[] = {boot->efi.desc_size, boot->efi.desc_version};
	const struct mb2_tag tag = {MB2_INFO_EFI_MMAP, (u32)(sizeof(tag) + sizeof(layout)) +
							       load_put_efi_map(l, &measure, &map)};

	load_put(b, &tag, sizeof(tag), 8);
	load_put(b, layout, sizeof(layout), 1);
	load_put_efi_map(l, b, &map);
}

void mb2_put_info(const struct load *l, struct load_block *b, u64 load_base, u64 entry,
		  struct guest_start *out)
{
	u64 info = load_put(b, NULL, 2 * sizeof(u32), 8);
	const u32 base = (u32)load_base;
	u32 *head = load_at(b, info);

	put_string(b, MB2_INFO_CMDLINE, l->file[0].given);
	/* By this name kernels tell whether command lines begin with a file's name. */
	if (*l->boot->loader)
		put_string(b, MB2_INFO_LOADER, l->boot->loader);
	put_modules(l, b);
	put_memory(l->map, b);
	put_framebuffer(&l->boot->fb, b);
	put_efi(l, b);
	if (l->rsdp_size)
		put_tag(b, l->rsdp[15] < 2 ? MB2_INFO_ACPI_OLD : MB2_INFO_ACPI_NEW, l->rsdp,
			l->rsdp_size, NULL, 0);
	if (load_base != MEMMAP_NONE)
		put_tag(b, MB2_INFO_LOAD_BASE, &base, sizeof(base), NULL, 0);
	put_tag(b, MB2_INFO_END, NULL, 0, NULL, 0);
	if (head)
		*head = (u32)(b->start + b->used - info); /* total size */
	load_multiboot_start(out, entry, MB2_LOADER_MAGIC, info, load_put_gdt(b, false));
}
