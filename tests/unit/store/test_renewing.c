/* SPDX-License-Identifier: ISC */
#include "store/renewing.h"

#include "store/stores.h"

/* What an import notes gets the new end, and nothing else, whatever others do meanwhile. */

enum { BEFORE_S = 5000, AFTER_S = 9000 };

static struct store *store;

static int store_make(void **state)
{
	int r = sqlite_make(state);

	store = open_store();
	return r;
}

static int store_remove(void **state)
{
	store_free(&store);
	return sqlite_remove(state);
}

/* ---- a group, and what is in it ---- */

static struct prefix net_of(unsigned i)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.1", i / 256, i % 256);
	return source_of(text).net;
}

/* One group of so many, 10.0.0.1, 10.0.1.1 and so on; the number of the first. */
static uint64_t enter_group(size_t len)
{
	struct store_evidence evidence = {
		.kind = span_text("operator"), .sensor = span_text("root"), .note = span_text("")};
	struct store_listing listing = {.list = span_text("main"),
		.sublist = span_text("manual"),
		.since_s = 1000,
		.until_s = BEFORE_S,
		.policy = span_text("by-hand"),
		.policy_version = 1,
		.criterion = span_text("words"),
		.reason = span_text("spam"),
		.author = span_text("root")};
	struct prefix *nets = calloc(len, sizeof(*nets));
	struct store_nets all = {.nets = nets, .len = len};
	uint64_t group = 0;

	for (unsigned i = 0; i < len; i++)
		nets[i] = net_of(i);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "import", 0, &listing.added_event), 0);
	assert_int_equal(store_evidence_add(store, &evidence, &all.evidence), 1);
	assert_int_equal(store_nets_add(store, &listing, &all, &group), 0);
	assert_int_equal(store_commit(store), 0);
	free(nets);
	return group << 24;
}

struct seen {
	uint64_t id;
	int64_t until_s;
};

static int seen_add(const struct store_listing *listing, void *arg)
{
	*(struct seen *)arg = (struct seen){listing->id, listing->until_s};
	return 0;
}

/* Of the one in force; 0: none is. */
static struct seen look(unsigned i)
{
	struct source source = {.kind = SOURCE_NET, .net = net_of(i)};
	struct store_select select = {.which = STORE_AT, .source = &source};
	struct seen seen = {0, 0};

	assert_true(store_listings(store, &select, seen_add, &seen) >= 0);
	return seen;
}

static void assert_until(unsigned i, int64_t until_s)
{
	assert_int_equal(look(i).until_s, until_s);
}

/* ---- what an import does ---- */

static uint64_t import_begin(void)
{
	uint64_t event = 0;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "import", 0, &event), 0);
	assert_int_equal(store_commit(store), 0);
	return event;
}

/* Of those that are there now: each `every`th. */
static void note(uint64_t event, unsigned len, unsigned every)
{
	struct renewing renewing = {.until_s = AFTER_S};

	for (unsigned i = 0; i < len; i += every)
		renewing_add(&renewing, look(i).id);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_renewing_note(store, event, &renewing), 0);
	assert_int_equal(store_commit(store), 0);
	renewing_clear(&renewing);
}

static int step(struct store_renewing *at)
{
	int r;

	assert_int_equal(store_begin(store), 0);
	r = store_renew_step(store, at);
	assert_true(r >= 0);
	assert_int_equal(store_commit(store), 0);
	return r;
}

/* How many got the new end. */
static uint64_t renew(uint64_t event)
{
	struct store_renewing at = {.event = event};
	uint64_t renewed = 0;

	while (step(&at) > 0)
		renewed += at.renewed;
	return renewed;
}

static void delist(unsigned i)
{
	struct store_ending ending = {2000, span_text("ann"), span_text("clean now"), 0};

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_listing_end(store, look(i).id, &ending), 0);
	assert_int_equal(store_commit(store), 0);
}

static int group_counted(const struct store_group *group, void *arg)
{
	(void)group;
	(*(int *)arg)++;
	return 0;
}

static int groups_in_force(void)
{
	struct store_select select = {.which = STORE_PAGE, .list = span_text("main")};
	int count = 0;

	assert_true(store_groups(store, &select, group_counted, &count) >= 0);
	return count;
}

/* ---- cases ---- */

static void a_group_that_was_met_as_a_whole_is_one_row(void **state)
{
	struct store_renewing at = {.event = 0};

	(void)state;
	enter_group(5000);
	at.event = import_begin();
	note(at.event, 5000, 1);
	assert_int_equal(step(&at), 1);
	assert_int_equal(at.renewed, 5000);
	assert_int_equal(step(&at), 0);
	assert_int_equal(groups_in_force(), 1);
	assert_until(0, AFTER_S);
	assert_until(4999, AFTER_S);
}

/* Half of it was met, and that half was taken off but for one: what is left of the group is no more
 * than what was met, and still most of it is something else. */
static void what_was_not_met_keeps_its_end_although_others_went(void **state)
{
	uint64_t event;

	(void)state;
	enter_group(10);
	event = import_begin();
	note(event, 10, 2);
	for (unsigned i = 2; i < 10; i += 2)
		delist(i);
	assert_int_equal(renew(event), 1);
	assert_until(0, AFTER_S);
	for (unsigned i = 1; i < 10; i += 2)
		assert_until(i, BEFORE_S);
}

/* The file had all but 1 and 3, which another import did not have either: so that moves them away,
 * and with them 5, which only the file had. */
static void what_another_import_moves_is_renewed_where_it_is_then(void **state)
{
	uint64_t file, other;
	struct renewing renewing = {.until_s = 7000};

	(void)state;
	enter_group(10);
	file = import_begin();
	other = import_begin();
	note(file, 10, 5);
	for (unsigned i = 0; i < 10; i++) {
		if (i != 1 && i != 3 && i != 5)
			renewing_add(&renewing, look(i).id);
	}
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_renewing_note(store, other, &renewing), 0);
	assert_int_equal(store_commit(store), 0);
	renewing_clear(&renewing);
	assert_int_equal(renew(other), 7);
	assert_until(5, BEFORE_S);
	assert_int_equal(renew(file), 2);
	assert_until(0, AFTER_S);
	assert_until(5, AFTER_S);
	assert_until(1, BEFORE_S);
	assert_until(2, 7000);
}

static void a_part_that_is_rolled_back_has_noted_nothing(void **state)
{
	struct renewing renewing = {.until_s = AFTER_S};
	uint64_t event;

	(void)state;
	enter_group(10);
	event = import_begin();
	renewing_add(&renewing, look(3).id);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_renewing_note(store, event, &renewing), 0);
	store_rollback(store);
	renewing_clear(&renewing);
	assert_int_equal(renew(event), 0);
	assert_until(3, BEFORE_S);
}

/* By steps that others come between: one of each kind is taken off while it goes on. */
static void divide(unsigned every, unsigned met, uint64_t renewed)
{
	enum { ALL = 3000 };
	struct store_renewing at = {.event = 0};
	uint64_t sum = 0;
	unsigned steps = 0;

	enter_group(ALL);
	at.event = import_begin();
	note(at.event, met, every);
	for (; step(&at) > 0; steps++) {
		sum += at.renewed;
		if (steps == 0) {
			delist(2998);
			delist(2999);
		}
	}
	assert_int_equal(sum, renewed);
	assert_true(steps > 3);
	for (unsigned i = 0; i < ALL - 2; i++)
		assert_until(i, i < met && i % every == 0 ? AFTER_S : BEFORE_S);
	assert_until(2999, 0);
	assert_int_equal(groups_in_force(), 2);
}

static void a_smaller_part_that_was_met_moves_by_steps(void **state)
{
	(void)state;
	divide(3, 3000, 1000);
}

static void a_smaller_part_that_was_not_met_moves_by_steps(void **state)
{
	(void)state;
	divide(1, 2000, 2000);
}

/* A process ended in the middle: all that is known is the event. */
static void who_goes_on_needs_the_event_alone(void **state)
{
	struct store_renewing at = {.event = 0};

	(void)state;
	enter_group(3000);
	at.event = import_begin();
	note(at.event, 3000, 2);
	assert_int_equal(step(&at), 1);
	store_free(&store);
	store = open_store();
	renew(at.event);
	for (unsigned i = 0; i < 3000; i++)
		assert_until(i, i % 2 == 0 ? AFTER_S : BEFORE_S);
}

/* The number of the last one is free when that was taken off. */
static void a_number_given_again_is_nobody_that_was_met(void **state)
{
	struct store_listing listing = {.list = span_text("main"),
		.sublist = span_text("manual"),
		.since_s = 1000,
		.until_s = BEFORE_S,
		.policy = span_text("by-hand"),
		.policy_version = 1,
		.criterion = span_text("words"),
		.reason = span_text("spam"),
		.author = span_text("root"),
		.added_event = 1};
	struct prefix net = net_of(500);
	struct store_nets more = {.nets = &net, .len = 1, .evidence = 1};
	uint64_t first, event, group;

	(void)state;
	first = enter_group(10);
	group = first >> 24;
	event = import_begin();
	note(event, 10, 1);
	delist(9);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_nets_add(store, &listing, &more, &group), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(look(500).id, first + 9);
	assert_int_equal(renew(event), 9);
	assert_until(0, AFTER_S);
	assert_until(500, BEFORE_S);
}

static void what_ended_as_a_whole_is_not_asked_for_again(void **state)
{
	struct store_ending ending = {2000, span_text("ann"), span_text("wrong file"), 0};
	struct store_group group = {.slot = 1, .listings = 10};
	uint64_t event;

	(void)state;
	group.id = enter_group(10) >> 24;
	event = import_begin();
	note(event, 10, 1);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_group_end(store, &group, &ending), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(renew(event), 0);
	assert_until(0, 0);
}

static int end_before(const struct store_group *group, void *arg)
{
	*(int64_t *)arg = group->until_s;
	return 0;
}

/* The ends of one import may differ, when its policy was changed meanwhile: one row tells of it. */
static void an_end_that_is_given_twice_is_undone_at_once(void **state)
{
	struct renewing renewing = {.until_s = 7000};
	struct store_select select = {.limit = 10};
	int64_t before_s = 0;

	(void)state;
	enter_group(10);
	select.event = import_begin();
	note(select.event, 10, 1);
	for (unsigned i = 0; i < 10; i++)
		renewing_add(&renewing, look(i).id);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_renewing_note(store, select.event, &renewing), 0);
	assert_int_equal(store_commit(store), 0);
	renewing_clear(&renewing);
	renew(select.event);
	assert_until(0, AFTER_S);
	assert_int_equal(store_renewals(store, &select, end_before, &before_s), 0);
	assert_int_equal(before_s, BEFORE_S);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_make, store_remove)
	const struct CMUnitTest tests[] = {
		CASE(a_group_that_was_met_as_a_whole_is_one_row),
		CASE(what_was_not_met_keeps_its_end_although_others_went),
		CASE(what_another_import_moves_is_renewed_where_it_is_then),
		CASE(a_part_that_is_rolled_back_has_noted_nothing),
		CASE(a_smaller_part_that_was_met_moves_by_steps),
		CASE(a_smaller_part_that_was_not_met_moves_by_steps),
		CASE(who_goes_on_needs_the_event_alone),
		CASE(a_number_given_again_is_nobody_that_was_met),
		CASE(what_ended_as_a_whole_is_not_asked_for_again),
		CASE(an_end_that_is_given_twice_is_undone_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
