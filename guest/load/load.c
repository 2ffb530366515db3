/* SPDX-License-Identifier: MIT */
/* Which guest, and by which protocol. */
#include "guest/load/load.h"
#include "arch/string.h"
#include "guest/builtin_guests.h"
#include "guest/firmware/acpi.h"
#include "guest/load/parts.h"
#include "mm/phys/phys.h"

static void take_builtin(struct load *l, const struct builtin_guest *g)
{
	l->what = g->name;
	l->files = 1;
	l->file[0] = (struct load_file){g->start, g->size, "", ""};
	l->busies = 1; /* busy[0] is empty: the file is in the hypervisor's image */
}

static int take_modules(struct load *l, const struct bootinfo *boot)
{
	l->what = "module 1";
	l->files = l->busies = boot->modules;
	for (u32 i = 0; i < boot->modules; i++) {
		const struct boot_module *m = &boot->module[i];

		if (m->size > ~0ULL - m->start)
			return fail("module %u: its size %lx at 0x%lx is no memory", i + 1, m->size,
				    m->start);
		l->file[i] = (struct load_file){phys_ptr(m->start), m->size, m->cmdline, m->given};
		l->busy[i] = (struct memmap_range){m->start, m->start + m->size, 0};
	}
	return 0;
}

static int find_free(struct load *l)
{
	const struct memmap *free = &l->boot->free;

	l->free = *l->map;
	for (u32 i = 0; i < free->count; i++) {
		const struct memmap_range *r = &free->range[i];

		if (r->type != MEMMAP_RAM && memmap_add(&l->free, r->start, r->end, r->type))
			return fail("the firmware's memory map has too many ranges");
	}
	return 0;
}

/* No protocol has taken it. Packed kernels are common: GRUB unpacks one, unless told not to. */
static int refuse(const struct load *l)
{
	static const u8 gzip[2] = {0x1f, 0x8b};
	u8 first[sizeof(gzip)];

	if (load_read(&l->file[0], 0, first, sizeof(first)) && !memcmp(first, gzip, sizeof(gzip)))
		return fail(
			"%s is no kernel that notrap knows, but a gzip file: unpack it, by zcat",
			l->what);
	return fail("%s is no kernel that notrap knows: neither a Linux bzImage nor a "
		    "multiboot2 or multiboot1 kernel",
		    l->what);
}

int load_guest(const struct bootinfo *boot, const struct options *opt,
	       const struct memmap *guest_map, struct guest_start *out)
{
	struct load l = {.boot = boot, .map = guest_map};
	int ret = 0;

	if (boot->modules > BOOT_MODULES_MAX)
		return fail("%u modules are given, notrap takes %u", boot->modules,
			    BOOT_MODULES_MAX);
	if (boot->modules && opt->guest)
		return fail("guest=%s is a built-in guest, but there is a module as well: give one",
			    opt->guest->name);
	if (boot->modules)
		ret = take_modules(&l, boot);
	else
		take_builtin(&l, opt->guest ? opt->guest : &builtin_guests[0]);
	if (ret)
		return ret;

	if (find_free(&l))
		return -1;
	l.rsdp_size = acpi_read_rsdp(boot, boot->rsdp, l.rsdp);
	*out = (struct guest_start){0};
	ret = load_linux(&l, out);
	if (ret > 0)
		ret = load_multiboot2(&l, out);
	if (ret > 0)
		ret = load_multiboot1(&l, out);
	if (ret > 0)
		return refuse(&l);
	return ret;
}
