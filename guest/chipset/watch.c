/* SPDX-License-Identifier: MIT */
/* Registers in memory that are written for the guest. */
#include "guest/chipset/chipset.h"

#include "arch/console.h"
#include "arch/io.h"
#include "arch/string.h"
#include "guest/chipset/power.h"
#include "guest/cpus/ipi.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* Bytes that one access to registers may have: what is not aligned goes byte by byte, as a bus has it. */
static u32 piece_at(u64 gpa, u32 size)
{
	u32 piece = size < 2 ? 1 : size < 4 ? 2 : 4;

	return gpa & (piece - 1) ? 1 : piece;
}

void device_read(u64 gpa, void *to, u32 size)
{
	u8 *out = to;

	for (u32 piece; size; gpa += piece, out += piece, size -= piece) {
		u32 value = ~0U;

		piece = piece_at(gpa, size);
		if (gpa + piece <= map_end())
			value = mmio_read(phys_ptr(gpa), piece);
		memcpy(out, &value, piece);
	}
}

static void write_piece(struct machine *m, u64 gpa, u32 value, u32 size)
{
	if (gpa + size > map_end()) {
		if (machine_may_say(m, LINE_FAR))
			say("the guest writes to a device at %lx, by an instruction that is carried out for "
			    "it: lost, since notrap reaches no device past %lx; have the firmware put it "
			    "below 4 GiB",
			    gpa, map_end());
		return;
	}
	if (ecam_write(m, gpa, value, size) || ipi_write_is_dropped(m, gpa, value, size) ||
	    !fch_write(m, gpa, value, size) || !hpet_write(m, gpa, value, size) ||
	    !vapic_write(m, gpa) || !power_write(m, ACPI_SPACE_MEMORY, gpa, value, size))
		return;
	mmio_write(phys_ptr(gpa), size, value);
}

void device_write(struct machine *m, u64 gpa, const void *from, u32 size)
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
	if (machine_may_say(m, LINE_WATCHED))
		say("the guest writes to watched registers at %lx, at rip %lx, by other than a plain store: "
		    "refused, with a fault",
		    gpa, rip);
}
