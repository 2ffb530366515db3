/* SPDX-License-Identifier: MIT */
/* The words of the kernel's command line. */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"

const char *guest_option(const char *key)
{
	size_t n = strlen(key);

	for (const char *at = memory_cmdline; *at;) {
		if (!strncmp(at, key, n) && at[n] == '=')
			return at + n + 1;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return NULL;
}

u32 guest_option_number(const char *key, u32 otherwise)
{
	const char *at = guest_option(key);
	u32 value = 0;

	if (!at)
		return otherwise;
	do {
		if (*at < '0' || *at > '9' || value > 100000000)
			guest_fail("%s= on the command line wants a decimal number", key);
		value = value * 10 + (u32)(*at++ - '0');
	} while (*at && *at != ' ');
	return value;
}
