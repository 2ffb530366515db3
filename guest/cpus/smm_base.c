/* SPDX-License-Identifier: MIT */
/* A CPU that sends itself an SMI, to see where it goes, and to be elsewhere at the next one. */
#include "guest/cpus/smm_base.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "arch/string.h"
#include "guest/cpus/apic.h"
#include "mm/phys/phys.h"

#define RESET_BASE (SMM_RESET_START - ENTRY)

/* Offsets from the base. */
#define ENTRY      0x8000
#define STATE      0xfc00 /* to FFFFh: the state save area, whichever layout it has */
#define REVISION   0xfefc
#define END        0x10000

#define SMRR_VALID BIT(11) /* in its mask: SDM vol. 3C 32.4.2.1 */
#define PATIENCE   1000    /* microseconds that an SMI has to come */

/* guest/cpus/smm_base.asm. */
extern const u8 smm_moving[], smm_moving_to[], smm_moving_end[], smm_nothing[], smm_nothing_end[];

/* What the copy of smm_moving at 38000h ends in. */
struct moving {
	u32 to;
	volatile u32 ran;
};

static struct {
	u32 moved, stuck;
} cpus;

/* Firmware's SMIs may take their time, and this CPU needs none to know. */
static bool was_moved(bool amd)
{
	u64 value;

	/* An emulator reads MSRs that it does not have as zero. */
	if (amd)
		return rdmsr_safe(MSR_SMM_BASE, &value) && value && value != RESET_BASE;
	/* The range registers are set for where the handlers are by then. */
	return rdmsr_safe(MSR_SMRR_PHYSMASK, &value) && (value & SMRR_VALID);
}

/* Until one of the words is not 0 any more, as an SMI has it; or for so long as one may take. */
static void interrupt(const volatile u32 *here, const volatile u32 *there)
{
	apic_send_to(apic_id(), ICR_SMI);
	/* A read of a port of the PC's own chips takes about a microsecond. */
	for (u32 i = 0; i < PATIENCE && !*here && !*there; i++)
		in8(0x61);
}

/* With smm_moving in place. */
static void move(struct moving *moving, u8 *room)
{
	volatile u32 *revision = (volatile u32 *)(room + (REVISION - ENTRY));

	*revision = 0;
	memcpy(room, smm_nothing, (size_t)(smm_nothing_end - smm_nothing));
	moving->to = (u32)phys_addr(room) - ENTRY;
	moving->ran = 0;
	interrupt(&moving->ran, revision);
	if (!moving->ran)
		return;
	moving->ran = 0;
	interrupt(&moving->ran, revision);
	if (*revision && !moving->ran)
		cpus.moved++;
	else
		cpus.stuck++;
}

void smm_base_move(void *room, bool amd)
{
	u8 entry[64], state[END - STATE];
	u8 *at_entry = phys_ptr(RESET_BASE + ENTRY), *at_state = phys_ptr(RESET_BASE + STATE);
	size_t size = (size_t)(smm_moving_end - smm_moving);

	if (was_moved(amd))
		return;
	memcpy(entry, at_entry, size);
	memcpy(state, at_state, sizeof(state));
	memcpy(at_entry, smm_moving, size);
	move((struct moving *)(at_entry + (smm_moving_to - smm_moving)), room);
	memcpy(at_entry, entry, size);
	memcpy(at_state, state, sizeof(state));
}

void smm_base_report(void)
{
	if (cpus.moved)
		say("the firmware left the SMM base of %u CPU%s at 30000h, in the guest's RAM: moved, so "
		    "that an SMI does nothing there",
		    cpus.moved, cpus.moved == 1 ? "" : "s");
	if (cpus.stuck)
		say("the firmware left the SMM base of %u CPU%s at 30000h, in the guest's RAM, and it "
		    "cannot be moved: keep guests that are not trusted off this machine",
		    cpus.stuck, cpus.stuck == 1 ? "" : "s");
}
