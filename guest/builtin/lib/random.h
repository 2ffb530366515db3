/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed decides, and a hash of what a test has seen. */
#ifndef GUEST_LIB_RANDOM_H
#define GUEST_LIB_RANDOM_H

#include "arch/types.h"

#define RANDOM_SEED_FACTOR 0x9e3779b97f4a7c15 /* spreads small seeds over all bits */
#define HASH_START         0xcbf29ce484222325

/* The next of the sequence that *state is at, which is not 0: xorshift64*. */
static inline u64 random_next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1d;
}

/* 0 to n - 1. */
static inline u32 random_below(u64 *state, u32 n)
{
	return (u32)((random_next(state) >> 32) * n >> 32);
}

/* The hash, from HASH_START on, with one thing more that was seen. */
static inline u64 hash_add(u64 hash, u64 seen)
{
	hash = (hash ^ seen) * 0x100000001b3;
	return hash ^ hash >> 29;
}

#endif
