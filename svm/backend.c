/* SPDX-License-Identifier: MIT */
/* The AMD backend, as guest/ sees it. */
#include "svm/svm.h"

#define X(f) .f = svm_##f,

const struct backend svm_backend = {.amd = true,
				    .can_filter_pf = false,
				    .nested_name = "npt",
				    .nested_format = NESTED_NPT,
				    .init_resets_guests = svm_quirk_init_resets_guests,
				    BACKEND_FUNCTIONS(X)};
