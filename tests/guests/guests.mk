# SPDX-License-Identifier: MIT
# The tests' guest kernels: one in each folder here.

TEST_GUESTS := $(patsubst %/,%,$(wildcard tests/guests/*/))

$(foreach g,$(TEST_GUESTS),$(eval $(call guest_kernel,$(g))))

GUESTS += $(TEST_GUESTS:%=$(O)/%.elf)

-include $(wildcard $(O)/tests/guests/*/*.guest.d)
