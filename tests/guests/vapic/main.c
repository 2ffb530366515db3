/* SPDX-License-Identifier: MIT */
/*
 * QEMU's kvmvapic, a device for a Windows of long ago, adds a number to words in memory that a table in the
 * guest's RAM names, wherever they are: when port 7Eh is written, or at the next access to the task
 * priority. Under notrap it must not; bare=1: it does, by each way.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define PORT     0x7e
#define DELTA    0x10000

#define ROMS     0xc0000
#define ROMS_END 0xf0000

/* Where the device looks for a Windows. */
#define HIGH      0x80000000UL
#define APIC      0xfee00000
#define CODE_VA   (HIGH + MIB(16))
#define APIC_VA   (CODE_VA + 2 * PAGE_SIZE)
#define CODE_SIZE 6

/* QEMU, hw/i386/kvmvapic.c: GuestROMState. */
struct state {
	char signature[8];
	u32 vaddr, fixup_start, fixup_end;
	u32 vapic_vaddr, vapic_size, vcpu_shift, real_tpr_addr;
	u32 handlers[20];
};

static struct state own __attribute__((aligned(16))) = {.signature = "kvm aPiC"};
static volatile u32 offset;
static volatile u32 *word;

/* The state of the option ROM that the firmware has run; it is writable then. */
static struct state *of_rom(void)
{
	for (u32 at = ROMS; at < ROMS_END; at += 4) {
		struct state *s = ptr(at);

		if (!memcmp(s->signature, own.signature, sizeof(s->signature)))
			return s;
	}
	return NULL;
}

static void prepare(struct state *s, u64 base)
{
	u32 paddr = (u32)(uintptr_t)s;

	*word = 0;
	offset = (u32)(uintptr_t)word - paddr;
	s->vaddr = (u32)(paddr + base - DELTA);
	/* An address in the ROM as it is linked; the device takes what is here for one. */
	s->fixup_start = (u32)(uintptr_t)&offset - paddr + s->vaddr;
	s->fixup_end = s->fixup_start + 4;
	__asm__ volatile("" : : : "memory");
}

static bool came(const char *how)
{
	print("vapic: %s: memory %x\n", how, *word);
	return *word;
}

static bool by_priority(struct state *s)
{
	/* MOV EAX, [RIP + n], up to the end of its page, so that n ends in the register's offset. */
	static const u8 code[CODE_SIZE] = {0x8b, 0x05, 0x80, 0x10, 0x00, 0x00};
	u64 page = page_alloc(1, PAGE_SIZE), next = page_alloc(1, PAGE_SIZE);

	memcpy(ptr(page + PAGE_SIZE - CODE_SIZE), code, CODE_SIZE);
	*(u8 *)ptr(next) = 0xc3;
	*entry_of(paging_root, CODE_VA, 1) = page | PTE_P | PTE_W;
	*entry_of(paging_root, CODE_VA + PAGE_SIZE, 1) = next | PTE_P | PTE_W;
	*entry_of(paging_root, APIC_VA, 1) = APIC | PTE_P | PTE_W | PTE_PCD;
	*entry_of(paging_root, HIGH + (uintptr_t)s, 1) =
		((uintptr_t)s & ~(uintptr_t)(PAGE_SIZE - 1)) | PTE_P | PTE_W;
	/* The device looks into the tables that the CPU has. */
	(void)*(volatile u8 *)ptr(HIGH + (uintptr_t)s);
	prepare(s, HIGH);
	((void (*)(void))(CODE_VA + PAGE_SIZE - CODE_SIZE))();
	return came("the ROM's, by the task priority");
}

static bool by_port(struct state *s, const char *how)
{
	prepare(s, 0);
	out8(PORT, 0);
	return came(how);
}

/* What the ROM does at its start: its offset from the 512 bytes that this instruction is in. */
__attribute__((noinline)) static void report(struct state *s)
{
	u64 rip;

	__asm__ volatile("lea 1f(%%rip), %%rax\n\t"
			 "and $-512, %%rax\n\t"
			 "mov %1, %0\n\t"
			 "sub %%rax, %0\n\t"
			 "mov %0, %%rax\n"
			 "1:\n\t"
			 "outw %%ax, $0x7e"
			 : "=&r"(rip)
			 : "r"(s)
			 : "rax", "memory");
}

const char *guest_main(void)
{
	bool bare = guest_option_number("bare", 0), done[3] = {false};
	struct state *rom;

	word = ptr(page_alloc(1, PAGE_SIZE));
	map_identity(ROMS, ROMS_END - ROMS);
	rom = of_rom();
	if (!rom)
		return "no option ROM of a kvmvapic";
	done[0] = by_priority(rom);
	done[1] = by_port(rom, "the ROM's, by port");
	report(&own);
	done[2] = by_port(&own, "the guest's own, by port");
	if (bare)
		return done[0] && done[1] ? NULL : "nothing was written";
	return done[0] || done[1] || done[2] ? "kvmvapic has written to memory" : NULL;
}
