/* SPDX-License-Identifier: MIT */
/* notrap's command line: words of the form name=value, each checked against one table. */
#include "guest/options.h"
#include "arch/string.h"
#include "guest/builtin_guests.h"

#define OPT_CONSOLE   "console"
#define KNOWN_CONSOLE "none|com1|com2"

static const char a_number[] = "a decimal number below 2^32";

/* An option, and where its value goes: into a bool, an enum or a u32. */
#define OPTION(name, known, field)                                                                 \
	{                                                                                          \
		name, known, offsetof(struct options, field), sizeof(((struct options *)0)->field) \
	}

/* Where `known` is a list, a value's place in it is the value's number: the enums' order. */
static const struct option {
	const char *name, *known;
	size_t at, size; /* bytes */
} table[] = {
	OPTION("bypass_guest_pf", "0|1", bypass_guest_pf),
	OPTION("trap", "auto|address|structural", trap),
	OPTION("filter", "auto|user|present", filter),
	OPTION("sync", "hybrid|always|never", sync),
	OPTION("mmu", "shadow|npt|ept", mmu),
	OPTION("mitigations", "auto|off|all", mitigations),
	OPTION("iommu", "auto|off|require", iommu),
	OPTION(OPT_CONSOLE, KNOWN_CONSOLE, console),
	OPTION("stats", a_number, stats),
	OPTION("audit", a_number, audit),
	{.name = "guest", .known = builtin_guest_names},
	OPTION("smi", "0|1", smi),
};

static const char known_options[] =
	"bypass_guest_pf= trap= filter= sync= mmu= mitigations= iommu= console= stats= audit= guest= "
	"smi=";

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

static int set_option(struct options *opt, const struct option *o, const char *value, size_t len)
{
	s64 n = o->known == a_number ? parse_number(value, len)
				     : parse_choice(o->known, value, len);
	if (n < 0)
		return fail("option %s: bad value \"%s\", known: %s", o->name,
			    excerpt(value, len).text, o->known);
	if (o->known == builtin_guest_names)
		opt->guest = &builtin_guests[n];
	else
		memcpy((u8 *)opt + o->at, &n, o->size);
	return 0;
}

/* The next word from *at on, which is moved behind it, and its length; 0 at the end. */
static size_t next_word(const char **at, const char **word)
{
	size_t len = 0;

	while (is_space(**at))
		++*at;
	for (*word = *at; **at && !is_space(**at); len++)
		++*at;
	return len;
}

/* The value of a word that is "name=value", and its length; NULL where it is another's. */
static const char *value_of(const char *name, const char *word, size_t len, size_t *value_len)
{
	size_t n = strlen(name);

	if (len <= n || word[n] != '=' || memcmp(word, name, n) != 0)
		return NULL;
	*value_len = len - n - 1;
	return word + n + 1;
}

static int parse_word(const char *word, size_t len, struct options *opt)
{
	for (u32 i = 0; i < ARRAY_SIZE(table); i++) {
		size_t value_len;
		const char *value = value_of(table[i].name, word, len, &value_len);

		if (value)
			return set_option(opt, &table[i], value, value_len);
	}
	return fail("unknown option \"%s\", known: %s", excerpt(word, len).text, known_options);
}

enum console_port options_console(const char *cmdline)
{
	enum console_port port = CONSOLE_COM1;
	size_t len, value_len;
	const char *word;

	while ((len = next_word(&cmdline, &word))) {
		const char *value = value_of(OPT_CONSOLE, word, len, &value_len);
		s64 n = value ? parse_choice(KNOWN_CONSOLE, value, value_len) : -1;

		port = n < 0 ? port : (enum console_port)n;
	}
	return port;
}

int options_parse(const char *cmdline, struct options *opt)
{
	const char *word;
	size_t len;
	int ret = 0;

	*opt = (struct options){
		.bypass_guest_pf = true,
		.console = CONSOLE_COM1,
	};
	/* A bad word does not stop the walk: each gets its line. */
	while ((len = next_word(&cmdline, &word))) {
		if (parse_word(word, len, opt))
			ret = -1;
	}
	return ret;
}
