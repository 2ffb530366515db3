/* SPDX-License-Identifier: MIT */
/* Multiboot2 kernels (specification 2.0): the header's tags, and where the kernel goes. */
#include "arch/string.h"
#include "guest/load/parts.h"
#include "guest/multiboot.h"

/* The header: 3.1. */
#define MB2_SEARCH            KIB(32)
#define MB2_HEADER_MAGIC      0xe85250d6
#define MB2_ARCH_I386         0
#define MB2_OPTIONAL          BIT(0)
#define MB2_HEADER_FROM_START 0xffffffff /* header_addr: the file is loaded from the header on */
#define MB2_PREFER_HIGH       2

enum mb2_header_tag_type {
	MB2_TAG_END,
	MB2_TAG_INFO_REQUEST,
	MB2_TAG_ADDRESS,
	MB2_TAG_ENTRY,
	MB2_TAG_CONSOLE,
	MB2_TAG_FRAMEBUFFER,
	MB2_TAG_MODULE_ALIGN,
	MB2_TAG_EFI_BS,
	MB2_TAG_ENTRY_EFI32,
	MB2_TAG_ENTRY_EFI64,
	MB2_TAG_RELOCATABLE,
};

#define MB2_INFO_PASSED_ON                                                       \
	(BIT(MB2_INFO_CMDLINE) | BIT(MB2_INFO_LOADER) | BIT(MB2_INFO_MODULE) |   \
	 BIT(MB2_INFO_MEMORY) | BIT(MB2_INFO_MMAP) | BIT(MB2_INFO_FRAMEBUFFER) | \
	 BIT(MB2_INFO_EFI32) | BIT(MB2_INFO_EFI64) | BIT(MB2_INFO_ACPI_OLD) |    \
	 BIT(MB2_INFO_ACPI_NEW) | BIT(MB2_INFO_EFI_MMAP) | BIT(MB2_INFO_LOAD_BASE))

struct mb2_header {
	u32 magic, architecture, length, checksum;
};

struct mb2_header_tag {
	u16 type, flags;
	u32 size;
};

struct mb2_relocate {
	u32 min_addr, max_addr, align, preference;
};

/* What the header's tags ask for. */
struct mb2_request {
	bool has_aout, has_entry;
	struct load_aout aout;
	u32 entry;
	struct mb2_relocate relocate; /* align 0: not asked for */
};

/* The header's offset in the file, or ~0. */
static u64 find_header(const struct load_file *file, struct mb2_header *h)
{
	for (u64 at = 0; at + sizeof(*h) <= MB2_SEARCH && load_read(file, at, h, sizeof(*h));
	     at += 8)
		if (h->magic == MB2_HEADER_MAGIC &&
		    !(h->magic + h->architecture + h->length + h->checksum))
			return at;
	return ~0ULL;
}

/*
 * The list of information that the kernel cannot do without (specification 3.1.4). What notrap
 * passes on where the machine has it is good enough; what it never passes on is not.
 */
static int check_wanted_info(const struct load *l, u64 at, u32 bytes)
{
	for (u32 i = 0; i + 4 <= bytes; i += 4) {
		u32 type;

		load_read(&l->file[0], at + i, &type, sizeof(type));
		if (type > MB2_INFO_LAST || !(MB2_INFO_PASSED_ON & BIT(type)))
			return fail("%s: its multiboot2 header requires information of type %u, "
				    "which notrap does not pass on",
				    l->what, type);
	}
	return 0;
}

static int check_relocate(const struct load *l, const struct mb2_relocate *r)
{
	if (r->align && !(r->align & (r->align - 1)))
		return 0;
	return fail("%s: its multiboot2 header asks for the alignment 0x%x, no power of two",
		    l->what, r->align);
}

static int take_content(const struct load *l, const struct mb2_header_tag *tag, u64 at, void *to,
			u32 size)
{
	if (tag->size - sizeof(*tag) < size)
		return fail("%s: tag %u of its multiboot2 header is too short", l->what, tag->type);
	load_read(&l->file[0], at, to, size);
	return 0;
}

/* One tag whose content, at `at`, is in the file. */
static int take_tag(const struct load *l, const struct mb2_header_tag *tag, u64 at,
		    struct mb2_request *want)
{
	bool optional = tag->flags & MB2_OPTIONAL;

	switch (tag->type) {
	case MB2_TAG_INFO_REQUEST:
		return optional ? 0 : check_wanted_info(l, at, tag->size - (u32)sizeof(*tag));
	case MB2_TAG_ADDRESS:
		want->has_aout = true;
		return take_content(l, tag, at, &want->aout, sizeof(want->aout));
	case MB2_TAG_ENTRY:
		want->has_entry = true;
		return take_content(l, tag, at, &want->entry, sizeof(want->entry));
	case MB2_TAG_RELOCATABLE:
		if (take_content(l, tag, at, &want->relocate, sizeof(want->relocate)))
			return -1;
		return check_relocate(l, &want->relocate);
	case MB2_TAG_CONSOLE:      /* the console is what the boot loader left */
	case MB2_TAG_FRAMEBUFFER:  /* likewise: a wish, not a demand */
	case MB2_TAG_MODULE_ALIGN: /* modules always are */
	case MB2_TAG_ENTRY_EFI32:  /* for EFI boot services, which have ended */
	case MB2_TAG_ENTRY_EFI64:
		break;
	case MB2_TAG_EFI_BS:
		if (!optional)
			return fail("%s: its multiboot2 header requires EFI boot services, which "
				    "have ended",
				    l->what);
		break;
	default:
		if (!optional)
			return fail("%s: its multiboot2 header requires tag %u, which notrap does "
				    "not know",
				    l->what, tag->type);
	}
	return 0;
}

static int read_tags(const struct load *l, u64 start, const struct mb2_header *h,
		     struct mb2_request *want)
{
	u64 at = start + sizeof(*h), end = start + h->length;
	struct mb2_header_tag tag;

	if (h->architecture != MB2_ARCH_I386)
		return fail("%s: its multiboot2 header is for architecture %u, not for i386",
			    l->what, h->architecture);
	if (end > l->file[0].size)
		return fail("%s is truncated: its multiboot2 header ends at 0x%lx, file has 0x%lx "
			    "bytes",
			    l->what, end, l->file[0].size);
	while (at + sizeof(tag) <= end) {
		load_read(&l->file[0], at, &tag, sizeof(tag));
		if (tag.type == MB2_TAG_END)
			return 0;
		if (tag.size < sizeof(tag) || tag.size > end - at)
			return fail("%s: tag %u of its multiboot2 header has the size %u", l->what,
				    tag.type, tag.size);
		if (take_tag(l, &tag, at + sizeof(tag), want))
			return -1;
		at += ALIGN_UP((u64)tag.size, 8);
	}
	return fail("%s: its multiboot2 header has no end tag", l->what);
}

/* Move the whole plan to where the relocatable tag lets it be. */
static int relocate(const struct load *l, const struct mb2_relocate *r, struct load_plan *plan,
		    u64 *base)
{
	struct memmap_room room = {
		.align = r->align,
		.min = r->min_addr > MIB(1) ? r->min_addr : MIB(1),
		.max = r->max_addr + 1ULL,
		.lowest = r->preference != MB2_PREFER_HIGH,
	};
	u64 low = ~0ULL, high = 0, to;

	for (u32 i = 0; i < plan->count; i++) {
		const struct load_part *p = &plan->part[i];

		low = p->dest < low ? p->dest : low;
		high = p->dest + p->memsz > high ? p->dest + p->memsz : high;
	}
	room.size = high - low;
	to = load_find(l, &room, 0);
	if (to == MEMMAP_NONE)
		return fail("%s: no room for the kernel: 0x%lx bytes of RAM from 0x%lx to 0x%lx "
			    "are needed",
			    l->what, room.size, room.min, room.max);
	for (u32 i = 0; i < plan->count; i++)
		plan->part[i].dest += to - low;
	plan->entry += to - low;
	*base = to;
	return 0;
}

int load_multiboot2(struct load *l, struct guest_start *out)
{
	struct mb2_header h = {0};
	struct mb2_request want = {0};
	struct load_plan plan = {0};
	struct load_block block = {0};
	u64 at = find_header(&l->file[0], &h), base = MEMMAP_NONE;

	if (at == ~0ULL)
		return 1;
	if (read_tags(l, at, &h, &want))
		return -1;
	if (want.has_aout && !want.has_entry)
		return fail("%s: its multiboot2 header has addresses, but no entry address",
			    l->what);
	if (want.has_aout && want.aout.header_addr == MB2_HEADER_FROM_START)
		want.aout.header_addr = want.aout.load_addr + (u32)at;
	if (want.has_aout ? load_plan_aout(l, at, &want.aout, &plan) : load_plan_elf(l, &plan))
		return -1;
	if (want.has_entry)
		plan.entry = want.entry;
	if (want.relocate.align && relocate(l, &want.relocate, &plan, &base))
		return -1;
	if (load_run_plan(l, &plan))
		return -1;

	mb2_put_info(l, &block, base, plan.entry, out);
	block.start = load_place(l, block.used, LOAD_LIMIT, "multiboot2 information");
	if (block.start == MEMMAP_NONE)
		return -1;
	block.used = 0;
	mb2_put_info(l, &block, base, plan.entry, out);
	say("guest: multiboot2 kernel, entry at 0x%lx, %u modules", plan.entry, l->files - 1);
	return 0;
}
