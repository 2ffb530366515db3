/* SPDX-License-Identifier: MIT */
/* Writes for the guest to registers in memory, of any alignment and size: guest/chipset/watch.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "guest/chipset/chipset.h"
#include "guest/chipset/power.h"
#include "guest/cpus/ipi.h"
#include "tests/host/fake/ram.h"

#define REGISTERS MIB(16)
static u8 page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

struct fake_ram fake_ram[] = {{REGISTERS, sizeof(page), page, 0}};
const u32 fake_ram_count = 1;

static struct machine machine;

/* What each piece of a write is asked: nobody minds, but a piece is one access, aligned to its size. */
bool ecam_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	(void)m;
	(void)value;
	assert_true(size == 1 || size == 2 || size == 4);
	assert_int_equal(gpa % size, 0);
	return false;
}

bool ipi_write_is_dropped(struct machine *m, u64 gpa, u32 value, u32 size)
{
	(void)m;
	(void)gpa;
	(void)value;
	(void)size;
	return false;
}

bool fch_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	return !ipi_write_is_dropped(m, gpa, value, size);
}

bool hpet_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	return !ipi_write_is_dropped(m, gpa, value, size);
}

bool vapic_write(const struct machine *m, u64 gpa)
{
	(void)m;
	(void)gpa;
	return true;
}

bool power_write(struct machine *m, u8 space, u64 addr, u32 value, u32 size)
{
	(void)space;
	return !ipi_write_is_dropped(m, addr, value, size);
}

static void every_byte_arrives(void **state)
{
	static const char text[] = "0123456789abcdef";
	char back[16];

	(void)state;
	for (u32 offset = 0; offset < 8; offset++) {
		for (u32 size = 1; size <= 16; size++) {
			memset(page, 0, sizeof(page));
			device_write(&machine, REGISTERS + offset, text, size);
			assert_memory_equal(page + offset, text, size);
			assert_int_equal(page[offset + size], 0);
			device_read(REGISTERS + offset, back, size);
			assert_memory_equal(back, text, size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
