/* SPDX-License-Identifier: MIT */
/* From the entry code to the machine: set the CPU up, understand the loader, hand over. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "arch/screen.h"
#include "arch/string.h"
#include "arch/symbols.h"
#include "boot/parse.h"
#include "guest/firmware/acpi.h"
#include "guest/options.h"
#include "guest/start/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"
#include "svm/svm.h"
#include "vmx/vmx.h"

#define RELEASE "0.1"

/* VGA's text memory. */
#define TEXT_HPA  0xb8000
#define TEXT_SIZE 0x8000

_Static_assert(offsetof(struct cpu_stacks, main) + MAIN_STACK_SIZE == 0x1000 + 0x8000,
	       "linker.ld: boot_stack_top");

/* The boot CPU's; linker.ld and the entry code know the stacks. */
struct cpu_stacks boot_stacks;
static struct cpu boot_cpu = {.stacks = &boot_stacks};

/* XSETBV exits always in VMX, and is carried out; in SVM it is the guest's own. */
#define XSAVE_IN_VMX (CPUID_1_ECX_XSAVE | CPUID_1_ECX_VMX)

static struct bootinfo boot;
static struct options options;

void NORETURN boot_main(u32 magic, u64 info_hpa);

/* The image leaves its first address space, and every control bit has a value of ours. */
static void set_up_cpu(void)
{
	u64 cr4 = CR4_PAE | CR4_MCE;

	desc_init(&boot_cpu);
	if ((cpuid(1, 0).ecx & XSAVE_IN_VMX) == XSAVE_IN_VMX)
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	map_init();
	map_guard(boot_stacks.guard0);
	map_guard(boot_stacks.guard1);
	map_guard(boot_stacks.guard2);
	map_guard(boot_stacks.guard3);
}

static int parse(u32 magic, u64 info_hpa)
{
	u64 rsdp;
	int err;

	boot.image_start = map_image_hpa;
	boot.image_end = map_image_hpa + (u64)(_image_end - _image_start);
	err = magic == MB2_LOADER_MAGIC ? multiboot2_parse(info_hpa, &boot)
					: multiboot1_parse(info_hpa, &boot);
	if (err)
		return err;
	rsdp = acpi_find_rsdp(&boot);
	if (rsdp)
		boot.rsdp = rsdp;
	return 0;
}

/* The text screen is what BIOS machines have; a framebuffer would want a font. */
static void use_screen(const struct boot_screen *screen)
{
	if (screen->type == BOOT_FB_TEXT && screen->addr == TEXT_HPA &&
	    sizeof(u16) * screen->width * screen->height <= TEXT_SIZE)
		screen_init(phys_ptr(TEXT_HPA), screen->width, screen->height);
}

/* CPUID 80000002h to 80000004h: 48 characters, padded with blanks at either end. */
static void say_banner(void)
{
	char brand[49] = "unknown";
	const char *name = brand;

	if (cpuid(0x80000000, 0).eax >= 0x80000004) {
		for (u32 i = 0; i < 3; i++) {
			struct cpuid r = cpuid(0x80000002 + i, 0);

			memcpy(brand + i * sizeof(r), &r, sizeof(r));
		}
		brand[48] = 0;
		while (*name == ' ')
			name++;
	}
	say("notrap " RELEASE ", image %08lx-%08lx, RAM %lu MB, CPU %s", boot.image_start,
	    boot.image_end, memmap_ram_size(&boot.map) >> 20, name);
}

static bool cpu_is_amd(void)
{
	struct cpuid id = cpuid(0, 0);
	char vendor[13];

	memcpy(vendor, &id.ebx, 4);
	memcpy(vendor + 4, &id.edx, 4);
	memcpy(vendor + 8, &id.ecx, 4);
	vendor[12] = 0;
	return strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
}

/* A CPU of another maker has VMX, if either. */
static const struct backend *choose_backend(void)
{
	return cpu_is_amd() ? &svm_backend : &vmx_backend;
}

/* magic, info_hpa: what the loader left in EAX and EBX; the entry code has checked magic. */
void boot_main(u32 magic, u64 info_hpa)
{
	set_up_cpu();
	console_init(CONSOLE_COM1);
	if (parse(magic, info_hpa))
		halt();
	use_screen(&boot.fb.screen);
	/* Before the options are checked, so that what is wrong with them can be read. */
	if (options_console(boot.cmdline) != CONSOLE_COM1)
		console_init(options_console(boot.cmdline));
	if (options_parse(boot.cmdline, &options))
		halt();
	say_banner();
	machine_start(&boot, &options, choose_backend());
	halt();
}
