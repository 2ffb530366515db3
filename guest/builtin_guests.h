/* SPDX-License-Identifier: MIT */
/* The guests that are part of notrap's own image: multiboot kernels, whole files. */
#ifndef GUEST_BUILTIN_GUESTS_H
#define GUEST_BUILTIN_GUESTS_H

#include "arch/types.h"

struct builtin_guest {
	const char *name;  /* what guest= on the command line says */
	const void *start; /* the ELF file */
	u64 size;          /* bytes */
};

/* At least one; the first is the default. */
extern const struct builtin_guest builtin_guests[];
extern const char builtin_guest_names[]; /* of all, in their order: "bench|other" */

#endif
