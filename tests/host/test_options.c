/* SPDX-License-Identifier: MIT */
/* The command line: each option, each bad value, each unknown word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "guest/options.h"
#include "tests/host/fake/console.h"

const struct builtin_guest builtin_guests[] = {{.name = "bench"}, {.name = "bench2"}};
const char builtin_guest_names[] = "bench|bench2";

static struct options opt;

static void good(const char *cmdline)
{
	fake_console_clear();
	assert_int_equal(options_parse(cmdline, &opt), 0);
	assert_int_equal(fake_fails, 0);
}

static void bad(const char *cmdline, const char *text)
{
	fake_console_clear();
	assert_int_equal(options_parse(cmdline, &opt), -1);
	assert_int_equal(fake_fails, 1);
	if (!strstr(fake_failed, text))
		assert_string_equal(fake_failed, text);
}

static void defaults(void **state)
{
	(void)state;
	memset(&opt, 0xa5, sizeof(opt));
	for (int i = 0; i < 2; i++) {
		good(i ? " \t\r\n  " : "");
		assert_true(opt.bypass_guest_pf);
		assert_int_equal(opt.trap, TRAP_AUTO);
		assert_int_equal(opt.sync, SYNC_HYBRID);
		assert_int_equal(opt.mmu, MMU_SHADOW);
		assert_int_equal(opt.mitigations, MITIGATIONS_AUTO);
		assert_int_equal(opt.console, CONSOLE_COM1);
		assert_int_equal(opt.stats, 0);
		assert_int_equal(opt.audit, 0);
		assert_null(opt.guest);
		assert_false(opt.smi);
		assert_int_equal(opt.iommu, IOMMU_AUTO);
		assert_int_equal(opt.filter, FILTER_AUTO);
	}
}

static void every_value(void **state)
{
	(void)state;
	good("bypass_guest_pf=0  trap=structural\tfilter=user sync=never mmu=ept console=com2 stats=7 "
	     "audit=4294967295 guest=bench smi=1 iommu=require");
	assert_false(opt.bypass_guest_pf);
	assert_int_equal(opt.trap, TRAP_STRUCTURAL);
	assert_int_equal(opt.filter, FILTER_USER);
	assert_int_equal(opt.sync, SYNC_NEVER);
	assert_int_equal(opt.mmu, MMU_EPT);
	assert_int_equal(opt.console, CONSOLE_COM2);
	assert_int_equal(opt.stats, 7);
	assert_int_equal(opt.audit, 4294967295);
	assert_ptr_equal(opt.guest, &builtin_guests[0]);
	assert_true(opt.smi);
	assert_int_equal(opt.iommu, IOMMU_REQUIRE);
	good("iommu=off");
	assert_int_equal(opt.iommu, IOMMU_OFF);
	good("bypass_guest_pf=1 trap=address filter=present sync=always mmu=npt console=none mitigations=off");
	assert_int_equal(opt.mitigations, MITIGATIONS_OFF);
	assert_true(opt.bypass_guest_pf);
	assert_int_equal(opt.trap, TRAP_ADDRESS);
	assert_int_equal(opt.filter, FILTER_PRESENT);
	assert_int_equal(opt.sync, SYNC_ALWAYS);
	assert_int_equal(opt.mmu, MMU_NPT);
	assert_int_equal(opt.console, CONSOLE_NONE);
	good("trap=auto sync=hybrid mmu=shadow console=com1 mitigations=all");
	assert_int_equal(opt.mitigations, MITIGATIONS_ALL);
	good("mitigations=all mitigations=auto");
	assert_int_equal(opt.mitigations, MITIGATIONS_AUTO);
	assert_int_equal(opt.console, CONSOLE_COM1);
	good("stats=1 stats=2"); /* the last word counts */
	assert_int_equal(opt.stats, 2);
}

static void bad_values(void **state)
{
	(void)state;
	bad("bypass_guest_pf=2", "option bypass_guest_pf: bad value \"2\", known: 0|1");
	bad("bypass_guest_pf=", "bad value \"\"");
	bad("bypass_guest_pf=0|1", "bad value \"0|1\"");
	bad("trap=auto|", "bad value");
	bad("iommu=on", "option iommu: bad value \"on\", known: auto|off|require");
	bad("trap=au", "option trap: bad value \"au\", known: auto|address|structural");
	bad("filter=none", "option filter: bad value \"none\", known: auto|user|present");
	bad("trap=autos", "bad value \"autos\"");
	bad("sync=Hybrid", "known: hybrid|always|never");
	bad("mmu=nested", "known: shadow|npt|ept");
	bad("console=com3", "known: none|com1|com2");
	bad("mitigations=on", "option mitigations: bad value \"on\", known: auto|off|all");
	bad("stats=-1", "option stats: bad value \"-1\", known: a decimal number below 2^32");
	bad("stats=4294967296", "bad value \"4294967296\"");
	bad("stats=99999999999999999999999999", "bad value");
	bad("audit=1k", "option audit: bad value \"1k\"");
	bad("audit=", "bad value \"\"");
	bad("smi=yes", "option smi: bad value \"yes\", known: 0|1");
	bad("guest=", "option guest: bad value \"\", known: bench|bench2");
	bad("guest=benc", "bad value \"benc\"");
	bad("guest=bench3", "bad value \"bench3\"");
	bad("guest=bench2 guest=bench22", "bad value \"bench22\"");
	good("guest=bench guest=bench2");
	assert_ptr_equal(opt.guest, &builtin_guests[1]);
}

static void unknown_words(void **state)
{
	char lengthy[400];

	(void)state;
	bad("frob=1", "unknown option \"frob=1\", known: bypass_guest_pf= trap= filter= sync= mmu= "
		      "mitigations= iommu= console= stats= audit= guest= smi=");
	bad("trap", "unknown option \"trap\"");
	bad("traps=auto", "unknown option \"traps=auto\"");
	bad("=1", "unknown option \"=1\"");
	bad("=", "unknown option \"=\"");
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = 0;
	bad(lengthy, "unknown option \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"");
}

/* The console has to be known although an earlier word is bad. */
static void words_after_a_bad_one(void **state)
{
	(void)state;
	bad("nonsense console=com2", "nonsense");
	assert_int_equal(opt.console, CONSOLE_COM2);
	assert_true(opt.bypass_guest_pf);
	assert_int_equal(options_console("nonsense console=com2"), CONSOLE_COM2);
	assert_int_equal(options_console("console=none x"), CONSOLE_NONE);
	assert_int_equal(options_console("console=com1 console=com2"), CONSOLE_COM2);
	assert_int_equal(options_console("console=com9 xconsole=com2 consolex=com2"), CONSOLE_COM1);
	assert_int_equal(options_console(""), CONSOLE_COM1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_value),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(unknown_words),
		cmocka_unit_test(words_after_a_bad_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
