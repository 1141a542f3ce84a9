/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "catalogue/foreign_lists.h"
#include "conf/code.h"
#include "conf/conf.h"

/* The least that is a configuration; cases are appended to it. It has three lines. */
#define LEAST                               \
	"hostname: mx.example.org\n"        \
	"contact: postmaster@example.org\n" \
	"portal-url: https://mail.example.org/why\n"

enum {
#define CHECK(id, key, action, weight, title, meaning, remedy) ROW_##id,
#include "catalogue/checks.def"
#undef CHECK
	CHECK_ROWS
};

static char printed[16384];

/* Loads; the report as it would be shown is left in `printed`. */
static int load(const char *text, struct conf **ret_conf)
{
	struct conf_report report;
	struct buf out;
	int r = conf_load_text(
		&(struct conf_source){"test.yaml", span_text(text)}, 1000, ret_conf, &report);

	buf_init(&out, 0);
	conf_report_print(&report, "test.yaml", &out);
	snprintf(printed, sizeof(printed), "%s", buf_cstr(&out));
	buf_done(&out);
	conf_report_done(&report);
	return r;
}

static void defaults_are_complete(void **state)
{
	AUTO(conf) *conf = NULL;

	(void)state;
	if (load(LEAST, &conf) < 0)
		fail_msg("%s", printed);
	assert_string_equal(printed, "");
	assert_string_equal(conf->hostname, "mx.example.org");
	assert_false(conf->has_mode);
	assert_int_equal(conf->mode, MODE_OBSERVE);
	assert_int_equal(conf->mode_location.line, 0);
	assert_string_equal(conf->store, "sqlite:/var/lib/stockade/store/stockade.db");
	assert_int_equal(conf->roles_len, 4);
	assert_int_equal(conf->resolver.port, 53);
	assert_int_equal(conf->own_networks_len, 2);
	assert_true(conf->fail_open);
	assert_int_equal(conf->message_size_limit, 0);
	assert_int_equal(conf->ttl_s, 300);
	assert_int_equal(conf->keep_audit_s, 2 * 365 * 86400);
	assert_int_equal(conf->score_tag_at, 4);
	assert_int_equal(conf->score_reject_at, 8);
	assert_string_equal(conf->nameservers[0], "mx.example.org");
	assert_true(conf->has_portal_listen);
	assert_int_equal(conf_check_find(conf, "no-ptr")->action, ACTION_REJECT);
	assert_int_equal(conf_check_find(conf, "early")->wait_ms, 6000);
	assert_int_equal(conf->lists_len, 1);
	assert_string_equal(conf->lists[0].name, "allow");
	assert_int_equal(conf->lists[0].action, ACTION_ALLOW);
	assert_null(conf->lists[0].zone);
	assert_string_equal(conf->lists[0].sublists[0].policy, "allow");
	assert_true(conf_policy_find(conf, "allow")->takes_operator);
}

static void the_sample_is_valid(void **state)
{
	AUTO(conf) *conf = NULL;
	struct conf_report report;
	int r = conf_load("../../conf/stockade.yaml", 1000, &conf, &report);

	(void)state;
	for (size_t i = 0; i < report.diagnostics_len; i++)
		fail_msg("line %u: %s", report.diagnostics[i].location.line,
			report.diagnostics[i].text);
	conf_report_done(&report);
	assert_int_equal(r, 0);
	assert_int_equal(conf->dnsbls_len, 3);
	assert_string_equal(conf->dnsbls[0].codes[0].text, "127.0.0.2-11");
	assert_int_equal(conf->dnsbls[2].action, ACTION_ALLOW);
	assert_int_equal(conf->lists_len, 3);
	assert_string_equal(conf->lists[0].sublists[0].name, "manual");
	assert_int_equal(ip_to_v4(conf->lists[0].sublists[0].code), 0x7f000008);
	assert_true(conf->lists[0].never_special_use && conf->lists[0].never_own);
	assert_int_equal(conf->lists[1].holds, LIST_OF_DOMAINS);
	assert_int_equal(conf->policies[0].lasts_s, 0);
	assert_int_equal(conf_check_find(conf, "fcrdns")->action, ACTION_TAG);
	assert_int_not_equal(conf_check_find(conf, "fcrdns")->location.line, 0);
	assert_int_equal(conf->pass_client, PASS_CLIENT_XCLIENT);
	assert_int_not_equal(conf->backend_location.line, 0);
}

static const char feeds_text[] = LEAST
	"run: {roles: [keeper, courier]}\n"
	"policies: {f: {criterion: {version: 1, text: w}, takes: [feed], lasts: until-review}}\n"
	"lists: {main: {zone: bl.example.org, sublists: {one: {code: 127.0.0.2, policy: f}, two: {code: 127.0.0.3, "
	"policy: f}, three: {code: 127.0.0.4, policy: f}}}}\n"
	"feeds:\n"
	"  - {name: a, from: \"axfr://192.0.2.1:5300/BL.example.net\", every: 1h, into: main, largest-change: 50%,\n"
	"     codes: {127.0.0.2: two, 127.0.0.4-9: one}}\n"
	"  - {name: b, from: \"axfr://[2001:db8::1]/bl.example.com\", into: main, codes: {127.0.0.4: three}}\n";

static void feeds_name_server_zone_and_sublists(void **state)
{
	AUTO(conf) *conf = NULL;
	const struct conf_feed *feed;
	char text[ENDPOINT_TEXT_SIZE];

	(void)state;
	assert_int_equal(load(feeds_text, &conf), 0);
	assert_int_equal(conf->feeds_len, 2);
	feed = conf_feed_find(conf, span_text("a"));
	assert_string_equal(endpoint_print(feed->server, text), "192.0.2.1:5300");
	assert_string_equal(feed->zone, "bl.example.net");
	assert_int_equal(feed->every_s, 3600);
	assert_int_equal(feed->largest_change, 50);
	assert_int_equal(feed->limit, 1000000);
	assert_int_equal(feed->codes_len, 2);
	assert_int_equal(feed->codes[0].sublist_index, 1);
	assert_int_equal(feed->codes[1].sublist_index, 0);
	assert_true(code_matches(&feed->codes[1].code, (const uint8_t[4]){127, 0, 0, 9}));
	feed = conf_feed_find(conf, span_text("b"));
	assert_string_equal(endpoint_print(feed->server, text), "[2001:db8::1]:53");
	assert_int_equal(feed->every_s, 0);
	assert_null(conf_feed_find(conf, span_text("c")));
}

static void feeds_are_printed_and_read_back(void **state)
{
	AUTO(conf) *conf = NULL;
	struct buf first, second;

	(void)state;
	assert_int_equal(load(feeds_text, &conf), 0);
	for (int defaults = 0; defaults < 2; defaults++) {
		AUTO(conf) *again = NULL;

		buf_init(&first, 0);
		buf_init(&second, 0);
		conf_print(conf, defaults != 0, &first);
		if (load(buf_cstr(&first), &again) < 0)
			fail_msg("%s%s", printed, buf_cstr(&first));
		conf_print(again, defaults != 0, &second);
		assert_string_equal(buf_cstr(&first), buf_cstr(&second));
		assert_int_equal(again->feeds_len, 2);
		assert_int_equal(again->feeds[0].codes[1].sublist_index, 0);
		buf_done(&first);
		buf_done(&second);
	}
}

/* Without codes: each sublist that feeds fill, by its own code. */
static void codes_of_a_feed_are_those_of_the_list(void **state)
{
	AUTO(conf) *conf = NULL;

	(void)state;
	assert_int_equal(
		load(LEAST
			"run: {roles: [keeper, courier]}\n"
			"policies: {f: {criterion: {version: 1, text: w}, takes: [feed], lasts: until-review},"
			" p: {criterion: {version: 1, text: w}, lasts: until-review}}\n"
			"lists: {main: {zone: bl.example.org, sublists: {hand: {code: 127.0.0.2, policy: p}, theirs: {code: "
			"127.0.0.3, policy: f}}}}\n"
			"feeds: [{name: a, from: \"axfr://192.0.2.1/bl.example.net\", into: main}]\n",
			&conf),
		0);
	assert_int_equal(conf->feeds[0].codes_len, 1);
	assert_string_equal(conf->feeds[0].codes[0].text, "127.0.0.3");
	assert_true(code_is_just(&conf->feeds[0].codes[0].code, (const uint8_t[4]){127, 0, 0, 3}));
	assert_int_equal(conf->feeds[0].codes[0].sublist_index, 1);
}

/* A configuration is shared: it lives until the last holder gives it back. */
static void references_keep_it_alive(void **state)
{
	struct conf *conf = NULL;
	const struct conf *held;

	(void)state;
	assert_int_equal(load(LEAST, &conf), 0);
	held = conf_ref(conf);
	conf_free(&conf);
	assert_null(conf);
	assert_string_equal(held->hostname, "mx.example.org");
	conf_unref(&held);
	assert_null(held);
}

/* What `config show` prints is a configuration again, and the same one. */
static void what_is_printed_reads_back(void **state)
{
	AUTO(conf) *conf = NULL;
	AUTO(conf) *again = NULL;
	struct conf_report report;
	struct buf first, second;

	(void)state;
	assert_int_equal(conf_load("../../conf/stockade.yaml", 1000, &conf, &report), 0);
	conf_report_done(&report);
	for (int defaults = 0; defaults < 2; defaults++) {
		buf_init(&first, 0);
		buf_init(&second, 0);
		conf_print(conf, defaults != 0, &first);
		if (load(buf_cstr(&first), &again) < 0)
			fail_msg("%s", printed);
		conf_print(again, defaults != 0, &second);
		assert_string_equal(buf_cstr(&first), buf_cstr(&second));
		assert_int_equal(again->dnsbls_len, conf->dnsbls_len);
		assert_int_equal(again->lists_len, conf->lists_len);
		assert_int_equal(conf_check_find(again, "fcrdns")->action, ACTION_TAG);
		conf_free(&again);
		buf_done(&first);
		buf_done(&second);
	}
}

/* One row in the catalogue's order for each check, written or not; what is not said keeps the
 * check's own default. */
static void checks_are_completed_from_the_catalogue(void **state)
{
	AUTO(conf) *conf = NULL;
	const struct conf_check *check;

	(void)state;
	assert_int_equal(load(LEAST "checks:\n"
				    "  fcrdns: {mode: observe}\n"
				    "  no-ptr: {action: score, weight: 3}\n"
				    "  helo-bad: score\n"
				    "  early: {wait: 2s}\n"
				    "  score: {reject-at: 6}\n",
				 &conf),
		0);
	assert_int_equal(conf->checks_len, CHECK_ROWS);
	check = conf_check_find(conf, "fcrdns");
	assert_int_equal(check->action, ACTION_TAG);
	assert_true(check->has_mode);
	assert_int_equal(check->mode, MODE_OBSERVE);
	assert_int_equal(check->location.line, 5);
	check = conf_check_find(conf, "no-ptr");
	assert_int_equal(check->action, ACTION_SCORE);
	assert_int_equal(check->weight, 3);
	assert_int_equal(conf_check_find(conf, "helo-bad")->weight, 1);
	assert_int_equal(conf_check_find(conf, "early")->wait_ms, 2000);
	assert_int_equal(conf_check_find(conf, "early")->action, ACTION_REJECT);
	assert_int_equal(conf_check_find(conf, "own-list")->location.line, 0);
	assert_int_equal(conf->score_tag_at, 4);
	assert_int_equal(conf->score_reject_at, 6);
	assert_int_equal(conf->score_location.line, 9);
	assert_int_equal(conf_check_find(conf, "score")->location.line, 9);
}

/* A word in the place of a section, and the section. */
static void greylisting_is_a_word_or_a_section(void **state)
{
	static const char word[] = LEAST "checks: {grey: greylist}\n";
	static const char section[] =
		LEAST "checks: {grey: {action: greylist, mode: tag, delay: 2m,\n"
		      "  not-for: [Me@Here.Example, b.example]}}\n";
	struct conf *conf = NULL;

	(void)state;
	assert_int_equal(load(word, &conf), 0);
	assert_int_equal(conf_check_find(conf, "grey")->action, ACTION_GREYLIST);
	assert_int_equal(conf->grey.delay_s, 300);
	assert_int_equal(conf->grey.group_v4, 24);
	conf_free(&conf);
	assert_int_equal(load(section, &conf), 0);
	assert_int_equal(conf_check_find(conf, "grey")->mode, MODE_TAG);
	assert_int_equal(conf->grey.delay_s, 120);
	assert_int_equal(conf->grey.not_for_len, 2);
	assert_string_equal(conf->grey.not_for[0], "me@here.example");
	conf_free(&conf);
	assert_int_equal(load(LEAST, &conf), 0);
	assert_int_equal(conf_check_find(conf, "grey")->action, ACTION_OFF);
	conf_free(&conf);
}

/* `off`, `no` and numbers stay the words they are. */
static void yaml_gives_no_value_its_type(void **state)
{
	AUTO(conf) *conf = NULL;

	(void)state;
	assert_int_equal(
		load(LEAST
			"checks: {no-ptr: off}\n"
			"portal: {listen: off}\n"
			"dnsbl: [{zone: a.example, name: no, codes: [127.0.0.2, 127.0.0.4-5]}]\n",
			&conf),
		0);
	assert_int_equal(conf_check_find(conf, "no-ptr")->action, ACTION_OFF);
	assert_false(conf->has_portal_listen);
	assert_string_equal(conf->dnsbls[0].name, "no");
	assert_int_equal(conf->dnsbls[0].codes_len, 2);
}

static void a_preset_brings_what_is_not_given(void **state)
{
	AUTO(conf) *conf = NULL;

	(void)state;
	assert_int_equal(
		load(LEAST
			"dnsbl:\n"
			"  - {preset: spamhaus-zen, codes: [127.0.0.2-3*4, 127.0.0.10*1], action: score}\n"
			"  - {preset: dnswl}\n"
			"  - {preset: dnswl, name: Ours, action: tag}\n"
			"  - {preset: hostkarma-black, url: \"https://example.net/$ip\"}\n",
			&conf),
		0);
	assert_string_equal(conf->dnsbls[0].zone, "zen.spamhaus.org");
	assert_string_equal(conf->dnsbls[0].name, "Spamhaus ZEN");
	assert_int_equal(conf->dnsbls[0].codes_len, 2);
	assert_int_equal(conf->dnsbls[0].action, ACTION_SCORE);
	assert_int_equal(conf->dnsbls[1].action, ACTION_ALLOW);
	assert_string_equal(conf->dnsbls[1].codes[0].text, "127.0.*.1-3");
	assert_int_equal(conf->dnsbls[2].action, ACTION_TAG);
	assert_string_equal(conf->dnsbls[2].name, "Ours");
	assert_true(conf->dnsbls[3].skips_clean);
	assert_true(conf->dnsbls[3].has_one);
	assert_int_equal(conf->dnsbls[3].action, ACTION_REJECT);
	assert_string_equal(conf->dnsbls[3].url, "https://example.net/$ip");
}

/* Each is what an administrator could have written. */
static void all_presets_are_configurations(void **state)
{
	(void)state;
	for (size_t i = 0; foreign_list_at(i) != NULL; i++) {
		const struct foreign_list *known = foreign_list_at(i);
		bool has_key = strncmp(known->zone, "KEY.", 4) == 0;
		AUTO(conf) *conf = NULL;
		char text[400];

		snprintf(text, sizeof(text), LEAST "dnsbl: [{preset: %s%s}]\n", known->preset,
			has_key ? ", key: aa11" : "");
		assert_int_equal(load(text, &conf), 0);
		assert_int_equal(conf->dnsbls[0].codes_len, 1);
		assert_string_equal(action_name(conf->dnsbls[0].action), known->action);
		assert_null(foreign_dead_find(span_text(conf->dnsbls[0].zone)));
	}
}

static void keys_of_zones_are_not_shown(void **state)
{
	static const char *const secrets[] = {"abcdefghij0123456789", "secretsecret4secret"};
	AUTO(conf) *conf = NULL;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	assert_int_equal(
		load(LEAST
			"dnsbl:\n"
			"  - {preset: spamhaus-zen-dqs, key: Abcdefghij0123456789}\n"
			"  - {zone: secretsecret4secret.mail.example.net, name: Net, codes: 127.0.0.2}\n"
			"  - {zone: b.barracudacentral.org, name: B, codes: 127.0.0.2}\n",
			&conf),
		0);
	assert_string_equal(conf->dnsbls[0].zone, "Abcdefghij0123456789.zen.dq.spamhaus.net");
	assert_string_equal(conf->dnsbls[1].zone, "secretsecret4secret.mail.example.net");
	for (int defaults = 0; defaults < 2; defaults++) {
		buf_clear(&out);
		conf_print(conf, defaults != 0, &out);
		for (size_t i = 0; i < COUNTOF(secrets); i++)
			assert_null(strcasestr(buf_cstr(&out), secrets[i]));
		assert_non_null(strstr(buf_cstr(&out), "zone: KEY.zen.dq.spamhaus.net\n"));
		assert_non_null(strstr(buf_cstr(&out), "zone: KEY.mail.example.net\n"));
		assert_non_null(strstr(buf_cstr(&out), "zone: b.barracudacentral.org\n"));
	}
	buf_done(&out);
}

static void a_slash_behind_the_portal_url_is_dropped(void **state)
{
	AUTO(conf) *conf = NULL;

	(void)state;
	assert_int_equal(
		load("hostname: MX.Example.org\ncontact: a@example.org\nportal-url: https://m.example/why//\n",
			&conf),
		0);
	assert_string_equal(conf->portal_url, "https://m.example/why");
	assert_string_equal(conf->hostname, "mx.example.org");
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remove_file(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(remove(path), 0);
}

/* conf.d/x.yaml adds to the file; what both say is an error that names both places. */
static void a_folder_is_merged(void **state)
{
	char folder[] = "/tmp/stockade-conf-XXXXXX", path[512];
	AUTO(conf) *conf = NULL;
	struct conf_report report;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/conf.d", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(folder, "stockade.yaml", LEAST "checks: {no-ptr: off}\n");
	write_file(folder, "conf.d/10.yaml", "checks:\n  fcrdns: score\n");
	write_file(folder, "conf.d/notes.txt", "not read");
	snprintf(path, sizeof(path), "%s/stockade.yaml", folder);
	assert_int_equal(conf_load(path, 1000, &conf, &report), 0);
	conf_report_done(&report);
	assert_int_equal(conf_check_find(conf, "no-ptr")->action, ACTION_OFF);
	assert_int_equal(conf_check_find(conf, "fcrdns")->action, ACTION_SCORE);
	assert_non_null(strstr(conf_check_find(conf, "fcrdns")->location.file, "conf.d/10.yaml"));
	assert_int_equal(conf_check_find(conf, "fcrdns")->location.line, 2);
	conf_free(&conf);

	write_file(folder, "conf.d/20.yaml", "checks:\n  no-ptr: tag\n");
	assert_int_equal(conf_load(path, 1000, &conf, &report), E_CONFIG);
	assert_null(conf);
	assert_int_equal(report.errors_len, 1);
	assert_non_null(strstr(report.diagnostics[0].location.file, "conf.d/20.yaml"));
	assert_int_equal(report.diagnostics[0].location.line, 2);
	assert_non_null(strstr(report.diagnostics[0].text, "'no-ptr' is given twice; first in "));
	assert_string_equal(report.diagnostics[0].line, "  no-ptr: tag");
	conf_report_done(&report);

	remove_file(folder, "conf.d/10.yaml");
	remove_file(folder, "conf.d/20.yaml");
	remove_file(folder, "conf.d/notes.txt");
	remove_file(folder, "stockade.yaml");
	remove_file(folder, "conf.d");
	assert_int_equal(conf_load(path, 1000, &conf, &report), E_ABSENT);
	conf_report_done(&report);
	assert_int_equal(remove(folder), 0);
}

/* What a person gave as the configuration, or put beside it, is read or complained about. */
static void what_cannot_be_read_is_an_error(void **state)
{
	char folder[] = "/tmp/stockade-test-XXXXXX", path[64], beside[64];
	struct conf *conf = NULL;
	struct conf_report report;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/stockade.yaml", folder);
	snprintf(beside, sizeof(beside), "%s/conf.d", folder);
	assert_int_equal(conf_load(folder, 1000, &conf, &report), E_CONFIG);
	assert_non_null(
		strstr(report.diagnostics[0].text, "is a folder; the configuration is a file"));
	conf_report_done(&report);

	write_file(folder, "stockade.yaml", LEAST);
	write_file(folder, "conf.d", "not a folder");
	assert_int_equal(conf_load(path, 1000, &conf, &report), E_CONFIG);
	assert_string_equal(report.diagnostics[0].location.file, beside);
	assert_string_equal(report.diagnostics[0].text, "is not a folder");
	conf_report_done(&report);

	assert_int_equal(remove(beside), 0);
	assert_int_equal(
		symlink(beside, beside), 0); /* a loop: nobody can list it, not even root */
	assert_int_equal(conf_load(path, 1000, &conf, &report), E_CONFIG);
	assert_non_null(strstr(report.diagnostics[0].text, "cannot be read: "));
	conf_report_done(&report);
	assert_int_equal(remove(beside), 0);

	assert_int_equal(remove(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* it would read as an empty file */
	assert_int_equal(conf_load(path, 1000, &conf, &report), E_CONFIG);
	assert_string_equal(report.diagnostics[0].text, "is a pipe or a socket, not a file");
	conf_report_done(&report);
	assert_null(conf);
	assert_int_equal(remove(path), 0);
	assert_int_equal(remove(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_complete),
		cmocka_unit_test(the_sample_is_valid),
		cmocka_unit_test(greylisting_is_a_word_or_a_section),
		cmocka_unit_test(feeds_name_server_zone_and_sublists),
		cmocka_unit_test(feeds_are_printed_and_read_back),
		cmocka_unit_test(codes_of_a_feed_are_those_of_the_list),
		cmocka_unit_test(references_keep_it_alive),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(checks_are_completed_from_the_catalogue),
		cmocka_unit_test(yaml_gives_no_value_its_type),
		cmocka_unit_test(a_preset_brings_what_is_not_given),
		cmocka_unit_test(all_presets_are_configurations),
		cmocka_unit_test(keys_of_zones_are_not_shown),
		cmocka_unit_test(a_slash_behind_the_portal_url_is_dropped),
		cmocka_unit_test(a_folder_is_merged),
		cmocka_unit_test(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
