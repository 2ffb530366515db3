// SPDX-License-Identifier: MIT
/*
 * More workloads, for `make bench` alone: programs that start programs, as a compiler's run does; a
 * memory-hungry loop; many threads. Each checks what it did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/linux/init.h"
#include "tests/linux/selfcheck.h"

#define PAGE    4096UL
#define MIB     (1UL << 20)
#define THREADS 16
#define OWN     64UL /* pages of each thread */

/* Each operation is three programs, of which each but the last starts the next: tests/linux/step.c. */
static bool run_build(unsigned int ops)
{
	char *const argv[] = {"/step", "2", NULL};
	int status;
	pid_t pid;

	for (unsigned int i = 0; i < ops; i++) {
		errno = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
		if (errno || waitpid(pid, &status, 0) != pid)
			return wrong("a program did not start");
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return wrong("a program failed");
	}
	return true;
}

/* Allocate a MiB, touch its pages, free it; an operation is one MiB. */
static bool run_alloc(unsigned int ops)
{
	for (unsigned int n = 0; n < ops; n++) {
		char *p =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return wrong("mmap failed");
		for (unsigned long at = 0; at < MIB; at += PAGE) {
			if (p[at])
				return wrong("a new page is not zero");
			p[at] = 1;
		}
		munmap(p, MIB);
	}
	return true;
}

static pthread_barrier_t all_started;

static void *touch_own(void *arg)
{
	char *p =
		mmap(NULL, OWN * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t id = (uintptr_t)arg, sum = 0;

	if (p == MAP_FAILED)
		return NULL;
	for (unsigned long i = 0; i < OWN; i++)
		p[i * PAGE] = (char)id;
	pthread_barrier_wait(&all_started);
	for (unsigned long i = 0; i < OWN; i++)
		sum += (unsigned char)p[i * PAGE];
	munmap(p, OWN * PAGE);
	return sum == OWN * id ? (void *)1 : NULL;
}

/* So many threads at once, each with memory of its own; an operation is one thread. */
static bool run_threads(unsigned int ops)
{
	pthread_t thread[THREADS];

	pthread_barrier_init(&all_started, NULL, THREADS);
	for (unsigned int n = 0; n < ops; n++) {
		bool ok = true;

		for (uintptr_t i = 0; i < THREADS; i++)
			if (pthread_create(&thread[i], NULL, touch_own, (void *)(i + 1)))
				return wrong("a thread did not start");
		for (unsigned int i = 0; i < THREADS; i++) {
			void *result;

			pthread_join(thread[i], &result);
			ok = ok && result;
		}
		if (!ok)
			return wrong("a thread saw other memory than its own");
	}
	pthread_barrier_destroy(&all_started);
	return true;
}

const struct workload bench_workloads[] = {
	{"build", run_build, 16, 1, 0},
	{"alloc-1g", run_alloc, 1024, MIB / PAGE, 16},
	{"threads", run_threads, 8, THREADS, 0},
};
const unsigned int nr_bench_workloads = sizeof(bench_workloads) / sizeof(bench_workloads[0]);
