/* SPDX-License-Identifier: MIT */
/* What a translation may still be after a change, one rule after the other: SDM vol. 3A 4.10.4. */
#include "tests/guests/pcid/pcid.h"

#define PCID_A 0x001ULL
#define PCID_B 0xfffULL

static u64 frame[3], root[2];

static u64 word(void)
{
	return *(volatile u64 *)ptr(VA);
}

static void go(u64 space, bool flush)
{
	u64 pcid = space ? PCID_B : PCID_A;

	write_cr3(root[space] | pcid | (flush ? 0 : CR3_NOFLUSH));
}

static u64 *entry(u64 space, u32 level)
{
	return entry_of(root[space], VA, level);
}

/* Each space maps its own page, both translations are warm, and space 0 runs. */
static void start(void)
{
	for (u64 i = 0; i < 2; i++)
		*entry(i, 1) = frame[i] | LEAF;
	invpcid(ALL_GLOBAL, 0, 0);
	for (u64 i = 0; i < 4; i++) {
		go(i & 1, false);
		check(word() == (i & 1), "space %lu reads %lx", i & 1, word());
	}
	go(0, false);
}

enum where { WHILE_CURRENT, WHILE_OTHER };

/* Space 0's page changes; what is done about it makes the change show at once, or on return. */
static void changed(const char *how, enum where where, u32 level, void (*invalidate)(void))
{
	u64 *e, table = 0;

	start();
	e = entry(0, level);
	if (where == WHILE_OTHER) {
		go(1, false);
		check(word() == 1, "%s: the other space reads %lx", how, word());
	}
	if (level == 2) {
		table = page_alloc(1, PAGE_SIZE);
		*(u64 *)ptr(table) = frame[2] | LEAF;
		*e = table | UPPER;
	} else {
		*e = frame[2] | LEAF;
	}
	invalidate();
	if (where == WHILE_OTHER) {
		check(word() == 1, "%s: the other space then reads %lx", how, word());
		go(0, false);
	}
	check(word() == 2, "%s, %s, level %u: reads %lx", how,
	      where == WHILE_OTHER ? "from another PCID" : "current", level, word());
	if (level == 2)
		*e = (*e & ~PTE_ADDR) | page_alloc(1, PAGE_SIZE);
}

static void by_address(void)
{
	expect_done("INVPCID 0", invpcid(ADDRESS, PCID_A, VA));
}

static void by_pcid(void)
{
	expect_done("INVPCID 1", invpcid(SINGLE, PCID_A, 0));
}

static void by_all_global(void)
{
	expect_done("INVPCID 2", invpcid(ALL_GLOBAL, 0, 0));
}

static void by_all(void)
{
	expect_done("INVPCID 3", invpcid(ALL, 0, 0));
}

static void by_invlpg(void)
{
	invlpg(VA);
}

static void by_cr3(void)
{
	go(0, true);
}

static void by_pge(void)
{
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr4(read_cr4() ^ CR4_PGE);
}

static void by_load_and_back(void)
{
	go(0, true);
	go(1, false);
}

/* Gone, and noticed; come, and no flush is owed. */
static void not_present(void)
{
	start();
	*entry(0, 1) = 0;
	by_address();
	expect_page_fault("an unmapped page", ATTEMPT("testb $0, (%[p])", [p] "r"(VA)), 0, VA);
	go(1, false);
	*entry(0, 1) = frame[2] | LEAF;
	go(0, false);
	check(word() == 2, "a page that came while another PCID ran reads %lx", word());
}

/* Old or new, but nothing else, and new once it is flushed. */
static void may_be_stale(void)
{
	u64 got;

	start();
	go(1, false);
	*entry(0, 1) = frame[2] | LEAF;
	go(0, false);
	got = word();
	check(got == 0 || got == 2, "a stale page reads %lx", got);
	go(0, true);
	check(word() == 2, "a page after a flush reads %lx", word());
}

void test_stale(void)
{
	static const struct {
		const char *how;
		void (*invalidate)(void);
		bool from_other;
	} ways[] = {
		{"INVPCID 0", by_address, true},    {"INVPCID 1", by_pcid, true},
		{"INVPCID 2", by_all_global, true}, {"INVPCID 3", by_all, true},
		{"INVLPG", by_invlpg, false},       {"MOV to CR3", by_cr3, false},
		{"CR4.PGE", by_pge, true},
	};
	u64 before = read_cr3();

	for (u64 i = 0; i < ARRAY_SIZE(frame); i++) {
		frame[i] = page_alloc(1, PAGE_SIZE);
		*(u64 *)ptr(frame[i]) = i;
	}
	for (u64 i = 0; i < ARRAY_SIZE(root); i++)
		root[i] = new_root();
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		for (u32 level = 1; level <= 2; level++) {
			changed(ways[i].how, WHILE_CURRENT, level, ways[i].invalidate);
			if (ways[i].from_other)
				changed(ways[i].how, WHILE_OTHER, level, ways[i].invalidate);
		}
	}
	changed("there and back", WHILE_OTHER, 1, by_load_and_back);
	not_present();
	may_be_stale();
	write_cr3(before);
	by_all_global();
}
