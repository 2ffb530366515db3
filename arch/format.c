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
	bool is_long;
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

static void put_number(struct out *o, const struct spec *s, const char *prefix, u64 v, u32 base)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put_padded(o, s, prefix, text + at, sizeof(text) - at);
}

static void put_string(struct out *o, struct spec *s, const char *text)
{
	size_t len = 0;

	if (!text)
		text = "(null)";
	while (text[len])
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

static u64 next_unsigned(const struct spec *s, va_list *args)
{
	return s->is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
}

/* Flags, width, length; fmt is left at the conversion's letter. */
static struct spec read_spec(const char **fmt)
{
	struct spec s = {0};

	for (;; (*fmt)++) {
		if (**fmt == '-')
			s.left = true;
		else if (**fmt == '0')
			s.zero = true;
		else
			break;
	}
	s.width = read_number(fmt);
	for (; **fmt == 'l'; (*fmt)++)
		s.is_long = true;
	return s;
}

/* One conversion, its '%' already read. Returns false when the letter is unknown. */
static bool convert(struct out *o, struct spec *s, char letter, va_list *args)
{
	char c;
	s64 n;

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
		n = s->is_long ? va_arg(*args, long) : va_arg(*args, int);
		put_number(o, s, n < 0 ? "-" : "", n < 0 ? -(u64)n : (u64)n, 10);
		return true;
	case 'u':
		put_number(o, s, "", next_unsigned(s, args), 10);
		return true;
	case 'x':
		put_number(o, s, "", next_unsigned(s, args), 16);
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
		s = read_spec(&fmt);
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
