// SPDX-License-Identifier: MIT
/* The tables that a guest needs to find its interrupt controllers and its off switch. */
#include <string.h>

#include "tests/kvm/vmm.h"

#define AT(table)         (AT_ACPI + (uint32_t)offsetof(struct tables, table))
#define NO_VGA_NO_CMOS    (1 << 2 | 1 << 5)
#define WBINVD_NO_BUTTONS (1 << 0 | 1 << 4 | 1 << 5)
#define PCAT_COMPAT       1

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct tables {
	struct {
		char signature[4];
		uint32_t length;
		uint8_t rest[56];
	} __attribute__((packed, aligned(64))) facs;
	struct {
		char signature[8];
		uint8_t checksum;
		char oem[6];
		uint8_t revision;
		uint32_t rsdt;
	} __attribute__((packed, aligned(16))) rsdp;
	struct {
		struct header h;
		uint32_t fadt, madt;
	} __attribute__((packed, aligned(16))) rsdt;
	struct {
		struct header h;
		uint8_t aml[10];
	} __attribute__((packed, aligned(16))) dsdt;
	struct {
		struct header h;
		uint32_t apic, flags;
		struct {
			uint8_t type, length, cpu, id;
			uint32_t enabled;
		} __attribute__((packed)) cpu;
		struct {
			uint8_t type, length, id, reserved;
			uint32_t address, gsi_base;
		} __attribute__((packed)) ioapic;
	} __attribute__((packed, aligned(16))) madt;
	struct {
		struct header h;
		uint32_t facs, dsdt;
		uint8_t unused, profile;
		uint16_t sci;
		uint32_t smi_cmd;
		uint8_t smi_values[4];
		uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
		uint8_t pm1_evt_len, pm1_cnt_len, lengths[6];
		uint16_t latencies[2], flush[2];
		uint8_t duty_and_rtc[5];
		uint16_t boot_arch;
		uint8_t unused2;
		uint32_t flags;
		uint8_t extended[128]; /* reset register and the 64-bit addresses: none */
	} __attribute__((packed, aligned(16))) fadt;
};

#define FADT_LENGTH 244 /* that of ACPI 3 */
_Static_assert(offsetof(struct tables, fadt.extended) - offsetof(struct tables, fadt) ==
		       FADT_LENGTH - 128,
	       "the FADT's layout");

static uint8_t checksum(const void *table, size_t size)
{
	const uint8_t *byte = table;
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *byte++);
	return (uint8_t)-sum;
}

/* The header last: its checksum covers the rest. */
static void seal(struct header *h, const char *signature, size_t length, uint8_t revision)
{
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = (uint32_t)length;
	h->revision = revision;
	memcpy(h->oem, "NOTRAP", sizeof(h->oem));
	memcpy(h->oem_table, "TESTVMM ", sizeof(h->oem_table));
	memcpy(h->creator, "TEST", sizeof(h->creator));
	h->checksum = checksum(h, length);
}

void acpi_write(struct vm *vm)
{
	/* Name (_S5_, Package () {0, 0}) */
	static const uint8_t s5[10] = {0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0};
	struct tables *t = guest_memory(vm, AT_ACPI, sizeof(*t), "ACPI's tables");

	memset(t, 0, sizeof(*t));
	memcpy(t->dsdt.aml, s5, sizeof(s5));
	seal(&t->dsdt.h, "DSDT", sizeof(t->dsdt.h) + sizeof(s5), 2);
	memcpy(t->facs.signature, "FACS", 4);
	t->facs.length = sizeof(t->facs);

	t->fadt.facs = AT(facs);
	t->fadt.dsdt = AT(dsdt);
	t->fadt.sci = SCI;
	t->fadt.pm1a_evt = POWER_PORT;
	t->fadt.pm1_evt_len = 4;
	t->fadt.pm1a_cnt = PM1_CNT;
	t->fadt.pm1_cnt_len = 2;
	t->fadt.boot_arch = NO_VGA_NO_CMOS;
	t->fadt.flags = WBINVD_NO_BUTTONS;
	seal(&t->fadt.h, "FACP", FADT_LENGTH, 3);

	/* KVM's own addresses and numbers. */
	t->madt.apic = 0xfee00000;
	t->madt.flags = PCAT_COMPAT;
	t->madt.cpu.length = sizeof(t->madt.cpu);
	t->madt.cpu.enabled = 1;
	t->madt.ioapic.type = 1;
	t->madt.ioapic.length = sizeof(t->madt.ioapic);
	t->madt.ioapic.address = 0xfec00000;
	seal(&t->madt.h, "APIC",
	     sizeof(t->madt.h) + 8 + sizeof(t->madt.cpu) + sizeof(t->madt.ioapic), 1);

	t->rsdt.fadt = AT(fadt);
	t->rsdt.madt = AT(madt);
	seal(&t->rsdt.h, "RSDT", sizeof(t->rsdt.h) + 8, 1);
	memcpy(t->rsdp.signature, "RSD PTR ", sizeof(t->rsdp.signature));
	memcpy(t->rsdp.oem, "NOTRAP", sizeof(t->rsdp.oem));
	t->rsdp.rsdt = AT(rsdt);
	t->rsdp.checksum = checksum(&t->rsdp, 20);
}
