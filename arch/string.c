/* SPDX-License-Identifier: MIT */
/* The parts of <string.h> that freestanding code uses, and to which compilers emit calls. */
#include "arch/string.h"

/* Eight bytes at a time, then the rest. Right for overlapping buffers with to below from. */
static void copy_forward(void *to, const void *from, size_t n)
{
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep movsq\n\t"
			 "mov %3, %2\n\t"
			 "rep movsb"
			 : "+D"(to), "+S"(from), "+c"(words)
			 : "r"(bytes)
			 : "memory");
}

void *(memcpy)(void *restrict to, const void *restrict from, size_t n)
{
	copy_forward(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (t <= f || t >= f + n) {
		copy_forward(to, from, n);
		return to;
	}
	while (n--) {
		t[n] = f[n];
		/* Keeps the compiler from making a call of memmove() out of the loop. */
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *(memset)(void *to, int byte, size_t n)
{
	void *at = to;
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep stosq\n\t"
			 "mov %2, %1\n\t"
			 "rep stosb"
			 : "+D"(at), "+c"(words)
			 : "r"(bytes), "a"((unsigned char)byte * 0x0101010101010101ULL)
			 : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}
