/* SPDX-License-Identifier: MIT */
/* Multiboot 2 boot information: Multiboot 2 specification 3.6. */
#include "arch/console.h"
#include "arch/string.h"
#include "boot/multiboot.h"
#include "boot/parse.h"
#include "mm/phys/phys.h"

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMMAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI32_SYSTAB = 11,
	TAG_EFI64_SYSTAB = 12,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	TAG_EFI_MEMMAP = 17,
};

struct info {
	u32 total_size;
	u32 reserved;
};

struct tag {
	u32 type;
	u32 size; /* bytes, this header included; the next tag is 8-byte aligned */
};

struct tag_module {
	struct tag tag;
	u32 start, end;
	char cmdline[];
};

struct tag_memmap {
	struct tag tag;
	u32 entry_size, entry_version;
	u8 entries[];
};

struct memmap_entry {
	u64 start, size;
	u32 type, reserved;
};

struct tag_framebuffer {
	struct tag tag;
	u64 addr;
	u32 pitch, width, height;
	u8 bpp, type;
	u16 reserved;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};
#define FB_SIZE_COMMON offsetof(struct tag_framebuffer, red_pos)
#define FB_SIZE_RGB    (FB_SIZE_COMMON + 6)
enum { FB_INDEXED = 0, FB_RGB = 1, FB_EGA_TEXT = 2 };

struct tag_efi32_systab {
	struct tag tag;
	u32 addr;
};

struct tag_efi_systab {
	struct tag tag;
	u64 addr;
};

struct tag_efi_memmap {
	struct tag tag;
	u32 desc_size, desc_version;
	u8 entries[];
};

static int parse_efi_memmap(const struct tag_efi_memmap *t, struct bootinfo *boot)
{
	return boot_add_efi_map(boot, t->entries, t->tag.size - sizeof(*t), t->desc_size,
				t->desc_version);
}

static int parse_memmap(const struct tag_memmap *t, struct bootinfo *boot)
{
	size_t bytes = t->tag.size - sizeof(*t);

	if (t->entry_size < sizeof(struct memmap_entry))
		return fail(
			"boot information: memory map entries of %u bytes, expected at least %lu",
			t->entry_size, sizeof(struct memmap_entry));
	for (size_t at = 0; bytes - at >= t->entry_size; at += t->entry_size) {
		struct memmap_entry e;

		memcpy(&e, t->entries + at, sizeof(e));
		if (boot_add_range(boot, e.start, e.size, e.type, false))
			return -1;
	}
	return 0;
}

static void parse_framebuffer(const struct tag_framebuffer *t, struct bootinfo *boot)
{
	struct boot_framebuffer *fb = &boot->fb;

	if (t->type == FB_RGB && t->tag.size >= FB_SIZE_RGB) {
		fb->type = BOOT_FB_RGB;
		fb->red_pos = t->red_pos;
		fb->red_size = t->red_size;
		fb->green_pos = t->green_pos;
		fb->green_size = t->green_size;
		fb->blue_pos = t->blue_pos;
		fb->blue_size = t->blue_size;
	} else if (t->type == FB_EGA_TEXT) {
		fb->type = BOOT_FB_TEXT;
	} else {
		return; /* indexed colours: no guest protocol of ours passes them on */
	}
	fb->addr = t->addr;
	fb->pitch = t->pitch;
	fb->width = t->width;
	fb->height = t->height;
	fb->bpp = t->bpp;
}

static int parse_string(const struct tag *t, const char **to)
{
	*to = boot_string(t + 1, t->size - sizeof(*t));
	return *to ? 0 : -1;
}

static int parse_module(const struct tag_module *t, struct bootinfo *boot)
{
	const char *given = boot_string(t->cmdline, t->tag.size - sizeof(*t));

	return boot_add_module(boot, t->start, t->end, given, false);
}

/* The least size that each tag's fixed part needs. */
static size_t tag_min_size(u32 type)
{
	switch (type) {
	case TAG_MODULE:
		return sizeof(struct tag_module);
	case TAG_MEMMAP:
		return sizeof(struct tag_memmap);
	case TAG_FRAMEBUFFER:
		return FB_SIZE_COMMON;
	case TAG_EFI32_SYSTAB:
		return sizeof(struct tag_efi32_systab);
	case TAG_EFI64_SYSTAB:
		return sizeof(struct tag_efi_systab);
	case TAG_EFI_MEMMAP:
		return sizeof(struct tag_efi_memmap);
	default:
		return sizeof(struct tag);
	}
}

/* The tags whose order among each other matters are left to multiboot2_parse(). */
static int parse_tag(const struct tag *t, struct bootinfo *boot)
{
	switch (t->type) {
	case TAG_CMDLINE:
		return parse_string(t, &boot->cmdline);
	case TAG_LOADER:
		return parse_string(t, &boot->loader);
	case TAG_MODULE:
		return parse_module((const void *)t, boot);
	case TAG_FRAMEBUFFER:
		parse_framebuffer((const void *)t, boot);
		return 0;
	case TAG_EFI32_SYSTAB:
		boot->efi_systab = ((const struct tag_efi32_systab *)t)->addr;
		boot->efi.is32 = true;
		return 0;
	case TAG_EFI64_SYSTAB:
		boot->efi_systab = ((const struct tag_efi_systab *)t)->addr;
		return 0;
	default:
		return 0;
	}
}

int multiboot2_parse(u64 info_hpa, struct bootinfo *boot)
{
	const struct info *info = phys_ptr(info_hpa);
	const struct tag *memmap = NULL, *efi_memmap = NULL, *acpi = NULL;
	u64 at = sizeof(*info), total = info->total_size;

	boot_begin(boot);
	/* at is 8-byte aligned and below 2^33; every tag lies inside total before it is read. */
	for (;;) {
		const struct tag *t = (const void *)((const u8 *)info + at);

		if (at + sizeof(*t) > total)
			return fail("boot information: no end tag within its %lu bytes", total);
		if (t->type == TAG_END)
			break;
		if (t->size < tag_min_size(t->type) || t->size > total - at)
			return fail("boot information: tag %u has %u bytes, of %lu that are left",
				    t->type, t->size, total - at);
		if (t->type == TAG_MEMMAP)
			memmap = t;
		else if (t->type == TAG_EFI_MEMMAP)
			efi_memmap = t;
		else if (t->type == TAG_ACPI_NEW || (t->type == TAG_ACPI_OLD && !acpi))
			acpi = t;
		else if (parse_tag(t, boot))
			return -1;
		at += ALIGN_UP((u64)t->size, 8);
	}
	if (acpi)
		boot_keep_rsdp(boot, acpi + 1, acpi->size - sizeof(*acpi));
	/* EFI's map knows more types; a loader derives the other one from it. */
	if (efi_memmap)
		return parse_efi_memmap((const void *)efi_memmap, boot);
	if (memmap)
		return parse_memmap((const void *)memmap, boot);
	return fail("the boot loader gives no memory map; use GRUB's multiboot2 command");
}
