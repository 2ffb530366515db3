/* SPDX-License-Identifier: MIT */
/* Devices that read and write memory by themselves, each driven as far as a transfer needs. */
#ifndef DMA_H
#define DMA_H

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

/* pci.c. A memory BAR, mapped; the device may master the bus. */
volatile u32 *pci_bar(u32 device, u32 n, u32 size);

/* About as many microseconds on hardware; ticks on an emulator. */
void wait(u32 reads);

/*
 * One transfer of each device: to or from `at`, a page. Each returns false when the machine does not
 * have it; *reached tells whether data went there or came from there, as far as this side can see.
 */
bool edu_read(u64 at, bool *reached);
bool edu_write(u64 at, bool *reached);
bool e1000_write(u64 at, bool *reached);
bool ahci_write(u64 at, bool *reached);
bool virtio_write(u64 at, bool *reached);

/* tables.c. True when the firmware's tables have one with this signature. */
bool acpi_has(const char *signature);

#endif
