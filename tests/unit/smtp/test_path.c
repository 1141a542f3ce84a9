/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "smtp/path.h"

struct row {
	const char *params;
	int result;
	const char *printed; /* with all keywords */
};

static const struct row mails[] = {
	{"FROM:<a@example.org>", 0, "MAIL FROM:<a@example.org>"},
	{"from:<a@example.org>", 0, "MAIL FROM:<a@example.org>"},
	{"FROM: <a@example.org>", 0, "MAIL FROM:<a@example.org>"},
	{"FROM:<>", 0, "MAIL FROM:<>"},
	{"FROM:<\"a b\"@example.org>", 0, "MAIL FROM:<\"a b\"@example.org>"},
	{"FROM:<\"a\\\"> b\"@example.org> SIZE=7", 0,
		"MAIL FROM:<\"a\\\"> b\"@example.org> SIZE=7"},
	{"FROM:<a..b.@docomo.example>", 0, "MAIL FROM:<a..b.@docomo.example>"},
	{"FROM:<a=b%c!d@x_y.example>", 0, "MAIL FROM:<a=b%c!d@x_y.example>"},
	{"FROM:<a@[192.0.2.1]>", 0, "MAIL FROM:<a@[192.0.2.1]>"},
	{"FROM:<a@[IPv6:2001:db8::1]>", 0, "MAIL FROM:<a@[IPv6:2001:db8::1]>"},
	{"FROM:<a@b.example> SIZE=100 BODY=8BITMIME", 0,
		"MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME"},
	{"FROM:<a@b.example>  body=7bit ret=hdrs envid=x+2By", 0,
		"MAIL FROM:<a@b.example> BODY=7BIT RET=HDRS ENVID=x+2By"},
	{"FROM:<\xc3\xbc@b.example> SMTPUTF8", 0, "MAIL FROM:<\xc3\xbc@b.example> SMTPUTF8"},
	{"FROM:<\xc3\xbc@b.example>", 0, "MAIL FROM:<\xc3\xbc@b.example>"},
	{"FROM:<\xc3@b.example> SMTPUTF8", E_PARSE, NULL},
	{"FROM:<\xc0\xae@b.example> SMTPUTF8", E_PARSE, NULL},
	{"FROM:<\xed\xa0\x80@b.example> SMTPUTF8", E_PARSE, NULL},
	{"FROM:a@b.example", 0, "MAIL FROM:<a@b.example>"},
	{"FROM: a@b.example SIZE=1", 0, "MAIL FROM:<a@b.example> SIZE=1"},
	{"FROM:\"a b\"@b.example", 0, "MAIL FROM:<\"a b\"@b.example>"},
	{"FROM:<root>", 0, "MAIL FROM:<root>"},
	{"FROM:<a@b.example.>", 0, "MAIL FROM:<a@b.example.>"},
	{"FROM:", E_PARSE, NULL},
	{"FROM:a@b.example>", E_PARSE, NULL},
	{"FROM:\"a@b.example", E_PARSE, NULL},
	{"FROM:<a@b.example..>", E_PARSE, NULL},
	{"FROM:<a@.>", E_PARSE, NULL},
	{"FROM:<a@b.example", E_PARSE, NULL},
	{"FROM:<a@b.example>x", E_PARSE, NULL},
	{"FROM:<a@b.example>SIZE=1", E_PARSE, NULL},
	{"FROM:<a b@c.example>", E_PARSE, NULL},
	{"FROM:<a@>", E_PARSE, NULL},
	{"FROM:<@b>", E_PARSE, NULL},
	{"FROM:<a@b..example>", E_PARSE, NULL},
	{"FROM:<a@-b.example>", E_PARSE, NULL},
	{"FROM:<a@[192.0.2.256]>", E_PARSE, NULL},
	{"FROM:<a@[]>", E_PARSE, NULL},
	{"FROM:<\"a@b.example>", E_PARSE, NULL},
	{"FROM:<\"a\\\"@b.example>", E_PARSE, NULL},
	{"FROM:<a\\@b.example>", E_PARSE, NULL},
	{"FROM:<<a@b.example>>", E_PARSE, NULL},
	{"FROM:<;sleep 5;@b.example>", E_PARSE, NULL},
	{"TO:<a@b.example>", E_PARSE, NULL},
	{"FROM:<a@b.example> SIZE", E_PARSE, NULL},
	{"FROM:<a@b.example> SIZE=", E_PARSE, NULL},
	{"FROM:<a@b.example> SIZE=-1", E_PARSE, NULL},
	{"FROM:<a@b.example> SIZE=18446744073709551616", E_PARSE, NULL},
	{"FROM:<a@b.example> SIZE=1 SIZE=2", E_PARSE, NULL},
	{"FROM:<a@b.example> BODY=BINARYMIME", E_PARSE, NULL},
	{"FROM:<a@b.example> AUTH=<>", E_ABSENT, NULL},
	{"FROM:<a@b.example> FOO=BAR", E_ABSENT, NULL},
	{"FROM:<a@b.example> ENVID=a=b", 0, "MAIL FROM:<a@b.example> ENVID=a=b"},
	{"FROM:<a@b.example> ENVID=\xc3\xbc", E_PARSE, NULL},
	{"FROM:<a@b.example> ENVID=a+4", E_PARSE, NULL},
	{"FROM:<a@b.example> SMTPUTF8=1", E_PARSE, NULL},
};

static const struct row rcpts[] = {
	{"TO:<a@example.org>", 0, "RCPT TO:<a@example.org>"},
	{"TO:<Postmaster>", 0, "RCPT TO:<Postmaster>"},
	{"TO:<a@example.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;a+2Bb@example.org", 0,
		"RCPT TO:<a@example.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;a+2Bb@example.org"},
	{"TO:<a@example.org> NOTIFY=NEVER", 0, "RCPT TO:<a@example.org> NOTIFY=NEVER"},
	{"TO:<a@example.org> NOTIFY=NEVER,DELAY", E_PARSE, NULL},
	{"TO:<a@example.org> NOTIFY=DELAY,", E_PARSE, NULL},
	{"TO:<a@example.org> ORCPT=;x", E_PARSE, NULL},
	{"TO:<a@example.org> ORCPT=rfc822", E_PARSE, NULL},
	{"TO:<a@example.org> SIZE=1", E_ABSENT, NULL},
	{"TO:<>", E_PARSE, NULL},
	{"TO:<joe>", 0, "RCPT TO:<joe>"},
	{"TO:joe@c.example NOTIFY=NEVER", 0, "RCPT TO:<joe@c.example> NOTIFY=NEVER"},
	{"TO:<jo\xc3\xab@c.example>", 0, "RCPT TO:<jo\xc3\xab@c.example>"},
	{"TO:<a@example.org> ORCPT=rfc822;prvs=1=a@example.org", 0,
		"RCPT TO:<a@example.org> ORCPT=rfc822;prvs=1=a@example.org"},
	{"TO:<a@example.org> ORCPT=utf-8;jo\\x{EB}@example.org", 0,
		"RCPT TO:<a@example.org> ORCPT=utf-8;jo\\x{EB}@example.org"},
	{"TO:<a@example.org> ORCPT=utf-8;jo\xc3\xab@example.org", 0,
		"RCPT TO:<a@example.org> ORCPT=utf-8;jo\xc3\xab@example.org"},
	{"TO:<a@example.org> ORCPT=utf-8;jo\xc3@example.org", E_PARSE, NULL},
	{"TO:<a@example.org> ORCPT=rfc822;a+4@example.org", E_PARSE, NULL},
	{"TO:<@a.example,@b.example:joe@c.example>", 0, "RCPT TO:<joe@c.example>"},
	{"TO:<@a.example:>", E_PARSE, NULL},
	{"TO:<@:joe@c.example>", E_PARSE, NULL},
};

static int parse_mail(const char *params, unsigned offered, struct buf *out)
{
	struct smtp_mail mail;
	int r = smtp_mail_parse(span_text(params), offered, &smtp_limits_default, &mail);

	if (r == 0)
		smtp_mail_print(&mail, offered, out);
	return r;
}

static int parse_rcpt(const char *params, unsigned offered, struct buf *out)
{
	struct smtp_rcpt rcpt;
	int r = smtp_rcpt_parse(span_text(params), offered, &smtp_limits_default, &rcpt);

	if (r == 0)
		smtp_rcpt_print(&rcpt, offered, out);
	return r;
}

static void check(const struct row *row, int (*parse)(const char *, unsigned, struct buf *))
{
	struct buf out;

	buf_init(&out, 0);
	if (parse(row->params, ~0u, &out) != row->result)
		fail_msg("'%s' gave another result", row->params);
	if (row->printed != NULL)
		assert_string_equal(buf_cstr(&out), row->printed);
	buf_done(&out);
}

static void arguments_are_taken_as_they_came_or_not_at_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(mails); i++)
		check(&mails[i], parse_mail);
	for (size_t i = 0; i < COUNTOF(rcpts); i++)
		check(&rcpts[i], parse_rcpt);
}

static void what_was_not_offered_is_not_taken(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	assert_int_equal(parse_mail("FROM:<a@b.example> SIZE=1", SMTP_8BITMIME, &out), E_ABSENT);
	assert_int_equal(parse_mail("FROM:<a@b.example> BODY=7BIT", SMTP_SIZE, &out), E_ABSENT);
	assert_int_equal(parse_mail("FROM:<a@b.example> RET=FULL", SMTP_SIZE, &out), E_ABSENT);
	assert_int_equal(parse_rcpt("TO:<a@b.example> NOTIFY=NEVER", SMTP_SIZE, &out), E_ABSENT);
	buf_done(&out);
}

static void who_leaves_the_domain_out_is_seen(void **state)
{
	static const struct {
		const char *params;
		bool qualified;
	} paths[] = {
		{"FROM:<>", true},
		{"FROM:<joe@example.org>", true},
		{"FROM:<PostMaster>", true},
		{"FROM:<joe>", false},
		{"FROM:joe", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(paths); i++) {
		struct smtp_mail mail;

		assert_int_equal(
			smtp_mail_parse(span_text(paths[i].params), 0, &smtp_limits_default, &mail),
			0);
		assert_int_equal(smtp_path_is_qualified(&mail.path), paths[i].qualified);
	}
}

static void long_parts_are_refused(void **state)
{
	char text[1200];
	struct smtp_mail mail;

	(void)state;
	snprintf(text, sizeof(text), "FROM:<%0256d@b.example>", 0);
	assert_int_equal(smtp_mail_parse(span_text(text), 0, &smtp_limits_default, &mail), 0);
	snprintf(text, sizeof(text), "FROM:<%0257d@b.example>", 0);
	assert_int_equal(smtp_mail_parse(span_text(text), 0, &smtp_limits_default, &mail), E_LIMIT);
	snprintf(text, sizeof(text), "FROM:<a@%063d.example>", 0);
	assert_int_equal(smtp_mail_parse(span_text(text), 0, &smtp_limits_default, &mail), 0);
	snprintf(text, sizeof(text), "FROM:<a@%064d.example>", 0);
	assert_int_equal(smtp_mail_parse(span_text(text), 0, &smtp_limits_default, &mail), E_PARSE);
}

static void addresses_beyond_ascii_are_for_servers_that_know_them(void **state)
{
	static const char params[] = "TO:<jo\xc3\xab@example.org>";
	static const char original[] = "TO:<joe@example.org> ORCPT=utf-8;jo\xc3\xab@example.org";
	const struct smtp_limits *limits = &smtp_limits_default;
	struct smtp_rcpt rcpt;

	(void)state;
	assert_int_equal(smtp_rcpt_parse(span_text(params), SMTP_DSN, limits, &rcpt), E_RANGE);
	assert_int_equal(smtp_rcpt_parse(span_text(params), SMTP_SMTPUTF8, limits, &rcpt), 0);
	assert_true(rcpt.path.is_utf8);
	assert_int_equal(smtp_rcpt_parse(span_text(original), SMTP_DSN, limits, &rcpt), E_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_taken_as_they_came_or_not_at_all),
		cmocka_unit_test(what_was_not_offered_is_not_taken),
		cmocka_unit_test(who_leaves_the_domain_out_is_seen),
		cmocka_unit_test(long_parts_are_refused),
		cmocka_unit_test(addresses_beyond_ascii_are_for_servers_that_know_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
