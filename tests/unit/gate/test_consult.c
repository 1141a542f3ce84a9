/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/shelf.h"
#include "fake_dns.h"
#include "gate/consult.h"
#include "gate/sample.h"
#include "known_view.h"
#include "list/snapshot_write.h"
#include "resolve/resolver.h"

/* Consultations against a name server in the same loop, by a clock that passes when it is told. */
enum { WAIT_MS = 3600000 };

struct bench {
	struct loop *loop;
	struct fake_dns dns;
	struct resolver *resolver;
	struct shelf *views;
	struct sample sample;
	const struct conf *rules; /* of clients that come */
	struct consult *consult;
	struct consultation *consultation;
	struct consult_request request;
	struct consult_answer answer;
	unsigned ready;
	uint32_t serial; /* of the last view */
};

static const struct consult_limits limits = {
	.facts_ms = WAIT_MS, .passed_s = 100000, .incident_s = 100000, .incident_update_s = 100000};

static void bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->loop = loop_new();
	bench->views = view_shelf_new();
	shelf_put(bench->views, known_view_new());
	fake_dns_init(&bench->dns, bench->loop);
	sample_init(&bench->sample);
	bench->rules = &bench->sample.conf;
	bench->sample.conf.dnsbls_len = 0;
	bench->request = (struct consult_request){.helo = span_text("mail.good.test"),
		.sender = span_text("a@good.test"),
		.recipient = span_text("b@example.net")};
}

static void bench_start(struct bench *bench)
{
	const struct resolver_settings resolver = {.server = bench->dns.endpoint,
		.timeout_ms = WAIT_MS * 2,
		.tries = 1,
		.cache_entries = 100};

	bench->resolver = resolver_new(bench->loop, &resolver);
	bench->consult = consult_new(&(struct consult_settings){.loop = bench->loop,
		.resolver = bench->resolver,
		.views = bench->views,
		.conf = &bench->sample.conf,
		.limits = &limits});
}

static void bench_done(struct bench *bench)
{
	consultation_free(&bench->consultation);
	consult_free(&bench->consult);
	resolver_free(&bench->resolver);
	shelf_free(&bench->views);
	sample_done(&bench->sample);
	fake_dns_done(&bench->dns);
	loop_free(&bench->loop);
}

static void on_ready(struct consultation *consultation, void *arg)
{
	struct bench *bench = arg;

	assert_true(consultation_is_ready(consultation));
	bench->ready++;
	loop_stop(bench->loop);
}

/* A client comes, and is decided about when that is due. */
static const struct consult_answer *bench_visit(struct bench *bench, const char *client)
{
	consultation_free(&bench->consultation);
	bench->ready = 0;
	bench->consultation = consultation_start(bench->consult,
		&(struct consult_client){sample_ip(client), bench->rules, on_ready, bench});
	assert_int_equal(bench->ready, 0);
	assert_false(consultation_is_ready(bench->consultation));
	consultation_wait(bench->consultation);
	loop_run(bench->loop);
	assert_int_equal(bench->ready, 1);
	consultation_decide(bench->consultation, &bench->request, &bench->answer);
	return &bench->answer;
}

static void bench_name(struct bench *bench, const char *ptr)
{
	fake_dns_add(&bench->dns, "7.2.0.192.in-addr.arpa", DNS_PTR, ptr);
	fake_dns_add(&bench->dns, "mail.good.test", DNS_A, "192.0.2.7");
}

/* until_s: 0 for ever. */
static void bench_list(struct bench *bench, const char *client, int64_t until_s)
{
	const struct span sublist = span_text("manual");
	struct snapshot_writer *writer = snapshot_writer_new(++bench->serial, 1);
	struct view *view = NULL;
	struct source source;
	char path[64];
	int list = snapshot_writer_add_list(writer, span_text("main"), &sublist, 1);

	snprintf(path, sizeof(path), "/tmp/stockade-consult-%d.snap", (int)getpid());
	assert_int_equal(source_parse(span_text(client), &source, NULL), 0);
	assert_int_equal(
		snapshot_writer_add(writer, list,
			&(struct list_entry){source, 0, false, until_s, span_text("spam")}),
		0);
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	shelf_put(bench->views, view);
}

static void a_good_client_is_let_in_without_an_incident(void **state)
{
	struct bench bench;
	const struct consult_answer *answer;

	(void)state;
	bench_init(&bench);
	bench_name(&bench, "mail.good.test");
	bench_start(&bench);
	answer = bench_visit(&bench, "192.0.2.7");
	assert_int_equal(answer->verdict.kind, VERDICT_PASS);
	assert_int_equal(answer->facts.confirmed, FACT_YES);
	assert_int_equal(answer->incident, 0);
	assert_int_equal(answer->reply.len, 0);
	bench_done(&bench);
}

static void dns_that_does_not_answer_ends_at_the_deadline(void **state)
{
	struct bench bench;
	const struct consult_answer *answer;

	(void)state;
	bench_init(&bench);
	bench.dns.silence_ms = WAIT_MS;
	bench_name(&bench, "silence");
	bench_start(&bench);
	answer = bench_visit(&bench, "192.0.2.7");
	assert_int_equal(answer->verdict.would, VERDICT_PASS);
	assert_int_equal(answer->facts.ptr, FACT_UNKNOWN);
	bench_done(&bench);
}

static void a_source_keeps_its_number_and_each_reason_has_its_own(void **state)
{
	struct bench bench;
	uint64_t first;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	assert_int_equal(bench_visit(&bench, "192.0.2.7")->verdict.refusal, REFUSAL_NO_PTR);
	first = bench.answer.incident;
	assert_int_not_equal(first, 0);
	assert_true(span_has_prefix_nocase(bench.answer.reply, "550 5.7.25 "));
	assert_true(bench_visit(&bench, "192.0.2.7")->incident == first);
	assert_true(bench_visit(&bench, "192.0.2.8")->incident != first);
	/* an IPv6 host has as many addresses as it likes: its /64 is the source */
	first = bench_visit(&bench, "2001:db8::1")->incident;
	assert_true(bench_visit(&bench, "2001:db8::ffff:1")->incident == first);
	assert_true(bench_visit(&bench, "2001:db8:0:1::1")->incident != first);
	first = bench_visit(&bench, "192.0.2.7")->incident;
	bench.request.recipient = span_text("b@elsewhere.test");
	assert_int_equal(bench_visit(&bench, "192.0.2.7")->verdict.refusal, REFUSAL_RELAY_DENIED);
	assert_true(bench.answer.incident != first);
	bench_done(&bench);
}

/* On the day of enforce a refused sender must not read that his mail went through. */
static void a_refusal_never_shares_its_number_with_what_was_let_through(void **state)
{
	struct bench bench;
	uint64_t observed;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	bench.sample.conf.mode = MODE_OBSERVE;
	observed = bench_visit(&bench, "192.0.2.7")->incident;
	bench.sample.conf.mode = MODE_ENFORCE;
	assert_true(bench_visit(&bench, "192.0.2.7")->incident != observed);
	bench.sample.conf.mode = MODE_OBSERVE;
	assert_true(bench_visit(&bench, "192.0.2.7")->incident == observed);
	bench_done(&bench);
}

static void what_would_be_refused_has_a_number_and_words_too(void **state)
{
	struct bench bench;
	const struct consult_answer *answer;

	(void)state;
	bench_init(&bench);
	bench.sample.conf.mode = MODE_OBSERVE;
	bench_start(&bench);
	answer = bench_visit(&bench, "192.0.2.7");
	assert_int_equal(answer->verdict.kind, VERDICT_PASS);
	assert_int_not_equal(answer->incident, 0);
	assert_true(span_has_prefix_nocase(answer->reply, "550 5.7.25 "));
	bench_done(&bench);
}

static void a_listing_counts_from_the_moment_it_is_on_the_shelf(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_name(&bench, "mail.good.test");
	bench_start(&bench);
	assert_int_equal(bench_visit(&bench, "192.0.2.7")->verdict.kind, VERDICT_PASS);
	assert_false(consultation_is_settled(bench.consultation));
	bench_list(&bench, "192.0.2.7", 0);
	assert_true(consultation_is_settled(bench.consultation));
	consultation_decide(bench.consultation, &bench.request, &bench.answer);
	assert_int_equal(bench.answer.verdict.refusal, REFUSAL_OWN_LIST);
	bench_done(&bench);
}

/* It is asked anew with each view only; an end that the keeper did not make still is one. */
static void what_settles_a_client_ends_with_its_view_or_its_time(void **state)
{
	struct bench bench;
	int64_t now_s;

	(void)state;
	bench_init(&bench);
	bench_name(&bench, "mail.good.test");
	bench_start(&bench);
	bench_visit(&bench, "192.0.2.7");
	now_s = loop_now_s(bench.loop);
	bench_list(&bench, "192.0.2.7", now_s + 1000);
	assert_true(consultation_is_settled(bench.consultation));
	assert_true(consultation_is_settled(bench.consultation));
	bench_list(&bench, "192.0.2.8", 0);
	assert_false(consultation_is_settled(bench.consultation));
	bench_list(&bench, "192.0.2.7", now_s);
	assert_false(consultation_is_settled(bench.consultation));
	bench_list(&bench, "192.0.2.0/24", 0);
	assert_true(consultation_is_settled(bench.consultation));
	bench_done(&bench);
}

static void who_waited_for_the_greeting_need_not_again(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_name(&bench, "mail.good.test");
	bench_start(&bench);
	bench_visit(&bench, "192.0.2.7");
	consultation_passed(bench.consultation);
	assert_true(consultation_is_settled(bench.consultation));
	bench_visit(&bench, "192.0.2.8");
	assert_false(consultation_is_settled(bench.consultation));
	bench_visit(&bench, "2001:db8::1");
	consultation_passed(bench.consultation);
	bench_visit(&bench, "2001:db8::2");
	assert_true(consultation_is_settled(bench.consultation));
	moving_clock_set(30 * (int64_t)86400000); /* whatever the wall clock says */
	bench_visit(&bench, "192.0.2.7");
	assert_true(consultation_is_settled(bench.consultation));
	moving_clock_set(-60 * (int64_t)86400000);
	moving_clock_add((limits.passed_s + 1) * 1000);
	bench_visit(&bench, "192.0.2.7");
	assert_false(consultation_is_settled(bench.consultation));
	moving_clock_set(30 * (int64_t)86400000);
	bench_done(&bench);
}

static void a_client_ends_under_the_rules_that_it_came_under(void **state)
{
	struct bench bench;
	struct conf other;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	assert_int_equal(bench_visit(&bench, "192.0.2.7")->verdict.kind, VERDICT_REFUSE);
	other = bench.sample.conf;
	other.mode = MODE_OBSERVE;
	consult_set_conf(bench.consult, &other);
	bench.rules = &other;
	consultation_decide(bench.consultation, &bench.request, &bench.answer);
	assert_int_equal(bench.answer.verdict.kind, VERDICT_REFUSE);
	assert_int_equal(bench_visit(&bench, "192.0.2.7")->verdict.kind, VERDICT_PASS);
	bench_done(&bench);
}

/* Printers have little patience, and no check asks for the name of a client of ours. */
static void a_client_of_ours_never_waits_for_dns(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	bench.consultation = consultation_start(bench.consult,
		&(struct consult_client){sample_ip("10.0.0.7"), bench.rules, on_ready, &bench});
	assert_true(consultation_is_ready(bench.consultation));
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_client_is_let_in_without_an_incident),
		cmocka_unit_test(dns_that_does_not_answer_ends_at_the_deadline),
		cmocka_unit_test(a_source_keeps_its_number_and_each_reason_has_its_own),
		cmocka_unit_test(a_refusal_never_shares_its_number_with_what_was_let_through),
		cmocka_unit_test(what_would_be_refused_has_a_number_and_words_too),
		cmocka_unit_test(a_listing_counts_from_the_moment_it_is_on_the_shelf),
		cmocka_unit_test(what_settles_a_client_ends_with_its_view_or_its_time),
		cmocka_unit_test(who_waited_for_the_greeting_need_not_again),
		cmocka_unit_test(a_client_ends_under_the_rules_that_it_came_under),
		cmocka_unit_test(a_client_of_ours_never_waits_for_dns),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
