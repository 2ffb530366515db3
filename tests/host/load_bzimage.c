/* SPDX-License-Identifier: MIT */
#include "tests/host/load_bzimage.h"

u8 file[FILE_MAX];

int bzimage_setup(void **state)
{
	(void)state;
	machine_reset();
	make_bzimage(file);
	return 0;
}
