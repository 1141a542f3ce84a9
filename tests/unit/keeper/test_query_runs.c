/* SPDX-License-Identifier: ISC */
#include "keeper/query_runs.h"

#include "bus/check.h"
#include "bus/encode.h"
#include "bus/frame.h"
#include "keeper/temp_store.h"

static const struct conf no_conf;

static uint64_t evidence_id, event_id;

static void begin(void)
{
	struct store_evidence evidence = {
		.kind = span_text("operator"), .sensor = span_text("root"), .weight = 1};
	struct store_event event = {.time_s = 1000,
		.author = span_text("root"),
		.verb = span_text("add"),
		.subject = span_text("main"),
		.reason = span_text("spam")};

	assert_int_equal(store_begin(temp_store), 0);
	assert_int_equal(store_evidence_add(temp_store, &evidence, &evidence_id), 1);
	assert_int_equal(store_event_add(temp_store, &event, &event_id), 0);
}

static struct store_listing listing_of(const char *reason, const char *source)
{
	return (struct store_listing){.list = span_text("main"),
		.sublist = span_text("manual"),
		.source = temp_source(source),
		.since_s = 1000,
		.policy = span_text("by-hand"),
		.policy_version = 1,
		.reason = span_text(reason),
		.author = span_text("root"),
		.added_event = event_id};
}

static void put(const char *reason, const char *source)
{
	struct store_listing listing = listing_of(reason, source);
	uint64_t id;

	assert_int_equal(store_listing_add(temp_store, &listing, evidence_id, &id), 1);
}

/* As an import has them: 10.0.0.0 and on, in one group. */
static void put_nets(uint32_t count)
{
	struct prefix *nets = calloc(count, sizeof(*nets));
	struct store_listing listing = listing_of("many", "10.0.0.0");
	uint64_t group = 0;

	for (uint32_t i = 0; i < count; i++)
		nets[i] = prefix_of(ip_from_v4(0x0a000000 + i), 128);
	assert_int_equal(store_nets_add(temp_store, &listing,
				 &(struct store_nets){nets, count, evidence_id}, &group),
		0);
	free(nets);
}

/* One answer as who asked gets it. */
static struct bus_answer *page(uint64_t after_id)
{
	AUTO(arena) *arena = arena_new(0);
	struct encoder encoder = {arena, &no_conf, temp_store, true};
	struct store_select select = {
		.which = STORE_PAGE, .list = span_text("main"), .after_id = after_id};
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Message *decoded = NULL;
	struct bus_answer *answer;
	struct fault why = {""};
	struct span body;
	struct buf out;
	size_t used;

	message.kind_case = STOCKADE__MESSAGE__KIND_ANSWER;
	message.answer = arena_alloc(arena, sizeof(*message.answer));
	stockade__answer__init(message.answer);
	assert_int_equal(query_runs(&encoder, &select, message.answer), 0);
	buf_init(&out, 0);
	assert_int_equal(frame_append(&out, &message, FRAME_CONTROL_MAX), 0);
	assert_int_equal(frame_next(buf_span(&out), FRAME_CONTROL_MAX, &body, &used), 1);
	assert_int_equal(message_decode(body, &decoded, &why), 0);
	buf_done(&out);
	answer = bus_answer_decode(decoded->answer);
	decoded->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
	message_free(&decoded);
	return answer;
}

/* All pages: how many there are, and each source once. */
struct walked {
	size_t pages, runs, sources;
	uint64_t last_id;
};

static void walk_run(struct walked *walked, const struct bus_run *run)
{
	struct source source;

	assert_true(run->shared.id > walked->last_id);
	walked->last_id = run->shared.id;
	assert_null(run->shared.source);
	walked->runs++;
	for (size_t i = 0; bus_run_source(run, i, &source) == 0; i++)
		walked->sources++;
}

static struct walked walk(void)
{
	struct walked walked = {0};
	bool more = true;

	while (more) {
		AUTO(bus_answer) *answer = page(walked.last_id);

		walked.pages++;
		for (size_t i = 0; i < answer->runs_len; i++)
			walk_run(&walked, &answer->runs[i]);
		more = answer->more;
	}
	return walked;
}

static void what_listings_share_is_told_once(void **state)
{
	AUTO(bus_answer) *answer = NULL;
	struct source source;

	(void)state;
	begin();
	put("one", "192.0.2.1");
	put("one", "192.0.2.0/24");
	put("two", ".bad.example");
	assert_int_equal(store_commit(temp_store), 0);
	answer = page(0);
	assert_false(answer->more);
	assert_int_equal(answer->runs_len, 2);
	assert_string_equal(answer->runs[0].shared.reason, "one");
	assert_string_equal(answer->runs[0].shared.sublist, "manual");
	assert_int_equal(answer->runs[0].shared.since_s, 1000);
	assert_int_equal(bus_run_source(&answer->runs[0], 1, &source), 0);
	assert_int_equal(source.net.bits, 120);
	assert_int_equal(bus_run_source(&answer->runs[0], 2, &source), E_ABSENT);
	assert_int_equal(bus_run_source(&answer->runs[1], 0, &source), 0);
	assert_string_equal(source.domain, ".bad.example");
}

static void a_group_longer_than_an_answer_goes_on_where_it_was(void **state)
{
	struct walked walked;

	(void)state;
	begin();
	put_nets(MESSAGE_NETS_MAX + 10);
	put("single", "192.0.2.1");
	assert_int_equal(store_commit(temp_store), 0);
	walked = walk();
	assert_int_equal(walked.pages, 2);
	assert_int_equal(walked.runs, 3);
	assert_int_equal(walked.sources, MESSAGE_NETS_MAX + 11);
}

static void short_groups_and_names_have_a_most_as_well(void **state)
{
	struct walked walked;

	(void)state;
	begin();
	for (unsigned i = 0; i < MESSAGE_DOMAINS_MAX + 2; i++) {
		char reason[16] = "many", domain[32];

		if (i < MESSAGE_RUNS_MAX)
			snprintf(reason, sizeof(reason), "%u", i);
		snprintf(domain, sizeof(domain), "a%u.example", i);
		put(reason, domain);
	}
	assert_int_equal(store_commit(temp_store), 0);
	walked = walk();
	assert_int_equal(walked.pages, 2);
	assert_int_equal(walked.runs, MESSAGE_RUNS_MAX + 1);
	assert_int_equal(walked.sources, MESSAGE_DOMAINS_MAX + 2);
}

static void networks_with_host_bits_and_odd_names_are_no_sources(void **state)
{
	static const struct prefix nets[] = {{{{[15] = 1}}, 127}, {{{0}}, 129}};
	static char odd[] = "Odd.Example";
	char *const domains[] = {odd};
	struct bus_run run = {.nets_len = 2, .nets = nets, .domains_len = 1, .domains = domains};
	struct source source;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(bus_run_source(&run, i, &source), E_PARSE);
	assert_int_equal(bus_run_source(&run, 3, &source), E_ABSENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, temp_store_make, temp_store_remove)
	const struct CMUnitTest tests[] = {
		CASE(what_listings_share_is_told_once),
		CASE(a_group_longer_than_an_answer_goes_on_where_it_was),
		CASE(short_groups_and_names_have_a_most_as_well),
		cmocka_unit_test(networks_with_host_bits_and_odd_names_are_no_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
