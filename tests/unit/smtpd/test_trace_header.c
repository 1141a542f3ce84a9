/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "smtpd/trace_header.h"

static void assert_received(const struct smtp_client *client, bool smtputf8, const char *expected)
{
	struct trace_header trace = {.client = client,
		.hostname = "mx1.example.org",
		.id = "0123456789ABCDEF",
		.smtputf8 = smtputf8,
		.now_s = 1795312800};
	struct buf out;

	buf_init(&out, 0);
	trace_header_print_received(&trace, &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_done(&out);
}

static void a_client_is_named_as_it_is(void **state)
{
	struct smtp_client client = {.source = {.ip = ip_from_v4(0xc000020au)},
		.name_state = SMTP_NAME_KNOWN,
		.name = span_text("mail.good.test"),
		.helo = span_text("[192.0.2.10]"),
		.extended = true};

	(void)state;
	assert_received(&client, false,
		"Received: from [192.0.2.10] (mail.good.test [192.0.2.10])\r\n"
		"\tby mx1.example.org (Stockade) with ESMTP id 0123456789ABCDEF;\r\n"
		"\tSun, 22 Nov 2026 02:00:00 +0000\r\n");
	client.name_state = SMTP_NAME_TEMPORARY;
	client.extended = false;
	assert_int_equal(ip_parse(span_text("2001:db8::1"), &client.source.ip), 0);
	/* what is in brackets is the client's address, not what it says to be */
	assert_received(&client, true,
		"Received: from ?192.0.2.10? (unknown [IPv6:2001:db8::1])\r\n"
		"\tby mx1.example.org (Stockade) with UTF8SMTP id 0123456789ABCDEF;\r\n"
		"\tSun, 22 Nov 2026 02:00:00 +0000\r\n");
}

static void what_strangers_say_ends_nothing(void **state)
{
	struct smtp_client client = {.source = {.ip = ip_from_v4(0xc000020au)},
		.name_state = SMTP_NAME_KNOWN,
		.name = span_text("a) (b\r\nTo: x"),
		.helo = span_text("x\r\nBcc: y;\"(\\<\xff"),
		.extended = true};

	(void)state;
	assert_received(&client, false,
		"Received: from x??Bcc:?y?????? (a???b??To:?x [192.0.2.10])\r\n"
		"\tby mx1.example.org (Stockade) with ESMTP id 0123456789ABCDEF;\r\n"
		"\tSun, 22 Nov 2026 02:00:00 +0000\r\n");
}

static void tags_name_rule_and_number(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	trace_header_print_tag("tag", "fcrdns", 0, &out);
	assert_string_equal(buf_cstr(&out), "X-Stockade: tag; rule=fcrdns\r\n");
	buf_clear(&out);
	trace_header_print_tag("would-refuse", "no-ptr", 1, &out);
	assert_memory_equal(buf_cstr(&out), "X-Stockade: would-refuse; rule=no-ptr; incident=", 48);
	assert_int_equal(buf_len(&out), 48 + 14 + 2);
	buf_done(&out);
}

static void assert_results(const struct conf *conf, const struct facts *facts, const char *expected)
{
	struct buf out;

	buf_init(&out, 0);
	trace_header_print_results(conf, facts, &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_done(&out);
}

static void results_say_whose_record_was_asked(void **state)
{
	const struct conf conf = {.hostname = "mx1.example.org"};
	struct spf_outcome spf = {.result = SPF_PASS};
	struct facts facts = {
		.sender = span_text("a(b)@good.test"), .helo = span_text("mx.big.test")};

	(void)state;
	assert_results(&conf, &facts, "");
	facts.spf = &spf;
	assert_results(&conf, &facts,
		"Authentication-Results: mx1.example.org;\r\n\tspf=pass smtp.mailfrom=good.test\r\n");
	spf.result = SPF_UNANSWERED;
	facts.sender = span_text("");
	assert_results(&conf, &facts,
		"Authentication-Results: mx1.example.org;\r\n\tspf=temperror smtp.helo=mx.big.test\r\n");
	facts.helo = span_text("x;\r\n y");
	assert_results(&conf, &facts,
		"Authentication-Results: mx1.example.org;\r\n\tspf=temperror smtp.helo=x????y\r\n");
}

/* Each zone once, and never with its key. */
static void results_name_allow_lists(void **state)
{
	const struct conf_dnsbl lists[] = {
		{.zone = "bad.test", .zone_shown = "bad.test", .action = ACTION_REJECT},
		{.zone = "k3y.wl.test", .zone_shown = "KEY.wl.test", .action = ACTION_ALLOW},
		{.zone = "k3y.wl.test", .zone_shown = "KEY.wl.test", .action = ACTION_ALLOW},
		{.zone = "none.test", .zone_shown = "none.test", .action = ACTION_ALLOW},
		{.zone = "ill.test", .zone_shown = "ill.test", .action = ACTION_ALLOW},
		{.zone = "off.test", .zone_shown = "off.test", .action = ACTION_ALLOW},
	};
	const struct conf conf = {
		.hostname = "mx1.example.org", .dnsbls_len = COUNTOF(lists), .dnsbls = lists};
	const struct facts facts = {.dnsbls_len = COUNTOF(lists),
		.dnsbls = {{.asked = true, .state = FACT_YES}, {.asked = true, .state = FACT_NO},
			{.asked = true, .state = FACT_YES, .hit.code = {127, 0, 10, 1}},
			{.asked = true, .state = FACT_NO},
			{.asked = true, .state = FACT_YES, .list_error = true},
			{.state = FACT_NO}}};

	(void)state;
	assert_results(&conf, &facts,
		"Authentication-Results: mx1.example.org;\r\n"
		"\tdnswl=pass dns.zone=KEY.wl.test policy.ip=127.0.10.1;\r\n"
		"\tdnswl=none dns.zone=none.test;\r\n"
		"\tdnswl=temperror dns.zone=ill.test\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_named_as_it_is),
		cmocka_unit_test(what_strangers_say_ends_nothing),
		cmocka_unit_test(tags_name_rule_and_number),
		cmocka_unit_test(results_say_whose_record_was_asked),
		cmocka_unit_test(results_name_allow_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
