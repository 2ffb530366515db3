/* SPDX-License-Identifier: MIT */
/* The multiboot memory map, command line and RSDP, and a page allocator that only goes up. */
#include "guest/builtin/lib/memory.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"

#define MB1_LOADED   0x2badb002
#define MB2_LOADED   0x36d76289

#define MB1_CMDLINE  BIT(2)
#define MB1_MMAP     BIT(6)

#define MB2_END      0
#define MB2_CMDLINE  1
#define MB2_MMAP     6
#define MB2_ACPI_OLD 14
#define MB2_ACPI_NEW 15

struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr;
};

struct __attribute__((packed)) mb1_mmap {
	u32 size; /* of the rest */
	u64 addr, len;
	u32 type;
};

struct mb2_tag {
	u32 type, size;
};

struct mb2_mmap {
	struct mb2_tag tag;
	u32 entry_size, entry_version;
};

struct memory_range memory_map[MEMORY_RANGES];
u32 memory_ranges;
u64 memory_rsdp;
char memory_cmdline[256];

extern char image_start[], image_end[];

static u64 next_page; /* everything usable below it is taken */

static void add_range(u64 start, u64 len, u32 type)
{
	if (memory_ranges == MEMORY_RANGES)
		guest_fail("the memory map has more than %u ranges", MEMORY_RANGES);
	memory_map[memory_ranges++] = (struct memory_range){start, start + len, type};
}

static void set_cmdline(const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof(memory_cmdline))
		guest_fail("the command line is longer than %u characters",
			   (u32)sizeof(memory_cmdline) - 1);
	memcpy(memory_cmdline, s, n + 1);
}

static void parse_mb1(const struct mb1_info *info)
{
	if (info->flags & MB1_CMDLINE)
		set_cmdline(ptr(info->cmdline));
	if (!(info->flags & MB1_MMAP))
		return;
	for (u32 at = 0; at < info->mmap_length;) {
		const struct mb1_mmap *e = ptr(info->mmap_addr + at);

		add_range(e->addr, e->len, e->type);
		at += e->size + 4;
	}
}

static void parse_mb2(uintptr_t info)
{
	for (uintptr_t at = info + 8;;) {
		const struct mb2_tag *tag = ptr(at);
		const struct mb2_mmap *mmap = ptr(at);

		switch (tag->type) {
		case MB2_END:
			return;
		case MB2_CMDLINE:
			set_cmdline((const char *)(tag + 1));
			break;
		case MB2_MMAP:
			for (u32 o = sizeof(*mmap); o < tag->size; o += mmap->entry_size) {
				const struct {
					u64 addr, len;
					u32 type;
				} *e = ptr(at + o);

				add_range(e->addr, e->len, e->type);
			}
			break;
		case MB2_ACPI_OLD:
		case MB2_ACPI_NEW:
			memory_rsdp = at + sizeof(*tag);
			break;
		}
		at += ALIGN_UP(tag->size, 8);
	}
}

void memory_init(u32 magic, uintptr_t info)
{
	/* The information lies in RAM that page_alloc() may give out; only the RSDP is used later. */
	if (magic == MB1_LOADED)
		parse_mb1(ptr(info));
	else if (magic == MB2_LOADED)
		parse_mb2(info);
	else
		guest_fail("not started by a multiboot loader: EAX = %x", magic);
	if (!memory_ranges)
		guest_fail("the loader gave no memory map");
	if (!memory_is_ram((uintptr_t)image_start, (uintptr_t)image_end))
		guest_fail("this kernel's own image %p-%p is not in RAM", image_start, image_end);
	next_page = (uintptr_t)image_end;
	if (memory_rsdp) {
		static u8 copy[64];

		memcpy(copy, ptr(memory_rsdp), sizeof(copy));
		memory_rsdp = (uintptr_t)copy;
	}
}

bool memory_is_ram(u64 start, u64 end)
{
	while (start < end) {
		u64 from = start;

		for (u32 i = 0; i < memory_ranges; i++) {
			const struct memory_range *r = &memory_map[i];

			if (r->type == MEMORY_RAM && r->start <= start && start < r->end)
				start = r->end;
		}
		if (start == from)
			return false;
	}
	return true;
}

u64 memory_end(void)
{
	u64 end = 0;

	for (u32 i = 0; i < memory_ranges; i++)
		if (memory_map[i].type == MEMORY_RAM && memory_map[i].end > end)
			end = memory_map[i].end;
	return end;
}

u64 page_alloc(u32 pages, u64 align)
{
	u64 size = (u64)pages << PAGE_SHIFT, best = ~0ULL;

	for (u32 i = 0; i < memory_ranges; i++) {
		const struct memory_range *r = &memory_map[i];
		u64 at = r->start > next_page ? r->start : next_page;

		at = ALIGN_UP(at, align > PAGE_SIZE ? align : PAGE_SIZE);
		if (r->type == MEMORY_RAM && at + size <= r->end && at < best)
			best = at;
	}
	if (best > GIB(4) - size)
		guest_fail("out of memory: no %u pages left", pages);
	next_page = best + size;
	memset(ptr(best), 0, size);
	return best;
}
