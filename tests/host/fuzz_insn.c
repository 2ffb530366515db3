/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes, in each mode, mean to guest/insn/insn.h what they mean to Zydis. */
#include <stdlib.h>
#include <string.h>

#include "tests/host/insn_oracle.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void run(const struct insn *in, const u8 *data, size_t size)
{
	u64 gpr[16] = {0}, seg_base[INSN_NR_SEGS] = {0}, old[2] = {0};
	u64 rflags = 2, rip = 0;
	struct insn_effect effect;

	memcpy(gpr, data, size < sizeof(gpr) ? size : sizeof(gpr));
	memcpy(old, data, size < sizeof(old) ? size : sizeof(old));
	insn_run(in, gpr, rflags, rip, old, old[1], &effect);
	if (in->opsize < 8 && effect.value[0] >> (8 * in->opsize))
		abort();
	rip += insn_gva(in, gpr, seg_base, rip) & 1;
	insn_commit(&effect, gpr, &rflags, &rip);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 avail = size < 20 ? (u32)size : 20;
	/* Exactly avail bytes, so that the sanitizer sees one read too many. */
	u8 *bytes = malloc(avail ? avail : 1);
	struct insn in;

	if (!bytes)
		return 0;
	if (avail)
		memcpy(bytes, data, avail);
	for (enum insn_mode mode = INSN_16; mode <= INSN_64; mode++) {
		if (oracle_decode(bytes, avail, mode) < 0 || oracle_system(bytes, avail, mode) < 0)
			abort();
		if (insn_decode(bytes, avail, mode, &in) == 0)
			run(&in, data, size);
	}
	free(bytes);
	return 0;
}
