/* SPDX-License-Identifier: MIT */
/* A source of choices for the random tests: a seeded generator, or the fuzzer's bytes. */
#ifndef TESTS_HOST_RND_H
#define TESTS_HOST_RND_H

#include "arch/types.h"

struct rnd {
	u64 state;
	const u8 *bytes; /* not NULL: choices come from here, and are 0 once it is used up */
	size_t left;
};

/* Start from a seed. */
static inline void rnd_seed(struct rnd *r, u64 seed)
{
	*r = (struct rnd){.state = seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL};
}

/* 64 random bits: the splitmix64 sequence, or the next bytes. */
static inline u64 rnd64(struct rnd *r)
{
	u64 x = 0;

	if (r->bytes) {
		for (int i = 0; i < 8 && r->left; i++, r->left--)
			x = x << 8 | *r->bytes++;
		return x;
	}
	x = r->state += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* A number below n, n > 0. */
static inline u32 rnd(struct rnd *r, u32 n)
{
	u32 x;

	if (!r->bytes)
		return rnd64(r) % n;
	if (!r->left)
		return 0;
	r->left--;
	x = *r->bytes++;
	if (n > 256 && r->left) {
		r->left--;
		x = x << 8 | *r->bytes++;
	}
	return x % n;
}

/* True once in n times. */
static inline bool one_in(struct rnd *r, u32 n)
{
	return rnd(r, n) == n - 1;
}

#endif
