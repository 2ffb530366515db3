// SPDX-License-Identifier: MIT
/*
 * The first process of the test initramfs: a child runs each workload twice, prints what the second
 * pass took, and compares Linux's own count of page faults with notrap's when it is there; then the
 * machine is powered off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cpuid.h>

#include "guest/hypercall.h"
#include "tests/linux/init.h"
#include "tests/linux/selfcheck.h"

const char init_name[] = "linux";

/* One number of /proc/vmstat; ~0 when it has none of that name. */
static uint64_t vmstat(const char *name)
{
	const char *text = read_file("/proc/vmstat"), *at;

	for (at = text; (at = strstr(at, name)); at++)
		if ((at == text || at[-1] == '\n') && at[strlen(name)] == ' ')
			return strtoull(at + strlen(name), NULL, 10);
	return ~0ULL;
}

void say_file(const char *what, const char *path)
{
	const char *text = read_file(path);

	say("%s = %.*s", what, (int)strcspn(text, "\n"), text);
}

/* The least of shell's echo: false, with errno, when it is refused. */
static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/*
 * What is left of sleep where the firmware is asked for none: "mem" is suspend-to-idle. Linux wakes itself
 * by its own test of it, five seconds after the devices are asleep.
 */
static bool check_suspend(void)
{
	say_file("sleep states", "/sys/power/state");
	say_file("mem sleep", "/sys/power/mem_sleep");
	say_file("disk sleep", "/sys/power/disk");
	if (!write_file("/sys/power/pm_test", "platform"))
		return wrong("no test of sleep");
	/* What the kernel says goes past the lines that still wait. */
	tcdrain(STDOUT_FILENO);
	if (!write_file("/sys/power/state", "mem"))
		return wrong("sleep");
	say("awake again");
	return true;
}

static unsigned int count_cpus(void)
{
	unsigned int n = 0;

	for (const char *at = read_file("/proc/cpuinfo"); (at = strstr(at, "processor\t:")); at++)
		n++;
	return n;
}

/*
 * The levels of the kernel's page tables: with five a process has addresses over 2^47. -1: it has, and
 * memory there is not what it should be; 0: unknown to a 32-bit program.
 */
static int paging_levels(void)
{
#ifdef __LP64__
	uint32_t eax, ebx, ecx, edx;
	char *want = (char *)(1UL << 55), *at;
	int levels = 4;

	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ecx & 1U << 16))
		return 4;
	at = mmap(want, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == want) {
		*(volatile uint64_t *)at = 0x1122334455667788;
		levels = *(volatile uint64_t *)at == 0x1122334455667788 ? 5 : -1;
	}
	munmap(at, 4096);
	return levels;
#else
	return 0;
#endif
}

/* notrap's information bits, or -1 when this is another machine. */
static int notrap_info(void)
{
	uint32_t eax, ebx, ecx, edx;
	char name[12];

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & 1U << 31))
		return -1;
	__cpuid(NOTRAP_CPUID_BASE, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	if (memcmp(name, "notrapnotrap", sizeof(name)))
		return -1;
	__cpuid(NOTRAP_CPUID_INFO, eax, ebx, ecx, edx);
	return (int)ebx;
}

static unsigned long hypercall(int info, uint32_t number, unsigned long argument)
{
	unsigned long result;

	if (info & NOTRAP_INFO_SVM)
		asm volatile("vmmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	else
		asm volatile("vmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	return result;
}

enum counter {
#define COUNTER(name, help) CNT_##name,
#include "mm/counters.def"
#undef COUNTER
};

/* What notrap has counted so far; CPUID tells that to user mode too. */
static uint64_t counter(enum counter which)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid_count(NOTRAP_CPUID_COUNTER, which, eax, ebx, ecx, edx);
	return (uint64_t)edx << 32 | eax;
}

/* exits_port= on the kernel's command line: where another hypervisor tells its exits; 0: nowhere. */
static unsigned int exits_port;

/* The right to the port is given back at once: it would be a part of each switch of tasks. */
static uint64_t exits_by_port(void)
{
	uint32_t value = 0;

	if (ioperm(exits_port, sizeof(value), 1))
		wrong("ioperm");
	else
		value = inl((unsigned short)exits_port);
	ioperm(exits_port, sizeof(value), 0);
	return value;
}

/* Exits so far; 0 where nobody tells. */
static uint64_t exits(int info)
{
	if (info >= 0)
		return counter(CNT_exits);
	return exits_port ? exits_by_port() : 0;
}

/*
 * What the second pass took is printed: the first one warms Linux's own caches. selfcheck_only= and selfcheck_ops= on
 * the kernel's command line: this workload alone, so often in either pass.
 */
static bool run_all(int info, const struct workload *list, unsigned int nr)
{
	const char *only = getenv("selfcheck_only"), *often = getenv("selfcheck_ops");

	for (unsigned int i = 0; i < nr; i++) {
		const struct workload *w = &list[i];
		unsigned int run = often ? (unsigned int)strtoul(often, NULL, 10) : w->ops;
		unsigned int ops = run * w->per_op;
		uint64_t ticks = 0, exited = 0;

		if (!ops || (only && strcmp(only, w->name)))
			continue;
		for (int pass = 0; pass < 2; pass++) {
			unsigned int times = !pass && w->warm && !often ? w->warm : run;
			uint64_t before = exits(info), start = rdtsc();

			if (!w->run(times))
				return wrong(w->name);
			ticks = rdtsc() - start;
			exited = exits(info) - before;
		}
		say("%s ok ops=%u ticks_per_op=%llu", w->name, ops,
		    (unsigned long long)(ticks / ops));
		if (info >= 0 || exits_port)
			say("%s exits_per_op=%.2f", w->name, (double)exited / ops);
	}
	return true;
}

/* Everything but the power-off, in a child: Linux logs each SIGSEGV of the first process itself. */
static int check(uint64_t start)
{
	const char *port = getenv("exits_port");
	int info = notrap_info();
	uint64_t before, after;
	bool ok;
	int levels;

	exits_port = port ? (unsigned int)strtoul(port, NULL, 10) : 0;
	say("init tsc = %llu", (unsigned long long)start);
	if (info >= 0 || exits_port)
		say("init exits = %llu", (unsigned long long)exits(info));
	say("hypervisor = %s", info < 0 ? "other or none" : "notrap");
	say("cpu flag hypervisor = %s",
	    strstr(read_file("/proc/cpuinfo"), " hypervisor") ? "yes" : "no");
	say("cpus = %u", count_cpus());
	say_file("cpus possible", "/sys/devices/system/cpu/possible");
	levels = paging_levels();
	if (levels)
		say("paging levels = %d", levels);
	ok = check_efi();
	before = vmstat("pgfault");
	ok = run_all(info, workloads, nr_workloads) && ok;
	/* Words of the kernel's command line that it does not know. */
	if (getenv("selfcheck_suspend"))
		ok = check_suspend() && ok;
	if (getenv("selfcheck_bench"))
		ok = run_all(info, bench_workloads, nr_bench_workloads) && ok;
	if (levels < 0)
		ok = wrong("memory over 2^47");
	after = vmstat("pgfault");
	say("pgfault before = %llu", (unsigned long long)before);
	say("pgfault = %llu", (unsigned long long)after);
	if (after == ~0ULL || after <= before)
		ok = wrong("/proc/vmstat has no growing pgfault");
	if (info >= 0) {
		uint64_t seen = counter(CNT_pf_guest);

		say("pgfault that notrap has not seen = %llu",
		    (unsigned long long)(after > seen ? after - seen : 0));
		if (hypercall(info, HC_REPORT_FAULTS, (unsigned long)after) != ~0UL)
			ok = wrong("notrap takes a report of faults from a user");
	}
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t start = rdtsc();
	int status = -1;
	pid_t pid;

	if (argc > 0 && !strcmp(argv[0], "exec-child"))
		return 42;
	mount_all();
	pid = fork();
	if (pid == 0)
		_exit(check(start));
	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	say("self-check %s", status == 0 ? "pass" : "fail");
	end_machine(getenv("selfcheck_restart") ? RB_AUTOBOOT : RB_POWER_OFF);
	return 1;
}
