/* SPDX-License-Identifier: MIT */
/* What ACPI's tables say of power: the FADT's registers, and the packages _S1 to _S5 of the AML. */
#include "arch/string.h"
#include "guest/firmware/acpi.h"
#include "guest/firmware/acpi_table.h"

/* Offsets in the FADT: ACPI 6.4, table 5.9. */
#define FADT_OEM_ID        10
#define FADT_OEM_TABLE_ID  16
#define FADT_DSDT          40
#define FADT_SMI_CMD       48
#define FADT_ACPI_ENABLE   52
#define FADT_ACPI_DISABLE  53
#define FADT_PSTATE_CNT    55
#define FADT_PM1A_EVT      56
#define FADT_PM1A_CNT      64
#define FADT_PM1B_CNT      68
#define FADT_CST_CNT       95
#define FADT_FLAGS         112
#define FADT_RESET_REG     116
#define FADT_RESET_VALUE   128
#define FADT_X_DSDT        140
#define FADT_X_PM1A_EVT    148
#define FADT_X_PM1A_CNT    172
#define FADT_X_PM1B_CNT    184
#define FADT_SLEEP_CONTROL 244
#define FADT_RESET_REG_OK  BIT(10)

#define OEM_BOCH           0x48434f42            /* "BOCHS ", its first letters */
#define OEM_BXPCFACP       0x5043414643505842ULL /* "BXPCFACP" */

#define OP_NAME            0x08
#define OP_PACKAGE         0x12

/* One integer of a package (ACPI 6.4, 20.2.3), of which SLP_TYP keeps the low byte. */
static bool aml_integer(const struct acpi_table *aml, u32 *at, u8 *value)
{
	static const u8 bytes[] = {[0x0a] = 1, [0x0b] = 2, [0x0c] = 4, [0x0e] = 8};
	u32 op, len;

	if (*at >= aml->size)
		return false;
	op = aml->data[*at];
	if (op == 0x00 || op == 0x01 || op == 0xff) { /* ZeroOp, OneOp, OnesOp */
		*value = (u8)op;
		*at += 1;
		return true;
	}
	len = op < ARRAY_SIZE(bytes) ? bytes[op] : 0;
	if (!len || aml->size - *at < 1 + len)
		return false;
	*value = aml->data[*at + 1];
	*at += 1 + len;
	return true;
}

/*
 * Name (NAME, Package {...}) anywhere in the AML, from *at on: the place of its name, and *at is moved
 * behind that. 0: there is no more.
 */
static u32 find_package(const struct acpi_table *aml, const char *name, u32 *at)
{
	for (u32 i = *at > ACPI_HEADER_SIZE ? *at : ACPI_HEADER_SIZE + 1;
	     aml->size > 8 && i < aml->size - 8; i++) {
		const u8 *p = aml->data + i;

		if (memcmp(p, name, 4) || p[4] != OP_PACKAGE)
			continue;
		if (p[-1] != OP_NAME && !(p[-1] == '\\' && p[-2] == OP_NAME))
			continue;
		*at = i + 1;
		return i;
	}
	return 0;
}

/* _S5: Package {SLP_TYPa, SLP_TYPb, ...}. */
static bool find_s5(const struct acpi_table *aml, struct acpi_power *out)
{
	for (u32 from = 0, i; (i = find_package(aml, "_S5_", &from));) {
		u32 at = i + 4 + 1 + 1 + (aml->data[i + 5] >> 6); /* PkgLength's further bytes */

		if (at >= aml->size || !aml->data[at])
			continue;
		out->s5_typ_b = 0;
		bool two = aml->data[at++] > 1;

		if (aml_integer(aml, &at, &out->s5_typ_a) &&
		    (!two || aml_integer(aml, &at, &out->s5_typ_b))) {
			out->s5_typ_a &= 7;
			out->s5_typ_b &= 7;
			return true;
		}
	}
	return false;
}

/* Rename the packages of the other sleep states. False when the table is in read-only memory. */
static bool hide_sleep(const struct acpi_table *aml)
{
	static const char *const names[] = {"_S1_", "_S2_", "_S3_", "_S4_"};

	for (u32 n = 0; n < ARRAY_SIZE(names); n++) {
		for (u32 from = 0, i; (i = find_package(aml, names[n], &from));) {
			volatile u8 *first = aml->data + i;

			aml->data[ACPI_CHECKSUM] += '_' - 'X';
			*first = 'X';
			if (*first != 'X')
				return false;
		}
	}
	return true;
}

/* A register's address: from the extended field when that is of the wanted space, else the old one. */
static u16 port_of(const struct acpi_table *fadt, u32 extended, u32 old)
{
	u64 port = acpi_get(fadt, extended + 4, 8);

	if (!port || acpi_get(fadt, extended, 1) != ACPI_SPACE_IO)
		port = acpi_get(fadt, old, 4);
	return port <= 0xffff ? (u16)port : 0;
}

static void add_sleep(struct acpi_power *out, u8 space, u64 addr, u8 s5_typ)
{
	if (addr && space <= ACPI_SPACE_PCI)
		out->sleep[out->nr_sleep++] = (struct acpi_sleep){space, addr, s5_typ};
}

/*
 * The bytes with SLP_TYP and SLP_EN: the upper one of PM1 control (4.8.3.2.1), and the sleep control
 * register of hardware-reduced ACPI (4.8.3.7), which has them at the same bits.
 */
static void find_sleep(const struct acpi_table *fadt, struct acpi_power *out)
{
	static const u32 x_pm1[] = {FADT_X_PM1A_CNT, FADT_X_PM1B_CNT};
	const u16 ports[] = {out->pm1a_cnt, out->pm1b_cnt};
	const u8 typ[] = {out->s5_typ_a, out->s5_typ_b};

	for (u32 i = 0; i < ARRAY_SIZE(ports); i++) {
		u64 addr = acpi_get(fadt, x_pm1[i] + 4, 8);
		u8 space = (u8)acpi_get(fadt, x_pm1[i], 1);

		if (ports[i])
			add_sleep(out, ACPI_SPACE_IO, ports[i] + 1U, typ[i]);
		if (addr && space != ACPI_SPACE_IO)
			add_sleep(out, space, addr + 1, typ[i]);
	}
	add_sleep(out, (u8)acpi_get(fadt, FADT_SLEEP_CONTROL, 1),
		  acpi_get(fadt, FADT_SLEEP_CONTROL + 4, 8), typ[0]);
}

static void read_fadt(const struct acpi_table *fadt, struct acpi_power *out)
{
	u64 smi = acpi_get(fadt, FADT_SMI_CMD, 4);

	/* QEMU's have the same OEM ID, and another table's. */
	out->bochs = acpi_get(fadt, FADT_OEM_ID, 4) == OEM_BOCH &&
		     acpi_get(fadt, FADT_OEM_TABLE_ID, 8) == OEM_BXPCFACP;
	out->pm1a_cnt = port_of(fadt, FADT_X_PM1A_CNT, FADT_PM1A_CNT);
	out->pm1b_cnt = port_of(fadt, FADT_X_PM1B_CNT, FADT_PM1B_CNT);
	out->pm1a_evt = port_of(fadt, FADT_X_PM1A_EVT, FADT_PM1A_EVT);
	out->smi_cmd = smi <= 0xffff ? (u16)smi : 0;
	out->acpi_enable = (u8)acpi_get(fadt, FADT_ACPI_ENABLE, 1);
	out->acpi_disable = (u8)acpi_get(fadt, FADT_ACPI_DISABLE, 1);
	out->pstate_cnt = (u8)acpi_get(fadt, FADT_PSTATE_CNT, 1);
	out->cst_cnt = (u8)acpi_get(fadt, FADT_CST_CNT, 1);
	out->reset.space = (u8)acpi_get(fadt, FADT_RESET_REG, 1);
	out->reset.addr = acpi_get(fadt, FADT_RESET_REG + 4, 8);
	out->reset.value = (u8)acpi_get(fadt, FADT_RESET_VALUE, 1);
	out->reset.supported = (acpi_get(fadt, FADT_FLAGS, 4) & FADT_RESET_REG_OK) &&
			       out->reset.addr && out->reset.space <= ACPI_SPACE_PCI;
}

static bool find_fadt(const struct bootinfo *boot, struct acpi_table *fadt)
{
	fadt->data = acpi_table(boot, "FACP", 0, &fadt->size);
	return fadt->data;
}

static bool find_dsdt(const struct bootinfo *boot, const struct acpi_table *fadt,
		      struct acpi_table *dsdt)
{
	return acpi_get_table(boot, acpi_get(fadt, FADT_X_DSDT, 8), "DSDT", dsdt) ||
	       acpi_get_table(boot, acpi_get(fadt, FADT_DSDT, 4), "DSDT", dsdt);
}

int acpi_find_power(const struct bootinfo *boot, struct acpi_power *out)
{
	struct acpi_table fadt, aml;

	*out = (struct acpi_power){0};
	if (!find_fadt(boot, &fadt))
		return -1;
	read_fadt(&fadt, out);
	if (find_dsdt(boot, &fadt, &aml))
		out->s5_known = find_s5(&aml, out);
	for (u32 i = 0; !out->s5_known && (aml.data = acpi_table(boot, "SSDT", i, &aml.size)); i++)
		out->s5_known = find_s5(&aml, out);
	find_sleep(&fadt, out);
	return 0;
}

int acpi_hide_sleep(const struct bootinfo *boot)
{
	struct acpi_table fadt, aml;
	bool done = true;

	if (!find_fadt(boot, &fadt))
		return 0;
	if (find_dsdt(boot, &fadt, &aml))
		done = hide_sleep(&aml);
	for (u32 i = 0; done && (aml.data = acpi_table(boot, "SSDT", i, &aml.size)); i++)
		done = hide_sleep(&aml);
	return done ? 0 : -1;
}
