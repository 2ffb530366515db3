/* SPDX-License-Identifier: MIT */
/* A random stream of instructions. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/print.h"

#define UD2 0x0b0f

struct stream stream;

/* LGDT, LIDT and LTR: no handler runs after them. */
static bool loads_table(const u8 *b)
{
	u8 reg = b[2] >> 3 & 7;

	return b[0] == 0x0f && b[1] <= 1 && b[2] < 0xc0 && (reg == 2 || reg == 3);
}

/* Another value for one byte of the instruction. */
static void mutate(u8 *from)
{
	u8 *end = emit_at(), *where = &from[pick((u32)(end - from))], was = *where;

	*where = (u8)rnd();
	for (const u8 *b = from; b + 2 < end; b++)
		if (loads_table(b))
			*where = was;
}

u64 stream_make(void)
{
	u32 offset = stream.edge ? PAGE_SIZE - 16 - pick(64) : pick(64);

	emit_start(pages_code(), offset);
	while (stream.nr_starts < INSNS) {
		u8 *from = emit_at();

		if (!pick(3)) {
			group();
			continue;
		}
		general();
		if (stream.wild && !pick(12))
			mutate(from);
	}
	insn();
	emit(UD2, 2);
	return CODE_VA + offset;
}

void stream_show(void)
{
	print("say: user %u compat %u code16 %u odd %u table %u cold %u invlpg %u edge %u wild %u\n",
	      stream.user, stream.compat, stream.code16, stream.odd, stream.table, stream.cold,
	      stream.invlpg, stream.edge, stream.wild);
	for (u32 i = 0; i + 1 < stream.nr_starts; i++) {
		print("say: +%lx:", (u64)(stream.starts[i] - CODE_VA));
		for (u64 va = stream.starts[i]; va < stream.starts[i + 1]; va++)
			print(" %02x", pages_code()[va - CODE_VA]);
		print("\n");
	}
}
