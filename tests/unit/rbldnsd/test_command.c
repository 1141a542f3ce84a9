/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "rbldnsd/command.h"

/* The command line of rbldnsd, as words that a shell would have split at blanks. */
enum { WORDS_MAX = 64 };

static int parse(const char *words, struct rbl_command *ret_command, struct fault *why)
{
	static char text[1024];
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	snprintf(text, sizeof(text), "rbldnsd %s", words);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	return rbl_command_parse(argc, argv, ret_command, why);
}

static struct rbl_command must_parse(const char *words)
{
	struct rbl_command command;
	struct fault why = {""};

	if (parse(words, &command, &why) < 0)
		fail_msg("'%s': %s", words, why.text);
	return command;
}

static void every_option_is_understood(void **state)
{
	struct rbl_command c = must_parse(
		"-n -q -u rbldns:adm -r /srv -w data -b 127.0.0.1/53 -b ::1 -b host/domain -4 -t "
		"5m:1m:1h -c 2m -e -C -p /run/x.pid -l +log -s +stats -F local3 -v -v -A -f "
		"--threads 3 bl.example:ip4set:a,b");

	(void)state;
	assert_true(c.stays && c.quick && c.authority && !c.dump && !c.help);
	assert_string_equal(c.user, "rbldns:adm");
	assert_string_equal(c.root, "/srv");
	assert_string_equal(c.folder, "data");
	assert_string_equal(c.pid_file, "/run/x.pid");
	assert_string_equal(c.facility, "local3");
	assert_int_equal(c.binds_len, 3);
	assert_string_equal(c.binds[2], "host/domain");
	assert_int_equal(c.family, RBL_FAMILY_V4);
	assert_int_equal(c.options.ttl_default_s, 300);
	assert_int_equal(c.options.ttl_min_s, 60);
	assert_int_equal(c.options.ttl_max_s, 3600);
	assert_int_equal(c.check_s, 120);
	assert_true(c.options.host_bits && c.options.no_gzip);
	assert_string_equal(c.log.path, "log");
	assert_string_equal(c.stats.path, "stats");
	assert_true(c.log.plus && c.stats.plus);
	assert_int_equal(c.version, RBL_VERSION_REFUSED);
	assert_int_equal(c.threads, 3);
	rbl_command_done(&c);
}

static void what_is_not_said_is_as_in_rbldnsd(void **state)
{
	struct rbl_command c = must_parse("-b x bl.example:ip4set:a -6 -l - -a -s stats");

	(void)state;
	assert_int_equal(c.check_s, 60);
	assert_int_equal(c.options.ttl_default_s, 0);
	assert_int_equal(c.family, RBL_FAMILY_V6); /* options may stand behind zones */
	assert_int_equal(c.version, RBL_VERSION_FULL);
	assert_false(c.authority);
	assert_false(c.stats.plus || c.log.plus);
	assert_string_equal(c.log.path, "-");
	assert_null(c.user);
	rbl_command_done(&c);
}

static void parts_of_ttl_may_be_left_out(void **state)
{
	static const struct {
		const char *words;
		uint32_t ttl_default_s, min_s, max_s;
	} cases[] = {
		{"-t 30", 30, 0, 0},
		{"-t 30s", 30, 0, 0},
		{"-t ::120w", 0, 0, 120 * 604800},
		{"-t ::1H", 0, 0, 3600},
		{"-t :10", 0, 10, 0},
		{"-t 1d:2h", 86400, 7200, 0},
		{"-t 60::90", 60, 0, 90},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		char words[128];
		struct rbl_command c;

		snprintf(words, sizeof(words), "%s -b x z:ip4set:a", cases[i].words);
		c = must_parse(words);
		assert_int_equal(c.options.ttl_default_s, cases[i].ttl_default_s);
		assert_int_equal(c.options.ttl_min_s, cases[i].min_s);
		assert_int_equal(c.options.ttl_max_s, cases[i].max_s);
		rbl_command_done(&c);
	}
}

static void zones_share_data_sets_and_repeat(void **state)
{
	struct rbl_command c = must_parse("-b x A.example:ip4set:f,g b.example:ip4set:f,g "
					  "a.Example.:dnset:n a.example:acl:who :acl:all");
	const struct rbl_plan *plan = c.plan;

	(void)state;
	assert_int_equal(plan->sources_len, 4);
	assert_int_equal(plan->zones_len, 2);
	assert_string_equal(plan->zones[0].name, "a.example");
	assert_int_equal(plan->zones[0].sources_len, 2);
	assert_int_equal(plan->zones[0].sources[0], 0);
	assert_int_equal(plan->zones[0].sources[1], 1);
	assert_int_equal(plan->zones[1].sources[0], 0);
	assert_int_equal(plan->zones[0].acl, 2);
	assert_int_equal(plan->zones[1].acl, RBL_NO_ACL);
	assert_int_equal(plan->acl, 3);
	assert_int_equal(plan->sources[0].files_len, 2);
	assert_string_equal(plan->sources[0].files[1], "g");
	assert_string_equal(plan->sources[0].name, "ip4set:f,g");
	rbl_command_done(&c);
}

/* Generated command lines have dots too many. */
static void dots_too_many_in_a_zone_are_passed_over(void **state)
{
	struct rbl_command c = must_parse(".bl.example:ip4set:a bl..example:ip4set:b "
					  "bl.example..:ip4set:c .:acl:all a\\.b.example:ip4set:d");

	(void)state;
	assert_int_equal(c.plan->zones_len, 2);
	assert_string_equal(c.plan->zones[0].name, "bl.example");
	assert_int_equal(c.plan->zones[0].sources_len, 3);
	assert_string_equal(c.plan->zones[1].name, "a\\.b.example");
	assert_int_equal(c.plan->acl, 3);
	rbl_command_done(&c);
}

static void what_cannot_be_meant_is_said(void **state)
{
	static const struct {
		const char *words;
		const char *said;
	} cases[] = {
		{"-b x", "no zone(s) to service specified"},
		{"-z -b x z:ip4set:a", "invalid option -- 'z'"},
		{"--thread-count 3 z:ip4set:a", "invalid option '--thread-count'"},
		{"--threads 0 z:ip4set:a", "not a number from 1"},
		{"z:ip4set:a -b", "requires an argument -- 'b'"},
		{"z:ip4set:a --threads", "requires an argument -- 'threads'"},
		{"-t 0 z:ip4set:a", "invalid ttl (-t) value '0'"},
		{"-t 5x z:ip4set:a", "'5x'"},
		{"-t 1:2:3:4 z:ip4set:a", "'1:2:3:4'"},
		{"-t 10:60 z:ip4set:a", "inconsistent def:min:max ttl: 10:60:0"},
		{"-t 90:1:60 z:ip4set:a", "inconsistent"},
		{"-t ::60 z:ip4set:a", "inconsistent def:min:max ttl: 2100:0:60"},
		{"-t 99999999999 z:ip4set:a", "'99999999999'"},
		{"-c soon z:ip4set:a", "invalid check interval (-c) value 'soon'"},
		{"-x ext.so z:ip4set:a", "-x: extensions"},
		{"-X arg z:ip4set:a", "-X: extensions"},
		{"-b x zone", "invalid zone spec 'zone'"},
		{"-b x z:file", "invalid zone data specification 'file'"},
		{"-b x z:ip6set:file", "unknown dataset type 'ip6set'"},
		{"-b x z:ip4set:", "missing filenames for ip4set"},
		{"-b x z:ip4set:,:,", "missing filenames for ip4set"},
		{"-b x :ip4set:file", "missing domain name in ':ip4set:file'"},
		{"-b x .:ip4set:file", "missing domain name in '.:ip4set:file'"},
		{"-b x a\\300.b:ip4set:file", "invalid domain name 'a\\300.b'"},
		{"-b x :acl:a :acl:b z:ip4set:f", "global acl specified more than once"},
		{"-b x z:acl:a z:acl:b z:ip4set:f", "repeated ACL definition for zone 'z'"},
		{"-b x z:acl:a", "missing data for zone 'z'"},
		{"-b x :acl:a", "no zone(s) to service specified"},
	};
	struct rbl_command command;

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct fault why = {""};

		assert_true(parse(cases[i].words, &command, &why) < 0);
		if (strstr(why.text, cases[i].said) == NULL)
			fail_msg(
				"'%s': '%s' without '%s'", cases[i].words, why.text, cases[i].said);
	}
}

static void twenty_addresses_and_no_more(void **state)
{
	char words[512] = "z:ip4set:a";
	struct rbl_command command;
	struct fault why;

	(void)state;
	for (int i = 0; i < RBL_BINDS_MAX; i++)
		strcat(words, " -b ::1");
	command = must_parse(words);
	assert_int_equal(command.binds_len, RBL_BINDS_MAX);
	rbl_command_done(&command);
	strcat(words, " -b ::1");
	assert_true(parse(words, &command, &why) < 0);
}

static void help_asks_for_nothing_else(void **state)
{
	struct rbl_command command = must_parse("-h");

	(void)state;
	assert_true(command.help);
	rbl_command_done(&command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_understood),
		cmocka_unit_test(what_is_not_said_is_as_in_rbldnsd),
		cmocka_unit_test(parts_of_ttl_may_be_left_out),
		cmocka_unit_test(zones_share_data_sets_and_repeat),
		cmocka_unit_test(dots_too_many_in_a_zone_are_passed_over),
		cmocka_unit_test(what_cannot_be_meant_is_said),
		cmocka_unit_test(twenty_addresses_and_no_more),
		cmocka_unit_test(help_asks_for_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
