/* SPDX-License-Identifier: MIT */
/* notrap's command line: words of the form name=value, each checked against one table. */
#include "guest/options.h"
#include "arch/string.h"
#include "guest/builtin_guests.h"

enum option {
	OPT_BYPASS,
	OPT_TRAP,
	OPT_SYNC,
	OPT_MMU,
	OPT_MITIGATIONS,
	OPT_IOMMU,
	OPT_CONSOLE,
	OPT_STATS,
	OPT_AUDIT,
	OPT_GUEST,
	OPT_SMI
};

#define KNOWN_NUMBER "a number"

/* Where `known` is a list, a value's place in it is the value's number: the enums' order. */
static const struct {
	const char *name;
	const char *known;
} table[] = {
	[OPT_BYPASS] = {"bypass_guest_pf", "0|1"},
	[OPT_TRAP] = {"trap", "auto|address|structural"},
	[OPT_SYNC] = {"sync", "hybrid|always|never"},
	[OPT_MMU] = {"mmu", "shadow|npt|ept"},
	[OPT_MITIGATIONS] = {"mitigations", "auto|off|all"},
	[OPT_IOMMU] = {"iommu", "auto|off|require"},
	[OPT_CONSOLE] = {"console", "none|com1|com2"},
	[OPT_STATS] = {"stats", KNOWN_NUMBER},
	[OPT_AUDIT] = {"audit", KNOWN_NUMBER},
	[OPT_GUEST] = {"guest", NULL}, /* builtin_guests[] */
	[OPT_SMI] = {"smi", "0|1"},
};

static const char known_options[] =
	"bypass_guest_pf= trap= sync= mmu= mitigations= iommu= console= stats= audit= guest= smi=";

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A word of the command line as a string, for messages: say() knows no precision. */
struct excerpt {
	char text[48];
};

static struct excerpt excerpt(const char *from, size_t len)
{
	struct excerpt e = {{0}};

	if (len < sizeof(e.text)) {
		memcpy(e.text, from, len);
	} else {
		memcpy(e.text, from, sizeof(e.text) - 4);
		memcpy(e.text + sizeof(e.text) - 4, "...", 4);
	}
	return e;
}

/* The place of a value in "a|b|c", or -1. */
static s64 parse_choice(const char *list, const char *value, size_t len)
{
	for (s64 place = 0;; place++) {
		size_t n = 0;

		while (list[n] && list[n] != '|')
			n++;
		if (n == len && !memcmp(list, value, len))
			return place;
		if (!list[n])
			return -1;
		list += n + 1;
	}
}

/* A decimal number that fits in 32 bits, or -1. */
static s64 parse_number(const char *value, size_t len)
{
	s64 n = 0;

	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		n = n * 10 + (value[i] - '0');
		if (n > UINT32_MAX)
			return -1;
	}
	return len ? n : -1;
}

static s64 find_guest(const char *name, size_t len)
{
	for (u32 i = 0; i < builtin_guest_count; i++) {
		if (strlen(builtin_guests[i].name) == len &&
		    !memcmp(builtin_guests[i].name, name, len))
			return i;
	}
	return -1;
}

/* "name|name" of as many built-in guests as fit, as a string for messages. */
struct guest_list {
	char text[96];
};

static struct guest_list list_guests(void)
{
	struct guest_list list = {{0}};
	size_t at = 0;

	for (u32 i = 0; i < builtin_guest_count; i++) {
		size_t len = strlen(builtin_guests[i].name);

		if (at + len + 2 > sizeof(list.text))
			break;
		if (at)
			list.text[at++] = '|';
		memcpy(list.text + at, builtin_guests[i].name, len);
		at += len;
	}
	return list;
}

static int set_option(struct options *opt, u32 which, const char *value, size_t len)
{
	const char *known = table[which].known;
	s64 n;

	if (which == OPT_GUEST)
		n = find_guest(value, len);
	else if (which == OPT_STATS || which == OPT_AUDIT)
		n = parse_number(value, len);
	else
		n = parse_choice(known, value, len);
	if (n < 0)
		return fail("option %s: bad value \"%s\", known: %s", table[which].name,
			    excerpt(value, len).text,
			    which == OPT_GUEST ? list_guests().text : known);

	switch ((enum option)which) {
	case OPT_BYPASS:
		opt->bypass_guest_pf = n;
		break;
	case OPT_TRAP:
		opt->trap = (enum opt_trap)n;
		break;
	case OPT_SYNC:
		opt->sync = (enum opt_sync)n;
		break;
	case OPT_MMU:
		opt->mmu = (enum opt_mmu)n;
		break;
	case OPT_MITIGATIONS:
		opt->mitigations = (enum opt_mitigations)n;
		break;
	case OPT_IOMMU:
		opt->iommu = (enum opt_iommu)n;
		break;
	case OPT_CONSOLE:
		opt->console = (enum console_port)n;
		break;
	case OPT_STATS:
		opt->stats = (u32)n;
		break;
	case OPT_AUDIT:
		opt->audit = (u32)n;
		break;
	case OPT_GUEST:
		opt->guest = &builtin_guests[n];
		break;
	case OPT_SMI:
		opt->smi = n;
		break;
	}
	return 0;
}

static int parse_word(const char *word, size_t len, struct options *opt)
{
	size_t name = 0;

	while (name < len && word[name] != '=')
		name++;
	for (u32 i = 0; i < ARRAY_SIZE(table); i++)
		if (name < len && strlen(table[i].name) == name &&
		    !memcmp(word, table[i].name, name))
			return set_option(opt, i, word + name + 1, len - name - 1);
	return fail("unknown option \"%s\", known: %s", excerpt(word, len).text, known_options);
}

enum console_port options_console(const char *cmdline)
{
	const char *name = table[OPT_CONSOLE].name;
	size_t name_len = strlen(name);
	enum console_port port = CONSOLE_COM1;

	while (*cmdline) {
		size_t len = 0;

		while (cmdline[len] && !is_space(cmdline[len]))
			len++;
		if (len > name_len && cmdline[name_len] == '=' &&
		    !memcmp(cmdline, name, name_len)) {
			s64 n = parse_choice(table[OPT_CONSOLE].known, cmdline + name_len + 1,
					     len - name_len - 1);

			port = n < 0 ? port : (enum console_port)n;
		}
		cmdline += len;
		while (is_space(*cmdline))
			cmdline++;
	}
	return port;
}

int options_parse(const char *cmdline, struct options *opt)
{
	int ret = 0;

	*opt = (struct options){
		.bypass_guest_pf = true,
		.console = CONSOLE_COM1,
	};
	/* A bad word does not stop the walk: each gets its line. */
	while (*cmdline) {
		size_t len = 0;

		while (cmdline[len] && !is_space(cmdline[len]))
			len++;
		if (len && parse_word(cmdline, len, opt))
			ret = -1;
		cmdline += len;
		while (is_space(*cmdline))
			cmdline++;
	}
	return ret;
}
