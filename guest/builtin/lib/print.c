/* SPDX-License-Identifier: MIT */
/* COM1 and printf for guest kernels. */
#include "guest/builtin/lib/print.h"

#include "guest/builtin/lib/insn.h"

#define COM1     0x3f8
#define LSR_THRE BIT(5)
#define LSR_TEMT BIT(6)

/* A machine without the port reads all ones from it, so these waits end there as well. */
static void wait_lsr(u8 bit)
{
	while (!(in8(COM1 + 5) & bit))
		__asm__ volatile("pause");
}

void print_drain(void)
{
	wait_lsr(LSR_TEMT);
}

void print_init(void)
{
	print_drain();
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x80); /* divisor latch */
	out8(COM1 + 0, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x03);
	out8(COM1 + 2, 0x07);
	out8(COM1 + 4, 0x03);
}

static void put(char c)
{
	if (c == '\n')
		put('\r');
	wait_lsr(LSR_THRE);
	out8(COM1, (u8)c);
}

/* Divide by a small number without the compiler's 64-bit helper, which 32-bit kernels lack. */
static u32 divide(u64 *value, u32 by)
{
	u64 rest = 0, quotient = 0;

	for (int i = 63; i >= 0; i--) {
		rest = rest << 1 | (*value >> i & 1);
		if (rest >= by) {
			rest -= by;
			quotient |= BIT(i);
		}
	}
	*value = quotient;
	return (u32)rest;
}

static void put_padded(const char *s, u32 len, u32 width, bool left, char pad)
{
	u32 fill = width > len ? width - len : 0;

	for (u32 i = 0; !left && i < fill; i++)
		put(pad);
	while (len--)
		put(*s++);
	for (u32 i = 0; left && i < fill; i++)
		put(' ');
}

static void put_number(u64 value, bool negative, u32 base, u32 width, bool left, char pad)
{
	char digits[24];
	u32 at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[divide(&value, base)];
	while (value);
	if (negative)
		digits[--at] = '-';
	put_padded(digits + at, sizeof(digits) - at, width, left, pad);
}

static u32 length(const char *s)
{
	u32 n = 0;

	while (s[n])
		n++;
	return n;
}

void vprint(const char *fmt, __builtin_va_list ap)
{
	for (; *fmt; fmt++) {
		u32 width = 0, longs = 0;
		bool left = false;
		char pad = ' ';
		const char *s;
		s64 d;
		char c;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		fmt++;
		for (; *fmt == '-' || *fmt == '0'; fmt++) {
			left |= *fmt == '-';
			pad = *fmt == '0' ? '0' : pad;
		}
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			width = width * 10 + (u32)(*fmt - '0');
		for (; *fmt == 'l'; fmt++)
			longs++;
		switch (*fmt) {
		case 's':
			s = __builtin_va_arg(ap, const char *);
			put_padded(s, length(s), width, left, ' ');
			break;
		case 'c':
			c = (char)__builtin_va_arg(ap, int);
			put_padded(&c, 1, width, left, ' ');
			break;
		case 'd':
			d = longs == 2   ? __builtin_va_arg(ap, long long)
			    : longs == 1 ? __builtin_va_arg(ap, long)
					 : __builtin_va_arg(ap, int);
			put_number(d < 0 ? -(u64)d : (u64)d, d < 0, 10, width, left, pad);
			break;
		case 'p':
			put_number((uintptr_t) __builtin_va_arg(ap, void *), false, 16, width, left,
				   pad);
			break;
		case 'u':
		case 'x':
			put_number(longs == 2   ? __builtin_va_arg(ap, unsigned long long)
				   : longs == 1 ? __builtin_va_arg(ap, unsigned long)
						: __builtin_va_arg(ap, unsigned int),
				   false, *fmt == 'x' ? 16 : 10, width, left, pad);
			break;
		default:
			put(*fmt);
		}
	}
}

void print(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vprint(fmt, ap);
	__builtin_va_end(ap);
}
