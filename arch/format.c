/* SPDX-License-Identifier: MIT */
/* printf-like formatting, integers and strings only. */
#include "arch/format.h"

struct out {
	char *buf;
	size_t size;
	size_t len; /* of the whole text, also where buf is too small */
};

/* One conversion between its '%' and its letter. */
struct spec {
	bool left;
	bool zero;
	size_t width;
	size_t precision; /* SIZE_MAX when not given */
	enum { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG } length;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_repeated(struct out *o, char c, size_t n)
{
	while (n--)
		put(o, c);
}

/* A prefix is a sign or "0x": before padding with zeroes, behind padding with blanks. */
static void put_padded(struct out *o, const struct spec *s, const char *prefix, const char *text,
		       size_t len)
{
	size_t all = len, fill;

	for (const char *p = prefix; *p; p++)
		all++;
	fill = s->width > all ? s->width - all : 0;

	if (!s->left && !s->zero)
		put_repeated(o, ' ', fill);
	while (*prefix)
		put(o, *prefix++);
	if (!s->left && s->zero)
		put_repeated(o, '0', fill);
	for (size_t i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		put_repeated(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *s, const char *prefix, u64 v, u32 base,
		       const char *digits)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = digits[v % base];
		v /= base;
	} while (v);
	put_padded(o, s, prefix, text + at, sizeof(text) - at);
}

static void put_signed(struct out *o, const struct spec *s, s64 v)
{
	put_number(o, s, v < 0 ? "-" : "", v < 0 ? -(u64)v : (u64)v, 10, "0123456789");
}

static void put_string(struct out *o, struct spec *s, const char *text)
{
	size_t len = 0;

	if (!text)
		text = "(null)";
	while (len < s->precision && text[len])
		len++;
	s->zero = false;
	put_padded(o, s, "", text, len);
}

static size_t read_number(const char **fmt)
{
	size_t n = 0;

	while (**fmt >= '0' && **fmt <= '9' && n < 1000)
		n = n * 10 + (size_t)(*(*fmt)++ - '0');
	return n;
}

static s64 next_signed(const struct spec *s, va_list *args)
{
	switch (s->length) {
	case LEN_LONG:
		return va_arg(*args, long);
	case LEN_SHORT:
		return (short)va_arg(*args, int);
	case LEN_CHAR:
		return (signed char)va_arg(*args, int);
	default:
		return va_arg(*args, int);
	}
}

static u64 next_unsigned(const struct spec *s, va_list *args)
{
	switch (s->length) {
	case LEN_LONG:
		return va_arg(*args, unsigned long);
	case LEN_SHORT:
		return (unsigned short)va_arg(*args, unsigned int);
	case LEN_CHAR:
		return (unsigned char)va_arg(*args, unsigned int);
	default:
		return va_arg(*args, unsigned int);
	}
}

/* Flags, width, precision, length; fmt is left at the conversion's letter. */
static struct spec read_spec(const char **fmt, va_list *args)
{
	struct spec s = {.precision = SIZE_MAX};

	for (;; (*fmt)++) {
		if (**fmt == '-')
			s.left = true;
		else if (**fmt == '0')
			s.zero = true;
		else
			break;
	}
	if (**fmt == '*') {
		int n = va_arg(*args, int);

		s.left |= n < 0;
		s.width = n < 0 ? -(size_t)n : (size_t)n;
		(*fmt)++;
	} else {
		s.width = read_number(fmt);
	}
	if (**fmt == '.') {
		(*fmt)++;
		if (**fmt == '*') {
			int n = va_arg(*args, int);

			s.precision = n < 0 ? SIZE_MAX : (size_t)n;
			(*fmt)++;
		} else {
			s.precision = read_number(fmt);
		}
	}
	for (;; (*fmt)++) {
		if (**fmt == 'l' || **fmt == 'z')
			s.length = LEN_LONG;
		else if (**fmt == 'h')
			s.length = s.length == LEN_SHORT ? LEN_CHAR : LEN_SHORT;
		else
			break;
	}
	return s;
}

/* One conversion, its '%' already read. Returns false when the letter is unknown. */
static bool convert(struct out *o, struct spec *s, char letter, va_list *args)
{
	char c;

	switch (letter) {
	case '%':
		put(o, '%');
		return true;
	case 'c':
		c = (char)va_arg(*args, int);
		s->zero = false;
		put_padded(o, s, "", &c, 1);
		return true;
	case 's':
		put_string(o, s, va_arg(*args, const char *));
		return true;
	case 'd':
	case 'i':
		put_signed(o, s, next_signed(s, args));
		return true;
	case 'u':
		put_number(o, s, "", next_unsigned(s, args), 10, "0123456789");
		return true;
	case 'x':
		put_number(o, s, "", next_unsigned(s, args), 16, "0123456789abcdef");
		return true;
	case 'X':
		put_number(o, s, "", next_unsigned(s, args), 16, "0123456789ABCDEF");
		return true;
	case 'p':
		put_number(o, s, "0x", (u64)va_arg(*args, void *), 16, "0123456789abcdef");
		return true;
	default:
		return false;
	}
}

size_t format_args(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = {.buf = buf, .size = size};
	va_list list;

	va_copy(list, args);
	while (*fmt) {
		const char *start = fmt;
		struct spec s;

		if (*fmt++ != '%') {
			put(&o, *start);
			continue;
		}
		s = read_spec(&fmt, &list);
		if (*fmt && convert(&o, &s, *fmt, &list)) {
			fmt++;
			continue;
		}
		while (start < fmt)
			put(&o, *start++);
	}
	va_end(list);
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return o.len;
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = format_args(buf, size, fmt, args);
	va_end(args);
	return len;
}
