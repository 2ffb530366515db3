/* SPDX-License-Identifier: MIT */
/* What notrap requires of VMX, each requirement with its own message. SDM vol. 3D appendix A. */
#include "vmx/caps.h"

#include "arch/console.h"
#include "arch/cpu.h"

enum control_word { PIN, PRIMARY, SECONDARY, EXIT, ENTRY };

static const char *const word_names[] = {
	[PIN] = "pin-based execution",
	[PRIMARY] = "primary processor-based execution",
	[SECONDARY] = "secondary processor-based execution",
	[EXIT] = "VM-exit",
	[ENTRY] = "VM-entry",
};

static const struct {
	enum control_word word;
	u64 bit;
	const char *name;
} control_names[] = {
	{PIN, PIN_NMI, "NMI exiting"},
	{PIN, PIN_VIRTUAL_NMIS, "virtual NMIs"},
	{PRIMARY, PROC_HLT, "HLT exiting"},
	{PRIMARY, PROC_INVLPG, "INVLPG exiting"},
	{PRIMARY, PROC_MWAIT, "MWAIT exiting"},
	{PRIMARY, PROC_RDPMC, "RDPMC exiting"},
	{PRIMARY, PROC_RDTSC, "RDTSC exiting"},
	{PRIMARY, PROC_CR3_LOAD, "CR3-load exiting"},
	{PRIMARY, PROC_CR3_STORE, "CR3-store exiting"},
	{PRIMARY, PROC_CR8_LOAD, "CR8-load exiting"},
	{PRIMARY, PROC_CR8_STORE, "CR8-store exiting"},
	{PRIMARY, PROC_NMI_WINDOW, "NMI-window exiting"},
	{PRIMARY, PROC_MOV_DR, "MOV-DR exiting"},
	{PRIMARY, PROC_UNCONDITIONAL_IO, "unconditional I/O exiting"},
	{PRIMARY, PROC_IO_BITMAPS, "use I/O bitmaps"},
	{PRIMARY, PROC_MSR_BITMAPS, "use MSR bitmaps"},
	{PRIMARY, PROC_MONITOR, "MONITOR exiting"},
	{PRIMARY, PROC_PAUSE, "PAUSE exiting"},
	{EXIT, EXIT_CTL_SAVE_DEBUG, "save debug controls"},
	{EXIT, EXIT_CTL_HOST_64, "host address-space size"},
	{ENTRY, ENTRY_CTL_LOAD_DEBUG, "load debug controls"},
	{ENTRY, ENTRY_CTL_IA32E_GUEST, "IA-32e mode guest"},
};

static int control_missing(enum control_word word, u64 bits, bool cannot_be_off)
{
	u64 bit = bits & -bits;
	const char *name = "reserved";

	for (size_t i = 0; i < ARRAY_SIZE(control_names); i++)
		if (control_names[i].word == word && control_names[i].bit == bit)
			name = control_names[i].name;
	return fail(
		"this CPU's VMX cannot turn %s the %s control \"%s\" (bit %d), which notrap needs",
		cannot_be_off ? "off" : "on", word_names[word], name, __builtin_ctzll(bit));
}

/*
 * One control word: `want` bits on, `optional` bits on where the CPU allows that, `clear` bits off.
 *
 * cap: the capability MSR (low half: must be 1; high half: may be 1; SDM vol. 3D A.2).
 * Returns 0 and the word in *word; -1 after a fail() line that names the first control missing.
 */
static int decide_word(enum control_word name, u64 cap, u32 want, u32 optional, u32 clear,
		       u32 *word)
{
	u32 must = (u32)cap, may = (u32)(cap >> 32);

	if (want & ~may)
		return control_missing(name, want & ~may, false);
	if (clear & must)
		return control_missing(name, clear & must, true);
	*word = must | want | (optional & may);
	return 0;
}

int vmx_check_feature_control(u64 feature_control)
{
	/* Unlocked firmware leaves the choice to the first that asks: enable.c sets and locks it. */
	if (!(feature_control & FEATURE_CONTROL_LOCK) || (feature_control & FEATURE_CONTROL_VMX))
		return 0;
	return fail("VMX is disabled and locked by the firmware (IA32_FEATURE_CONTROL = %lx): "
		    "enable \"Intel Virtualization Technology\" in the firmware setup",
		    feature_control);
}

static int decide_controls(const struct vmx_msrs *m, struct vmx_caps *c)
{
	/* Interrupts and NMIs are the guest's own: nothing is asked for. */
	if (decide_word(PIN, m->pin, 0, 0, PIN_NMI | PIN_VIRTUAL_NMIS, &c->pin))
		return -1;
	/* These three come on together while an NMI has to wait: see inject.c. */
	c->nmi_window = !(~(m->pin >> 32) & (PIN_NMI | PIN_VIRTUAL_NMIS)) &&
			(m->proc >> 32 & PROC_NMI_WINDOW);

	/*
	 * Shadow paging stands between the guest and CR3; the bitmaps let everything else through. What
	 * must be off would take instructions away that the guest runs at full speed. INVLPG exiting
	 * comes and goes, so it has to work both ways.
	 */
	if (decide_word(PRIMARY, m->proc,
			PROC_CR3_LOAD | PROC_CR3_STORE | PROC_IO_BITMAPS | PROC_MSR_BITMAPS |
				PROC_INVLPG,
			PROC_SECONDARY,
			PROC_INVLPG | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_RDTSC |
				PROC_CR8_LOAD | PROC_CR8_STORE | PROC_NMI_WINDOW | PROC_MOV_DR |
				PROC_UNCONDITIONAL_IO | PROC_MONITOR | PROC_PAUSE,
			&c->proc))
		return -1;
	c->proc &= ~PROC_INVLPG;
	c->mov_dr = m->proc >> 32 & PROC_MOV_DR;

	/* Instructions that #UD in a guest unless a control enables them; hide_cpuid() knows. */
	c->proc2 = 0;
	if ((c->proc & PROC_SECONDARY) &&
	    decide_word(SECONDARY, m->proc2, 0,
			PROC2_VPID | PROC2_RDTSCP | PROC2_XSAVES | PROC2_USER_WAIT, 0, &c->proc2))
		return -1;

	/* The host is 64-bit; the guest's DR7 and DEBUGCTL are its own. */
	if (decide_word(EXIT, m->exit, EXIT_CTL_HOST_64 | EXIT_CTL_SAVE_DEBUG,
			EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT | EXIT_CTL_LOAD_EFER, 0, &c->exit))
		return -1;
	/* The guest enters and leaves 64-bit mode, so that bit has to work both ways. */
	if (decide_word(ENTRY, m->entry, ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_IA32E_GUEST,
			ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER, ENTRY_CTL_IA32E_GUEST, &c->entry))
		return -1;
	c->entry &= ~ENTRY_CTL_IA32E_GUEST;

	/* A pair is of use only whole. */
	c->efer_controls = (c->exit & EXIT_CTL_LOAD_EFER) && (c->entry & ENTRY_CTL_LOAD_EFER);
	if (!c->efer_controls) {
		c->exit &= ~EXIT_CTL_LOAD_EFER;
		c->entry &= ~ENTRY_CTL_LOAD_EFER;
	}
	c->pat_controls = (c->exit & EXIT_CTL_SAVE_PAT) && (c->exit & EXIT_CTL_LOAD_PAT) &&
			  (c->entry & ENTRY_CTL_LOAD_PAT);
	if (!c->pat_controls) {
		c->exit &= ~(EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT);
		c->entry &= ~ENTRY_CTL_LOAD_PAT;
	}
	return 0;
}

/* VPID is of use only with a way to flush a context; without, the entries' own flush is simpler. */
static void decide_flush(const struct vmx_msrs *m, struct vmx_caps *c)
{
	u64 cap = m->ept_vpid;

	c->flush = VMX_FLUSH_ENTRY;
	c->invvpid_address = false;
	if (!(c->proc2 & PROC2_VPID))
		return;
	if (!(cap & VPID_CAP_INVVPID) || !(cap & (VPID_CAP_SINGLE | VPID_CAP_ALL))) {
		c->proc2 &= ~PROC2_VPID;
		return;
	}
	c->flush = (cap & VPID_CAP_SINGLE) ? VMX_FLUSH_SINGLE : VMX_FLUSH_ALL;
	c->invvpid_address = cap & VPID_CAP_ADDRESS;
}

int vmx_decide(const struct vmx_msrs *m, struct vmx_caps *c)
{
	/* Firmware may have disabled VMX for good. */
	if (vmx_check_feature_control(m->feature_control))
		return -1;

	/* One page holds a VMCS or the VMXON region; anywhere in memory; cached as write-back. */
	if (VMX_BASIC_SIZE(m->basic) > PAGE_SIZE)
		return fail("this CPU's VMCS takes %u bytes, more than a page",
			    VMX_BASIC_SIZE(m->basic));
	if (VMX_BASIC_MEMTYPE(m->basic) != VMX_MEMTYPE_WB)
		return fail("this CPU wants its VMCS in memory of type %u, not write-back",
			    VMX_BASIC_MEMTYPE(m->basic));
	if (m->basic & VMX_BASIC_32BIT_ADDR)
		return fail("this CPU's VMX is limited to 32-bit physical addresses");
	c->revision = VMX_BASIC_REVISION(m->basic);

	if (decide_controls(m, c))
		return -1;
	decide_flush(m, c);

	/* notrap itself runs with paging, PAE and long mode, which VMX operation must allow. */
	c->cr0_fixed0 = m->cr0_fixed0;
	c->cr0_fixed1 = m->cr0_fixed1;
	c->cr4_fixed0 = m->cr4_fixed0;
	c->cr4_fixed1 = m->cr4_fixed1;
	if (~c->cr0_fixed1 & (CR0_PE | CR0_PG | CR0_NE | CR0_WP))
		return fail("this CPU's VMX does not allow CR0 bits %lx",
			    (u64)(~c->cr0_fixed1 & (CR0_PE | CR0_PG | CR0_NE | CR0_WP)));
	if (~c->cr4_fixed1 & (CR4_PAE | CR4_VMXE))
		return fail("this CPU's VMX does not allow CR4 bits %lx",
			    (u64)(~c->cr4_fixed1 & (CR4_PAE | CR4_VMXE)));
	/* CR0 bits that the guest sets as it likes must not be fixed. */
	if (m->cr0_fixed0 & (CR0_TS | CR0_MP | CR0_EM | CR0_AM | CR0_WP))
		return fail("this CPU's VMX forces CR0 bits %lx",
			    (u64)(m->cr0_fixed0 & (CR0_TS | CR0_MP | CR0_EM | CR0_AM | CR0_WP)));
	return 0;
}

static int nested_missing(const char *what)
{
	return fail("mmu=ept: this CPU's VMX has no %s; use mmu=shadow", what);
}

/* What the tables of mm/nested/nested.h and their flushes take. */
static int check_ept(u64 cap)
{
	static const struct {
		u64 bit;
		const char *what;
	} needs[] = {
		{EPT_CAP_WALK_4, "EPT of four levels"},
		{EPT_CAP_WB, "EPT in write-back memory"},
		{EPT_CAP_2M, "EPT pages of 2 MiB"},
		{EPT_CAP_INVEPT, "INVEPT"},
		{EPT_CAP_SINGLE | EPT_CAP_ALL, "INVEPT of a single context or of all"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!(cap & needs[i].bit))
			return nested_missing(needs[i].what);
	return 0;
}

int vmx_decide_nested(const struct vmx_msrs *m, const struct vmx_caps *c, struct vmx_nested_caps *n)
{
	u32 may2 = c->proc & PROC_SECONDARY ? m->proc2 >> 32 : 0;
	u32 cr3 = PROC_CR3_LOAD | PROC_CR3_STORE;

	if (!(may2 & PROC2_EPT))
		return nested_missing("EPT (extended page tables)");
	if (check_ept(m->ept_vpid) < 0)
		return -1;
	/* A guest that has paging off has it off in hardware. */
	if (!(may2 & PROC2_UNRESTRICTED_GUEST))
		return nested_missing("\"unrestricted guest\" beside its EPT");
	if ((u32)m->proc & cr3)
		return nested_missing("way to leave CR3 to the guest");
	/* LME without LMA is not to be had by the other way: SDM vol. 3C 27.3.2.1. */
	if (!c->efer_controls)
		return nested_missing("control that loads EFER beside its EPT");

	n->proc = c->proc & ~cr3;
	n->proc2 = c->proc2 | PROC2_EPT | PROC2_UNRESTRICTED_GUEST | (may2 & PROC2_INVPCID);
	n->cr0_fixed0 = c->cr0_fixed0 & ~(CR0_PE | CR0_PG);
	n->invept_single = m->ept_vpid & EPT_CAP_SINGLE;
	return 0;
}
