/* SPDX-License-Identifier: MIT */
/* An exit of the simulated machine: sim.c. */
#ifndef TESTS_HOST_SIM_EXIT_H
#define TESTS_HOST_SIM_EXIT_H

#include "tests/host/sim.h"

/* It begins: what was lent to another access is taken back. */
void sim_left(struct sim *s);
/* It was handled: judge, and go back. */
void sim_resume(struct sim *s);

#endif
