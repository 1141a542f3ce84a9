/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/code.h"
#include "fake_dns.h"
#include "gate/gather.h"
#include "gate/sample.h"
#include "known_view.h"
#include "list/snapshot_write.h"
#include "resolve/resolver.h"

/* Gatherings against a name server in the same loop; its silence moves the clock. */
enum { WAIT_MS = 3600000 };

struct bench {
	struct loop *loop;
	struct fake_dns dns;
	struct resolver *resolver;
	struct sample sample;
	struct conf_filter code;
	struct gatherer *gatherer;
	struct view *view;
	struct gathering *gathering;
	size_t questions; /* of the resolver, at once; 0: as many as it likes */
	unsigned done;
	unsigned wanted;
};

static void bench_zone(struct bench *bench, const char *zone)
{
	static char names[32][64];
	static unsigned used;
	char *name = names[used++ % COUNTOF(names)];

	snprintf(name, sizeof(names[0]), "2.0.0.127.%s", zone);
	fake_dns_add(&bench->dns, name, DNS_A, "127.0.0.2");
}

/* What sample.h says of the client, in DNS. */
static void bench_good_client(struct bench *bench)
{
	fake_dns_add(&bench->dns, "7.2.0.192.in-addr.arpa", DNS_PTR, "mail.good.test");
	fake_dns_add(&bench->dns, "mail.good.test", DNS_A, "192.0.2.7");
}

static void bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->loop = loop_new();
	fake_dns_init(&bench->dns, bench->loop);
	bench->dns.silence_ms = WAIT_MS;
	sample_init(&bench->sample);
	assert_int_equal(filter_parse(span_text("127.0.0.2-9"), &bench->code, NULL), 0);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		bench->sample.dnsbls[i].codes = &bench->code;
		bench->sample.dnsbls[i].codes_len = 1;
		bench_zone(bench, bench->sample.dnsbls[i].zone);
	}
	bench->view = known_view_new();
	bench->wanted = 1;
}

static void bench_start(struct bench *bench)
{
	struct resolver_settings settings = {.server = bench->dns.endpoint,
		.timeout_ms = WAIT_MS,
		.tries = 1,
		.cache_entries = 1000,
		.questions = bench->questions};

	bench->resolver = resolver_new(bench->loop, &settings);
	bench->gatherer = gatherer_new(bench->loop, bench->resolver, &bench->sample.conf);
}

static void bench_done(struct bench *bench)
{
	gathering_free(&bench->gathering);
	gatherer_free(&bench->gatherer);
	resolver_free(&bench->resolver);
	view_free(&bench->view);
	sample_done(&bench->sample);
	fake_dns_done(&bench->dns);
	loop_free(&bench->loop);
}

static void on_done(struct gathering *gathering, void *arg)
{
	struct bench *bench = arg;

	assert_true(gathering_is_complete(gathering));
	if (++bench->done == bench->wanted)
		loop_stop(bench->loop);
}

static struct gathering *bench_gathering(struct bench *bench, const char *client)
{
	return gathering_start(
		bench->gatherer, &(struct gathering_request){.client = sample_ip(client),
					 .view = bench->view,
					 .done = on_done,
					 .arg = bench});
}

/* Gathers for one client and fills the sample's facts. */
static void bench_gather(struct bench *bench, const char *client)
{
	struct facts *facts = &bench->sample.facts;

	gathering_free(&bench->gathering);
	bench->done = 0;
	bench->gathering = bench_gathering(bench, client);
	assert_int_equal(bench->done, 0);
	assert_false(gathering_is_complete(bench->gathering));
	loop_run(bench->loop);
	assert_int_equal(bench->done, 1);
	gathering_facts(bench->gathering, &bench->sample.conf, facts);
	facts_look_up(facts, &bench->sample.conf, bench->view, 0);
}

static void pass_second(struct timer *timer, void *arg)
{
	struct bench *bench = arg;

	moving_clock_add(1000);
	if (--bench->wanted == 0)
		loop_stop(bench->loop);
	timer_set(timer, loop_now_ms(bench->loop) + 1);
}

static void bench_pass(struct bench *bench, unsigned seconds)
{
	struct timer timer;

	bench->wanted = seconds;
	timer_init(&timer, bench->loop, pass_second, bench);
	timer_set(&timer, loop_now_ms(bench->loop) + 1);
	loop_run(bench->loop);
	timer_done(&timer);
	bench->wanted = 1;
}

static void a_good_client_has_a_confirmed_name_and_stands_on_no_list(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	bench_good_client(&bench);
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7");
	assert_int_equal(facts->ptr, FACT_YES);
	assert_true(span_equal_text(facts->ptr_name, "mail.good.test"));
	assert_int_equal(facts->confirmed, FACT_YES);
	assert_true(span_equal_text(facts->confirmed_name, "mail.good.test"));
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		assert_true(facts->dnsbls[i].asked);
		assert_false(facts->dnsbls[i].list_error);
		assert_int_equal(facts->dnsbls[i].state, FACT_NO);
	}
	bench_done(&bench);
}

static void a_listed_client_without_a_name(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "9.2.0.192.k3y.bl.demo.test", DNS_A,
		"127.0.0.77"); /* no code of ours */
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(facts->ptr, FACT_NO);
	assert_int_equal(facts->confirmed, FACT_NO);
	assert_int_equal(facts->dnsbls[0].state, FACT_NO);
	assert_int_equal(facts->dnsbls[1].state, FACT_YES);
	assert_int_equal(facts->dnsbls[1].hit.code[3], 4);
	assert_int_equal(gatherer_health(bench.gatherer, 0)->unnamed.answers, 1);
	assert_int_equal(gatherer_health(bench.gatherer, 0)->unnamed.codes[0][3], 77);
	assert_int_equal(gatherer_health(bench.gatherer, 1)->unnamed.answers, 0);
	bench_done(&bench);
}

static void names_that_do_not_point_back(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, "mail.big.test");
	fake_dns_add(&bench.dns, "mail.big.test", DNS_A, "192.0.2.10");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(facts->ptr, FACT_YES);
	assert_int_equal(facts->confirmed, FACT_NO);
	assert_true(span_equal_text(facts->ptr_name, "mail.big.test"));
	bench_done(&bench);
}

static void the_second_name_may_point_back(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, "one.test");
	fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, "two.test");
	fake_dns_add(&bench.dns, "one.test", DNS_A, "servfail");
	fake_dns_add(&bench.dns, "two.test", DNS_A, "192.0.2.9");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(facts->confirmed, FACT_YES);
	assert_true(span_equal_text(facts->confirmed_name, "two.test"));
	bench_done(&bench);
}

static void dns_trouble_is_temporary(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, "servfail");
	fake_dns_add(&bench.dns, "8.2.0.192.in-addr.arpa", DNS_PTR, "one.test");
	fake_dns_add(&bench.dns, "one.test", DNS_A, "silence");
	fake_dns_add(&bench.dns, "8.2.0.192.bl.other.test", DNS_A, "refused");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(facts->ptr, FACT_TEMPORARY);
	assert_int_equal(facts->confirmed, FACT_TEMPORARY);
	bench_gather(&bench, "192.0.2.8");
	assert_int_equal(facts->ptr, FACT_YES);
	assert_int_equal(facts->confirmed, FACT_TEMPORARY);
	assert_int_equal(facts->dnsbls[1].state, FACT_TEMPORARY);
	bench_done(&bench);
}

static void all_names_that_point_back_count_in_their_order(void **state)
{
	static char names[30][24];
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	for (size_t i = 0; i < COUNTOF(names); i++) {
		snprintf(names[i], sizeof(names[i]), "h%zu.test", i);
		fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, names[i]);
	}
	fake_dns_add(&bench.dns, "h3.test", DNS_A, "192.0.2.9");
	fake_dns_add(&bench.dns, "h12.test", DNS_A, "servfail");
	fake_dns_add(&bench.dns, "h29.test", DNS_A, "192.0.2.9");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(facts->names_len, COUNTOF(names));
	assert_true(span_equal_text(facts->ptr_name, "h0.test"));
	assert_int_equal(facts->confirmed, FACT_YES);
	assert_true(span_equal_text(facts->confirmed_name, "h3.test"));
	assert_int_equal(facts->names[3].confirmed, FACT_YES);
	assert_int_equal(facts->names[12].confirmed, FACT_TEMPORARY);
	assert_int_equal(facts->names[28].confirmed, FACT_NO);
	assert_int_equal(facts->names[29].confirmed, FACT_YES);
	bench_done(&bench);
}

/* D2: whoever owns the reverse zone would choose how much we ask at once. */
static void names_are_asked_for_in_turn_and_only_host_names(void **state)
{
	static char names[40][24];
	struct bench bench;
	unsigned before;

	(void)state;
	bench_init(&bench);
	bench.dns.silence_ms = 0;
	for (size_t i = 0; i < COUNTOF(names); i++) {
		snprintf(names[i], sizeof(names[i]), "h%zu.test", i);
		fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, names[i]);
	}
	fake_dns_add(&bench.dns, "8.2.0.192.in-addr.arpa", DNS_PTR, "<script>.a\\010b.test");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	before = bench.dns.queries;
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(bench.dns.queries - before, 1 + RESOLVER_RECORDS_MAX + SAMPLE_DNSBLS);
	assert_int_equal(bench.sample.facts.confirmed, FACT_NO);
	before = bench.dns.queries;
	bench_gather(&bench, "192.0.2.8");
	assert_int_equal(bench.dns.queries - before, 1 + SAMPLE_DNSBLS);
	assert_int_equal(bench.sample.facts.confirmed, FACT_NO);
	assert_true(span_equal_text(bench.sample.facts.ptr_name, "<script>.a\\010b.test"));
	bench_done(&bench);
}

static void stop_soon(struct timer *timer, void *arg)
{
	struct bench *bench = arg;

	if (bench->dns.queries >= bench->wanted)
		loop_stop(bench->loop);
	timer_set(timer, loop_now_ms(bench->loop) + 20);
}

static void names_in_a_dead_zone_take_two_places(void **state)
{
	static char names[20][24];
	struct bench bench;
	struct timer timer;
	unsigned before;

	(void)state;
	bench_init(&bench);
	bench.dns.silence_ms = 0;
	for (size_t i = 0; i < COUNTOF(names); i++) {
		snprintf(names[i], sizeof(names[i]), "h%zu.dead.test", i);
		fake_dns_add(&bench.dns, "9.2.0.192.in-addr.arpa", DNS_PTR, names[i]);
		fake_dns_add(&bench.dns, names[i], DNS_A, "silence");
	}
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	before = bench.dns.queries;
	bench.wanted = before + 1 + SAMPLE_DNSBLS + 2;
	gathering_free(&bench.gathering);
	bench.gathering = bench_gathering(&bench, "192.0.2.9");
	timer_init(&timer, bench.loop, stop_soon, &bench);
	timer_set(&timer, 0);
	loop_run(bench.loop);
	loop_run(bench.loop); /* and nothing comes behind them */
	timer_done(&timer);
	assert_int_equal(bench.dns.queries, bench.wanted);
	bench_done(&bench);
}

static void ipv6_clients_are_asked_as_such(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;
	const char *reversed = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
	char ptr[128];
	char zone[128];

	(void)state;
	bench_init(&bench);
	snprintf(ptr, sizeof(ptr), "%s.ip6.arpa", reversed);
	snprintf(zone, sizeof(zone), "%s.bl.other.test", reversed);
	fake_dns_add(&bench.dns, ptr, DNS_PTR, "six.test");
	fake_dns_add(&bench.dns, "six.test", DNS_AAAA, "2001:db8::1");
	fake_dns_add(&bench.dns, zone, DNS_A, "127.0.0.2");
	bench_start(&bench);
	bench_gather(&bench, "2001:db8::1");
	assert_int_equal(facts->confirmed, FACT_YES);
	assert_int_equal(facts->dnsbls[1].state, FACT_YES);
	bench_done(&bench);
}

/* ---- quota and privacy ---- */

/* An entry of a list of one sublist; source NULL: none. */
struct listed {
	const char *source;
	int64_t until_s;
	const char *reason;
};

enum { LISTED_MOST = 2 };

static struct view *view_with_entries(const char *list, const struct listed entries[LISTED_MOST])
{
	static unsigned serial;
	struct span sublist = span_text("manual");
	struct snapshot_writer *writer = snapshot_writer_new(++serial, 1);
	struct view *view = NULL;
	char path[64];
	int place = snapshot_writer_add_list(writer, span_text(list), &sublist, 1);

	assert_true(place >= 0);
	for (size_t i = 0; i < LISTED_MOST && entries[i].source != NULL; i++) {
		struct list_entry entry = {
			.until_s = entries[i].until_s, .reason = span_text(entries[i].reason)};

		assert_int_equal(
			source_parse(span_text(entries[i].source), &entry.source, NULL), 0);
		assert_int_equal(snapshot_writer_add(writer, place, &entry), 0);
	}
	snprintf(path, sizeof(path), "/tmp/stockade-gather-%d-%u.snap", (int)getpid(), serial);
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	return view;
}

static struct view *view_with(const char *list, const char *source)
{
	return view_with_entries(list, (const struct listed[LISTED_MOST]){{source, 0, "because"}});
}

static void foreign_lists_hear_nothing_of_own_private_and_allowed_clients(void **state)
{
	static const char *const clients[] = {"10.0.0.1", "192.168.1.1", "192.0.2.9"};
	struct bench bench;

	(void)state;
	bench_init(&bench);
	view_free(&bench.view);
	bench.view = view_with("allow", "192.0.2.9");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	for (size_t i = 0; i < COUNTOF(clients); i++) {
		unsigned before = bench.dns.queries;

		bench_gather(&bench, clients[i]);
		assert_int_equal(
			bench.dns.queries - before, 1); /* the PTR, which is told to the backend */
		for (size_t j = 0; j < SAMPLE_DNSBLS; j++)
			assert_false(bench.sample.facts.dnsbls[j].asked);
	}
	assert_int_equal(bench.sample.facts.allowed, FACT_YES);
	bench_done(&bench);
}

static void our_lists_are_found_by_address_and_by_name(void **state)
{
	struct name_fact names[] = {{span_text("static.hoster.test"), FACT_YES},
		{span_text("mail.good.test"), FACT_NO}};
	struct bench bench;
	struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	view_free(&bench.view);
	bench.view = view_with("main", "192.0.2.0/24");
	facts->client = sample_ip("192.0.2.77");
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->list_hits_len, 1);
	assert_string_equal(facts->list_hits[0].list->name, "main");
	assert_string_equal(facts->list_hits[0].sublist->name, "manual");
	assert_true(span_equal_text(facts->list_hits[0].reason, "because"));

	view_free(&bench.view);
	bench.view = view_with("names", ".bad.test");
	facts->helo = span_text("Mail.BAD.test");
	facts->sender = span_text("a@bad.test");
	facts->names = &(struct name_fact){span_text("mail.bad.test"), FACT_NO};
	facts->names_len = 1;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(
		facts->list_hits_len, 2); /* HELO and sender; the PTR name is the HELO name */
	assert_true(span_equal_text(facts->list_hits[0].domain, "Mail.BAD.test"));

	facts->names_len = 0;
	facts->ptr = FACT_TEMPORARY;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_true(facts->names_may_be_listed);
	assert_int_equal(facts->allowed, FACT_NO); /* nobody is, by name */

	view_free(&bench.view);
	bench.view = view_new_empty();
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_false(facts->lists_known);
	assert_int_equal(facts->allowed, FACT_UNKNOWN);

	view_free(&bench.view);
	facts->ptr = FACT_YES;
	bench.view = view_with("allow", ".good.test");
	facts->helo = facts->sender = (struct span){0};
	facts->names = names;
	facts->names_len = COUNTOF(names);
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_NO); /* anybody can claim a name */
	names[1].confirmed = FACT_TEMPORARY;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_UNKNOWN);
	facts->names_len = 1; /* the one that is not allowed */
	facts->ptr = FACT_YES;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_NO);
	facts->names_len = 0; /* it might have any */
	facts->ptr = FACT_TEMPORARY;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_UNKNOWN);
	assert_false(facts->names_may_be_listed);
	facts->names_len = COUNTOF(names);
	facts->ptr = FACT_YES;
	names[1].confirmed = FACT_YES;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_YES);
	assert_int_equal(facts->list_hits_len, 0);
	bench.resolver = NULL;
	bench_done(&bench);
}

/* While the keeper is away nobody takes it off. */
static void what_is_over_hides_nothing_and_takes_no_place(void **state)
{
	static const struct listed allowed[LISTED_MOST] = {
		{"192.0.2.77", 100, "address"}, {".good.test", 0, "name"}};
	static const struct listed listed[LISTED_MOST] = {{"192.0.2.77", 100, "once"}};
	struct name_fact name = {span_text("mail.good.test"), FACT_TEMPORARY};
	struct bench bench;
	struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	view_free(&bench.view);
	bench.view = view_with_entries("allow", allowed);
	facts->client = sample_ip("192.0.2.77");
	facts->names = &name;
	facts->names_len = 1;
	facts_look_up(facts, &bench.sample.conf, bench.view, 99);
	assert_int_equal(facts->allowed, FACT_YES);
	facts_look_up(facts, &bench.sample.conf, bench.view, 100);
	assert_int_equal(facts->allowed, FACT_UNKNOWN);
	name.confirmed = FACT_NO;
	facts_look_up(facts, &bench.sample.conf, bench.view, 100);
	assert_int_equal(facts->allowed, FACT_NO);
	view_free(&bench.view);
	bench.view = view_with_entries("main", listed);
	facts_look_up(facts, &bench.sample.conf, bench.view, 99);
	assert_int_equal(facts->list_hits_len, 1);
	facts_look_up(facts, &bench.sample.conf, bench.view, 100);
	assert_int_equal(facts->list_hits_len, 0);
	bench_done(&bench);
}

static void the_allowance_that_lasts_longest_counts(void **state)
{
	static const struct {
		int64_t address_s, name_s, until_s; /* 0: for ever */
		const char *reason;
	} rows[] = {{0, 100, 0, "address"}, {100, 0, 0, "name"}, {100, 200, 200, "name"},
		{200, 100, 200, "address"}, {100, 100, 100, "address"}};
	struct name_fact name = {span_text("mail.good.test"), FACT_YES};
	struct bench bench;
	struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		view_free(&bench.view);
		bench.view = view_with_entries(
			"allow", (const struct listed[LISTED_MOST]){
					 {"192.0.2.77", rows[i].address_s, "address"},
					 {".good.test", rows[i].name_s, "name"}});
		facts->client = sample_ip("192.0.2.77");
		facts->names = &name;
		facts->names_len = 1;
		facts_look_up(facts, &bench.sample.conf, bench.view, 0);
		assert_int_equal(facts->allowed, FACT_YES);
		assert_int_equal(facts->allow_until_s, rows[i].until_s);
		assert_true(span_equal_text(facts->allow_reason, rows[i].reason));
	}
	name.confirmed = FACT_TEMPORARY; /* the address is allowed whatever DNS tells */
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_YES);
	facts->client = sample_ip("192.0.2.78");
	name.name = span_text("mail.other.test"); /* nor is this name allowed, confirmed or not */
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->allowed, FACT_NO);
	assert_int_equal(facts->allow_until_s, 0);
	assert_int_equal(facts->allow_reason.len, 0);
	bench_done(&bench);
}

static void names_are_folded_as_lists_hold_them(void **state)
{
	char text[DOMAIN_SIZE], longest[DOMAIN_SIZE + 1];
	struct sample sample;
	struct span folded;
	const struct {
		struct span name;
		const char *folded; /* NULL: no list could hold it */
	} rows[] = {
		{span_text("Mail.GOOD.test"), "mail.good.test"},
		{span_text("mail.good.test."), "mail.good.test"},
		{span_text("b\xc3\xbc"
			   "cher.example."),
			"xn--bcher-kva.example"},
		{span_text("\x80.test"), NULL},
		{span_text("bad.\xff"), NULL},
		{span_text(""), NULL},
		{span_text("."), NULL},
		{span_text(".good.test"), NULL},
		{span_text("[192.0.2.1]"), NULL},
		{span_of(longest, DOMAIN_SIZE - 1), ""},
		{span_of(longest, DOMAIN_SIZE), NULL},
	};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		bool is_folded = domain_fold(rows[i].name, text, &folded);

		assert_int_equal(is_folded, rows[i].folded != NULL);
		if (is_folded && rows[i].folded[0] != '\0')
			assert_true(span_equal_text(folded, rows[i].folded));
	}
	sample_init(&sample);
	assert_false(facts_list_has_names(&sample.lists[0]));
	assert_true(facts_list_has_names(&sample.lists[1]));
	assert_true(facts_list_has_names(&sample.lists[2])); /* "allow" */
	sample_done(&sample);
}

/* How many of so many hits are told, and which. */
static void of_many_hits_the_strongest_and_first_are_kept(void **state)
{
	struct conf_list lists[FACTS_LIST_HITS_MAX + 1];
	struct bench bench;
	struct facts *facts = &bench.sample.facts;

	(void)state;
	bench_init(&bench);
	view_free(&bench.view);
	bench.view = view_with("main", "192.0.2.0/24");
	for (size_t i = 0; i < COUNTOF(lists); i++) {
		lists[i] = bench.sample.lists[0];
		lists[i].action = ACTION_TAG;
	}
	bench.sample.conf.lists = lists;
	bench.sample.conf.lists_len = COUNTOF(lists);
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	for (size_t i = 0; i < FACTS_LIST_HITS_MAX; i++)
		assert_ptr_equal(facts->list_hits[i].list, &lists[i]);
	lists[0].action = lists[FACTS_LIST_HITS_MAX].action = ACTION_REJECT;
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_ptr_equal(facts->list_hits[0].list, &lists[0]);
	assert_ptr_equal(facts->list_hits[1].list, &lists[FACTS_LIST_HITS_MAX]);
	bench_done(&bench);
}

static void hits_that_do_nothing_crowd_out_none_that_refuses(void **state)
{
	struct conf_list lists[2 * FACTS_LIST_HITS_MAX + 2];
	struct bench bench;
	struct facts *facts = &bench.sample.facts;
	bool refuses = false;

	(void)state;
	bench_init(&bench);
	view_free(&bench.view);
	bench.view = view_with("main", "192.0.2.0/24");
	for (size_t i = 0; i < COUNTOF(lists); i++) {
		lists[i] = bench.sample.lists[0];
		lists[i].action = i % 2 == 0 ? ACTION_OFF : ACTION_TAG;
	}
	lists[COUNTOF(lists) - 1].action = ACTION_REJECT;
	bench.sample.conf.lists = lists;
	bench.sample.conf.lists_len = COUNTOF(lists);
	facts_look_up(facts, &bench.sample.conf, bench.view, 0);
	assert_int_equal(facts->list_hits_len, FACTS_LIST_HITS_MAX);
	for (size_t i = 0; i < facts->list_hits_len; i++) {
		assert_int_not_equal(facts->list_hits[i].list->action, ACTION_OFF);
		refuses |= facts->list_hits[i].list->action == ACTION_REJECT;
	}
	assert_true(refuses);
	bench_done(&bench);
}

static void connections_of_one_client_share_answers(void **state)
{
	struct bench bench;
	struct gathering *second;
	unsigned before;

	(void)state;
	bench_init(&bench);
	bench_good_client(&bench);
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.8"); /* past the test points */
	before = bench.dns.queries;
	bench.wanted = 2;
	bench.done = 0;
	second = bench_gathering(&bench, "192.0.2.7");
	gathering_free(&bench.gathering);
	bench.gathering = bench_gathering(&bench, "192.0.2.7");
	loop_run(bench.loop);
	assert_int_equal(bench.dns.queries - before, 2 + SAMPLE_DNSBLS);
	gathering_free(&second);
	bench_done(&bench);
}

static void a_gathering_may_end_at_any_moment(void **state)
{
	struct bench bench;
	struct gathering *gone;

	(void)state;
	bench_init(&bench);
	bench_good_client(&bench);
	bench_start(&bench);
	gone = bench_gathering(&bench, "192.0.2.7");
	gathering_free(&gone);
	assert_null(gone);
	bench_gather(&bench, "192.0.2.7");
	assert_int_equal(bench.done, 1);
	bench_done(&bench);
}

/* ---- lists that lie or die ---- */

static void a_list_that_lists_everything_never_counts(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	fake_dns_clear(&bench.dns);
	fake_dns_add(&bench.dns, "*", DNS_A, "127.0.0.2"); /* H1, H6: a wildcard */
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		assert_true(bench.sample.facts.dnsbls[i].list_error);
		assert_int_equal(
			gatherer_health(bench.gatherer, i)->last_test, DNSBL_TEST_EVERYTHING);
	}
	bench_done(&bench);
}

static void an_emptied_list_and_a_quota_code_are_errors(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	fake_dns_clear(&bench.dns); /* H5, H17: nothing in the first zone, not even 127.0.0.2 */
	fake_dns_add(&bench.dns, "2.0.0.127.bl.other.test", DNS_A, "127.255.255.254");
	fake_dns_add(&bench.dns, "1.0.0.127.bl.other.test", DNS_A, "127.255.255.254");
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.255.255.254");
	bench_zone(&bench, "wl.other.test");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(gatherer_health(bench.gatherer, 0)->last_test, DNSBL_TEST_EMPTY);
	assert_int_equal(gatherer_health(bench.gatherer, 1)->last_test, DNSBL_TEST_PUBLIC);
	assert_true(bench.sample.facts.dnsbls[0].list_error);
	assert_true(bench.sample.facts.dnsbls[1].list_error);
	assert_int_not_equal(bench.sample.facts.dnsbls[1].state, FACT_YES);
	assert_false(bench.sample.facts.dnsbls[2].list_error);
	bench_done(&bench);
}

static void a_resolver_that_takes_addresses_away_is_told_from_an_emptied_list(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	fake_dns_clear(&bench.dns);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		bench_zone(&bench, bench.sample.dnsbls[i].zone);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		bench.dns.records[i].type = DNS_TXT; /* what is left of the name */
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		assert_int_equal(
			gatherer_health(bench.gatherer, i)->last_test, DNSBL_TEST_FILTERED);
		assert_true(bench.sample.facts.dnsbls[i].list_error);
	}
	bench_done(&bench);
}

/* By what each resolver does with the address of 127.0.0.2; its text comes. */
static void each_way_to_take_addresses_away_is_the_resolvers(void **state)
{
	static const char *const ways[] = {"denied", "empty"};

	(void)state;
	for (size_t way = 0; way < COUNTOF(ways); way++) {
		struct bench bench;
		static char names[SAMPLE_DNSBLS][64];

		bench_init(&bench);
		fake_dns_clear(&bench.dns);
		for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
			snprintf(names[i], sizeof(names[i]), "2.0.0.127.%s",
				bench.sample.dnsbls[i].zone);
			fake_dns_add(&bench.dns, names[i], DNS_TXT, "test.entry");
			if (way == 0)
				fake_dns_add(&bench.dns, names[i], DNS_A, ways[way]);
		}
		bench_start(&bench);
		bench_gather(&bench, "192.0.2.9");
		for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
			assert_int_equal(
				gatherer_health(bench.gatherer, i)->last_test, DNSBL_TEST_FILTERED);
		assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_FILTERED);
		bench_done(&bench);
	}
}

/* One list whose text alone comes has a resolver that lets the others through. */
static void one_list_without_addresses_says_nothing_of_the_others(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench.dns.records[1].type = DNS_TXT;
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(gatherer_health(bench.gatherer, 1)->last_test, DNSBL_TEST_FILTERED);
	assert_int_equal(gatherer_health(bench.gatherer, 0)->last_test, DNSBL_TEST_PASSED);
	assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_REACHED);
	bench_done(&bench);
}

static void one_quota_answer_is_no_hit_though_the_list_is_healthy(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.255.255.252");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_true(bench.sample.facts.dnsbls[1].list_error);
	assert_int_equal(dnsbl_health_state(gatherer_health(bench.gatherer, 1)), DNSBL_HEALTHY);
	bench_done(&bench);
}

static void a_reload_reads_the_same_answers_by_new_codes(void **state)
{
	struct bench bench;
	struct conf_filter other;

	(void)state;
	assert_int_equal(filter_parse(span_text("127.0.0.77"), &other, NULL), 0);
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.77");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(bench.sample.facts.dnsbls[1].state, FACT_NO);
	bench.sample.dnsbls[1].codes = &other;
	bench.sample.dnsbls[2].action = ACTION_OFF;
	gatherer_set_conf(bench.gatherer, &bench.sample.conf);
	gathering_facts(bench.gathering, &bench.sample.conf, &bench.sample.facts);
	assert_int_equal(bench.sample.facts.dnsbls[1].state, FACT_YES);
	assert_false(bench.sample.facts.dnsbls[2].asked);
	bench_done(&bench);
}

static void the_words_of_a_list_are_asked_for_when_people_read_them(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;
	unsigned before;

	(void)state;
	bench_init(&bench);
	bench.sample.dnsbls[0].zone_shown = "KEY.bl.demo.test";
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_TXT, "scores only");
	fake_dns_add(&bench.dns, "8.2.0.192.k3y.bl.demo.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "8.2.0.192.k3y.bl.demo.test", DNS_TXT, "<b>\x1b[1m seen\xff");
	fake_dns_add(&bench.dns, "6.2.0.192.k3y.bl.demo.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "6.2.0.192.k3y.bl.demo.test", DNS_TXT, "see https://x/?K3Y");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	before = bench.dns.queries;
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(bench.dns.queries - before, 1 + SAMPLE_DNSBLS);
	bench_gather(&bench, "192.0.2.8");
	bench_pass(&bench, 1);
	gathering_facts(bench.gathering, &bench.sample.conf, &bench.sample.facts);
	assert_true(span_equal_text(facts->dnsbls[0].list_text, "<b>\x1b[1m seen\xff"));
	verdict_decide(facts, &bench.sample.conf, 1, &bench.sample.verdict);
	assert_string_equal(sample_result(&bench.sample, CHECK_EXT_DNSBL)->found,
		"listed, 127.0.0.4: <b>?[1m seen?");
	bench_gather(&bench, "192.0.2.6"); /* the list's words hold our key */
	bench_pass(&bench, 1);
	gathering_facts(bench.gathering, &bench.sample.conf, &bench.sample.facts);
	assert_int_equal(facts->dnsbls[0].state, FACT_YES);
	assert_int_equal(facts->dnsbls[0].list_text.len, 0);
	bench_done(&bench);
}

static void who_looks_waits_for_the_words_of_all_lists(void **state)
{
	struct bench bench;
	struct gathering_request request = {.client = sample_ip("192.0.2.9"),
		.is_for_person = true,
		.done = on_done,
		.arg = &bench};

	(void)state;
	bench_init(&bench);
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_TXT, "scores only");
	bench_start(&bench);
	request.view = bench.view;
	bench.gathering = gathering_start(bench.gatherer, &request);
	loop_run(bench.loop);
	gathering_facts(bench.gathering, &bench.sample.conf, &bench.sample.facts);
	assert_true(span_equal_text(bench.sample.facts.dnsbls[1].list_text, "scores only"));
	bench_done(&bench);
}

/* Each entry reads it by its own filters, and a code is named when any of them names it. */
static void entries_of_one_zone_share_a_question(void **state)
{
	struct bench bench;
	const struct facts *facts = &bench.sample.facts;
	struct conf_filter ninth;
	unsigned before;

	(void)state;
	assert_int_equal(filter_parse(span_text("127.0.0.77*5"), &ninth, NULL), 0);
	bench_init(&bench);
	bench.sample.dnsbls[0].zone = "bl.other.test";
	bench.sample.dnsbls[0].codes = &ninth;
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.77");
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.4");
	fake_dns_add(&bench.dns, "9.2.0.192.bl.other.test", DNS_A, "127.0.0.99");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	before = bench.dns.queries;
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(bench.dns.queries - before, 1 + 2); /* PTR, two zones */
	assert_int_equal(facts->dnsbls[0].state, FACT_YES);
	assert_int_equal(facts->dnsbls[0].hit.weight, 5);
	assert_int_equal(facts->dnsbls[1].state, FACT_YES);
	assert_int_equal(facts->dnsbls[1].hit.weight, 4);
	assert_int_equal(gatherer_health(bench.gatherer, 0)->unnamed.answers, 1);
	assert_int_equal(gatherer_health(bench.gatherer, 0)->unnamed.codes[0][3], 99);
	bench_done(&bench);
}

static void without_a_resolver_everything_is_unknown_and_mail_goes_on(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	fake_dns_clear(&bench.dns);
	fake_dns_add(&bench.dns, "*", DNS_A, "silence");
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.9");
	assert_int_equal(bench.sample.facts.ptr, FACT_TEMPORARY);
	bench.sample.facts.helo = span_text("mail.good.test");
	verdict_decide(&bench.sample.facts, &bench.sample.conf, 1, &bench.sample.verdict);
	assert_int_equal(bench.sample.verdict.would, VERDICT_PASS);
	bench_done(&bench);
}

/* ---- a pause ends without anybody's help ---- */

static void pass_time(struct timer *timer, void *arg)
{
	struct bench *bench = arg;

	moving_clock_add(1000);
	if (dnsbl_health_state(gatherer_health(bench->gatherer, 1)) == DNSBL_HEALTHY)
		loop_stop(bench->loop);
	timer_set(timer, loop_now_ms(bench->loop) + 1);
}

/* It answers each question with SERVFAIL: no list is at fault, and when it is well again nobody
 * waits for the end of a pause. */
static void what_all_lists_share_is_the_resolvers(void **state)
{
	struct bench bench;
	size_t records;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7");
	records = bench.dns.count;
	memmove(bench.dns.records + 1, bench.dns.records, records * sizeof(*bench.dns.records));
	bench.dns.records[0] = (struct fake_record){"*", DNS_A, "servfail"};
	bench.dns.count++;
	for (unsigned i = 0; i < DNSBL_ERRORS_TO_PAUSE; i++) {
		char client[24];

		snprintf(client, sizeof(client), "192.0.2.%u", 100 + i);
		bench_gather(&bench, client);
	}
	gathering_free(&bench.gathering);
	bench_pass(&bench, DNSBL_TEST_EVERY_MS / 1000 + 300);
	assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_UNREACHED);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		const struct dnsbl_health *health = gatherer_health(bench.gatherer, i);

		assert_int_equal(health->last_test, DNSBL_TEST_UNHEARD);
		assert_int_equal(health->failures, 0);
		assert_int_equal(dnsbl_health_state(health), DNSBL_PAUSED);
	}
	memmove(bench.dns.records, bench.dns.records + 1, records * sizeof(*bench.dns.records));
	bench.dns.count = records;
	bench_pass(&bench, DNSBL_TEST_UNHEARD_MS / 1000 + 10);
	assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_REACHED);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		assert_int_equal(
			dnsbl_health_state(gatherer_health(bench.gatherer, i)), DNSBL_HEALTHY);
	bench_done(&bench);
}

static void a_list_that_alone_is_silent_is_at_fault(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7");
	gathering_free(&bench.gathering);
	fake_dns_add(&bench.dns, "1.0.0.127.bl.other.test", DNS_A, "servfail");
	bench.dns.records[1].value = "servfail";
	bench_pass(&bench, DNSBL_TEST_EVERY_MS / 1000 + 60);
	assert_int_equal(gatherer_health(bench.gatherer, 1)->last_test, DNSBL_TEST_SILENT);
	assert_int_equal(dnsbl_health_state(gatherer_health(bench.gatherer, 1)), DNSBL_SUSPENDED);
	assert_int_equal(dnsbl_health_state(gatherer_health(bench.gatherer, 0)), DNSBL_HEALTHY);
	assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_REACHED);
	bench_done(&bench);
}

/* Nothing stands beside it that could tell whose fault it is. */
static void the_silence_of_a_single_list_counts(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench.sample.dnsbls[0].action = ACTION_OFF;
	bench.sample.dnsbls[2].action = ACTION_OFF;
	fake_dns_clear(&bench.dns);
	fake_dns_add(&bench.dns, "*", DNS_A, "servfail");
	bench_start(&bench);
	bench_pass(&bench, 60);
	assert_int_equal(gatherer_health(bench.gatherer, 1)->last_test, DNSBL_TEST_SILENT);
	assert_int_equal(dnsbl_health_state(gatherer_health(bench.gatherer, 1)), DNSBL_SUSPENDED);
	assert_int_equal(gatherer_lists_reach(bench.gatherer), LISTS_REACHED);
	bench_done(&bench);
}

/* The client whose lookups went unanswered has left long ago, and no other comes. */
static void a_paused_list_is_looked_at_in_the_background(void **state)
{
	struct bench bench;
	struct timer timer;
	char client[24], names[DNSBL_ERRORS_TO_PAUSE + 1][48];
	int64_t before_ms;

	(void)state;
	bench_init(&bench);
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	for (unsigned i = 0; i < DNSBL_ERRORS_TO_PAUSE; i++) {
		snprintf(client, sizeof(client), "192.0.2.%u", 100 + i);
		snprintf(names[i], sizeof(names[i]), "%u.2.0.192.bl.other.test", 100 + i);
		fake_dns_add(&bench.dns, names[i], DNS_A, "servfail");
		bench_gather(&bench, client);
	}
	assert_int_equal(dnsbl_health_state(gatherer_health(bench.gatherer, 1)), DNSBL_PAUSED);
	bench_gather(&bench, "192.0.2.99");
	assert_false(bench.sample.facts.dnsbls[1].state == FACT_YES);
	gathering_free(&bench.gathering);
	bench.dns.count -= DNSBL_ERRORS_TO_PAUSE; /* the list is well again */
	before_ms = loop_now_ms(bench.loop);
	timer_init(&timer, bench.loop, pass_time, &bench);
	timer_set(&timer, loop_now_ms(bench.loop) + 1);
	loop_run(bench.loop);
	timer_done(&timer);
	/* not by the next regular test, a quarter of an hour later */
	assert_true(loop_now_ms(bench.loop) - before_ms < 2 * DNSBL_PAUSE_FIRST_MS);
	bench_done(&bench);
}

/* Places that strangers took are no fault of a list. */
static void no_room_for_a_question_is_no_error_of_a_list(void **state)
{
	enum { CLIENTS = 100 };
	static struct gathering *gatherings[CLIENTS];
	struct bench bench;
	char client[40];

	(void)state;
	bench_init(&bench);
	bench.questions = CLIENTS;
	bench_start(&bench);
	bench_gather(&bench, "192.0.2.7"); /* past the test points */
	bench.done = 0;
	bench.wanted = CLIENTS;
	for (unsigned i = 0; i < CLIENTS; i++) {
		snprintf(client, sizeof(client), "2001:db8:0:%x::1", i);
		gatherings[i] = bench_gathering(&bench, client);
	}
	assert_true(resolver_stats(bench.resolver).unasked > CLIENTS);
	loop_run(bench.loop);
	for (unsigned i = 0; i < CLIENTS; i++)
		gathering_free(&gatherings[i]);
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		assert_int_equal(gatherer_health(bench.gatherer, i)->errors, 0);
		assert_int_equal(
			dnsbl_health_state(gatherer_health(bench.gatherer, i)), DNSBL_HEALTHY);
	}
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_client_has_a_confirmed_name_and_stands_on_no_list),
		cmocka_unit_test(a_listed_client_without_a_name),
		cmocka_unit_test(names_that_do_not_point_back),
		cmocka_unit_test(the_second_name_may_point_back),
		cmocka_unit_test(dns_trouble_is_temporary),
		cmocka_unit_test(all_names_that_point_back_count_in_their_order),
		cmocka_unit_test(names_are_asked_for_in_turn_and_only_host_names),
		cmocka_unit_test(names_in_a_dead_zone_take_two_places),
		cmocka_unit_test(ipv6_clients_are_asked_as_such),
		cmocka_unit_test(foreign_lists_hear_nothing_of_own_private_and_allowed_clients),
		cmocka_unit_test(our_lists_are_found_by_address_and_by_name),
		cmocka_unit_test(what_is_over_hides_nothing_and_takes_no_place),
		cmocka_unit_test(the_allowance_that_lasts_longest_counts),
		cmocka_unit_test(names_are_folded_as_lists_hold_them),
		cmocka_unit_test(of_many_hits_the_strongest_and_first_are_kept),
		cmocka_unit_test(hits_that_do_nothing_crowd_out_none_that_refuses),
		cmocka_unit_test(connections_of_one_client_share_answers),
		cmocka_unit_test(a_gathering_may_end_at_any_moment),
		cmocka_unit_test(a_list_that_lists_everything_never_counts),
		cmocka_unit_test(an_emptied_list_and_a_quota_code_are_errors),
		cmocka_unit_test(a_resolver_that_takes_addresses_away_is_told_from_an_emptied_list),
		cmocka_unit_test(each_way_to_take_addresses_away_is_the_resolvers),
		cmocka_unit_test(one_list_without_addresses_says_nothing_of_the_others),
		cmocka_unit_test(what_all_lists_share_is_the_resolvers),
		cmocka_unit_test(a_list_that_alone_is_silent_is_at_fault),
		cmocka_unit_test(the_silence_of_a_single_list_counts),
		cmocka_unit_test(one_quota_answer_is_no_hit_though_the_list_is_healthy),
		cmocka_unit_test(a_reload_reads_the_same_answers_by_new_codes),
		cmocka_unit_test(entries_of_one_zone_share_a_question),
		cmocka_unit_test(the_words_of_a_list_are_asked_for_when_people_read_them),
		cmocka_unit_test(who_looks_waits_for_the_words_of_all_lists),
		cmocka_unit_test(without_a_resolver_everything_is_unknown_and_mail_goes_on),
		cmocka_unit_test(a_paused_list_is_looked_at_in_the_background),
		cmocka_unit_test(no_room_for_a_question_is_no_error_of_a_list),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
