/* SPDX-License-Identifier: MIT */
/* Who is moved, and what is left behind: guest/cpus/smm_base.c on a CPU of the test's own. */
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/cpu.h"
#include "tests/host/fake/console.h"
#include "tests/host/fake/ram.h"

/* In the place of arch/safe.h, arch/insn.h and arch/string.h. */
#define ARCH_SAFE_H
#define ARCH_INSN_H
#define ARCH_STRING_H

/* The CPU, and what its firmware made of it. */
static struct {
	u32 base;           /* SMM's */
	u32 smis;           /* taken */
	bool deaf;          /* it takes none */
	bool fixed;         /* its base does not move */
	u64 smm_base, smrr; /* MSRs; ~0: there is none */
} cpu;

static bool rdmsr_safe(u32 msr, u64 *value)
{
	*value = msr == MSR_SMM_BASE ? cpu.smm_base : msr == MSR_SMRR_PHYSMASK ? cpu.smrr : ~0ULL;
	if (*value != ~0ULL)
		return true;
	*value = 0;
	return false;
}

static u8 in8(u16 port)
{
	(void)port;
	return 0;
}

#include "guest/cpus/smm_base.c"

/* In the place of smm_base.asm: what is known by its looks, and what the two words are behind. */
__asm__(".pushsection .rodata\n"
	".globl smm_moving, smm_moving_to, smm_moving_end, smm_nothing, smm_nothing_end\n"
	"smm_moving: .fill 48, 1, 0xc0\n"
	"smm_moving_to: .fill 8, 1, 0xc1\n"
	"smm_moving_end:\n"
	"smm_nothing: .byte 0x0f, 0xaa\n"
	"smm_nothing_end:\n"
	".popsection\n");

#define MEMORY    MIB(1)
#define ROOM      0x80000
#define ELSEWHERE MIB(2) /* firmware's own memory, where its handler is */
#define ID        3

static u8 memory[MEMORY], before[MEMORY];
struct fake_ram fake_ram[] = {{0, MEMORY, memory, 0}};
const u32 fake_ram_count = 1;

u32 apic_id(void)
{
	return ID;
}

/* An SMI: the state is saved, and what is at the base's entry runs. */
void apic_send_to(u32 id, u32 icr)
{
	u8 *at = memory + cpu.base;

	assert_int_equal(id, ID);
	assert_int_equal(icr, ICR_SMI);
	if (cpu.deaf)
		return;
	cpu.smis++;
	if (cpu.base == ELSEWHERE)
		return;
	memset(at + STATE, 0x55, END - STATE);
	if (!memcmp(at + ENTRY, smm_moving, (size_t)(smm_moving_to - smm_moving))) {
		struct moving *m = (struct moving *)(at + ENTRY + (smm_moving_to - smm_moving));

		m->ran++;
		if (!cpu.fixed)
			cpu.base = m->to;
	} else {
		assert_memory_equal(at + ENTRY, smm_nothing, 2);
	}
}

/* The guest's memory is as it was whatever happened. Returns the SMIs that it took. */
static u32 move_one(u32 base, bool amd)
{
	for (u32 i = 0; i < MEMORY; i++)
		memory[i] = (u8)(i * 7 + i / 256);
	memcpy(before, memory, MEMORY);
	cpus.moved = cpus.stuck = 0;
	cpu.base = base;
	cpu.smis = 0;
	smm_base_move(memory + ROOM, amd);
	assert_memory_equal(memory, before, ROOM);
	assert_memory_equal(memory + ROOM + SMM_ROOM_SIZE, before + ROOM + SMM_ROOM_SIZE,
			    MEMORY - ROOM - SMM_ROOM_SIZE);
	fake_console_clear();
	smm_base_report();
	return cpu.smis;
}

static void plain(void)
{
	memset(&cpu, 0, sizeof(cpu));
	cpu.smm_base = cpu.smrr = ~0ULL;
}

static void moved(void **state)
{
	(void)state;
	for (u32 amd = 0; amd < 2; amd++) {
		plain();
		assert_int_equal(move_one(RESET_BASE, amd), 2);
		assert_int_equal(cpu.base, ROOM - ENTRY);
		assert_non_null(strstr(fake_said, "1 CPU at 30000h, in the guest's RAM: moved"));
		/* Emulators' answers for what is not there; AMD's for what was not moved. */
		cpu.smm_base = cpu.smrr = 0;
		assert_int_equal(move_one(RESET_BASE, amd), 2);
		cpu.smm_base = RESET_BASE;
		assert_int_equal(move_one(RESET_BASE, amd), 2);
		assert_int_equal(cpu.base, ROOM - ENTRY);
		/* The next SMI there is harmless. */
		apic_send_to(ID, ICR_SMI);
		assert_memory_equal(memory, before, ROOM);
	}
}

static void firmwares(void **state)
{
	(void)state;
	plain();
	/* The firmware's handler gets one. */
	assert_int_equal(move_one(ELSEWHERE, false), 1);
	assert_int_equal(cpu.base, ELSEWHERE);
	assert_int_equal(fake_says, 0);
	/* Or none, where that is known. */
	cpu.smrr = 0xff000800;
	assert_int_equal(move_one(ELSEWHERE, false), 0);
	assert_int_equal(move_one(ELSEWHERE, true), 1);
	cpu.smm_base = 0x7f000000;
	assert_int_equal(move_one(ELSEWHERE, true), 0);
	assert_int_equal(fake_says, 0);
	/* Of range registers, it is the one bit that says so. */
	cpu.smrr = 0xff000000;
	assert_int_equal(move_one(ELSEWHERE, false), 1);
}

static void no_smi_comes(void **state)
{
	(void)state;
	plain();
	cpu.deaf = true;
	assert_int_equal(move_one(RESET_BASE, false), 0);
	assert_int_equal(cpu.base, RESET_BASE);
	assert_int_equal(fake_says, 0);
}

static void stuck(void **state)
{
	(void)state;
	plain();
	cpu.fixed = true;
	assert_int_equal(move_one(RESET_BASE, false), 2);
	assert_non_null(strstr(fake_said, "cannot be moved"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved),
		cmocka_unit_test(firmwares),
		cmocka_unit_test(no_smi_comes),
		cmocka_unit_test(stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
