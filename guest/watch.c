/* SPDX-License-Identifier: MIT */
/* Registers in memory that are written for the guest. */
#include "guest/watch.h"

#include "arch/console.h"
#include "arch/string.h"
#include "guest/chipset.h"
#include "guest/ipi.h"
#include "guest/pci.h"
#include "guest/power.h"
#include "mm/map.h"
#include "mm/phys.h"

int watch_memory(struct machine *m, u64 start, u64 end)
{
	struct memmap_range range = {ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE),
				     MEMMAP_RESERVED};

	if (m->nr_watched == WATCHED_MAX)
		return fail(
			"the firmware's tables list more than %u ranges of registers that notrap "
			"has to watch",
			WATCHED_MAX);
	for (u32 i = 0; i < m->guest_map.count; i++) {
		const struct memmap_range *r = &m->guest_map.range[i];

		if (r->type == MEMMAP_RAM && ranges_overlap(r, 1, range.start, range.end) &&
		    memmap_set(&m->guest_map, range.start, range.end, MEMMAP_RESERVED) < 0)
			return fail("the firmware's memory map has too many ranges");
	}
	m->watched[m->nr_watched++] = range;
	return 0;
}

bool is_watched(const struct machine *m, u64 gpa)
{
	return ranges_overlap(m->watched, m->nr_watched, gpa, gpa + 1) &&
	       !ranges_overlap(m->hidden, m->nr_hidden, gpa, gpa + 1);
}

/* Bytes that one access to registers may have: what is not aligned goes byte by byte, as a bus has it. */
static u32 piece_at(u64 gpa, u32 size)
{
	u32 piece = size < 4 ? size : 4;

	return gpa & (piece - 1) ? 1 : piece;
}

void watched_read(const struct machine *m, u64 gpa, void *to, u32 size)
{
	u8 *out = to;

	(void)m;
	for (u32 piece; size; gpa += piece, out += piece, size -= piece) {
		u32 value = ~0U;

		piece = piece_at(gpa, size);
		if (gpa + piece <= map_end())
			value = piece == 4   ? *(volatile u32 *)phys_ptr(gpa)
				: piece == 2 ? *(volatile u16 *)phys_ptr(gpa)
					     : *(volatile u8 *)phys_ptr(gpa);
		memcpy(out, &value, piece);
	}
}

static void write_piece(struct machine *m, u64 gpa, u32 value, u32 size)
{
	if (ecam_write(m, gpa, value, size) || gpa + size > map_end() ||
	    ipi_write_is_dropped(m, gpa, value, size) || !fch_write(m, gpa, value, size) ||
	    !hpet_write(m, gpa, value, size) ||
	    !power_write(m, ACPI_SPACE_MEMORY, gpa, value, size))
		return;
	if (size == 4)
		*(volatile u32 *)phys_ptr(gpa) = value;
	else if (size == 2)
		*(volatile u16 *)phys_ptr(gpa) = (u16)value;
	else
		*(volatile u8 *)phys_ptr(gpa) = (u8)value;
}

void watched_write(struct machine *m, u64 gpa, const void *from, u32 size)
{
	const u8 *in = from;

	for (u32 piece; size; gpa += piece, in += piece, size -= piece) {
		u32 value = 0;

		piece = piece_at(gpa, size);
		memcpy(&value, in, piece);
		write_piece(m, gpa, value, piece);
	}
}

void watched_unknown(struct machine *m, u64 gpa, u64 rip)
{
	if (m->watched_said)
		return;
	m->watched_said = true;
	say("the guest writes to watched registers at %lx, at rip %lx, by other than a plain store: "
	    "refused, with a fault",
	    gpa, rip);
}
