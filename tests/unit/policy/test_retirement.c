/* SPDX-License-Identifier: ISC */
#include "policy/retirement.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "list/snapshot_write.h"
#include "unit.h"

enum { DAY_S = 86400, NOW_S = 1800000000 /* 2027-01-15 08:00 */ };

static struct retirement_state announced(const char *when)
{
	struct retirement_state state = {.when = ""};
	char reason[64];

	snprintf(reason, sizeof(reason), "%s we close", when);
	retirement_note(&state, span_text("announced"), span_text(reason), 7);
	return state;
}

static struct retirement_order order_of(int64_t notice_s)
{
	return (struct retirement_order){.list = "main", .now_s = NOW_S, .notice_s = notice_s};
}

static void a_list_that_is_going_to_end_takes_nothing_new(void **state)
{
	struct retirement_state running = {.when = ""};
	struct retirement_state ending = announced("2027-03-01 00:00");
	struct fault why = {""};

	(void)state;
	assert_int_equal(retirement_may_list(&running, span_text("main"), &why), 0);
	assert_int_equal(retirement_may_list(&ending, span_text("main"), &why), E_DENIED);
	assert_non_null(strstr(why.text, "is going to end"));
	retirement_note(&ending, span_text("ended"), span_text("closed"), 9);
	assert_int_equal(retirement_may_list(&ending, span_text("main"), &why), E_DENIED);
	assert_non_null(strstr(why.text, "has ended"));
}

static void an_end_is_announced_a_month_before_at_least(void **state)
{
	struct retirement_state running = {.when = ""};
	struct retirement_order order = order_of(29 * DAY_S);
	char when[CLOCK_TEXT_SIZE] = "";
	struct fault why = {""};

	(void)state;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), E_DENIED);
	assert_non_null(strstr(why.text, "RFC 6471"));
	order.skip_notice = true;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), 0);
	order = order_of(30 * DAY_S);
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), 0);
	assert_string_equal(when, "2027-02-14 08:00");
}

static void a_time_that_cannot_be_meant_is_refused(void **state)
{
	struct retirement_state running = {.when = ""};
	struct retirement_order order = order_of((int64_t)3651 * DAY_S);
	char when[CLOCK_TEXT_SIZE] = "";
	struct fault why = {""};

	(void)state;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), E_RANGE);
	order = order_of(-1);
	order.skip_notice = true;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), E_RANGE);
	assert_string_equal(when, "");
	order.notice_s = 0;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), 0);
	assert_string_equal(when, "2027-01-15 08:00");
	order.notice_s = (int64_t)3650 * DAY_S;
	assert_int_equal(retirement_may_announce(&running, &order, when, &why), 0);
}

static void what_is_announced_is_not_announced_again(void **state)
{
	struct retirement_state ending = announced("2027-03-01 00:00");
	struct retirement_order order = order_of(60 * DAY_S);
	char when[CLOCK_TEXT_SIZE] = "";
	struct fault why = {""};

	(void)state;
	assert_int_equal(retirement_may_announce(&ending, &order, when, &why), E_CONFLICT);
	assert_non_null(strstr(why.text, "2027-03-01 00:00"));
}

static void a_list_is_emptied_at_the_announced_time_and_not_before(void **state)
{
	struct retirement_state running = {.when = ""};
	struct retirement_state ending = announced("2027-01-15 08:01");
	struct retirement_order order = order_of(0);
	struct fault why = {""};

	(void)state;
	assert_int_equal(retirement_may_empty(&running, &order, &why), E_DENIED);
	assert_int_equal(retirement_may_empty(&ending, &order, &why), E_DENIED);
	assert_non_null(strstr(why.text, "still to come"));
	order.now_s += 60;
	assert_int_equal(retirement_may_empty(&ending, &order, &why), 0);
	order = order_of(0);
	order.skip_notice = true;
	assert_int_equal(retirement_may_empty(&running, &order, &why), 0);
	retirement_note(&ending, span_text("ended"), span_text("closed"), 9);
	assert_int_equal(retirement_may_empty(&ending, &order, &why), E_CONFLICT);
}

static void the_last_step_is_the_one_that_is_undone(void **state)
{
	struct retirement_state running = {.when = ""};
	struct retirement_state ending = announced("2027-03-01 00:00");
	struct fault why = {""};
	uint64_t event = 0;

	(void)state;
	assert_int_equal(retirement_last(&running, "main", &event, &why), E_ABSENT);
	assert_int_equal(retirement_last(&ending, "main", &event, &why), 0);
	assert_int_equal(event, 7);
	retirement_note(&ending, span_text("ended"), span_text("closed"), 9);
	assert_int_equal(retirement_last(&ending, "main", &event, &why), 0);
	assert_int_equal(event, 9);
}

/* ---- as it is published ---- */

static void publish(struct snapshot_writer *writer, int place, const char *list,
	enum retirement_stage stage, const char *words)
{
	struct list_entry entry = {.sublist = (uint8_t)stage, .reason = span_text(words)};

	retirement_source(span_text(list), &entry.source);
	assert_int_equal(snapshot_writer_add(writer, place, &entry), 0);
}

static struct view *published(void)
{
	const struct span stages[] = {span_text(retirement_sublist(RETIREMENT_ANNOUNCED)),
		span_text(retirement_sublist(RETIREMENT_ENDED))};
	struct snapshot_writer *writer = snapshot_writer_new(1, 1);
	int place = snapshot_writer_add_list(
		writer, span_text(RETIREMENT_LIST), stages, RETIREMENT_STAGES);
	struct view *view = NULL;
	char path[64];

	publish(writer, place, "main", RETIREMENT_ANNOUNCED, "2027-03-01 00:00 we close");
	publish(writer, place, "names", RETIREMENT_ANNOUNCED, "2027-01-01 00:00 we close");
	publish(writer, place, "names", RETIREMENT_ENDED, "closed");
	publish(writer, place, "old", RETIREMENT_ENDED, "closed at once");
	snprintf(path, sizeof(path), "/tmp/stockade-retirement-%d.snap", (int)getpid());
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	return view;
}

static void all_see_what_is_published_of_an_end(void **state)
{
	static const struct {
		const char *list;
		bool is_announced, is_ended;
		const char *words;
	} rows[] = {
		{"main", true, false, "2027-03-01 00:00 we close"},
		{"names", true, true, "2027-01-01 00:00 we close"},
		{"old", false, true, ""},
		{"other", false, false, ""},
		{"", false, false, ""},
	};
	struct view *views[] = {published(), view_new_empty(), NULL};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows) * COUNTOF(views); i++) {
		size_t row = i / COUNTOF(views), view = i % COUNTOF(views);
		struct retirement retirement =
			retirement_of(views[view], span_text(rows[row].list));

		assert_int_equal(retirement.is_announced, view == 0 && rows[row].is_announced);
		assert_int_equal(retirement.is_ended, view == 0 && rows[row].is_ended);
		assert_true(span_equal_text(retirement.words, view == 0 ? rows[row].words : ""));
	}
	view_free(&views[0]);
	view_free(&views[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_that_is_going_to_end_takes_nothing_new),
		cmocka_unit_test(an_end_is_announced_a_month_before_at_least),
		cmocka_unit_test(a_time_that_cannot_be_meant_is_refused),
		cmocka_unit_test(what_is_announced_is_not_announced_again),
		cmocka_unit_test(a_list_is_emptied_at_the_announced_time_and_not_before),
		cmocka_unit_test(all_see_what_is_published_of_an_end),
		cmocka_unit_test(the_last_step_is_the_one_that_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
