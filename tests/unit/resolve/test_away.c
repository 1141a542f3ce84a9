/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "resolve/resolver_bench.h"

/* ---- a resolver that is away ---- */

static void stop_loop(void *arg)
{
	struct bench *bench = arg;

	loop_stop(bench->loop);
}

static void nobody_asks_while_it_is_down_and_nobody_has_to_for_it_to_come_back(void **state)
{
	struct bench bench;
	char name[16];
	uint64_t before;

	(void)state;
	bench_init(&bench, serve_nothing);
	bench.wanted = RESOLVER_DOWN_AFTER;
	for (unsigned i = 0; i < RESOLVER_DOWN_AFTER; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		ask(&bench, name, DNS_A);
	}
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	/* the names' servers may be the silent ones: the resolver is asked for a name of its own
	 * first */
	assert_false(resolver_is_down(bench.resolver));
	bench.wanted = 1; /* who comes now does not wait to the end of his own question */
	ask(&bench, "late.test", DNS_A);
	run(&bench);
	assert_true(resolver_is_down(bench.resolver));
	assert_int_equal(bench.last.status, RESOLVER_UNASKED);

	bench.wanted = 10;
	before = resolver_stats(bench.resolver).sent;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "m%u.test", i);
		ask(&bench, name, DNS_A);
	}
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_UNASKED);
	assert_true(resolver_stats(bench.resolver).sent - before <= 2); /* looks, if anything */

	bench.serve = serve_listed;
	resolver_on_change(bench.resolver, stop_loop, &bench);
	moving_clock_add(TIMEOUT_MS);
	loop_run(bench.loop);
	assert_false(resolver_is_down(bench.resolver));
	assert_true(resolver_stats(bench.resolver).sent - before <= 2); /* for names of its own */
	bench_done(&bench);
}

/* What a stranger's dead zones look like: the resolver waits for them for longer than we do. */
static void serve_what_it_knows(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	char text[DNS_NAME_TEXT_SIZE];

	if (strcasestr(dns_name_print(&query->name, text), ".dead.test") == NULL)
		serve_listed(bench, query, reply);
	else
		serve_nothing(bench, query, reply);
}

/* What is still on its way from the dead ones passes without time passing. */
static void serve_what_it_knows_at_once(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	char text[DNS_NAME_TEXT_SIZE];

	if (strcasestr(dns_name_print(&query->name, text), ".dead.test") == NULL)
		serve_listed(bench, query, reply);
}

static void dead_zones_of_strangers_do_not_switch_dns_off(void **state)
{
	struct bench bench;
	char name[24];

	(void)state;
	bench_init(&bench, serve_what_it_knows);
	for (unsigned round = 0; round < 3; round++) {
		bench.serve = serve_what_it_knows;
		bench.wanted = RESOLVER_DOWN_AFTER * 2;
		for (unsigned i = 0; i < RESOLVER_DOWN_AFTER * 2; i++) {
			snprintf(name, sizeof(name), "n%u-%u.dead.test", round, i);
			ask(&bench, name, DNS_A);
		}
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_FAILED);
		assert_false(resolver_is_down(bench.resolver));
		bench.serve = serve_what_it_knows_at_once;
		bench.wanted = 2; /* questions of others go out as ever, side by side */
		snprintf(name, sizeof(name), "m%u.list.test", round);
		ask(&bench, name, DNS_A);
		snprintf(name, sizeof(name), "n%u.list.test", round);
		ask(&bench, name, DNS_A);
		run(&bench);
		assert_int_equal(bench.found, 2 * (round + 1));
		assert_false(resolver_is_down(bench.resolver));
	}
	bench_done(&bench);
}

/* A busy machine takes its time to say that nobody listens. */
enum { NEWS_MS = 250 };

static void time_passes(struct timer *timer, void *arg)
{
	(void)arg;
	moving_clock_add(TIMEOUT_MS);
	timer_set(timer, loop_now_ms(timer->loop) + TIMEOUT_MS + NEWS_MS);
}

/* Nobody listens there, and nobody else can take the port: a connected socket hears its peer only.
 */
static void deafen(struct bench *bench)
{
	const struct sockaddr_in elsewhere = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x7f000002)};

	watch_free(&bench->watch);
	assert_int_equal(
		connect(bench->fd, (const struct sockaddr *)&elsewhere, sizeof(elsewhere)), 0);
}

static void a_resolver_that_is_not_running_is_down_after_one_question(void **state)
{
	struct bench bench;
	struct timer timer;

	(void)state;
	bench_init(&bench, serve_listed);
	deafen(&bench);
	ask(&bench, "a.test", DNS_A);
	timer_init(&timer, bench.loop, time_passes, NULL);
	timer_set(&timer, loop_now_ms(bench.loop) + NEWS_MS);
	run(&bench);
	timer_done(&timer);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_true(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

/* ---- shares, and what this machine has not ---- */

static void ask_for(struct bench *bench, const char *client, const char *text)
{
	struct dns_name name = name_of(text);
	struct ip ip;

	assert_int_equal(ip_parse(span_text(client), &ip), 0);
	resolver_ask(bench->resolver,
		&(struct resolver_question){.name = &name, .type = DNS_A, .client = &ip}, on_answer,
		bench);
}

static void a_network_has_a_share_of_the_places(void **state)
{
	struct bench bench;
	char name[24], client[40];

	(void)state;
	bench_init(&bench, serve_listed);
	for (unsigned i = 0; i < 3 * QUESTIONS; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		snprintf(client, sizeof(client), "2001:db8:0:%x::1", i); /* one /48 */
		ask_for(&bench, client, name);
	}
	assert_in_range(resolver_stats(bench.resolver).sent, QUESTIONS / 8, QUESTIONS / 2);
	assert_int_equal(
		resolver_stats(bench.resolver).unasked + resolver_stats(bench.resolver).sent,
		3 * QUESTIONS);
	ask_for(&bench, "2001:db8:1::1", "another.test");
	bench.wanted = 3 * QUESTIONS + 1;
	run(&bench);
	assert_int_equal(bench.found, resolver_stats(bench.resolver).sent);
	assert_int_equal(bench.found + resolver_stats(bench.resolver).unasked, bench.wanted);
	bench_done(&bench);
}

static void a_shortage_here_says_nothing_of_the_resolver(void **state)
{
	struct rlimit limit, less;
	struct bench bench;
	struct timer timer;
	char name[16];

	(void)state;
	bench_init(&bench, serve_listed);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = (struct rlimit){(rlim_t)bench.tcp_fd + 1, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	timer_init(&timer, bench.loop, time_passes, NULL);
	timer_set(&timer, loop_now_ms(bench.loop) + NEWS_MS);
	for (unsigned i = 0; i < 2 * RESOLVER_DOWN_AFTER; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		ask(&bench, name, DNS_A);
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_UNASKED);
	}
	assert_false(resolver_is_down(bench.resolver));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	timer_done(&timer);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	bench_done(&bench);
}

static void cancel_the_other(const struct resolver_answer *answer, void *arg)
{
	struct resolver_query **other = arg;

	(void)answer;
	resolver_cancel(other);
}

static void a_callback_may_cancel_its_neighbour(void **state)
{
	struct bench bench;
	struct dns_name name = name_of("a.test");
	struct resolver_query *first;
	struct resolver_query *second;

	(void)state;
	bench_init(&bench, serve_listed);
	bench.wanted = 1;
	first = resolver_ask(bench.resolver,
		&(struct resolver_question){.name = &name, .type = DNS_A}, on_answer, &bench);
	second = resolver_ask(bench.resolver,
		&(struct resolver_question){.name = &name, .type = DNS_A}, cancel_the_other,
		&first);
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_null(first);
	assert_non_null(second);
	assert_int_equal(bench.answers, 1);
	bench_done(&bench);
}

static void freeing_the_resolver_forgets_what_is_under_way(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	ask(&bench, "a.test", DNS_A); /* ready, not called back yet */
	ask(&bench, "b.test", DNS_A); /* under way */
	bench.answers = 0;
	bench_done(&bench);
	assert_int_equal(bench.answers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nobody_asks_while_it_is_down_and_nobody_has_to_for_it_to_come_back),
		cmocka_unit_test(dead_zones_of_strangers_do_not_switch_dns_off),
		cmocka_unit_test(a_network_has_a_share_of_the_places),
		cmocka_unit_test(a_shortage_here_says_nothing_of_the_resolver),
		cmocka_unit_test(a_resolver_that_is_not_running_is_down_after_one_question),
		cmocka_unit_test(a_callback_may_cancel_its_neighbour),
		cmocka_unit_test(freeing_the_resolver_forgets_what_is_under_way),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
