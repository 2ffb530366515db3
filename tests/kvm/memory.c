// SPDX-License-Identifier: MIT
/* The guest's RAM, and what each loader writes to it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/kvm/vmm.h"

#define MIB      (1ULL << 20)
#define HUGEPAGE (2 * MIB)
/* Below the interrupt controllers' addresses. */
#define MIB_MAX 3072

/* In huge pages where the host has them, as other VMMs do; all of it is there before the guest runs. */
void memory_create(struct vm *vm, const char *mib)
{
	char *end;
	unsigned long n = strtoul(mib, &end, 10);
	uintptr_t at;
	void *area;

	if (*end || n < 16 || n > MIB_MAX)
		die("memory of \"%s\" MiB is not from 16 to %d", mib, MIB_MAX);
	vm->size = n * MIB;
	area = mmap(NULL, vm->size + HUGEPAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die_errno("memory");
	at = ((uintptr_t)area + HUGEPAGE - 1) & ~(uintptr_t)(HUGEPAGE - 1);
	vm->memory = (uint8_t *)at;
	madvise(vm->memory, vm->size, MADV_HUGEPAGE);
	if (madvise(vm->memory, vm->size, MADV_POPULATE_WRITE))
		die_errno("memory");
}

void *guest_memory(const struct vm *vm, uint64_t at, uint64_t size, const char *what)
{
	if (at > vm->size || size > vm->size - at)
		die("%s does not fit into %llu MiB", what, (unsigned long long)(vm->size / MIB));
	return vm->memory + at;
}

void write_words(struct vm *vm, const char *words)
{
	char *at = guest_memory(vm, AT_CMDLINE, 4096, "the command line");

	if (snprintf(at, 2048, "%s%sexits_port=%d", words, *words ? " " : "", EXITS_PORT) >= 2048)
		die("the command line is longer than 2047 characters");
}
