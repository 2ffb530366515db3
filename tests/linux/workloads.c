// SPDX-License-Identifier: MIT
/* The workloads: each one stresses the page tables in its own way, and checks what it did. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/linux/init.h"
#include "tests/linux/selfcheck.h"

#define PAGE       4096UL
#define PAGES      512UL
#define COW_PAGES  64UL
#define WORD(p, i) (*(volatile uint64_t *)((p) + (i)*PAGE))
#define EXEC_CODE  42

static char *map_pages(unsigned long pages)
{
	void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? NULL : p;
}

/* Wait for one child and compare its exit code. */
static bool child_ended(pid_t pid, int code)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return wrong("fork or waitpid failed");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		return wrong("a child ended in an unexpected way");
	return true;
}

static bool run_fork(unsigned int ops)
{
	for (unsigned int i = 0; i < ops; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit((int)(i & 0x7f));
		if (!child_ended(pid, (int)(i & 0x7f)))
			return false;
	}
	return true;
}

static bool run_exec(unsigned int ops)
{
	for (unsigned int i = 0; i < ops; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execl("/init", "exec-child", (char *)NULL);
			_exit(1);
		}
		if (!child_ended(pid, EXEC_CODE))
			return false;
	}
	return true;
}

/* New anonymous pages read as zero, and keep what is written. */
static bool run_mmap(unsigned int ops)
{
	for (unsigned int n = 0; n < ops; n++) {
		char *p = map_pages(PAGES);

		if (!p)
			return wrong("mmap failed");
		for (unsigned long i = 0; i < PAGES; i++) {
			if (WORD(p, i))
				return wrong("a new page is not zero");
			WORD(p, i) = i + n;
		}
		for (unsigned long i = 0; i < PAGES; i++)
			if (WORD(p, i) != i + n)
				return wrong("a page lost what was written");
		munmap(p, PAGES * PAGE);
	}
	return true;
}

static bool run_mprotect(unsigned int ops)
{
	char *p = map_pages(PAGES);

	if (!p)
		return wrong("mmap failed");
	for (unsigned long i = 0; i < PAGES; i++)
		WORD(p, i) = i;
	for (unsigned int n = 1; n <= ops; n++) {
		if (mprotect(p, PAGES * PAGE, PROT_READ) ||
		    mprotect(p, PAGES * PAGE, PROT_READ | PROT_WRITE))
			return wrong("mprotect failed");
		for (unsigned long i = 0; i < PAGES; i++) {
			if (WORD(p, i) != i + n - 1)
				return wrong("mprotect changed a page");
			WORD(p, i) = i + n;
		}
	}
	munmap(p, PAGES * PAGE);
	return true;
}

static bool run_pipe(unsigned int ops)
{
	int to[2], from[2];
	uint64_t token;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return wrong("pipe failed");
	pid = fork();
	if (pid == 0) {
		for (unsigned int i = 0; i < ops; i++) {
			if (read(to[0], &token, sizeof(token)) != sizeof(token))
				_exit(1);
			token++;
			if (write(from[1], &token, sizeof(token)) != sizeof(token))
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned int i = 0; i < ops; i++) {
		uint64_t sent = i * 0x100000001ULL;

		token = sent;
		if (write(to[1], &token, sizeof(token)) != sizeof(token) ||
		    read(from[0], &token, sizeof(token)) != sizeof(token) || token != sent + 1)
			return wrong("a pipe did not answer");
	}
	close(to[0]), close(to[1]), close(from[0]), close(from[1]);
	return child_ended(pid, 0);
}

static volatile unsigned int segv_count;
static char *volatile segv_expect;
static volatile bool segv_elsewhere;

/* The faulting instruction is "mov (%rax), %rax" or "mov (%eax), %eax"; go on after it. */
#ifdef __x86_64__
#define REG_PC   REG_RIP
#define LOAD_LEN 3
#else
#define REG_PC   REG_EIP
#define LOAD_LEN 2
#endif

static void skip_segv(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signal;
	if (info->si_addr != segv_expect)
		segv_elsewhere = true;
	segv_count++;
	uc->uc_mcontext.gregs[REG_PC] += LOAD_LEN;
}

/* Reads of a page that is not mapped, and of one that is mapped without rights. */
static bool run_segv(unsigned int ops)
{
	struct sigaction skip = {.sa_sigaction = skip_segv, .sa_flags = SA_SIGINFO};
	struct sigaction before;
	char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	segv_count = 0;
	segv_elsewhere = false;
	sigaction(SIGSEGV, &skip, &before);
	for (unsigned int i = 0; i < ops; i++) {
		char *at = i & 1 ? none + (i & 0xff8) : (char *)0x1000 + i;

		segv_expect = at;
		asm volatile("mov (%0), %0" : "+a"(at) : : "memory");
	}
	sigaction(SIGSEGV, &before, NULL);
	munmap(none, PAGE);
	if (segv_count != ops)
		return wrong("a SIGSEGV was lost or came twice");
	if (segv_elsewhere)
		return wrong("a SIGSEGV named another address");
	return true;
}

/* A child writes shared pages; it sees its own, and the parent still sees what it had. */
static bool run_cow(unsigned int ops)
{
	char *p = map_pages(COW_PAGES);

	if (!p)
		return wrong("mmap failed");
	for (unsigned long i = 0; i < COW_PAGES; i++)
		WORD(p, i) = i;
	for (unsigned int n = 0; n < ops; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (unsigned long i = 0; i < COW_PAGES; i++) {
				if (WORD(p, i) != i)
					_exit(1);
				WORD(p, i) = ~i;
			}
			for (unsigned long i = 0; i < COW_PAGES; i++)
				if (WORD(p, i) != ~i)
					_exit(1);
			_exit(0);
		}
		if (!child_ended(pid, 0))
			return false;
		for (unsigned long i = 0; i < COW_PAGES; i++)
			if (WORD(p, i) != i)
				return wrong("a child's write reached its parent");
	}
	munmap(p, COW_PAGES * PAGE);
	return true;
}

const struct workload workloads[] = {
	{"fork", run_fork, 32, 1, 0},          {"fork-exec", run_exec, 16, 1, 0},
	{"mmap-touch", run_mmap, 4, PAGES, 0}, {"mprotect", run_mprotect, 8, PAGES, 0},
	{"pipe", run_pipe, 256, 1, 0},         {"segv", run_segv, 512, 1, 0},
	{"fork-cow", run_cow, 16, 1, 0},
};
const unsigned int nr_workloads = sizeof(workloads) / sizeof(workloads[0]);
