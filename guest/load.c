/* SPDX-License-Identifier: MIT */
/* Which guest, and by which protocol. */
#include "guest/load.h"
#include "arch/string.h"
#include "guest/builtin_guests.h"
#include "guest/load_parts.h"
#include "mm/phys.h"

/* "name, name" of as many built-in guests as fit. */
static void list_builtins(char *to, size_t size)
{
	size_t at = 0;

	to[0] = 0;
	for (u32 i = 0; i < builtin_guest_count; i++) {
		size_t len = strlen(builtin_guests[i].name);

		if (at + len + 3 > size)
			return;
		if (at) {
			memcpy(to + at, ", ", 2);
			at += 2;
		}
		memcpy(to + at, builtin_guests[i].name, len + 1);
		at += len;
	}
}

static int take_builtin(struct load *l, const char *name)
{
	char known[160];

	if (!name[0])
		name = "bench";
	for (u32 i = 0; i < builtin_guest_count; i++) {
		const struct builtin_guest *g = &builtin_guests[i];

		if (strcmp(g->name, name))
			continue;
		l->what = g->name;
		l->files = 1;
		l->file[0] = (struct load_file){g->start, g->size, ""};
		l->busies = 1; /* busy[0] is empty: the file is in the hypervisor's image */
		return 0;
	}
	list_builtins(known, sizeof(known));
	return fail("no module is given, and no built-in guest is called \"%s\", known: %s", name,
		    known[0] ? known : "none");
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
		l->file[i] = (struct load_file){phys_ptr(m->start), m->size, m->cmdline};
		l->busy[i] = (struct memmap_range){m->start, m->start + m->size, 0};
	}
	return 0;
}

int load_guest(const struct bootinfo *boot, const struct options *opt,
	       const struct memmap *guest_map, struct guest_start *out)
{
	struct load l = {.boot = boot, .map = guest_map};
	int ret;

	if (boot->modules > BOOT_MODULES_MAX)
		return fail("%u modules are given, notrap takes %u", boot->modules,
			    BOOT_MODULES_MAX);
	if (boot->modules && opt->guest[0])
		return fail("guest=%s is a built-in guest, but there is a module as well: give one",
			    opt->guest);
	ret = boot->modules ? take_modules(&l, boot) : take_builtin(&l, opt->guest);
	if (ret)
		return ret;

	l.rsdp_size = acpi_read_rsdp(boot, boot->rsdp, l.rsdp);
	*out = (struct guest_start){0};
	ret = load_linux(&l, out);
	if (ret > 0)
		ret = load_multiboot2(&l, out);
	if (ret > 0)
		ret = load_multiboot1(&l, out);
	if (ret > 0)
		return fail("%s is no kernel that notrap knows: neither a Linux bzImage nor a "
			    "multiboot2 or multiboot1 kernel",
			    l.what);
	return ret;
}
