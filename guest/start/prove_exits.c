/* SPDX-License-Identifier: MIT */
/*
 * Does the CPU exit where it was told to? Emulators and hypervisors below this one have been seen not
 * to, and then a guest reads or loads the hypervisor's own registers. Each instruction that isolation
 * rests on is run once, in a form that does no harm where it does not exit.
 *
 * Left out are INVD and SKINIT, which have no such form; page faults, which are guest/start/selftest.c's.
 */
#include "guest/start/steps.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/start/context.h"

struct attempt {
	const char *what;
	u8 code[4]; /* INSN, and the CPUID behind it ends the run */
	u8 size;
	struct context_regs regs;
};

/* Exits that only say that the instruction was refused, or that the context does not run. */
static bool is_failure(enum vmexit_kind kind)
{
	return kind == VMEXIT_PF || kind == VMEXIT_EXCEPTION || kind == VMEXIT_SHUTDOWN ||
	       kind == VMEXIT_ENTRY_FAILED;
}

/* The exit comes before the instruction has done anything: RIP still points to it. */
static int prove(struct vcpu *v, const struct attempt *a)
{
	u8 code[sizeof(a->code) + 2] = {0};
	struct vmexit exit;

	for (u32 i = 0; i < a->size; i++)
		code[i] = a->code[i];
	code[a->size] = 0x0f; /* CPUID */
	code[a->size + 1] = 0xa2;
	context_init(v, SPTE_FORMAT_64, 4);
	v->ops->set_invlpg_exiting(v, true);
	context_code(code, a->size + 2);
	context_run(v, &a->regs, &exit);
	if (v->rip == CONTEXT_CODE_GVA && !is_failure(exit.kind))
		return 0;
	return fail(
		"self-test: %s does not exit (exit %lu, %s): a guest could reach notrap itself; "
		"use another CPU, emulator or outer hypervisor",
		a->what, exit.reason, v->ops->exit_name(exit.reason));
}

static int prove_all(struct vcpu *v, const struct attempt *attempts, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		if (prove(v, &attempts[i]) < 0)
			return -1;
	}
	return 0;
}

/* IA32_APIC_BASE, which no exit switches, is written with the value that it has: the exit may not come. */
static int prove_registers(struct vcpu *v)
{
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG, apic = rdmsr(MSR_APIC_BASE);
	const struct attempt attempts[] = {
		{"MOV from CR3", {0x0f, 0x20, 0xd8}, 3, {0}},
		{"MOV to CR3", {0x0f, 0x22, 0xd8}, 3, {0}},
		{"MOV to CR0 that clears WP", {0x0f, 0x22, 0xc0}, 3, {.rax = cr0 & ~CR0_WP}},
		{"MOV to CR4 that sets PSE", {0x0f, 0x22, 0xe0}, 3, {.rax = CR4_PAE | CR4_PSE}},
		{"INVLPG", {0x0f, 0x01, 0x3b}, 3, {.rbx = CONTEXT_GVA}},
		{"RDMSR of EFER", {0x0f, 0x32}, 2, {.rcx = MSR_EFER}},
		{"WRMSR of EFER", {0x0f, 0x30}, 2, {.rcx = MSR_EFER, .rax = EFER_LME}},
		{"WRMSR of IA32_APIC_BASE",
		 {0x0f, 0x30},
		 2,
		 {.rcx = MSR_APIC_BASE, .rax = (u32)apic, .rdx = apic >> 32}},
		{"IN from port cf9h", {0xec}, 1, {.rdx = 0xcf9}},
		{"IN from port 8900h", {0xec}, 1, {.rdx = 0x8900}},
	};

	return prove_all(v, attempts, ARRAY_SIZE(attempts));
}

/* With EFER.SVME set in hardware, what does not exit is carried out. */
static int prove_svm(struct vcpu *v)
{
	static const struct attempt attempts[] = {
		{"VMRUN", {0x0f, 0x01, 0xd8}, 3, {0}},   {"VMMCALL", {0x0f, 0x01, 0xd9}, 3, {0}},
		{"VMLOAD", {0x0f, 0x01, 0xda}, 3, {0}},  {"VMSAVE", {0x0f, 0x01, 0xdb}, 3, {0}},
		{"STGI", {0x0f, 0x01, 0xdc}, 3, {0}},    {"CLGI", {0x0f, 0x01, 0xdd}, 3, {0}},
		{"INVLPGA", {0x0f, 0x01, 0xdf}, 3, {0}},
	};

	return prove_all(v, attempts, ARRAY_SIZE(attempts));
}

int prove_exits(struct vcpu *v)
{
	if (prove_registers(v) < 0)
		return -1;
	return v->ops->amd ? prove_svm(v) : 0;
}
