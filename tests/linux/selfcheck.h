/* SPDX-License-Identifier: MIT */
/* The Linux self-check: what its workloads share with the program that runs and times them. */
#ifndef SELFCHECK_H
#define SELFCHECK_H

#include <stdbool.h>
#include <stdint.h>

struct workload {
	const char *name;
	bool (*run)(unsigned int ops); /* do this many operations; false when a result was wrong */
	unsigned int ops;
	unsigned int per_op; /* what a run's ticks are divided by, for each operation */
	unsigned int warm;   /* operations of the pass before the one that counts; 0: as many */
};

extern const struct workload workloads[];
extern const unsigned int nr_workloads;
/* More, which only `make bench` runs; they need /step in the initramfs. */
extern const struct workload bench_workloads[];
extern const unsigned int nr_bench_workloads;

/* Print a line with the first line of a file. */
void say_file(const char *what, const char *path);

/* Where the initramfs has the modules for it, call EFI's runtime services; false if one fails. */
bool check_efi(void);

#endif
