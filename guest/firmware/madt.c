/* SPDX-License-Identifier: MIT */
/* The MADT: its entries for CPUs are read, and written so that a guest finds one CPU. */
#include "guest/firmware/madt.h"

#include "arch/string.h"
#include "guest/firmware/acpi.h"

#define CHECKSUM         9
#define ENTRIES          44 /* behind the header, the APIC's address and flags */

#define TYPE_APIC        0 /* processor ID, APIC ID, flags */
#define TYPE_IO_APIC     1 /* ID, reserved, address */
#define TYPE_X2APIC      9 /* 2 reserved, APIC ID, flags, processor ID */
#define FLAGS_ENABLED    BIT(0)
#define FLAGS_ONLINE_CAP BIT(1)
/* No CPU's: firmware fills unused entries with it. */
#define APIC_ID_NONE   0xff
#define X2APIC_ID_NONE 0xffffffff

struct entry {
	u8 *start;
	u32 apic_id;
	u8 *flags; /* 32 bits, little-endian; NULL: no CPU's entry */
};

/* The entry at *at, which is moved behind it. False at the table's end, or where it is broken. */
static bool next_entry(u8 *madt, u32 size, u32 *at, struct entry *e)
{
	u8 len;

	if (*at > size || size - *at < 2)
		return false;
	e->start = madt + *at;
	e->flags = NULL;
	len = e->start[1];
	if (len < 2 || len > size - *at)
		return false;
	if (e->start[0] == TYPE_APIC && len >= 8) {
		e->apic_id = e->start[3];
		e->flags = e->start + 4;
	} else if (e->start[0] == TYPE_X2APIC && len >= 16) {
		memcpy(&e->apic_id, e->start + 4, sizeof(e->apic_id));
		e->flags = e->start + 8;
	}
	*at += len;
	return true;
}

/* All MADTs' entries, one after the other. Zero but for boot: before the first. */
struct walk {
	const struct bootinfo *boot;
	u8 *madt;
	u32 nr, size, at;
};

static bool next(struct walk *w, struct entry *e)
{
	while (!w->madt || !next_entry(w->madt, w->size, &w->at, e)) {
		w->madt = acpi_table(w->boot, "APIC", w->nr++, &w->size);
		w->at = ENTRIES;
		if (!w->madt)
			return false;
	}
	return true;
}

void madt_each(const struct bootinfo *boot, void (*visit)(void *ctx, u32 apic_id), void *ctx)
{
	struct walk w = {.boot = boot};

	for (struct entry e; next(&w, &e);) {
		if (e.flags && (e.flags[0] & FLAGS_ENABLED) &&
		    e.apic_id != (e.start[0] == TYPE_X2APIC ? X2APIC_ID_NONE : APIC_ID_NONE))
			visit(ctx, e.apic_id);
	}
}

void madt_each_io_apic(const struct bootinfo *boot, void (*visit)(void *ctx, u32 hpa), void *ctx)
{
	struct walk w = {.boot = boot};

	for (struct entry e; next(&w, &e);) {
		u32 hpa;

		if (e.start[0] != TYPE_IO_APIC || e.start[1] < 12)
			continue;
		memcpy(&hpa, e.start + 4, sizeof(hpa));
		visit(ctx, hpa);
	}
}

/* Change a byte, and the checksum with it. False when write-protected memory keeps what it has. */
static bool change(u8 *madt, volatile u8 *byte, u8 value)
{
	madt[CHECKSUM] += *byte - value;
	*byte = value;
	return *byte == value;
}

/*
 * An entry that is only disabled is a CPU that may be plugged in, and Linux keeps a place for it. One
 * with an ID that no CPU has is passed over (ACPI 6.4, 5.2.12.2, 5.2.12.12).
 */
static bool hide_entry(u8 *madt, const struct entry *e)
{
	bool x2apic = e->start[0] == TYPE_X2APIC;
	u8 *id = e->start + (x2apic ? 4 : 3);

	for (u32 i = 0; i < (x2apic ? 4 : 1); i++) {
		if (!change(madt, &id[i], 0xff))
			return false;
	}
	return change(madt, e->flags, e->flags[0] & (u8) ~(FLAGS_ENABLED | FLAGS_ONLINE_CAP));
}

int madt_hide_others(const struct bootinfo *boot, u32 own)
{
	struct walk w = {.boot = boot};

	for (struct entry e; next(&w, &e);) {
		if (e.flags && e.apic_id != own && !hide_entry(w.madt, &e))
			return -1;
	}
	return 0;
}
