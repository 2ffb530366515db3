/* SPDX-License-Identifier: MIT */
/* What the first processes of the test initramfs images have in common. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>
#include <stdint.h>

/* What each line begins with, ": " after it; the program defines it. */
extern const char init_name[];

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Print one line in one write. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say what went wrong, and what the last error of the system was, and return false. */
bool wrong(const char *what);

/* The text of a file in /proc or /sys, up to its first 16 KiB; empty when there is none. */
const char *read_file(const char *path);

/* /dev, /proc and /sys. */
void mount_all(void);

/* When all of the line is out: by reboot(2). */
void end_machine(int how);

#endif
