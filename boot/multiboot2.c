/* SPDX-License-Identifier: MIT */
/* Multiboot 2 boot information: Multiboot 2 specification 3.6. */
#include "arch/console.h"
#include "arch/string.h"
#include "boot/parse.h"
#include "mm/phys/phys.h"

static int parse_efi_memmap(const struct mb2_tag *t, struct bootinfo *boot)
{
	const struct mb2_list *list = (const void *)(t + 1);

	return boot_add_efi_map(boot, list->entries, t->size - sizeof(*t) - sizeof(*list),
				list->entry_size, list->version);
}

static int parse_memmap(const struct mb2_tag *t, struct bootinfo *boot)
{
	const struct mb2_list *list = (const void *)(t + 1);
	size_t bytes = t->size - sizeof(*t) - sizeof(*list);

	if (list->entry_size < sizeof(struct mb2_mmap))
		return fail(
			"boot information: memory map entries of %u bytes, expected at least %lu",
			list->entry_size, sizeof(struct mb2_mmap));
	for (size_t at = 0; bytes - at >= list->entry_size; at += list->entry_size) {
		struct mb2_mmap e;

		memcpy(&e, list->entries + at, sizeof(e));
		if (boot_add_range(boot, e.start, e.length, e.type, false))
			return -1;
	}
	return 0;
}

static void parse_framebuffer(const struct mb2_tag *t, struct bootinfo *boot)
{
	const struct mb2_framebuffer *fb = (const void *)(t + 1);

	if (fb->screen.type != BOOT_FB_RGB || t->size >= sizeof(*t) + sizeof(*fb))
		boot_set_framebuffer(boot, &fb->screen, &fb->colours);
}

static int parse_string(const struct mb2_tag *t, const char **to)
{
	*to = boot_string(t + 1, t->size - sizeof(*t));
	return *to ? 0 : -1;
}

static int parse_module(const struct mb2_tag *t, struct bootinfo *boot)
{
	const struct mb2_module *m = (const void *)(t + 1);

	return boot_add_module(boot, m->start, m->end,
			       boot_string(m->cmdline, t->size - sizeof(*t) - sizeof(*m)), false);
}

static int parse_systab(const struct mb2_tag *t, struct bootinfo *boot)
{
	boot->efi.is32 |= t->type == MB2_INFO_EFI32;
	boot->efi_systab = 0;
	memcpy(&boot->efi_systab, t + 1, t->type == MB2_INFO_EFI32 ? sizeof(u32) : sizeof(u64));
	return 0;
}

/* The least size that each tag needs. */
static size_t tag_min_size(u32 type)
{
	const size_t head = sizeof(struct mb2_tag);

	switch (type) {
	case MB2_INFO_MODULE:
		return head + sizeof(struct mb2_module);
	case MB2_INFO_MMAP:
	case MB2_INFO_EFI_MMAP:
		return head + sizeof(struct mb2_list);
	case MB2_INFO_FRAMEBUFFER:
		return head + offsetof(struct mb2_framebuffer, colours);
	case MB2_INFO_EFI32:
		return head + sizeof(u32);
	case MB2_INFO_EFI64:
		return head + sizeof(u64);
	default:
		return head;
	}
}

/* The tags whose order among each other matters are left to multiboot2_parse(). */
static int parse_tag(const struct mb2_tag *t, struct bootinfo *boot)
{
	switch (t->type) {
	case MB2_INFO_CMDLINE:
		return parse_string(t, &boot->cmdline);
	case MB2_INFO_LOADER:
		return parse_string(t, &boot->loader);
	case MB2_INFO_MODULE:
		return parse_module(t, boot);
	case MB2_INFO_FRAMEBUFFER:
		parse_framebuffer(t, boot);
		return 0;
	case MB2_INFO_EFI32:
	case MB2_INFO_EFI64:
		return parse_systab(t, boot);
	default:
		return 0;
	}
}

int multiboot2_parse(u64 info_hpa, struct bootinfo *boot)
{
	const struct mb2_info *info = phys_ptr(info_hpa);
	const struct mb2_tag *memmap = NULL, *efi_memmap = NULL, *acpi = NULL;
	u64 at = sizeof(*info), total = info->total_size;

	boot_begin(boot);
	/* at is 8-byte aligned and below 2^33; every tag lies inside total before it is read. */
	for (;;) {
		const struct mb2_tag *t = (const void *)((const u8 *)info + at);

		if (at + sizeof(*t) > total)
			return fail("boot information: no end tag within its %lu bytes", total);
		if (t->type == MB2_INFO_END)
			break;
		if (t->size < tag_min_size(t->type) || t->size > total - at)
			return fail("boot information: tag %u has %u bytes, of %lu that are left",
				    t->type, t->size, total - at);
		if (t->type == MB2_INFO_MMAP)
			memmap = t;
		else if (t->type == MB2_INFO_EFI_MMAP)
			efi_memmap = t;
		else if (t->type == MB2_INFO_ACPI_NEW || (t->type == MB2_INFO_ACPI_OLD && !acpi))
			acpi = t;
		else if (parse_tag(t, boot))
			return -1;
		at += ALIGN_UP((u64)t->size, 8);
	}
	if (acpi)
		boot_keep_rsdp(boot, acpi + 1, acpi->size - sizeof(*acpi));
	/* EFI's map knows more types; a loader derives the other one from it. */
	if (efi_memmap)
		return parse_efi_memmap(efi_memmap, boot);
	if (memmap)
		return parse_memmap(memmap, boot);
	return fail("the boot loader gives no memory map; use GRUB's multiboot2 command");
}
