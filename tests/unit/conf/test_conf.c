/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/macro.h"
#include "conf/conf.h"

/* The least that is a configuration; cases are appended to it. It has three lines. */
#define LEAST                               \
	"hostname: mx.example.org\n"        \
	"contact: postmaster@example.org\n" \
	"portal-url: https://mail.example.org/why\n"

static char printed[16384];

/* Loads; the report as it would be shown is left in `printed`. */
static int load(const char *text, struct conf **ret_conf)
{
	struct conf_report report;
	struct buf out;
	int r = conf_load_text("test.yaml", span_text(text), 1000, ret_conf, &report);

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
	assert_int_equal(conf->mode_place.line, 0);
	assert_string_equal(conf->store, "sqlite:/var/lib/stockade/store/stockade.db");
	assert_int_equal(conf->roles_len, 4);
	assert_int_equal(conf->resolver.port, 53);
	assert_int_equal(conf->own_networks_len, 2);
	assert_true(conf->fail_open);
	assert_int_equal(conf->message_size_limit, 50 << 20);
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
	for (size_t i = 0; i < report.complaints_len; i++)
		fail_msg("line %u: %s", report.complaints[i].place.line, report.complaints[i].text);
	conf_report_done(&report);
	assert_int_equal(r, 0);
	assert_int_equal(conf->dnsbls_len, 3);
	assert_int_equal(conf->dnsbls[0].codes[0].octet[3].high, 11);
	assert_int_equal(conf->dnsbls[2].action, ACTION_ALLOW);
	assert_int_equal(conf->lists_len, 3);
	assert_string_equal(conf->lists[0].sublists[0].name, "manual");
	assert_int_equal(ip_to_v4(conf->lists[0].sublists[0].code), 0x7f000008);
	assert_true(conf->lists[0].never_special_use && conf->lists[0].never_own);
	assert_int_equal(conf->lists[1].holds, HOLDS_DOMAINS);
	assert_int_equal(conf->policies[0].lasts_s, 0);
	assert_int_equal(conf_check_find(conf, "fcrdns")->action, ACTION_TAG);
	assert_int_not_equal(conf_check_find(conf, "fcrdns")->place.line, 0);
	assert_int_equal(conf->pass_client, PASS_CLIENT_XCLIENT);
	assert_int_not_equal(conf->backend_place.line, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_complete),
		cmocka_unit_test(the_sample_is_valid),
		cmocka_unit_test(references_keep_it_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
