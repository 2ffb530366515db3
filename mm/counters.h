/* SPDX-License-Identifier: MIT */
/* The counters: one file names them (counters.def), everything else follows from it. */
#ifndef MM_COUNTERS_H
#define MM_COUNTERS_H

#include "arch/types.h"

enum counter {
#define COUNTER(name, help) CNT_##name,
#include "mm/counters.def"
#undef COUNTER
	NR_COUNTERS
};

/* One set for each virtual CPU; a report adds them up, but exit_longest, of which it says the largest. */
struct counters {
	u64 value[NR_COUNTERS];
};

#define count(set, name)        ((set)->value[CNT_##name]++)
#define count_add(set, name, n) ((set)->value[CNT_##name] += (n))

#endif
