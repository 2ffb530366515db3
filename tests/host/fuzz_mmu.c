/* SPDX-License-Identifier: MIT */
/* The random guest of random_guest.h, driven by the fuzzer's bytes. */
#include "tests/host/random_guest.h"

#define MAX_STEPS 2000

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct engine engine;
	static u64 least[2];
	struct rnd r = {.bytes = data, .left = size};
	struct sim_config c;

	engine_config(&r, &c);
	if (!one_in(&r, 4)) {
		if (!least[c.high_ram])
			least[c.high_ram] = sim_least_pool(&c);
		c.pool_size = least[c.high_ram] + rnd(&r, 8) * PAGE_SIZE;
	}
	engine_start(&engine, &c, &r);
	engine.audit_period = 16;
	for (u32 i = 0; i < MAX_STEPS && r.left; i++)
		engine_step(&engine);
	sim_check(&engine.sim);
	return 0;
}
