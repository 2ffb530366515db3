/* SPDX-License-Identifier: MIT */
/* CR0, CR3 and CR4 where PCIDs make a difference: SDM vol. 3A 4.10.1, vol. 2B MOV to CR. */
#include "tests/guests/pcid/pcid.h"

void test_registers(void)
{
	u64 root = read_cr3(), cr4 = read_cr4(), cr0 = read_cr0();

	expect_exception("CR3 bit 63 without PCIDE", load_cr3(root | CR3_NOFLUSH), VEC_GP);
	check(read_cr3() == root, "CR3 is %lx after #GP", read_cr3());

	expect_done("CR3 with cache bits", load_cr3(root | CR3_PCD));
	expect_exception("CR4.PCIDE with CR3[11:0] set", load_cr4(cr4 | CR4_PCIDE), VEC_GP);
	check(read_cr4() == cr4, "CR4 is %lx after #GP, not %lx", read_cr4(), cr4);
	expect_done("CR3 without cache bits", load_cr3(root));
	expect_done("CR4.PCIDE", load_cr4(cr4 | CR4_PCIDE));
	check(read_cr4() == (cr4 | CR4_PCIDE), "CR4 is %lx with PCIDE set", read_cr4());

	expect_done("CR3 with a PCID", load_cr3(root | 0xabc));
	check(read_cr3() == (root | 0xabc), "CR3 is %lx, not %lx", read_cr3(), root | 0xabc);
	expect_done("CR3 bit 63", load_cr3(root | 0xfff | CR3_NOFLUSH));
	check(read_cr3() == (root | 0xfff), "CR3 is %lx, not %lx: bit 63 is not stored", read_cr3(),
	      root | 0xfff);
	expect_exception("CR3 bit 62", load_cr3(root | BIT(62)), VEC_GP);
	expect_exception("CR3 bits 63 and 51", load_cr3(root | CR3_NOFLUSH | BIT(51)), VEC_GP);

	expect_exception("CR0.PG clear with PCIDE", load_cr0(cr0 & ~CR0_PG), VEC_GP);
	check(read_cr0() == cr0, "CR0 is %lx after #GP, not %lx", read_cr0(), cr0);

	/* It may stay set, whatever the PCID, and be cleared with any. */
	expect_done("CR4.PCIDE again", load_cr4(read_cr4() ^ CR4_PGE));
	expect_done("CR4.PCIDE once more", load_cr4(cr4 | CR4_PCIDE));
	expect_done("CR4.PCIDE clear", load_cr4(cr4));
	check(read_cr3() == (root | 0xfff), "CR3 is %lx without PCIDE", read_cr3());
	expect_exception("CR4.PCIDE with a PCID left", load_cr4(cr4 | CR4_PCIDE), VEC_GP);
	expect_done("CR3 plain", load_cr3(root));
	expect_done("CR4.PCIDE set", load_cr4(cr4 | CR4_PCIDE));
}
