/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "resolve/resolver_bench.h"

/* ---- what is asked is answered, and kept as long as it holds ---- */

static void an_answer_comes_once_and_then_from_the_cache(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "7.2.0.192.bl.test", DNS_A);
	assert_int_equal(bench.answers, 0); /* never from inside */
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.count, 1);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	assert_int_equal(bench.last.ttl_s, 300);
	ask(&bench, "7.2.0.192.BL.test", DNS_A);
	assert_int_equal(bench.answers, 1);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.queries, 1);
	assert_int_equal(resolver_stats(bench.resolver).cached, 1);
	bench_done(&bench);
}

static void equal_questions_under_way_are_one(void **state)
{
	struct bench bench;
	struct resolver_query *cancelled;

	(void)state;
	bench_init(&bench, serve_listed);
	bench.wanted = 3;
	ask(&bench, "a.test", DNS_A);
	cancelled = ask(&bench, "a.test", DNS_A);
	ask(&bench, "A.test", DNS_A);
	ask(&bench, "a.test", DNS_AAAA);
	resolver_cancel(&cancelled);
	assert_null(cancelled);
	run(&bench);
	assert_int_equal(bench.answers, 3);
	assert_int_equal(bench.queries, 2);
	bench_done(&bench);
}

static void a_cancelled_question_still_fills_the_cache(void **state)
{
	struct bench bench;
	struct resolver_query *query;

	(void)state;
	bench_init(&bench, serve_listed);
	query = ask(&bench, "a.test", DNS_A);
	resolver_cancel(&query);
	ask(&bench, "b.test", DNS_A); /* asked later, answered later */
	run(&bench);
	assert_int_equal(bench.answers, 1);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.queries, 2);
	assert_int_equal(resolver_stats(bench.resolver).cached, 1);
	bench_done(&bench);
}

static void asking_anew_passes_by_the_cache(void **state)
{
	struct bench bench;
	struct dns_name name = name_of("a.test");

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	resolver_ask_anew(bench.resolver, &(struct resolver_question){.name = &name, .type = DNS_A},
		on_answer, &bench);
	run(&bench);
	assert_int_equal(bench.queries, 2);
	bench_done(&bench);
}

static void no_is_kept_by_the_soa_for_an_hour_at_most(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_nxdomain);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_NXDOMAIN);
	assert_int_equal(bench.last.ttl_s, 900);
	bench.serve = serve_nxdomain_for_a_day;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.ttl_s, 3600);
	bench_done(&bench);
}

static void a_resolver_that_does_not_resolve_is_an_error(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_servfail);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	bench.serve = serve_referral;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_int_equal(resolver_stats(bench.resolver).failed, 2);
	bench_done(&bench);
}

static void serve_aliases(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name middle = name_of("middle.test");
	struct dns_name end = name_of("end.test");

	(void)bench;
	reply_header(query, 0, 3, 0, reply); /* in no order */
	reply_record(reply, &end, DNS_A, 7200, span_of(listed, 4));
	reply_record(reply, &middle, DNS_CNAME, 70, dns_name_span(&end));
	reply_record(reply, &query->name, DNS_CNAME, 7200, dns_name_span(&middle));
}

static void serve_circle(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name other = name_of("other.test");

	(void)bench;
	reply_header(query, 0, 2, 0, reply);
	reply_record(reply, &query->name, DNS_CNAME, 300, dns_name_span(&other));
	reply_record(reply, &other, DNS_CNAME, 300, dns_name_span(&query->name));
}

static void aliases_are_followed_and_circles_are_errors(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_aliases);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.ttl_s, 70);
	bench.serve = serve_circle;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	bench_done(&bench);
}

/* D3: many records, TTL 0 and TTL 2^31. */
static void serve_many(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, 0, 40, 0, reply);
	for (unsigned i = 0; i < 40; i++)
		reply_record(reply, &query->name, DNS_A, i % 2 != 0 ? 0 : 0x80000000,
			span_of(listed, i == 3 ? 3 : 4));
}

static void too_many_records_are_cut_and_times_are_bounded(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_many);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.count, RESOLVER_RECORDS_MAX);
	assert_int_equal(bench.last.ttl_s, 60);
	bench_done(&bench);
}

static void serve_spoilt(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	static const uint8_t pointer_to_itself[] = {0xc0, 0xff};

	(void)bench;
	reply_header(query, 0, 2, 0, reply);
	reply_record(reply, &query->name, query->type, 300,
		span_of(pointer_to_itself, query->type == DNS_PTR ? 2 : 1));
	reply_record(reply, &query->name, query->type, 300, span_of(listed, 0));
}

/* "There is none" refuses mail; "nobody could read it" must not. */
static void records_that_are_all_malformed_are_no_answer(void **state)
{
	static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT};
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_spoilt);
	for (size_t i = 0; i < COUNTOF(types); i++) {
		ask(&bench, "a.test", types[i]);
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_FAILED);
	}
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_once_and_then_from_the_cache),
		cmocka_unit_test(equal_questions_under_way_are_one),
		cmocka_unit_test(a_cancelled_question_still_fills_the_cache),
		cmocka_unit_test(asking_anew_passes_by_the_cache),
		cmocka_unit_test(no_is_kept_by_the_soa_for_an_hour_at_most),
		cmocka_unit_test(a_resolver_that_does_not_resolve_is_an_error),
		cmocka_unit_test(aliases_are_followed_and_circles_are_errors),
		cmocka_unit_test(too_many_records_are_cut_and_times_are_bounded),
		cmocka_unit_test(records_that_are_all_malformed_are_no_answer),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
