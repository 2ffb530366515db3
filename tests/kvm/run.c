// SPDX-License-Identifier: MIT
/* What is left to a VMM while its guest runs: ports, and addresses with nothing there. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/kvm/vmm.h"

#define PM1_SCI_EN 1
#define PM1_SLP_EN (1 << 13)
#define CMOS_DATA  0x71

static uint16_t pm1_enable;

/* A value of `size` bytes; a port with nothing behind it reads as all ones. */
static uint32_t port_read(const struct vm *vm, uint16_t port, uint8_t size)
{
	if (port >= UART_PORT && port < UART_PORT + 8 && size == 1)
		return uart_read(vm, port - UART_PORT);
	switch (port) {
	case POWER_PORT:
		return (uint32_t)pm1_enable << 16;
	case POWER_PORT + 2:
		return pm1_enable;
	case PM1_CNT:
		return PM1_SCI_EN;
	case EXITS_PORT:
		return (uint32_t)stats_exits(vm);
	case CMOS_DATA:
		return 0; /* ones would be a clock that is being set */
	default:
		return ~0U;
	}
}

/* Returns 1 when the guest switches itself off. */
static int port_write(const struct vm *vm, uint16_t port, uint8_t size, uint32_t value)
{
	if (port >= UART_PORT && port < UART_PORT + 8 && size == 1)
		uart_write(vm, port - UART_PORT, (uint8_t)value);
	if (port == POWER_PORT + 2)
		pm1_enable = (uint16_t)value;
	return port == PM1_CNT && value & PM1_SLP_EN;
}

static int handle_io(const struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	uint8_t *data = (uint8_t *)vm->run + run->io.data_offset;
	int off = 0;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint32_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_IN) {
			value = port_read(vm, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		} else {
			memcpy(&value, data, run->io.size);
			off |= port_write(vm, run->io.port, run->io.size, value);
		}
	}
	return off;
}

void vm_run(struct vm *vm)
{
	struct kvm_run *run = vm->run;

	for (;;) {
		if (ioctl(vm->cpu, KVM_RUN, NULL) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die_errno("KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (handle_io(vm)) {
				uart_flush();
				return;
			}
			break;
		case KVM_EXIT_MMIO:
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
			break;
		case KVM_EXIT_SHUTDOWN:
			die("the guest has shut down: a triple fault");
		case KVM_EXIT_FAIL_ENTRY:
			die("the CPU refused a VM entry, reason %llx",
			    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		case KVM_EXIT_INTERNAL_ERROR:
			die("KVM's internal error %u", run->internal.suberror);
		default:
			die("KVM's exit reason %u", run->exit_reason);
		}
	}
}
