/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "grey/decide.h"

enum { NOW = 1700000000, MINUTE = 60, HOUR = 3600, DAY = 86400 };

static void greylist_free(struct greylist *list)
{
	grey_table_free(&list->table);
}

#define LIST(name, entries) \
	__attribute__((cleanup(greylist_free))) struct greylist name = list_of(entries)

static struct greylist list_of(size_t entries)
{
	const struct grey_limits limits = {.entries = entries,
		.network = entries,
		.retry_within_s = DAY,
		.remember_s = 36 * DAY};

	return (struct greylist){
		.table = grey_table_new(&limits), .secret = {{1, 2, 3}}, .delay_s = 5 * MINUTE};
}

struct
try {
	const char *ip, *spf, *name, *sender, *recipient;
	unsigned suspicion;
};

static struct grey_attempt attempt_of(const struct try *t)
{
	struct grey_attempt attempt = {.client = {.spf_domain = span_text(t->spf),
					       .name = span_text(t->name),
					       .v4_bits = 24,
					       .v6_bits = 64},
		.sender = span_text(t->sender),
		.recipient = span_text(t->recipient),
		.suspicion = t->suspicion};

	assert_int_equal(ip_parse(span_text(t->ip), &attempt.client.ip), 0);
	return attempt;
}

static struct grey_decision decide(struct greylist *list, struct try t, int64_t now_s)
{
	struct grey_attempt attempt = attempt_of(&t);
	struct grey_decision d;
	struct grey_keys keys;

	grey_keys_make(list, &attempt, &keys);
	grey_decide(list, &keys, now_s, &d);
	grey_note(list, &keys, now_s, &d);
	return d;
}

static void assert_why(struct grey_decision d, enum grey_why why, int64_t wait_s)
{
	assert_string_equal(grey_why_words(d.why), grey_why_words(why));
	assert_int_equal(d.wait_s, wait_s);
}

static const struct try first = {"192.0.2.7", "", "", "joe@example.org", "me@here.example", 2};

static void waits_and_comes_back(void **state)
{
	LIST(list, 1000);

	(void)state;
	assert_why(decide(&list, first, NOW), GREY_WHY_FIRST, 10 * MINUTE);
	assert_why(decide(&list, first, NOW + MINUTE), GREY_WHY_EARLY, 9 * MINUTE);
	assert_why(decide(&list, first, NOW + 10 * MINUTE - 1), GREY_WHY_EARLY, 1);
	/* exactly then: spamd loses who is punctual */
	assert_why(decide(&list, first, NOW + 10 * MINUTE), GREY_WHY_CAME_BACK, 0);
	assert_why(decide(&list, first, NOW + 10 * MINUTE), GREY_WHY_KNOWN, 0);
	assert_why(decide(&list, first, NOW + 36 * DAY), GREY_WHY_KNOWN, 0);
	assert_why(decide(&list, first, NOW + 71 * DAY), GREY_WHY_KNOWN, 0);
	assert_why(decide(&list, first, NOW + 107 * DAY), GREY_WHY_FIRST, 10 * MINUTE);
}

static void comes_back_too_late(void **state)
{
	LIST(list, 1000);

	(void)state;
	decide(&list, first, NOW);
	assert_why(decide(&list, first, NOW + DAY), GREY_WHY_FIRST, 10 * MINUTE);
	assert_why(decide(&list, first, NOW + DAY + 10 * MINUTE), GREY_WHY_CAME_BACK, 0);
}

static void suspicion_multiplies(void **state)
{
	LIST(list, 1000);
	struct try t = first;

	(void)state;
	t.suspicion = 0;
	assert_why(decide(&list, t, NOW), GREY_WHY_TRUSTED, 0);
	assert_int_equal(grey_table_count(list.table), 0);
	t.suspicion = 6;
	assert_why(decide(&list, t, NOW), GREY_WHY_FIRST, 30 * MINUTE);
	/* what is found out about it later shortens the wait */
	t.suspicion = 1;
	assert_why(decide(&list, t, NOW + 5 * MINUTE), GREY_WHY_CAME_BACK, 0);
}

static void any_of_a_group_comes_back(void **state)
{
	LIST(list, 1000);
	struct try neighbour = first, stranger = first, pool = first, other = first;

	(void)state;
	neighbour.ip = "192.0.2.99";
	stranger.ip = "198.51.100.7";
	decide(&list, first, NOW);
	assert_why(decide(&list, stranger, NOW + 10 * MINUTE), GREY_WHY_FIRST, 10 * MINUTE);
	assert_why(decide(&list, neighbour, NOW + 10 * MINUTE), GREY_WHY_CAME_BACK, 0);
	pool.spf = other.spf = "big.example";
	other.ip = "203.0.113.7";
	decide(&list, pool, NOW);
	assert_why(decide(&list, other, NOW + 10 * MINUTE), GREY_WHY_CAME_BACK, 0);
}

static void another_recipient_waits_for_itself(void **state)
{
	LIST(list, 1000);
	struct try other = first;

	(void)state;
	other.recipient = "you@here.example";
	decide(&list, first, NOW);
	assert_why(decide(&list, other, NOW + 10 * MINUTE), GREY_WHY_FIRST, 10 * MINUTE);
}

static void five_hours_make_a_group(void **state)
{
	LIST(list, 1000);
	struct try other = first;

	(void)state;
	other.recipient = "you@here.example";
	decide(&list, first, NOW);
	for (int64_t i = 1; i <= 20; i++) /* many in one hour count once */
		decide(&list, first, NOW + 10 * MINUTE + i);
	for (int64_t hour = 1; hour <= 3; hour++)
		decide(&list, first, NOW + 20 * MINUTE + hour * HOUR);
	assert_why(decide(&list, other, NOW + 4 * HOUR), GREY_WHY_FIRST, 10 * MINUTE);
	decide(&list, first, NOW + 20 * MINUTE + 5 * HOUR);
	other.recipient = "they@here.example";
	assert_why(decide(&list, other, NOW + 6 * HOUR), GREY_WHY_GROUP, 0);
	assert_why(decide(&list, other, NOW + 41 * DAY), GREY_WHY_FIRST, 10 * MINUTE);
}

static void bounces_vouch_for_nobody(void **state)
{
	LIST(list, 1000);
	struct try bounce = first;

	(void)state;
	bounce.sender = "";
	decide(&list, bounce, NOW);
	for (int64_t hour = 1; hour <= 9; hour++)
		assert_int_equal(decide(&list, bounce, NOW + hour * HOUR).wait_s, 0);
	assert_why(decide(&list, first, NOW + 10 * HOUR), GREY_WHY_FIRST, 10 * MINUTE);
}

static void a_pool_is_learned(void **state)
{
	LIST(list, 1000);
	struct try t = first;
	static const struct {
		const char *ip, *name;
	} hosts[] = {{"192.0.2.7", "out-192-0-2-7.big.example"},
		{"198.51.100.7", "out-198-51-100-7.big.example"},
		{"203.0.113.7", "out-203-0-113-7.big.example"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		t.ip = hosts[i].ip;
		t.name = hosts[i].name;
		assert_why(decide(&list, t, NOW + (int64_t)i * 15 * MINUTE), GREY_WHY_FIRST,
			10 * MINUTE);
	}
	/* what they did is known to the third, and nobody else gains by it */
	t.ip = hosts[2].ip;
	t.name = hosts[2].name;
	assert_why(decide(&list, t, NOW + 20 * MINUTE), GREY_WHY_CAME_BACK, 0);
	t.sender = "jim@example.org";
	assert_why(decide(&list, t, NOW + 21 * MINUTE), GREY_WHY_FIRST, 10 * MINUTE);
	t.ip = hosts[0].ip;
	t.name = hosts[0].name;
	assert_why(decide(&list, t, NOW + 31 * MINUTE), GREY_WHY_CAME_BACK, 0);
}

/* A thousand lines of one provider that send the same at once are no server that tries again. */
static void a_crowd_is_no_pool(void **state)
{
	LIST(list, 1000);
	struct try t = first;

	(void)state;
	t.name = "dyn-192-0-2-7.isp.example";
	decide(&list, t, NOW);
	t.ip = "198.51.100.7";
	t.name = "dyn-198-51-100-7.isp.example";
	decide(&list, t, NOW + MINUTE);
	t.ip = "203.0.113.7";
	t.name = "dyn-203-0-113-7.isp.example";
	assert_why(decide(&list, t, NOW + 20 * MINUTE), GREY_WHY_FIRST, 10 * MINUTE);
}

static void whom_we_wrote_to_may_answer(void **state)
{
	LIST(list, 1000);
	struct try t = first;

	(void)state;
	grey_note_wrote(&list, span_text("Example.Org"), NOW);
	assert_int_equal(list.changes_len, 1);
	assert_why(decide(&list, t, NOW), GREY_WHY_FIRST, 10 * MINUTE);
	t.spf = "example.org"; /* proven, not only said */
	assert_why(decide(&list, t, NOW), GREY_WHY_WROTE, 0);
	assert_why(decide(&list, t, NOW + 30 * DAY), GREY_WHY_FIRST, 10 * MINUTE);
}

static void clocks_may_be_wrong(void **state)
{
	LIST(list, 1000);

	(void)state;
	decide(&list, first, NOW);
	/* written by a clock that was a day ahead: the wait begins now */
	assert_why(decide(&list, first, NOW - DAY), GREY_WHY_EARLY, 10 * MINUTE);
	/* a clock a year ahead lets nobody in */
	assert_why(decide(&list, first, NOW + 365 * DAY), GREY_WHY_FIRST, 10 * MINUTE);
}

static void seeing_changes_nothing(void **state)
{
	LIST(list, 1000);
	struct grey_attempt attempt = attempt_of(&first);
	struct grey_decision d;
	struct grey_keys keys;

	(void)state;
	grey_keys_make(&list, &attempt, &keys);
	for (int i = 0; i < 3; i++) {
		grey_decide(&list, &keys, NOW + i * HOUR, &d);
		assert_why(d, GREY_WHY_FIRST, 10 * MINUTE);
	}
	assert_int_equal(grey_table_count(list.table), 0);
}

/* Nothing that waits can go: nobody is asked to come back for nothing. */
static void without_room_nobody_waits(void **state)
{
	LIST(list, 0);

	(void)state;
	assert_why(decide(&list, first, NOW), GREY_WHY_FULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_and_comes_back),
		cmocka_unit_test(comes_back_too_late),
		cmocka_unit_test(suspicion_multiplies),
		cmocka_unit_test(any_of_a_group_comes_back),
		cmocka_unit_test(another_recipient_waits_for_itself),
		cmocka_unit_test(five_hours_make_a_group),
		cmocka_unit_test(bounces_vouch_for_nobody),
		cmocka_unit_test(a_pool_is_learned),
		cmocka_unit_test(a_crowd_is_no_pool),
		cmocka_unit_test(whom_we_wrote_to_may_answer),
		cmocka_unit_test(clocks_may_be_wrong),
		cmocka_unit_test(seeing_changes_nothing),
		cmocka_unit_test(without_room_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
