// SPDX-License-Identifier: MIT
/* Linux' 32-bit boot protocol (Documentation/arch/x86/boot.rst in its sources). */
#include <string.h>

#include <asm/bootparam.h>

#include "tests/kvm/vmm.h"

#define HEADER       0x1f1 /* of setup_header, in the file and in boot_params */
#define MAGIC        0x53726448
#define BOOT_FLAG    0xaa55
#define VERSION      0x20a /* the first with pref_address and init_size */
#define OTHER_LOADER 0xff
#define RAM          1
#define PAGE         4096ULL

int is_linux(const struct file *kernel)
{
	struct setup_header h;

	if (kernel->size < HEADER + sizeof(h))
		return 0;
	memcpy(&h, kernel->data + HEADER, sizeof(h));
	return h.boot_flag == BOOT_FLAG && h.header == MAGIC;
}

/* At the end of RAM, as far as the kernel can reach. */
static void load_initrd(struct vm *vm, struct setup_header *h, uint64_t kernel_end,
			const char *path)
{
	struct file initrd = read_file(path);
	uint64_t end = vm->size - 1 < h->initrd_addr_max ? vm->size : h->initrd_addr_max;
	uint64_t at = (end - initrd.size) & ~(PAGE - 1);

	if (initrd.size > end || at < kernel_end)
		die("%s does not fit into memory beside the kernel", path);
	memcpy(guest_memory(vm, at, initrd.size, path), initrd.data, initrd.size);
	h->ramdisk_image = (uint32_t)at;
	h->ramdisk_size = (uint32_t)initrd.size;
}

struct start load_linux(struct vm *vm, const struct file *kernel, const char *words,
			const char *initrd)
{
	struct boot_params *params = guest_memory(vm, AT_INFO, sizeof(*params), "boot_params");
	struct setup_header *h = &params->hdr;
	uint64_t code, size;

	memset(params, 0, sizeof(*params));
	memcpy(h, kernel->data + HEADER, sizeof(*h));
	code = ((h->setup_sects ? h->setup_sects : 4) + 1) * 512ULL;
	if (h->version < VERSION || !h->relocatable_kernel || code >= kernel->size)
		die("%s: a kernel older than Linux 2.6.31, or cut short", kernel->path);
	/* Where GRUB puts it, so that it does the same as on the bare machine. */
	size = kernel->size - code;
	memcpy(guest_memory(vm, h->pref_address, size > h->init_size ? size : h->init_size,
			    kernel->path),
	       kernel->data + code, size);
	h->type_of_loader = OTHER_LOADER;
	h->code32_start = (uint32_t)h->pref_address;
	h->cmd_line_ptr = AT_CMDLINE;
	write_words(vm, words);
	if (initrd)
		load_initrd(vm, h, h->pref_address + h->init_size, initrd);
	params->e820_table[0] = (struct boot_e820_entry){0, LOW_RAM_END, RAM};
	params->e820_table[1] =
		(struct boot_e820_entry){HIGH_RAM_START, vm->size - HIGH_RAM_START, RAM};
	params->e820_entries = 2;
	return (struct start){.eip = h->code32_start, .esi = AT_INFO};
}
