/* SPDX-License-Identifier: MIT */
/* The random guest of random_guest.h, driven by the fuzzer's bytes. */
#include "tests/host/random_guest.h"

#define MAX_STEPS 2000

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct random_guest guest;
	static u64 least[2];
	struct rnd r = {.bytes = data, .left = size};
	struct sim_config c;

	random_config(&r, &c);
	if (!one_in(&r, 4)) {
		if (!least[c.high_ram])
			least[c.high_ram] = sim_least_pool(&c);
		c.pool_size = least[c.high_ram] + rnd(&r, 8) * PAGE_SIZE;
	}
	random_start(&guest, &c, &r);
	guest.audit_period = 16;
	for (u32 i = 0; i < MAX_STEPS && r.left; i++)
		random_step(&guest);
	sim_check(&guest.sim);
	return 0;
}
