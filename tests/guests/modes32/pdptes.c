/* SPDX-License-Identifier: MIT */
/* PAE's four PDPTEs are registers, loaded with CR3: SDM vol. 3A 4.4.1. */
#include "tests/guests/modes32/modes32.h"

static bool faulted;

static bool on_gp(struct frame *f)
{
	faulted = true;
	f->eip += 3; /* MOV to CR3 */
	return true;
}

/* MOV to CR3, which may fault; false when it did. */
static bool load_cr3_ok(reg value)
{
	faulted = false;
	exception_handle(VEC_GP, on_gp);
	write_cr3(value);
	exception_handle(VEC_GP, NULL);
	return !faulted;
}

void test_pdptes(void)
{
	u32 other = (u32)page_alloc(1, PAGE_SIZE);
	volatile u64 *pdpt = ptr(other + 32);
	u64 *now = ptr(paging_root);
	bool intel = cpuid(0, 0).ecx == 0x6c65746e; /* "ntel" */
	reg va = VA + PAGE_SIZE;

	map(va, frame[2] | LEAF);
	invlpg(va);
	for (u32 i = 0; i < 4; i++)
		pdpt[i] = now[i];
	check(load_cr3_ok(other + 32), "a PDPT at 32 bytes");
	check(read_cr3() == other + 32, "CR3 reads %lx", read_cr3());
	expect_page("the same directories", va, 2);

	/* Memory changes, the registers do not, until CR3 is loaded. On AMD either is right. */
	pdpt[3] = 0;
	invlpg(va);
	if (intel)
		expect_page("PDPTE in the register", va, 2);
	check(load_cr3_ok(other + 32), "one PDPTE not present");
	expect("PDPTE not present", rd(va), 0, va);
	pdpt[3] = now[3];
	if (intel)
		expect("still not present", rd(va), 0, va);
	reload_cr3();
	expect_page("present again", va, 2);

	if (intel) {
		/* Reserved bits are found when CR3 is loaded, and CR3 keeps its value. */
		pdpt[3] = now[3] | PTE_W;
		check(!load_cr3_ok(other + 32), "a PDPTE with a reserved bit was loaded");
		check(read_cr3() == other + 32, "CR3 reads %lx", read_cr3());
		expect_page("the old PDPTEs", va, 2);
		pdpt[3] = BIT(1) | BIT(2) | BIT(63);
		check(load_cr3_ok(other + 32), "reserved bits where P is clear");
		expect("PDPTE not present", rd(va), 0, va);
	}
	write_cr3((reg)paging_root);
	expect_page("the first root", va, 2);
}
