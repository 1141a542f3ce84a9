/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "resolve/resolver_bench.h"

/* ---- a resolver that is away ---- */

static void when_the_resolver_is_down_only_one_question_tries(void **state)
{
	struct bench bench;
	char name[16];
	uint64_t sent;

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
	while (!resolver_is_down(bench.resolver)) {
		bench.wanted = 1;
		ask(&bench, "one-more.test", DNS_A);
		run(&bench);
	}

	sent = resolver_stats(bench.resolver).sent;
	bench.wanted = 10;
	bench.serve = serve_listed;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "m%u.test", i);
		ask(&bench, name, DNS_A);
	}
	run(&bench);
	assert_int_equal(resolver_stats(bench.resolver).sent - sent, 1);
	assert_int_equal(bench.found, 1); /* the one that tried */
	assert_false(resolver_is_down(bench.resolver));
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

/* Whoever asks for names in dead zones holds the one place there is while the resolver is down. */
static void dead_zones_do_not_keep_dns_switched_off(void **state)
{
	struct bench bench;
	char name[24];

	(void)state;
	bench_init(&bench, serve_nothing);
	for (unsigned i = 0; !resolver_is_down(bench.resolver); i++) {
		bench.wanted = 1;
		snprintf(name, sizeof(name), "n%u.test", i);
		ask(&bench, name, DNS_A);
		run(&bench);
	}
	bench.serve = serve_what_it_knows;
	for (unsigned i = 0; i < 1000 && resolver_is_down(bench.resolver); i++) {
		bench.wanted = 1; /* the first one is asked for, the others hear what it came to */
		ask(&bench, "m.dead.test", DNS_A);
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_FAILED);
	}
	assert_false(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

static void time_passes(struct timer *timer, void *arg)
{
	(void)arg;
	moving_clock_add(TIMEOUT_MS);
	timer_set(timer, loop_now_ms(timer->loop) + TIMEOUT_MS + 1);
}

static void a_resolver_that_is_not_running_is_down_after_one_question(void **state)
{
	struct bench bench;
	struct timer timer;

	(void)state;
	bench_init(&bench, serve_listed);
	watch_free(&bench.watch);
	close(bench.fd);
	ask(&bench, "a.test", DNS_A);
	timer_init(&timer, bench.loop, time_passes, NULL);
	timer_set(&timer, loop_now_ms(bench.loop) + 1);
	run(&bench);
	timer_done(&timer);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_true(resolver_is_down(bench.resolver));
	bench.fd = dup(bench.tcp_fd); /* for bench_done */
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
	first = resolver_ask(
		bench.resolver, &(struct resolver_question){&name, DNS_A}, on_answer, &bench);
	second = resolver_ask(bench.resolver, &(struct resolver_question){&name, DNS_A},
		cancel_the_other, &first);
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
		cmocka_unit_test(when_the_resolver_is_down_only_one_question_tries),
		cmocka_unit_test(dead_zones_of_strangers_do_not_switch_dns_off),
		cmocka_unit_test(dead_zones_do_not_keep_dns_switched_off),
		cmocka_unit_test(a_resolver_that_is_not_running_is_down_after_one_question),
		cmocka_unit_test(a_callback_may_cancel_its_neighbour),
		cmocka_unit_test(freeing_the_resolver_forgets_what_is_under_way),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
