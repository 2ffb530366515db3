/* SPDX-License-Identifier: MIT */
/*
 * Taking the other CPUs: INIT-SIPI-SIPI to all at once (SDM vol. 3A 9.4.4), since a guest can reach
 * those that no table lists as well. They come through guest/cpus/ap.asm one by one.
 */
#include "guest/cpus/park.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/io.h"
#include "arch/string.h"
#include "guest/cpus/ap.h"
#include "guest/cpus/apic.h"
#include "guest/cpus/ipi.h"
#include "guest/cpus/smm_base.h"
#include "guest/firmware/bios_area.h"
#include "guest/firmware/madt.h"
#include "guest/firmware/mptable.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* Where a start-up IPI can start a CPU: below 640 KiB, and not where interrupt vectors are. */
#define START_MIN PAGE_SIZE
#define START_MAX KIB(640)

/* Microseconds. Parking a CPU takes far less than one millisecond. */
#define INIT_TIME     10000
#define STARTUP_TIME  200
#define LISTED_TIME   1000000 /* for one more CPU that must come to come */
#define UNLISTED_TIME 20000   /* for one that nobody knows of */

/* More turns of its loop than a CPU can make before it takes an INIT that has come. */
#define BEATS 1000

static void count_cpu(void *ctx, u32 id)
{
	(void)id;
	++*(u32 *)ctx;
}

/* CPUs that the firmware lists, without this one, which is among them. */
static u32 others_listed(const struct bootinfo *boot)
{
	u32 n = 0;

	madt_each(boot, count_cpu, &n);
	return n ? n - 1 : 0;
}

u64 park_memory_size(const struct bootinfo *boot)
{
	return others_listed(boot) * sizeof(struct ap);
}

/* Wait until no CPU has come for so long. */
static void settle(u32 microseconds)
{
	u32 seen = ap_arrived + aps.parked;

	for (u32 left = microseconds; left && !aps.failed; left--) {
		u32 now = ap_arrived + aps.parked;

		if (now != seen)
			left = microseconds;
		seen = now;
		io_delay(1);
	}
}

static bool is_parked(u32 id)
{
	for (u32 i = 0; i < aps.parked; i++) {
		if (aps.ap[i].apic_id == id)
			return true;
	}
	return false;
}

struct missing {
	u32 count, id;
};

static void note_missing(void *ctx, u32 id)
{
	struct missing *missing = ctx;

	if (id == apic_id() || is_parked(id))
		return;
	missing->count++;
	missing->id = id;
}

static struct missing find_missing(const struct bootinfo *boot)
{
	struct missing missing = {0};

	madt_each(boot, note_missing, &missing);
	return missing;
}

/* The CPUs come by way of a page of low memory, which is then as it was. */
static void start_others(const struct bootinfo *boot, u64 page)
{
	static u8 saved[PAGE_SIZE];
	u32 size = (u32)(ap_trampoline_end - ap_trampoline), cr3 = (u32)read_cr3();
	u8 *at = phys_ptr(page);

	memcpy(saved, at, size);
	memcpy(at, ap_trampoline, size);
	memcpy(at + (ap_trampoline_cr3 - ap_trampoline), &cr3, sizeof(cr3));
	map_identity(true);
	apic_send(ICR_OTHERS | ICR_INIT);
	io_delay(INIT_TIME);
	for (int i = 0; i < 2; i++) {
		apic_send(ICR_OTHERS | ICR_STARTUP | (u32)(page >> PAGE_SHIFT));
		io_delay(STARTUP_TIME);
	}
	settle(UNLISTED_TIME);
	if (find_missing(boot).count)
		settle(LISTED_TIME);
	/* No CPU may come any more: what was ready for one more goes back to the pool. */
	xchg32(&ap_lock, 1);
	map_identity(false);
	memcpy(at, saved, size);
}

static int check_parked(const struct bootinfo *boot)
{
	struct missing missing = find_missing(boot);

	if (aps.failed)
		return -1; /* that CPU has said why */
	if (aps.full && ap_arrived != aps.parked)
		return fail("too little memory to park more than %u CPUs: add memory", aps.parked);
	if (ap_arrived != aps.parked)
		return fail("CPU %u did not get from its first steps to where it is parked",
			    aps.parked + 1);
	if (missing.count)
		return fail("%u of the CPUs that the firmware lists, one with local APIC ID %u, "
			    "did not start: a guest could start them outside of notrap; "
			    "switch them off in the firmware's set-up",
			    missing.count, missing.id);
	return 0;
}

static bool goes_on(const struct ap *ap)
{
	u32 start = ap->beats;

	for (u32 i = 0; i < LISTED_TIME; i++) {
		if (ap->beats - start > BEATS)
			return true;
		io_delay(1);
	}
	return false;
}

/* What the manual says of INIT, tried: a parked CPU goes on, all of them or none. */
static bool survive_init(void)
{
	bool all = true;

	apic_send(ICR_OTHERS | ICR_INIT);
	io_delay(INIT_TIME);
	for (u32 i = 0; i < aps.parked; i++) {
		all = goes_on(&aps.ap[i]) && all;
		aps.ap[i].cpu.parked_inits = 0;
	}
	return all;
}

static int park(const struct bootinfo *boot, u64 page)
{
	ap_arrived = 0;
	aps.parked = 0;
	ap_lock = !ap_prepare_next();
	start_others(boot, page);
	return check_parked(boot);
}

/*
 * Park them in the first way in which INIT leaves them alone. Where it does in none, as on QEMU, whose
 * CPU looks at neither GIF nor its intercept, they are parked all the same, to hold off what else comes,
 * and the guest may not send INIT.
 */
static int park_for_good(struct machine *m, const struct bootinfo *boot, u64 page)
{
	for (aps.way = 0; aps.way < INIT_WAYS; aps.way++) {
		if (park(boot, page) < 0)
			return -1;
		if (!aps.parked || survive_init())
			break;
	}
	if (aps.way == INIT_WAYS) {
		aps.way--;
		if (park(boot, page) < 0)
			return -1;
	} else if (!m->ops->init_resets_guests || !m->ops->init_resets_guests()) {
		return 0;
	}
	say("INIT resets a CPU here that is parked or runs a guest: the guest's INIT, SMIs and start-up "
	    "IPIs are dropped; INIT as a device's MSI cannot be");
	return ipi_watch(m, boot);
}

int park_prepare(const struct machine *m)
{
	static u8 smm[SMM_ROOM_SIZE] __attribute__((aligned(PAGE_SIZE)));

	if (apic_check() < 0)
		return -1;
	smm_base_move(smm, m->ops->amd);
	return 0;
}

/* The firmware's tables list no other CPU any more, where they can be written; with the lines that say so. */
static void hide_others(const struct bootinfo *boot)
{
	const char *found = ", and finds no other in the ACPI tables";
	u32 opened = bios_area_open();
	bool mp_hidden;

	if (madt_hide_others(boot, apic_id()) < 0)
		found = "; its ACPI tables are read-only and list more: start Linux with nosmp";
	mp_hidden = mp_hide_others(boot, apic_id()) == 0;
	bios_area_close(opened);
	if (aps.parked)
		say("%u CPU%s parked; the guest has one%s", aps.parked, aps.parked == 1 ? "" : "s",
		    found);
	smm_base_report();
	if (!mp_hidden)
		say("its MP table is read-only and lists more: a Linux without ACPI wants nosmp");
}

int park_cpus(struct machine *m, const struct bootinfo *boot, u64 *pool_hpa, u64 *pool_size)
{
	/* CPUs come by way of it while one is at smm_base_move(). */
	static const struct memmap_range smm = {SMM_RESET_START, SMM_RESET_END, MEMMAP_RAM};
	static const struct memmap_room room = {
		.size = PAGE_SIZE, .align = PAGE_SIZE, .min = START_MIN, .max = START_MAX};
	u64 page = memmap_find(&boot->map, &room, &smm, 1);
	int err;

	if (page == MEMMAP_NONE)
		return fail("no RAM below 640 KiB, where other CPUs can be started from");

	aps.ops = m->ops;
	aps.cr0 = read_cr0();
	aps.cr4 = read_cr4();
	aps.ap = phys_ptr(*pool_hpa);
	aps.end = aps.ap + *pool_size / sizeof(struct ap);
	err = park_for_good(m, boot, page);
	aps.settled = true;
	if (err < 0)
		return -1;
	*pool_hpa += aps.parked * sizeof(struct ap);
	*pool_size -= aps.parked * sizeof(struct ap);
	hide_others(boot);
	return 0;
}

void park_report(void)
{
	u32 nmis = 0, mcs = 0, inits = 0;

	for (u32 i = 0; i < aps.parked; i++) {
		nmis += aps.ap[i].cpu.parked_nmis;
		mcs += aps.ap[i].cpu.parked_mcs;
		inits += aps.ap[i].cpu.parked_inits;
	}
	if (nmis || mcs)
		say("parked CPUs: %u NMIs, %u machine checks ignored", nmis, mcs);
	if (inits)
		say("parked CPUs: %u INITs ignored", inits);
}
