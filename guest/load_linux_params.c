/* SPDX-License-Identifier: MIT */
/* Linux's boot_params and what hangs from it, built in guest RAM. */
#include "arch/string.h"
#include "guest/load_linux.h"
#include "mm/phys/phys.h"

#define LINUX_HEADER_LIMIT 0x290 /* where boot_params goes on after the longest setup header */

/* Identity tables for the first 4G: one PML4, one PDPT, four PDs of 2M pages. */
#define TABLE   0x23ULL /* P, R/W, A */
#define PAGE_2M 0xe3ULL /* P, R/W, A, D, PS */

static u64 put_tables(struct load_block *b)
{
	u64 pml4 = load_put(b, NULL, 6 * PAGE_SIZE, PAGE_SIZE);
	u64 *entry = load_at(b, pml4);

	if (!entry)
		return pml4;
	entry[0] = (pml4 + PAGE_SIZE) | TABLE;
	for (u64 i = 0; i < 4; i++)
		entry[512 + i] = (pml4 + (2 + i) * PAGE_SIZE) | TABLE;
	for (u64 i = 0; i < 4 * 512; i++)
		entry[1024 + i] = (i << 21) | PAGE_2M;
	return pml4;
}

static void fill_screen(struct linux_screen_info *s, const struct bootinfo *boot)
{
	const struct boot_framebuffer *fb = &boot->fb;
	u64 size = (u64)fb->pitch * fb->height;

	if (fb->type == BOOT_FB_RGB) {
		s->orig_video_isvga = boot->efi_systab ? LINUX_VIDEO_EFI : LINUX_VIDEO_VLFB;
		s->lfb_width = (u16)fb->width;
		s->lfb_height = (u16)fb->height;
		s->lfb_depth = fb->bpp;
		s->lfb_linelength = (u16)fb->pitch;
		s->lfb_base = (u32)fb->addr;
		s->ext_lfb_base = (u32)(fb->addr >> 32);
		if (s->ext_lfb_base)
			s->capabilities = LINUX_VIDEO_64BIT_BASE;
		/* VESA counts in units of 64K. */
		s->lfb_size = (u32)(boot->efi_systab ? size : ALIGN_UP(size, KIB(64)) >> 16);
		s->red_size = fb->red_size;
		s->red_pos = fb->red_pos;
		s->green_size = fb->green_size;
		s->green_pos = fb->green_pos;
		s->blue_size = fb->blue_size;
		s->blue_pos = fb->blue_pos;
		if (fb->bpp == 32) {
			s->rsvd_size = 8;
			s->rsvd_pos = 24;
		}
		return;
	}
	if (fb->type == BOOT_FB_NONE && boot->efi_systab)
		return; /* no VGA text on such a machine */
	s->orig_video_isvga = LINUX_VIDEO_TEXT;
	s->orig_video_mode = 3;
	s->orig_video_cols = fb->type == BOOT_FB_TEXT ? (u8)fb->width : 80;
	s->orig_video_lines = fb->type == BOOT_FB_TEXT ? (u8)fb->height : 25;
	s->orig_video_points = 16;
}

struct e820 {
	struct linux_boot_params *params;
	struct linux_e820_entry *ext;
	u32 count;
};

static void put_e820(struct e820 *e, u64 start, u64 end, u32 type)
{
	struct linux_e820_entry entry = {start, end - start, type};

	if (start >= end)
		return;
	if (e->count < LINUX_E820_MAX) {
		e->params->e820[e->count] = entry;
		e->params->e820_entries = (u8)(e->count + 1);
	} else {
		e->ext[e->count - LINUX_E820_MAX] = entry;
		((struct linux_setup_data *)e->ext - 1)->len += sizeof(entry);
	}
	e->count++;
}

/* The guest's map; the page with the RSDP's copy, which lies inside one range, apart from it. */
static void fill_e820(struct e820 *e, const struct memmap *map, const struct memmap_range *copy)
{
	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];

		if (copy->start < copy->end && r->start <= copy->start && copy->start < r->end) {
			put_e820(e, r->start, copy->start, r->type);
			put_e820(e, copy->start, copy->end, copy->type);
			put_e820(e, copy->end, r->end, r->type);
		} else {
			put_e820(e, r->start, r->end, r->type);
		}
	}
}

/* Room for as many entries as do not fit into boot_params. Returns its address, 0 if all fit. */
static u64 put_e820_ext(struct load_block *b, u64 entries)
{
	const struct linux_setup_data head = {.type = LINUX_SETUP_E820_EXT};
	u64 at;

	if (entries <= LINUX_E820_MAX)
		return 0;
	at = load_put(b, &head, sizeof(head), 8);
	load_put(b, NULL, (entries - LINUX_E820_MAX) * sizeof(struct linux_e820_entry), 1);
	return at;
}

/* What the firmware gave, for its runtime services and its tables (SMBIOS). */
static void fill_efi(struct linux_efi_info *e, const struct bootinfo *boot, u64 map, u32 map_size)
{
	if (!boot->efi_systab || !map_size)
		return;
	memcpy(e->signature, boot->efi.is32 ? "EL32" : "EL64", sizeof(e->signature));
	e->systab = (u32)boot->efi_systab;
	e->systab_high = (u32)(boot->efi_systab >> 32);
	e->desc_size = boot->efi.desc_size;
	e->desc_version = boot->efi.desc_version;
	e->map = (u32)map;
	e->map_high = (u32)(map >> 32);
	e->map_size = map_size;
}

static void fill_params(const struct load *l, const struct linux_kernel *k,
			struct linux_boot_params *p, u64 cmdline)
{
	u64 header_end = k->header_end;

	if (header_end > LINUX_HEADER_LIMIT)
		header_end = LINUX_HEADER_LIMIT;
	/* check() saw to it that the header is in the file. */
	memcpy((u8 *)p + offsetof(struct linux_boot_params, hdr),
	       l->file[0].data + offsetof(struct linux_boot_params, hdr),
	       header_end - offsetof(struct linux_boot_params, hdr));
	fill_screen(&p->screen, l->boot);
	p->acpi_rsdp_addr = k->rsdp;
	p->hdr.vid_mode = LINUX_VGA_NORMAL;
	p->hdr.type_of_loader = LINUX_LOADER_UNKNOWN;
	p->hdr.loadflags &= (u8)~LINUX_KEEP_SEGMENTS;
	p->hdr.code32_start = (u32)k->at;
	p->hdr.cmd_line_ptr = (u32)cmdline;
	p->hdr.ramdisk_image = p->hdr.ramdisk_size = 0;
	if (l->files > 1 && l->file[1].size) {
		p->hdr.ramdisk_image = (u32)l->busy[1].start;
		p->ext_ramdisk_image = (u32)(l->busy[1].start >> 32);
		p->hdr.ramdisk_size = (u32)l->file[1].size;
		p->ext_ramdisk_size = (u32)(l->file[1].size >> 32);
	}
}

void linux_params(const struct load *l, const struct linux_kernel *k, struct load_block *b,
		  struct guest_start *out)
{
	const char *words = l->file[0].cmdline;
	u64 params = load_put(b, NULL, sizeof(struct linux_boot_params), PAGE_SIZE);
	u64 tables = k->entry64 ? put_tables(b) : 0;
	u64 gdt = load_put_gdt(b, k->entry64);
	u64 cmdline = load_put(b, words, strlen(words) + 1, 1);
	u64 ext = put_e820_ext(b, l->map->count + 2ULL);
	u64 efi_map = 0;
	u32 efi_map_size = load_put_efi_map(l, b, &efi_map);
	struct linux_boot_params *p = load_at(b, params);

	*out = (struct guest_start){
		.kind = k->entry64 ? GUEST_START_LINUX64 : GUEST_START_LINUX32,
		.long_mode = k->entry64,
		.rip = k->at + (k->entry64 ? LINUX_ENTRY_64 : 0),
		.rsi = params,
		.cr0 = LOAD_CR0_PROT | (k->entry64 ? BIT(31) : 0),
		.cr3 = tables,
		.cr4 = k->entry64 ? BIT(5) : 0,            /* PAE */
		.efer = k->entry64 ? BIT(8) | BIT(10) : 0, /* LME, LMA */
		.gdt_base = gdt,
		.gdt_limit = LOAD_GDT_LIMIT,
		.cs = LOAD_CS,
		.ds = LOAD_DS,
	};
	if (!p)
		return;
	fill_params(l, k, p, cmdline);
	fill_efi(&p->efi, l->boot, efi_map, efi_map_size);

	struct e820 e = {.params = p};

	if (ext) {
		p->hdr.setup_data = ext;
		e.ext = (void *)((u8 *)load_at(b, ext) + sizeof(struct linux_setup_data));
	}
	fill_e820(&e, l->map, &k->copy);
}
