/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "resolve/resolver_bench.h"

/* ---- hostile and broken servers ---- */

static unsigned step;

/* D1, D5: everything that is not the answer is dropped, and the wait goes on. */
static void serve_forgeries_then_the_answer(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	static const uint8_t forged[4] = {127, 0, 0, 99};
	struct dns_message other = *query;

	other.id ^= 1; /* a wrong id */
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* another question */
	other = *query;
	other.name = name_of("b.test");
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* a name whose case was guessed */
	other = *query;
	for (size_t i = 0; i < other.name.len; i++)
		if (ascii_is_alpha(other.name.wire[i]))
			other.name.wire[i] ^= 0x20;
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* a query, not a response */
	dns_query_encode(reply, query->id, &query->name, query->type, 0);
	bench_send(bench, reply);

	buf_clear(reply); /* cut short */
	reply_header(query, 0, 1, 0, reply);
	bench_send(bench, reply);

	buf_clear(reply);
	bench_send(bench, reply); /* nothing at all */
	serve_listed(bench, query, reply);
}

static void forgeries_are_dropped_without_ending_the_wait(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_forgeries_then_the_answer);
	ask(&bench, "long-enough-to-mix.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	assert_int_equal(resolver_stats(bench.resolver).dropped, 6);
	assert_int_equal(bench.queries, 1);
	bench_done(&bench);
}

/* An answer from another address is not even seen. */
static void serve_from_elsewhere_first(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	static const uint8_t forged[4] = {127, 0, 0, 99};
	struct endpoint elsewhere = {.port = 0};
	int fd;

	assert_int_equal(ip_parse(span_text("127.0.0.2"), &elsewhere.ip), 0);
	assert_int_equal(socket_bind_udp(elsewhere, 0, &fd, NULL), 0);
	reply_header(query, 0, 1, 0, reply);
	reply_record(reply, &query->name, DNS_A, 300, span_of(forged, 4));
	sendto(fd, buf_span(reply).ptr, buf_len(reply), 0, (struct sockaddr *)&bench->client,
		bench->client_len);
	close(fd);
	buf_clear(reply);
	serve_listed(bench, query, reply);
}

static void answers_from_elsewhere_do_not_count(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_from_elsewhere_first);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	bench_done(&bench);
}

static void serve_the_third(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	if (++step == 3)
		serve_listed(bench, query, reply);
	else
		serve_nothing(bench, query, reply);
}

static void silence_is_asked_again_from_other_ports(void **state)
{
	struct bench bench;

	(void)state;
	step = 0;
	bench_init(&bench, serve_the_third);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.queries, 3);
	assert_int_equal(resolver_stats(bench.resolver).timeouts, 2);
	assert_true(bench.ports[0] != bench.ports[1] || bench.ports[1] != bench.ports[2]);
	bench_done(&bench);
}

static void serve_lower_case(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_message lower = *query;

	for (size_t i = 0; i < lower.name.len; i++)
		lower.name.wire[i] = ascii_lower(lower.name.wire[i]);
	serve_listed(bench, &lower, reply);
}

/* The try whose answer was dropped waits on; now it ends. */
static void move_on_when_dropped(struct timer *timer, void *arg)
{
	struct bench *bench = arg;
	uint64_t dropped = resolver_stats(bench->resolver).dropped;

	if (dropped > bench->dropped)
		moving_clock_add(TIMEOUT_MS);
	bench->dropped = dropped;
	timer_set(timer, loop_now_ms(bench->loop) + 1);
}

static void a_server_that_loses_the_case_is_understood_in_the_end(void **state)
{
	struct bench bench;
	struct timer timer;

	(void)state;
	bench_init(&bench, serve_lower_case);
	timer_init(&timer, bench.loop, move_on_when_dropped, &bench);
	timer_set(&timer, 0);
	ask(&bench, "a-name-with-very-many-letters-in-it.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_true(bench.queries > 1);
	/* and from then on at once, whatever case it is asked in */
	timer_clear(&timer);
	bench.queries = 0;
	ask(&bench, "Another-Name-With-Very-Many-Letters.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.queries, 1);
	timer_done(&timer);
	bench_done(&bench);
}

static void serve_without_edns(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	if (query->edns.present)
		reply_header(query, DNS_FORMERR, 0, 0, reply);
	else
		serve_listed(bench, query, reply);
}

static void a_server_that_dislikes_edns_is_asked_without(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_without_edns);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(resolver_stats(bench.resolver).timeouts, 0);
	bench_done(&bench);
}

/* It cannot read what it was asked, so it does not repeat it: twelve octets. */
static void serve_bare_format_error(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	if (!query->edns.present) {
		serve_listed(bench, query, reply);
		return;
	}
	buf_append_u16(reply, query->id ^ 1); /* somebody's guess */
	buf_append_u16(reply, DNS_FLAG_QR | DNS_FORMERR);
	buf_append_u32(reply, 0);
	buf_append_u32(reply, 0);
	bench_send(bench, reply);
	buf_clear(reply);
	buf_append_u16(reply, query->id);
	buf_append_u16(reply, DNS_FLAG_QR | DNS_FORMERR);
	buf_append_u32(reply, 0);
	buf_append_u32(reply, 0);
}

static void a_format_error_without_a_question_leads_to_a_try_without_edns(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_bare_format_error);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(resolver_stats(bench.resolver).timeouts, 0);
	assert_int_equal(resolver_stats(bench.resolver).dropped, 1);
	bench_done(&bench);
}

static void serve_truncated_then_all(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	uint8_t text[256];

	if (++step == 1) {
		reply_header(query, DNS_FLAG_TC, 0, 0, reply);
		return;
	}
	(void)bench;
	text[0] = 255;
	memset(text + 1, 'x', 255);
	reply_header(query, 0, 30, 0, reply);
	for (unsigned i = 0; i < 30; i++)
		reply_record(reply, &query->name, DNS_TXT, 300, span_of(text, sizeof(text)));
}

static void what_does_not_fit_comes_by_tcp(void **state)
{
	struct bench bench;

	(void)state;
	step = 0;
	bench_init(&bench, serve_truncated_then_all);
	ask(&bench, "a.test", DNS_TXT);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.count, 30);
	assert_int_equal(bench.queries, 1); /* by UDP */
	bench_done(&bench);
}

static void serve_truncated_always(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, DNS_FLAG_TC, 0, 0, reply);
}

static void what_is_cut_by_tcp_too_is_an_error(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_truncated_always);
	ask(&bench, "a.test", DNS_PTR);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_false(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgeries_are_dropped_without_ending_the_wait),
		cmocka_unit_test(answers_from_elsewhere_do_not_count),
		cmocka_unit_test(silence_is_asked_again_from_other_ports),
		cmocka_unit_test(a_server_that_loses_the_case_is_understood_in_the_end),
		cmocka_unit_test(a_server_that_dislikes_edns_is_asked_without),
		cmocka_unit_test(a_format_error_without_a_question_leads_to_a_try_without_edns),
		cmocka_unit_test(what_does_not_fit_comes_by_tcp),
		cmocka_unit_test(what_is_cut_by_tcp_too_is_an_error),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
