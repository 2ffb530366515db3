/* SPDX-License-Identifier: MIT */
/* Groups of a stream that write control registers, and read or write MSRs. */
#include "tests/guests/crashme/crashme.h"

#define CR3_FIRST_RESERVED_HIGH 40

#define CR4_CET                 BIT(23)
#define CR4_RESERVED            BIT(31)

#define MSR_TSC_ADJUST          0x0000003b
#define MSR_BIOS_SIGN_ID        0x0000008b
#define MSR_MCG_CAP             0x00000179
#define MSR_X2APIC_ID           0x00000802

#define RDMSR                   "\x0f\x32"
#define WRMSR                   "\x0f\x30"

static u64 high_bit(void)
{
	return !stream.compat && !pick(16) ? BIT(32 + pick(32)) : 0;
}

static u64 random_cr0(void)
{
	static const u64 bits[] = {CR0_WP, CR0_WP, CR0_AM, CR0_AM, CR0_TS, CR0_EM, CR0_MP,
				   CR0_NE, CR0_CD, CR0_NW, BIT(6), CR0_PE, CR0_ET, BIT(28)};
	u64 value = base_cr0 ^ bits[pick(ARRAY_SIZE(bits))];

	if (pick(2))
		value ^= bits[pick(ARRAY_SIZE(bits))];
	value ^= high_bit();
	/* A stream cannot leave these. */
	return value | CR0_PG | CR0_PE;
}

static u64 random_cr4(void)
{
	static const u64 bits[] = {CR4_TSD,   CR4_DE,       CR4_PSE,        CR4_MCE,  CR4_PGE,
				   CR4_PCE,   CR4_OSFXSR,   CR4_OSXMMEXCPT, CR4_UMIP, CR4_FSGSBASE,
				   CR4_PCIDE, CR4_OSXSAVE,  CR4_SMEP,       CR4_SMAP, CR4_PKE,
				   CR4_CET,   CR4_RESERVED, CR4_PAE,        CR4_LA57};
	u64 value = base_cr4 ^ bits[pick(ARRAY_SIZE(bits))];

	return value ^ high_bit();
}

static u64 random_cr3(void)
{
	u64 value = base_cr3;

	/* PWT, PCD, or any bit that a PCID has. */
	if (!pick(3))
		value |= BIT(pick(2) ? 3 + pick(2) : pick(12));
	if (!stream.compat && !pick(4))
		value |= pick(2) ? CR3_NOFLUSH : BIT(CR3_FIRST_RESERVED_HIGH + pick(23));
	return value;
}

/* CR8, CR2, or one that is not there. */
static u8 other_register(void)
{
	u8 nr = pick(4) ? 8 : (u8)pick(16);

	if ((stream.compat && nr >= 8) || nr == 0 || nr == 3 || nr == 4)
		return 2;
	return nr;
}

void control_register(void)
{
	u64 value;
	u8 nr;

	switch (pick(6)) {
	case 0:
	case 1:
		nr = 0;
		value = random_cr0();
		break;
	case 2:
	case 3:
		nr = 4;
		value = random_cr4();
		break;
	case 4:
		nr = 3;
		value = random_cr3();
		break;
	default:
		nr = other_register();
		value = pick(18);
	}
	mov_register(AX, value);
	insn();
	if (!pick(8))
		emit_prefix();
	/* MOV CR from RAX: REX.R, 0F 22; the CPU takes any ModRM.mod for a register's. */
	if (nr >= 8)
		emit8(0x44);
	emit8(0x0f);
	emit8(0x22);
	emit8((pick(4) ? 0xc0 : pick(4) << 6) | (nr & 7) << 3);
}

static void read_msr(void)
{
	static const u32 which[] = {MSR_APIC_BASE,    MSR_PAT,           MSR_EFER,
				    MSR_STAR,         MSR_LSTAR,         MSR_FMASK,
				    MSR_FS_BASE,      MSR_GS_BASE,       MSR_KERNEL_GS_BASE,
				    MSR_SYSENTER_CS,  MSR_SYSENTER_ESP,  MSR_DEBUGCTL,
				    MSR_MTRRCAP,      MSR_MTRR_DEF_TYPE, MSR_MTRR_PHYSBASE0,
				    MSR_BIOS_SIGN_ID, MSR_MCG_CAP,       MSR_MCG_STATUS,
				    MSR_XSS,          MSR_X2APIC_ID,     MSR_MISC_ENABLE,
				    MSR_TSC_ADJUST};

	mov_register(CX, which[pick(ARRAY_SIZE(which))]);
	OP(RDMSR);
}

static u64 random_efer(void)
{
	u64 value = rdmsr(MSR_EFER);

	if (pick(2))
		return value ^ EFER_NXE;
	/* SCE, LME, LMA, or reserved. */
	return value ^ BIT(pick(12) == 8 ? 1 : pick(11));
}

static void write_msr(u64 value)
{
	static const u32 which[] = {
		MSR_PAT,   MSR_EFER,   MSR_FS_BASE,      MSR_GS_BASE,      MSR_KERNEL_GS_BASE,
		MSR_FMASK, MSR_LSTAR,  MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_DEBUGCTL,
		MSR_PAT,   MSR_MTRRCAP};
	/* As after a reset; PA1 WC; PA1 of a reserved type; PA7 of one. */
	static const u64 pats[] = {0x0007040600070406, 0x0007010600070406, 0x0007020600070406,
				   0x0807040600070406};
	u32 msr = which[pick(ARRAY_SIZE(which))];

	if (msr == MSR_PAT)
		value = pats[pick(ARRAY_SIZE(pats))];
	if (msr == MSR_EFER)
		value = random_efer();
	if (msr == MSR_DEBUGCTL)
		value = pick(2) ? DEBUGCTL_BTF : 0;
	mov_register(CX, msr);
	mov_register(DX, value >> 32);
	mov_eax(value);
	OP(WRMSR);
}

void msr(void)
{
	u64 value = random_value();

	if (pick(2))
		read_msr();
	else
		write_msr(value);
}
