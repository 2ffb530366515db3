# SPDX-License-Identifier: MIT
# The tests' guest kernels: one in each folder here. A name that ends in 32 is a 32-bit kernel.

TEST_GUESTS := $(patsubst %/,%,$(wildcard tests/guests/*/))
guest_bits = $(if $(filter %32,$(1)),32,64)

$(foreach g,$(TEST_GUESTS),$(eval $(call guest_kernel,$(g),$(call guest_bits,$(g)))))

GUESTS += $(TEST_GUESTS:%=$(O)/%.elf)

-include $(wildcard $(O)/tests/guests/*/*.d)
