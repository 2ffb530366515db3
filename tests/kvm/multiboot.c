// SPDX-License-Identifier: MIT
/* Multiboot 1 (0.6.96): an ELF32 kernel, a memory map, a command line. */
#include <elf.h>
#include <string.h>

#include "tests/kvm/vmm.h"

#define HEADER_MAGIC 0x1badb002
#define LOADED       0x2badb002
#define INFO_CMDLINE (1 << 2)
#define INFO_MMAP    (1 << 6)
#define RAM          1

struct mmap_entry {
	uint32_t size; /* of the rest */
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr;
	struct mmap_entry mmap[2];
} __attribute__((packed));

/* Its header is in the first 8 KiB. */
int is_multiboot(const struct file *kernel)
{
	int found = 0;

	if (kernel->size < sizeof(Elf32_Ehdr) || memcmp(kernel->data, ELFMAG, SELFMAG) ||
	    kernel->data[EI_CLASS] != ELFCLASS32)
		return 0;
	for (size_t at = 0; at + 12 <= kernel->size && at < 8192; at += 4) {
		uint32_t word[3];

		memcpy(word, kernel->data + at, sizeof(word));
		found |= word[0] == HEADER_MAGIC && word[0] + word[1] + word[2] == 0;
	}
	return found;
}

static void load_segment(struct vm *vm, const struct file *kernel, const Elf32_Phdr *ph)
{
	uint8_t *to = guest_memory(vm, ph->p_paddr, ph->p_memsz, kernel->path);

	if (ph->p_paddr < HIGH_RAM_START || ph->p_filesz > ph->p_memsz ||
	    ph->p_offset > kernel->size || ph->p_filesz > kernel->size - ph->p_offset)
		die("%s: a segment is out of bounds", kernel->path);
	memcpy(to, kernel->data + ph->p_offset, ph->p_filesz);
}

struct start load_multiboot(struct vm *vm, const struct file *kernel, const char *words)
{
	struct info *info = guest_memory(vm, AT_INFO, sizeof(*info), "multiboot's information");
	Elf32_Ehdr elf;
	Elf32_Phdr ph;

	memcpy(&elf, kernel->data, sizeof(elf));
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		uint64_t at = elf.e_phoff + (uint64_t)i * sizeof(ph);

		if (elf.e_phentsize != sizeof(ph) || at + sizeof(ph) > kernel->size)
			die("%s: its program headers are out of bounds", kernel->path);
		memcpy(&ph, kernel->data + at, sizeof(ph));
		if (ph.p_type == PT_LOAD)
			load_segment(vm, kernel, &ph);
	}
	write_words(vm, words);
	*info = (struct info){
		.flags = INFO_CMDLINE | INFO_MMAP,
		.cmdline = AT_CMDLINE,
		.mmap_length = sizeof(info->mmap),
		.mmap_addr = AT_INFO + offsetof(struct info, mmap),
		.mmap = {{20, 0, LOW_RAM_END, RAM},
			 {20, HIGH_RAM_START, vm->size - HIGH_RAM_START, RAM}},
	};
	return (struct start){.eip = elf.e_entry, .eax = LOADED, .ebx = AT_INFO};
}
