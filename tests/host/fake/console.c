/* SPDX-License-Identifier: MIT */
/* A console that remembers; see console.h here. */
#include "tests/host/fake/console.h"
#include "arch/console.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What a line has room for beside the console's own words. */
#define SAY_MAX  255
#define FAIL_MAX 239

u32 fake_says, fake_fails;
char fake_said[256], fake_failed[256];
bool fake_echo;
void (*fake_on_say)(const char *line);

static void keep(char *line, int max, const char *prefix, const char *fmt, va_list args)
{
	int size = vsnprintf(line, 256, fmt, args);

	if (fake_echo || size < 1 || size > max)
		fprintf(stderr, "%s%s\n", prefix, line);
	if (size < 1 || size > max) {
		fprintf(stderr, "a line of %d characters\n", size);
		abort();
	}
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep(fake_said, SAY_MAX, "", fmt, args);
	va_end(args);
	fake_says++;
	if (fake_on_say)
		fake_on_say(fake_said);
}

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep(fake_failed, FAIL_MAX, "error: ", fmt, args);
	va_end(args);
	fake_fails++;
	return -1;
}

void die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "fatal: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void fake_console_clear(void)
{
	fake_says = fake_fails = 0;
	fake_said[0] = fake_failed[0] = 0;
}
