// SPDX-License-Identifier: MIT
/* KVM's statistics of one CPU, by the file that KVM_GET_STATS_FD gives (since Linux 5.14). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/kvm/vmm.h"

static struct kvm_stats_header header;
static char *descriptors;

static void read_at(int fd, void *to, size_t size, uint64_t at)
{
	if (pread(fd, to, size, (off_t)at) != (ssize_t)size)
		die("KVM's statistics are cut short");
}

static const struct kvm_stats_desc *descriptor(uint32_t i)
{
	return (const void *)(descriptors + i * (sizeof(struct kvm_stats_desc) + header.name_size));
}

static uint64_t value(const struct vm *vm, const struct kvm_stats_desc *d)
{
	uint64_t v;

	read_at(vm->stats, &v, sizeof(v), header.data_offset + d->offset);
	return v;
}

static const struct kvm_stats_desc *exits, *port_exits, *host_interrupts;

static const struct kvm_stats_desc *find(const char *name)
{
	for (uint32_t i = 0; i < header.num_desc; i++)
		if (!strcmp(descriptor(i)->name, name))
			return descriptor(i);
	die("KVM has no statistics called %s", name);
}

void stats_open(struct vm *vm)
{
	size_t size;

	vm->stats = ioctl(vm->cpu, KVM_GET_STATS_FD, NULL);
	if (vm->stats < 0)
		die_errno("KVM_GET_STATS_FD");
	read_at(vm->stats, &header, sizeof(header), 0);
	size = header.num_desc * (sizeof(struct kvm_stats_desc) + header.name_size);
	descriptors = malloc(size);
	if (!descriptors)
		die("no memory for KVM's statistics");
	read_at(vm->stats, descriptors, size, header.desc_offset);
	exits = find("exits");
	port_exits = find("io_exits");
	host_interrupts = find("irq_exits");
}

uint64_t stats_exits(const struct vm *vm)
{
	return value(vm, exits) - value(vm, port_exits) - value(vm, host_interrupts);
}

void stats_print(const struct vm *vm)
{
	puts("kvm: counters begin");
	for (uint32_t i = 0; i < header.num_desc; i++)
		if (descriptor(i)->size == 1)
			printf("kvm: %s = %llu\n", descriptor(i)->name,
			       (unsigned long long)value(vm, descriptor(i)));
	puts("kvm: counters end");
}
