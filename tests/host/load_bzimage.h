/* SPDX-License-Identifier: MIT */
/* A bzImage that is loaded as it is, or changed first. */
#ifndef TESTS_HOST_LOAD_BZIMAGE_H
#define TESTS_HOST_LOAD_BZIMAGE_H

#include <string.h>

#include "mm/phys/phys.h"
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"

/* What a test hands over; as bzimage_setup() leaves it, it is right. */
extern u8 file[FILE_MAX];

/* The machine as after power-on, and that file. */
int bzimage_setup(void **state);

#endif
