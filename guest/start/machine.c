/* SPDX-License-Identifier: MIT */
/* Taking the machine, in order: CPU, memory, devices, other CPUs, traps, guest. */
#include "guest/machine/machine.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/tsc.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/cpus/park.h"
#include "guest/exit/exit.h"
#include "guest/iommu/iommu.h"
#include "guest/load/load.h"
#include "guest/machine/hidden.h"
#include "guest/start/machine.h"
#include "guest/start/selftest.h"
#include "guest/start/steps.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/mitigate.h"
#include "mm/phys/phys.h"

static struct machine machine;

/* What guests see that map the hypervisor's memory: theirs to scribble on. */
static u8 hole_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* For enable() on this CPU. */
static u8 enable_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* Is there the nested paging that the user asks for, if any. */
static int check_mmu(const struct options *opt)
{
	static const char *const names[] = {[MMU_NPT] = "npt", [MMU_EPT] = "ept"};
	enum opt_mmu own = machine.ops->amd ? MMU_NPT : MMU_EPT;

	if (opt->mmu == MMU_SHADOW)
		return 0;
	if (opt->mmu != own)
		return fail("mmu=%s: this CPU has %s's nested paging; use mmu=%s", names[opt->mmu],
			    machine.ops->amd ? "AMD" : "Intel", names[own]);
	return machine.ops->probe_nested();
}

/* Is there the filter that the user asks for. */
static int check_filter(const struct options *opt)
{
	if (opt->filter != FILTER_USER || machine.ops->can_filter_pf)
		return 0;
	return fail("filter=user: this CPU cannot filter page faults by their error code; use "
		    "filter=auto");
}

static struct paging_features paging_features(void)
{
	struct cpuid ext = cpuid(0x80000001, 0), std = cpuid(1, 0);
	struct paging_features f = {.maxphyaddr = machine.maxphyaddr};

	f.nx = ext.edx & CPUID_80000001_EDX_NX;
	f.pages_1g = ext.edx & CPUID_80000001_EDX_PAGE1GB;
	f.pse36 = std.edx & CPUID_1_EDX_PSE36;
	f.amd = machine.ops->amd;
	return f;
}

/* Where a trap has to be a not-present entry: nowhere, in page tables, in the tables above them. */
enum soft { SOFT_NONE, SOFT_LEAVES, SOFT_UPPER };

static enum soft soft_levels(const struct spte_traps *traps)
{
	for (int level = 2; level < PAGING_LEVELS; level++) {
		if (spte_is_soft(traps->entry[SPTE_FORMAT_64][level]))
			return SOFT_UPPER;
	}
	return spte_is_soft(traps->entry[SPTE_FORMAT_64][1]) ? SOFT_LEAVES : SOFT_NONE;
}

/*
 * What is made of notrap entries: the hardware filters by them, or at least an exit is classified by
 * its error code alone; with the line that says so. False: there are none.
 */
static bool choose_bypass(const struct options *opt, const struct selftest_result *proved,
			  const struct spte_traps *traps)
{
	enum soft soft = soft_levels(traps);
	const char *why = NULL, *but = "";

	if (soft == SOFT_LEAVES)
		but = ", but for address spaces that need a trap at level 1";
	if (!opt->bypass_guest_pf)
		why = "bypass_guest_pf=0";
	else if (!proved->notrap)
		why = "the self-test did not prove what not-present faults do";
	else if (soft == SOFT_UPPER)
		why = "no trap entry is proved for the upper levels";
	machine.bypass = !why && machine.ops->can_filter_pf;
	if (why)
		say("bypass off: every page fault exits (%s)", why);
	else if (machine.bypass)
		say("bypass on: not-present faults stay in the guest%s", but);
	else
		say("bypass off: this CPU cannot filter page faults by their error code; not-present "
		    "faults exit, and are the guest's by it alone%s",
		    but);
	return !why;
}

/* After choose_bypass(). Says so where the CPU is why there is no user filter. */
static enum mmu_user_filter choose_user_filter(const struct options *opt,
					       const struct selftest_result *proved)
{
	if (!machine.bypass || opt->filter == FILTER_PRESENT)
		return MMU_USER_NEVER;
	if (!proved->user_filter) {
		say("filter=present: the self-test did not prove that a user's own faults, and no "
		    "others, can stay in the guest");
		return MMU_USER_NEVER;
	}
	return opt->filter == FILTER_USER ? MMU_USER_ALWAYS : MMU_USER_AUTO;
}

static int prepare_mmu(struct vcpu *v, const struct options *opt, u64 pool_hpa, u64 pool_size)
{
	static const enum mmu_sync sync[] = {
		[SYNC_HYBRID] = MMU_SYNC_HYBRID,
		[SYNC_ALWAYS] = MMU_SYNC_ALWAYS,
		[SYNC_NEVER] = MMU_SYNC_NEVER,
	};
	const struct paging_features features = paging_features();
	struct selftest_result proved;
	struct mmu_config config = {
		.guest = &machine.guest_paging,
		.sync = sync[opt->sync],
		.read_pkru = rdpkru,
		.nr_vcpus = 1,
		.tables = {.hidden = machine.hidden,
			   .nr_hidden = machine.nr_hidden,
			   .watched = machine.watched,
			   .nr_watched = machine.nr_watched,
			   .hole_hpa = phys_addr(hole_page),
			   .pool_hpa = pool_hpa,
			   .pool_size = pool_size},
	};
	struct mmu *mmu;

	if (memory_readable(&machine) < 0)
		return -1;
	guest_paging_init(&machine.guest_paging, &features, &machine.readable, &machine.guest_map);
	if (opt->mmu != MMU_SHADOW)
		return prepare_nested(v, &config);
	if (selftest_traps(v, &proved) < 0)
		return -1;
	selftest_choose(&proved, opt->trap, machine.maxphyaddr, &config.traps);
	config.bypass = choose_bypass(opt, &proved, &config.traps);
	config.user_filter = choose_user_filter(opt, &proved);
	mmu = mmu_init(&config);
	if (!mmu)
		return -1;
	mmu_vcpu_init(&v->mmu, mmu, &v->counters);
	if (prove_exits(v) < 0)
		return -1;
	v->ops->set_pf_filter(v, PF_FILTER_ALL);
	v->ops->set_invlpg_exiting(v, false);
	return 0;
}

static int set_stats(u32 seconds)
{
	u64 hz = tsc_hz();

	if (!hz)
		return fail("stats=%u: this machine does not tell how fast its TSC is; use stats=0",
			    seconds);
	machine.stats_ticks = seconds * hz;
	return 0;
}

int machine_start(const struct bootinfo *boot, const struct options *opt, const struct backend *ops)
{
	struct vcpu *v = &machine.vcpu;
	struct guest_start start;
	u64 pool_hpa, pool_size;

	machine.opt = opt;
	machine.ops = v->ops = ops;
	v->machine = &machine;
	machine.paging = opt->mmu == MMU_SHADOW ? &shadow_paging : &nested_paging;
	machine.maxphyaddr = phys_bits();
	if (machine.ops->probe() < 0 || check_mmu(opt) < 0 || check_filter(opt) < 0 ||
	    iommu_find(&machine, boot) < 0 ||
	    memory_take(&machine, boot, &pool_hpa, &pool_size) < 0)
		return -1;
	/* The guest's PKRU is read with RDPKRU. */
	if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ecx & CPUID_7_0_ECX_PKU))
		write_cr4(read_cr4() | CR4_PKE);
	if (park_prepare(&machine) < 0 || machine.ops->enable(enable_page) < 0 ||
	    park_cpus(&machine, boot, &pool_hpa, &pool_size) < 0)
		return -1;
	mitigate_init(v);
	if (machine.ops->vcpu_init(v) < 0)
		return -1;
	cpuid_limits(&machine);
	if (chipset_prepare(&machine, boot) < 0 ||
	    iommu_start(&machine, boot, &pool_hpa, &pool_size) < 0)
		return -1;
	intercept_msrs(v);
	intercept_ports(v);
	if (prepare_mmu(v, opt, pool_hpa, pool_size) < 0)
		return -1;
	pat_intercept(v);
	if (load_guest(boot, opt, &machine.guest_map, &start) < 0)
		return -1;
	if (opt->stats && set_stats(opt->stats) < 0)
		return -1;
	vcpu_start(v, &start);
	run_guest(v);
}
