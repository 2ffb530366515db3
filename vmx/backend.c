/* SPDX-License-Identifier: MIT */
/* The Intel backend, as guest/ sees it. */
#include "vmx/vmx.h"

#define X(f) .f = vmx_##f,

const struct backend vmx_backend = {.amd = false,
				    .can_filter_pf = true,
				    .nested_name = "ept",
				    .nested_format = NESTED_EPT,
				    .get_pdptes = vmx_get_pdptes,
				    .set_pdptes = vmx_set_pdptes,
				    BACKEND_FUNCTIONS(X)};
