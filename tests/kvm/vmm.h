/* SPDX-License-Identifier: MIT */
/*
 * A small VMM on /dev/kvm: one CPU, RAM, a serial port, an ACPI power switch, and a port that tells how
 * often the guest has exited. It runs the kernels that notrap runs, for a comparison with KVM.
 */
#ifndef VMM_H
#define VMM_H

#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

struct vm {
	uint8_t *memory; /* the guest's RAM, from its address 0 */
	uint64_t size;
	int kvm, vm, cpu, stats;
	struct kvm_run *run;
};

/* How a kernel is started: in protected mode with flat segments, paging and interrupts off. */
struct start {
	uint32_t eip, eax, ebx, esi;
};

struct file {
	const uint8_t *data;
	size_t size;
	const char *path;
};

/* Print "kvm: error: ..." as one line, and end with exit code 1. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Likewise, with the system's last error after it. */
void die_errno(const char *what) __attribute__((noreturn));

/* Allocate it: `mib` is the text of a number of MiB. */
void memory_create(struct vm *vm, const char *mib);

/* The guest's memory [at, at + size), which must be RAM; `what` is for the error. */
void *guest_memory(const struct vm *vm, uint64_t at, uint64_t size, const char *what);

/* The RAM that the guest is told of: below the video memory, and from 1 MiB to its end. */
#define LOW_RAM_END    0xa0000
#define HIGH_RAM_START 0x100000

/* Where the loaders and acpi_write() leave what the guest reads at its start. */
#define AT_GDT     0x1000
#define AT_INFO    0x2000
#define AT_CMDLINE 0x8000
#define AT_ACPI    0xe0000

/* A whole file in memory. */
struct file read_file(const char *path);

/* Put a kernel in the guest's memory: a bzImage with its initrd (path may be NULL), or multiboot's ELF. */
struct start load_linux(struct vm *vm, const struct file *kernel, const char *words,
			const char *initrd);
struct start load_multiboot(struct vm *vm, const struct file *kernel, const char *words);
/* What each of them knows its own kernels by. */
int is_linux(const struct file *kernel);
int is_multiboot(const struct file *kernel);

/* The guest's command line at AT_CMDLINE, with the port of exits on it. */
void write_words(struct vm *vm, const char *words);

/* RSDP, RSDT, FADT, FACS, MADT, DSDT (ACPI 6.4, 5.2): one CPU, one I/O APIC, soft-off at POWER_PORT. */
void acpi_write(struct vm *vm);

/* Make the VM with its interrupt controllers, timer and CPU, which will begin at `start`. */
void vm_create(struct vm *vm);
void vm_start_at(struct vm *vm, const struct start *start);

/* Run until the guest has switched itself off. */
void vm_run(struct vm *vm);

/* The host's TSC offset applied: what the guest would read now. */
uint64_t guest_tsc(const struct vm *vm);

/* KVM's own statistics of this CPU. */
void stats_open(struct vm *vm);
/* Exits so far but those for ports and for the host's own interrupts. */
uint64_t stats_exits(const struct vm *vm);
/* Print all of them, as notrap prints its counters. */
void stats_print(const struct vm *vm);

/* The serial port at UART_PORT; each line that the guest prints is written to stdout when it is whole. */
#define UART_PORT 0x3f8
#define UART_IRQ  4
void uart_write(const struct vm *vm, unsigned int reg, uint8_t value);
uint8_t uart_read(const struct vm *vm, unsigned int reg);
/* What is left of a line. */
void uart_flush(void);

/* PM1 event block, PM1 control. */
#define POWER_PORT 0x600
#define PM1_CNT    (POWER_PORT + 4)
#define SCI        9
/* A 32-bit read: stats_exits(). The guests are told by exits_port= on their command lines. */
#define EXITS_PORT 0x620

#endif
