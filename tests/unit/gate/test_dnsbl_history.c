/* SPDX-License-Identifier: ISC */
/*
 * How lists died or lied since 2006, each replayed: a good client a second, in enforce mode, before
 * a list that turns bad and is mended. What has to come out: nobody refused but by a list that
 * says what a working one would say, and that for a minute at most; the list off within a minute;
 * and back after two good tests.
 */
#include "unit.h"

#include "conf/code.h"
#include "fake_dns.h"
#include "gate/gather.h"
#include "gate/sample.h"
#include "known_view.h"
#include "resolve/resolver.h"

enum { BAD_S = 180, MENDED_S = 180, OFF_WITHIN_S = 60, TIMEOUT_MS = 1500, IDLE_TURNS = 5 };
enum { ZONE_REJECT = 0, ZONE_ALLOW = 2 };

static const char reject_zone[] = "bl.history.test";
static const char allow_zone[] = "list.dnswl.org";

/* ---- how lists behave: a value for each name below the zone ---- */

typedef const char *behaviour(const char *name);

static bool is_point(const char *name, const char *point)
{
	return strncmp(name, point, strlen(point)) == 0;
}

static const char *healthy(const char *name)
{
	return is_point(name, "2.0.0.127.") ? "127.0.0.2" : "nxdomain";
}

static const char *wildcard(const char *name)
{
	(void)name;
	return "127.0.0.2";
}

/* What a seller of domains would do who has read RFC 5782. */
static const char *wildcard_that_knows_the_points(const char *name)
{
	return is_point(name, "1.0.0.127.") ? "nxdomain" : "127.0.0.2";
}

static const char *parked(const char *name)
{
	(void)name;
	return "203.0.113.10";
}

static const char *emptied(const char *name)
{
	(void)name;
	return "nxdomain";
}

static const char *silent(const char *name)
{
	(void)name;
	return "silence";
}

static const char *servfail(const char *name)
{
	(void)name;
	return "servfail";
}

static const char *refused(const char *name)
{
	(void)name;
	return "refused";
}

static const char *misspelt(const char *name)
{
	(void)name;
	return "127.255.255.252";
}

static const char *public_resolver(const char *name)
{
	(void)name;
	return "127.255.255.254";
}

static const char *over_quota(const char *name)
{
	(void)name;
	return "127.255.255.255";
}

/* For three names of ten. */
static const char *over_quota_at_times(const char *name)
{
	unsigned sum = 0;

	for (const char *c = name; *c != '\0'; c++)
		sum = sum * 31 + (unsigned char)*c;
	return sum % 10 < 3 ? "127.255.255.255" : healthy(name);
}

static const char *blocked_by_one(const char *name)
{
	(void)name;
	return "127.0.0.1";
}

static const char *allow_quota(const char *name)
{
	(void)name;
	return "127.0.0.255";
}

static const char *trust_for_all(const char *name)
{
	(void)name;
	return "127.0.10.3";
}

/* hostkarma: 127.0.0.1 is "white", and listed under it. */
static const char *white_by_design(const char *name)
{
	return is_point(name, "1.0.0.127.") ? "127.0.0.1" : healthy(name);
}

/* ---- the bench ---- */

static const char *played_zone;
static behaviour *played; /* NULL: healthy */
static bool rewriting;    /* the resolver has an address for each name */

static const char *answer_hook(const char *name, uint16_t type)
{
	size_t len = strlen(name), zone = strlen(played_zone);
	bool below = len > zone && strcasecmp(name + len - zone, played_zone) == 0;
	bool asks_list =
		strcasestr(name, "history.test") != NULL || strcasestr(name, "dnswl.org") != NULL ||
		strcasestr(name, "demo.test") != NULL || strcasestr(name, "other.test") != NULL;
	const char *value = below && played != NULL ? played(name) : healthy(name);
	bool is_error = strcmp(value, "silence") == 0 || strcmp(value, "servfail") == 0 ||
			strcmp(value, "refused") == 0;

	if (type == DNS_A && rewriting)
		return "203.0.113.10";
	if (asks_list && (type == DNS_A || is_error))
		return value;
	return strcasecmp(name, "localhost") == 0 && type == DNS_A ? "127.0.0.1" : "nxdomain";
}

struct replay {
	struct loop *loop;
	struct fake_dns dns;
	struct resolver *resolver;
	struct sample sample;
	struct conf_filter filters[2];
	struct gatherer *gatherer;
	struct view *view;
	unsigned client;
	unsigned heard, idle; /* questions; turns of the loop without one */
	unsigned refused, allowed, held;
	int64_t refused_s; /* when the last was */
};

static void replay_init(struct replay *p)
{
	struct resolver_settings settings = {
		.timeout_ms = TIMEOUT_MS, .tries = 1, .cache_entries = 1000};

	memset(p, 0, sizeof(*p));
	p->loop = loop_new();
	fake_dns_init(&p->dns, p->loop);
	p->dns.hook = answer_hook;
	sample_init(&p->sample);
	p->sample.checks[CHECK_NO_PTR].action = ACTION_OFF;
	p->sample.checks[CHECK_FCRDNS].action = ACTION_OFF;
	assert_int_equal(filter_parse(span_text("127.0.0.2-9"), &p->filters[0], NULL), 0);
	assert_int_equal(filter_parse(span_text("127.0.*.1-3"), &p->filters[1], NULL), 0);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		p->sample.dnsbls[i].codes = &p->filters[i == ZONE_ALLOW];
		p->sample.dnsbls[i].codes_len = 1;
	}
	p->sample.dnsbls[ZONE_REJECT].zone = reject_zone;
	p->sample.dnsbls[ZONE_ALLOW].zone = allow_zone;
	p->view = known_view_new();
	settings.server = p->dns.endpoint;
	p->resolver = resolver_new(p->loop, &settings);
	p->gatherer = gatherer_new(p->loop, p->resolver, &p->sample.conf);
}

static void replay_done(struct replay *p)
{
	gatherer_free(&p->gatherer);
	resolver_free(&p->resolver);
	view_free(&p->view);
	sample_done(&p->sample);
	fake_dns_done(&p->dns);
	loop_free(&p->loop);
}

static void replay_on_done(struct gathering *gathering, void *arg)
{
	(void)gathering;
	loop_stop(((struct replay *)arg)->loop);
}

static void replay_decide(struct replay *p, const struct gathering *gathering)
{
	struct facts *facts = &p->sample.facts;

	gathering_facts(gathering, &p->sample.conf, facts);
	facts_look_up(facts, &p->sample.conf, p->view, 0);
	facts->allowed = FACT_NO;
	verdict_decide(facts, &p->sample.conf, 1, &p->sample.verdict);
	p->allowed += p->sample.verdict.exemption == EXEMPT_FOREIGN;
	p->held += p->sample.verdict.kind == VERDICT_TEMPFAIL;
	if (p->sample.verdict.kind != VERDICT_REFUSE)
		return;
	p->refused++;
	p->refused_s = loop_now_ms(p->loop) / 1000;
}

/* When all that will be answered was, the time of the others is up. */
static void replay_on_turn(struct timer *timer, void *arg)
{
	struct replay *p = arg;

	p->idle = p->dns.queries == p->heard ? p->idle + 1 : 0;
	p->heard = p->dns.queries;
	if (p->idle == IDLE_TURNS) {
		p->idle = 0;
		moving_clock_add(TIMEOUT_MS);
	}
	timer_set(timer, loop_now_ms(p->loop) + 1);
}

/* A client that no list has ever heard of. */
static void replay_client(struct replay *p)
{
	struct gathering *gathering;
	struct timer turn;
	char client[24];

	p->client++;
	snprintf(client, sizeof(client), "45.%u.%u.9", p->client / 250, p->client % 250);
	gathering = gathering_start(
		p->gatherer, &(struct gathering_request){.client = sample_ip(client),
				     .view = p->view,
				     .done = replay_on_done,
				     .arg = p});
	timer_init(&turn, p->loop, replay_on_turn, p);
	timer_set(&turn, loop_now_ms(p->loop) + 1);
	loop_run(p->loop);
	timer_done(&turn);
	replay_decide(p, gathering);
	gathering_free(&gathering);
}

static void replay_on_tick(struct timer *timer, void *arg)
{
	struct replay *p = arg;

	(void)timer;
	loop_stop(p->loop);
}

/* Some time later another client comes. */
static void replay_step(struct replay *p, unsigned seconds)
{
	struct timer timer;

	moving_clock_add(seconds * 1000);
	timer_init(&timer, p->loop, replay_on_tick, p);
	timer_set(&timer, loop_now_ms(p->loop));
	loop_run(p->loop);
	timer_done(&timer);
	replay_client(p);
}

static void replay_pass(struct replay *p, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++)
		replay_step(p, 1);
}

/* ---- the history ---- */

static const struct history {
	const char *name;
	behaviour *turns;
	size_t list;
	enum dnsbl_state ends; /* as what it stands until it is mended */
	enum dnsbl_test test;
	bool refuses; /* for the first minute: its answers are those of a list that works */
} histories[] = {
	{"H1 ORDB: closed in 2006, a wildcard in 2008", wildcard, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_EVERYTHING, true},
	{"H2 DSBL: name servers gone", silent, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_SILENT,
		false},
	{"H3 a hobby list, three years after its end", wildcard, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_EVERYTHING, true},
	{"H4 RFC-Ignorant: emptied", emptied, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_EMPTY,
		false},
	{"H4 RFC-Ignorant: delegated to loopback", servfail, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_SILENT, false},
	{"H5 NJABL: emptied", emptied, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_EMPTY, false},
	{"H6 AHBL: a wildcard, as announced", wildcard, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_EVERYTHING, true},
	{"H7 dul.ru: domain lost", wildcard, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_EVERYTHING,
		true},
	{"H8 SpamCannibal: parked", parked, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_WRONG, false},
	{"H9 Burnt Tech: a seller's wildcard that keeps the test points",
		wildcard_that_knows_the_points, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_NOBODY,
		true},
	{"H10 SpamCop: expired for a day", parked, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_WRONG,
		false},
	{"H11 Spamhaus: zone written wrongly", misspelt, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_MISSPELT, false},
	{"H11 Spamhaus: public resolver", public_resolver, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_PUBLIC, false},
	{"H11 Spamhaus: over quota", over_quota, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_QUOTA,
		false},
	{"H12 dnswl: over quota", allow_quota, ZONE_ALLOW, DNSBL_SUSPENDED, DNSBL_TEST_QUOTA,
		false},
	{"H12 dnswl: high trust for all", trust_for_all, ZONE_ALLOW, DNSBL_SUSPENDED,
		DNSBL_TEST_QUOTA, false},
	{"H13 Validity: unregistered", over_quota, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_QUOTA,
		false},
	{"H14 URIBL: 127.0.0.1 is blocked", blocked_by_one, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_QUOTA, false},
	{"H16 RFC-Clueless: emptied, then gone", emptied, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_EMPTY, false},
	{"H17 SORBS: emptied", emptied, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_EMPTY, false},
	{"H18 NiX Spam: emptied, answering", emptied, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_EMPTY, false},
	{"H20 a default list whose domain expires", parked, ZONE_REJECT, DNSBL_SUSPENDED,
		DNSBL_TEST_WRONG, false},
	{"S: REFUSED", refused, ZONE_REJECT, DNSBL_SUSPENDED, DNSBL_TEST_SILENT, false},
};

/* When the list did what it does at last; relative to its turn. */
static int64_t history_play_bad(struct replay *p, const struct history *h)
{
	int64_t began_s, passed_s = 0, off_s = -1;

	played = h->turns;
	p->refused = 0;
	p->allowed = 0;
	began_s = loop_now_ms(p->loop) / 1000;
	p->refused_s = began_s;
	/* what refuses nobody may stand until the next regular test */
	while (passed_s < BAD_S || (off_s < 0 && passed_s < DNSBL_TEST_EVERY_MS / 1000 + BAD_S)) {
		replay_step(p, h->refuses ? 1 : 5);
		passed_s = loop_now_ms(p->loop) / 1000 - began_s;
		if (off_s < 0 &&
			dnsbl_health_state(gatherer_health(p->gatherer, h->list)) == h->ends)
			off_s = passed_s;
	}
	assert_true(off_s >= 0);
	if (h->refuses)
		assert_true(off_s <= OFF_WITHIN_S);
	return p->refused_s - began_s;
}

static void history_replay(const struct history *h)
{
	struct replay replay;
	const struct dnsbl_health *health;
	int64_t refused_after_s;

	print_message("  %s\n", h->name);
	played = NULL;
	played_zone = h->list == ZONE_ALLOW ? allow_zone : reject_zone;
	replay_init(&replay);
	replay_pass(&replay, 5);
	health = gatherer_health(replay.gatherer, h->list);
	assert_int_equal(dnsbl_health_state(health), DNSBL_HEALTHY);
	assert_int_equal(replay.refused + replay.allowed, 0);

	refused_after_s = history_play_bad(&replay, h);
	assert_int_equal(health->last_test, h->test);
	assert_int_equal(replay.allowed, 0);
	assert_int_equal(replay.held, 0);
	if (h->refuses)
		assert_true(replay.refused != 0 && refused_after_s <= OFF_WITHIN_S);
	else
		assert_int_equal(replay.refused, 0);
	assert_int_equal(dnsbl_health_state(gatherer_health(replay.gatherer, 1)), DNSBL_HEALTHY);

	played = NULL;
	replay.refused = 0;
	for (int i = 0; i < MENDED_S / 5; i++)
		replay_step(&replay, 5);
	assert_int_equal(dnsbl_health_state(health), DNSBL_HEALTHY);
	assert_int_equal(replay.refused, 0);
	replay_done(&replay);
}

static void every_death_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(histories); i++)
		history_replay(&histories[i]);
}

static void a_quota_now_and_then_is_never_a_listing(void **state)
{
	struct replay replay;

	(void)state;
	played = over_quota_at_times;
	played_zone = reject_zone;
	replay_init(&replay);
	replay_pass(&replay, BAD_S);
	assert_int_equal(replay.refused, 0);
	assert_int_equal(replay.held, 0);
	replay_done(&replay);
}

static void h15_a_list_that_breaks_a_rule_by_design(void **state)
{
	struct replay replay;

	(void)state;
	played = white_by_design;
	played_zone = reject_zone;
	replay_init(&replay);
	replay.sample.dnsbls[ZONE_REJECT].skips_clean = true;
	replay.sample.dnsbls[ZONE_REJECT].has_one = true;
	replay_pass(&replay, BAD_S);
	assert_int_equal(
		dnsbl_health_state(gatherer_health(replay.gatherer, ZONE_REJECT)), DNSBL_HEALTHY);
	assert_int_equal(replay.refused, 0);
	replay_done(&replay);
}

/* Whatever it answers just now. */
static void a_list_that_ended_long_ago_is_suspended_from_the_start(void **state)
{
	struct replay replay;
	const struct dnsbl_health *health;

	(void)state;
	played = emptied;
	played_zone = "dnsbl.sorbs.net";
	replay_init(&replay);
	gatherer_free(&replay.gatherer);
	replay.sample.dnsbls[ZONE_REJECT].zone = played_zone;
	replay.gatherer = gatherer_new(replay.loop, replay.resolver, &replay.sample.conf);
	health = gatherer_health(replay.gatherer, ZONE_REJECT);
	assert_int_equal(dnsbl_health_state(health), DNSBL_SUSPENDED);
	assert_string_equal(dnsbl_test_text(health->last_test), "is known to have ended");
	replay_pass(&replay, 5);
	assert_int_equal(dnsbl_health_state(health), DNSBL_SUSPENDED);
	assert_int_equal(health->last_test, DNSBL_TEST_EMPTY);
	replay_done(&replay);
}

static void h19_a_resolver_that_rewrites_is_named(void **state)
{
	struct replay replay;

	(void)state;
	played = NULL;
	played_zone = reject_zone;
	rewriting = true;
	replay_init(&replay);
	replay_pass(&replay, BAD_S);
	assert_int_equal(replay.refused, 0);
	assert_int_equal(gatherer_lists_reach(replay.gatherer), LISTS_REWRITTEN);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		assert_int_equal(
			dnsbl_health_state(gatherer_health(replay.gatherer, i)), DNSBL_SUSPENDED);
	rewriting = false;
	replay_pass(&replay, MENDED_S);
	assert_int_equal(gatherer_lists_reach(replay.gatherer), LISTS_REACHED);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		assert_int_equal(
			dnsbl_health_state(gatherer_health(replay.gatherer, i)), DNSBL_HEALTHY);
	replay_done(&replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_death_is_survived),
		cmocka_unit_test(a_quota_now_and_then_is_never_a_listing),
		cmocka_unit_test(h15_a_list_that_breaks_a_rule_by_design),
		cmocka_unit_test(a_list_that_ended_long_ago_is_suspended_from_the_start),
		cmocka_unit_test(h19_a_resolver_that_rewrites_is_named),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
