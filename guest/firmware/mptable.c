/* SPDX-License-Identifier: MIT */
/* The MP table: every CPU's entry but one is taken out, and what follows moves up. */
#include "guest/firmware/mptable.h"

#include "arch/string.h"
#include "guest/firmware/acpi_table.h"
#include "guest/firmware/ebda.h"
#include "mm/phys/phys.h"

/* Where the floating pointer may be, and whatever it points to here. */
#define BASE_LAST   KIB(639)
#define ROM         0xf0000
#define TABLE_MIN   0x500

#define CPU_ENTRY   20
#define OTHER_ENTRY 8
#define TYPE_CPU    0

struct floating {
	char signature[4]; /* "_MP_" */
	u32 table;
	u8 length; /* in units of 16 bytes */
	u8 revision, checksum;
	u8 features[5]; /* the first: 0, or the number of a default configuration */
} __attribute__((packed));

struct table {
	char signature[4]; /* "PCMP" */
	u16 length;        /* of this header and the entries */
	u8 revision, checksum;
	char oem[8], product[12];
	u32 oem_table;
	u16 oem_size, entries;
	u32 lapic;
	u16 more; /* bytes of the extended table behind the entries */
	u8 more_checksum, reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct floating) == 16, "the floating pointer's layout");
_Static_assert(sizeof(struct table) == 44, "the configuration table's layout");

static bool is_floating(const struct floating *f)
{
	return !memcmp(f->signature, "_MP_", 4) && f->length == 1 && !acpi_sum(f, sizeof(*f));
}

/* The table that it points to, all of it below 1 MiB; NULL when there is none. */
static struct table *table_of(const struct floating *f)
{
	struct table *t = phys_ptr(f->table);

	if (f->features[0] || f->table < TABLE_MIN || f->table > MIB(1) - sizeof(*t) ||
	    memcmp(t->signature, "PCMP", 4) || t->length < sizeof(*t) ||
	    (u64)f->table + t->length + t->more > MIB(1) || acpi_sum(t, t->length))
		return NULL;
	return t;
}

static u32 entry_size(const u8 *entry)
{
	return *entry == TYPE_CPU ? CPU_ENTRY : OTHER_ENTRY;
}

/* All entries lie in the table, and nothing else does. */
static bool is_whole(const struct table *t)
{
	u32 at = sizeof(*t);

	for (u32 i = 0; i < t->entries; i++) {
		if (at >= t->length)
			return false;
		at += entry_size((const u8 *)t + at);
	}
	return at == t->length;
}

/* False when memory keeps what it has. */
static bool take_out(struct table *t, u32 at)
{
	u32 behind = (u32)t->length + t->more - at - CPU_ENTRY;
	u16 length = t->length - CPU_ENTRY;
	volatile struct table *kept = t;

	kept->length = length;
	if (kept->length != length)
		return false;
	t->entries--;
	memmove((u8 *)t + at, (u8 *)t + at + CPU_ENTRY, behind);
	return true;
}

static bool hide_in(struct table *t, u32 own)
{
	for (u32 at = sizeof(*t); at < t->length;) {
		const u8 *entry = (const u8 *)t + at;

		if (*entry != TYPE_CPU || entry[1] == own)
			at += entry_size(entry);
		else if (!take_out(t, at))
			return false;
	}
	t->checksum -= acpi_sum(t, t->length);
	return true;
}

static bool hide_floating(struct floating *f)
{
	volatile char *first = f->signature;

	*first = 0;
	return !*first;
}

static int scan(u64 start, u64 end, u32 own)
{
	for (u64 at = start; at + sizeof(struct floating) <= end; at += 16) {
		struct floating *f = phys_ptr(at);
		struct table *t;

		if (!is_floating(f))
			continue;
		t = table_of(f);
		if (!(t && is_whole(t) ? hide_in(t, own) : hide_floating(f)))
			return -1;
	}
	return 0;
}

int mp_hide_others(const struct bootinfo *boot, u32 own)
{
	/* UEFI leaves no data of a BIOS's; its compatibility module may leave a table in the ROM area. */
	u64 ebda = boot->efi_systab ? 0 : ebda_start();

	if (ebda && scan(ebda, ebda + KIB(1), own) < 0)
		return -1;
	/* No place of the specification's, but one where Linux looks. */
	if (scan(0, KIB(1), own) < 0 || scan(BASE_LAST, BASE_LAST + KIB(1), own) < 0)
		return -1;
	return scan(ROM, MIB(1), own);
}
