/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space, the hypervisor's own access: by ports (PCI Local Bus Specification 3.0,
 * 3.2.2.3.2), or by memory (PCI Express 2.1, 7.2.2).
 */
#ifndef GUEST_FIRMWARE_PCI_H
#define GUEST_FIRMWARE_PCI_H

#include "arch/types.h"

#define PORT_PCI_ADDRESS    0xcf8
#define PORT_PCI_DATA       0xcfc

#define PCI_CONFIG_ENABLE   BIT(31)
#define PCI_CONFIG_EXTENDED GENMASK(27, 24) /* register bits 11:8, on AMD: BKDG, IOCF8 */
#define PCI_CONFIG_REG(at)  ((at)&0xfc)

#define PCI_VENDOR          0x00
#define PCI_COMMAND         0x04
#define PCI_CLASS           0x0a
#define PCI_HEADER_TYPE     0x0e
#define PCI_BAR0            0x10

/* PCI_HEADER_TYPE */
#define PCI_TYPE_MULTI   BIT(7) /* the device has further functions */
#define PCI_TYPE_MASK    0x7f
#define PCI_TYPE_BRIDGE  1
#define PCI_TYPE_CARDBUS 2

#define PCI_VENDOR_INTEL 0x8086
#define PCI_VENDOR_AMD   0x1022
#define PCI_ID_Q35       0x29c08086 /* host bridge: device, vendor */

/* A function, and the way to it. */
struct pci_function {
	u16 segment;
	u16 bdf;  /* bus 15:8, device 7:3, function 2:0 */
	u8 *ecam; /* its 4 KiB; NULL: by ports CF8h and CFCh */
};

/*
 * One access of 1, 2 or 4 bytes, aligned. Through the ports registers end at 100h, but for AMD's; the
 * guest's address register is as it was afterwards.
 */
u32 pci_read(const struct pci_function *f, u32 reg, u32 size);
void pci_write(const struct pci_function *f, u32 reg, u32 size, u32 value);

/* The machine's host bridge, and where it has registers that not every chipset has there. */
extern const struct pci_function pci_host;
struct pci_host_bridge {
	u32 id; /* device, vendor */
	u8 pam0, smram;
};
/* NULL where they are not known. */
const struct pci_host_bridge *pci_host_bridge(void);

#endif
