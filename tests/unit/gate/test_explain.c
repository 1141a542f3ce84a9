/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "fake_dns.h"
#include "gate/explain.h"
#include "gate/sample.h"
#include "resolve/resolver.h"

enum { NOW_S = 1795300000 };

static struct explanation explanation;

static void explain(struct sample *s)
{
	explain_fill(&s->facts, &s->conf, NOW_S, &explanation);
}

static const struct explain_line *line_of(const char *key)
{
	for (size_t i = 0; i < explanation.lines_len; i++)
		if (strcmp(explanation.lines[i].key, key) == 0)
			return &explanation.lines[i];
	fail_msg("no line '%s'", key);
	return NULL;
}

static void lines_name_the_setting_and_what_was_not_reached(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.checks[CHECK_NO_PTR].location = (struct conf_location){"stockade.yaml", 37, 3};
	s.facts.ptr = FACT_NO;
	s.dnsbls[0].location = (struct conf_location){"stockade.yaml", 50, 5};
	sample_dnsbl(&s, 0);
	explain(&s);
	assert_string_equal(line_of("allowed")->outcome, "no");
	assert_int_equal(line_of("allowed")->number, 1);
	assert_true(line_of("no-ptr")->decided);
	assert_int_equal(line_of("no-ptr")->location.line, 37);
	assert_string_equal(line_of("no-ptr")->found, "no PTR record");
	assert_string_equal(line_of("no-ptr")->action, "reject");
	assert_string_equal(line_of("ext-dnsbl")->name, "Demo");
	assert_string_equal(line_of("ext-dnsbl")->outcome, "fail");
	assert_int_equal(line_of("ext-dnsbl")->location.line, 50);
	assert_false(line_of("ext-dnsbl")->reached);
	assert_string_equal(explanation.reply,
		"550 5.7.25 Fix reverse DNS for 192.0.2.7: it has no PTR record. How to: "
		"https://mail.example.net/why/...");
	assert_string_equal(
		explanation.change, "stockade allow 192.0.2.7 --reason \"...\""); /* two faults */
	sample_done(&s);
}

static void one_fault_has_one_remedy(void **state)
{
	static const struct {
		enum check_id check;
		const char *change;
	} cases[] = {
		{CHECK_NO_PTR, "a PTR record, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_OWN_LIST,
			"stockade delist 192.0.2.7 --reason \"...\", or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_DOMAIN_LIST,
			"stockade delist bad.test --reason \"...\", or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_HELO_BAD,
			"its own full host name in HELO, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_EXT_DNSBL,
			"removal from Demo, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_EARLY,
			"a client that waits for the greeting, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_RELAY_DENIED,
			"the recipient's domain in own.domains, or 192.0.2.7 in own.networks"},
		{CHECK_SCORE, "removal from Other, or  stockade allow 192.0.2.7 --reason \"...\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct sample s;

		sample_init(&s);
		switch (cases[i].check) {
		case CHECK_NO_PTR:
			s.facts.ptr = FACT_NO;
			break;
		case CHECK_OWN_LIST:
			sample_list(&s, 0, "r", 0);
			break;
		case CHECK_DOMAIN_LIST:
			sample_list(&s, 1, "r", 0);
			break;
		case CHECK_HELO_BAD:
			s.facts.helo = span_text("friend");
			break;
		case CHECK_EXT_DNSBL:
			sample_dnsbl(&s, 0);
			break;
		case CHECK_EARLY:
			s.facts.spoke_early = true;
			break;
		case CHECK_RELAY_DENIED:
			facts_set_recipient(&s.facts, &s.conf, span_text("b@elsewhere.test"));
			break;
		default:
			sample_dnsbl(&s, 1);
			s.dnsbls[1].weight = 8;
		}
		explain(&s);
		assert_string_equal(explanation.change, cases[i].change);
		sample_done(&s);
	}
}

static void who_is_let_in_needs_no_change(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.facts.ptr = FACT_NO;
	s.facts.client_allowed = true;
	s.facts.allow_reason = span_text("our printer\n");
	explain(&s);
	assert_string_equal(explanation.change, "");
	assert_string_equal(explanation.reply, "");
	assert_string_equal(line_of("allowed")->outcome, "yes");
	assert_string_equal(line_of("allowed")->found, "our printer?");
	assert_string_equal(line_of("no-ptr")->outcome, "skipped");
	sample_done(&s);
}

/* ---- with a name server ---- */

static unsigned explained;

static void on_explained(const struct explanation *e, void *arg)
{
	explanation = *e;
	explained++;
	loop_stop(arg);
}

static void explain_by_dns(const char *ptr, int64_t wait_ms)
{
	AUTO(loop) *loop = loop_new();
	AUTO(view) *view = view_new_empty();
	struct explain_request request = {.client = sample_ip("192.0.2.7"),
		.helo = span_text("mail.good.test"),
		.sender = span_text("a@good.test")};
	struct resolver_settings settings = {.timeout_ms = 60000, .tries = 1, .cache_entries = 10};
	struct resolver *resolver;
	struct gatherer *gatherer;
	struct explaining *explaining;
	struct fake_dns dns;
	struct sample s;

	sample_init(&s);
	s.conf.dnsbls_len = 0;
	fake_dns_init(&dns, loop);
	fake_dns_add(&dns, "7.2.0.192.in-addr.arpa", DNS_PTR, ptr);
	fake_dns_add(&dns, "mail.good.test", DNS_A, "192.0.2.7");
	settings.server = dns.endpoint;
	resolver = resolver_new(loop, &settings);
	gatherer = gatherer_new(loop, resolver, &s.conf);
	explained = 0;
	explaining = explaining_start(
		loop, gatherer, &s.conf, view, &request, wait_ms, on_explained, loop);
	assert_int_equal(explained, 0);
	loop_run(loop);
	assert_int_equal(explained, 1);
	explaining_free(&explaining);
	gatherer_free(&gatherer);
	resolver_free(&resolver);
	fake_dns_done(&dns);
	sample_done(&s);
}

static void the_whole_way_by_dns(void **state)
{
	(void)state;
	explain_by_dns("mail.good.test", 60000);
	assert_int_equal(explanation.verdict.would, VERDICT_PASS);
	assert_int_equal(explanation.facts.confirmed, FACT_YES);
}

static void dns_that_does_not_answer_ends_at_the_deadline(void **state)
{
	(void)state;
	explain_by_dns("silence", 20);
	assert_int_equal(explanation.verdict.would, VERDICT_PASS);
	assert_int_equal(explanation.facts.ptr, FACT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_name_the_setting_and_what_was_not_reached),
		cmocka_unit_test(one_fault_has_one_remedy),
		cmocka_unit_test(who_is_let_in_needs_no_change),
		cmocka_unit_test(the_whole_way_by_dns),
		cmocka_unit_test(dns_that_does_not_answer_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
