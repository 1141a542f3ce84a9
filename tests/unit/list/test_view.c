/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/shelf.h"
#include "list/random.h"

enum { ROUNDS = 24, CHANGES = 12 };

static void check_net(const struct model *model, const struct view *view, struct prefix net)
{
	u128 first = key_of_ip(net.ip), last = key_last(first, net.bits);
	struct source asked = source_of_key(first);
	uint32_t within = model_mask(model, &asked);

	for (size_t i = 0; i < questions.len; i++) {
		if (questions.keys[i] < first || questions.keys[i] > last)
			continue;
		asked = source_of_key(questions.keys[i]);
		within |= model_mask(model, &asked);
	}
	for (uint32_t mask = 1; mask < 1u << MODEL_SUBLISTS; mask <<= 1)
		assert_int_equal(view_has_within(view, LIST, net, mask), (within & mask) != 0);
	assert_int_equal(view_has_within(view, LIST, net, UINT32_MAX), within != 0);
	assert_false(view_has_within(view, LIST, net, 0));
}

/* Fetching ahead must stay inside the file, whatever is asked, and change nothing. */
static void prefetch_all(const struct view *view)
{
	for (unsigned step = 0; step <= VIEW_FETCHES; step++) {
		for (size_t i = 0; i < questions.len; i++)
			view_prefetch_ip(view, LIST, key_to_ip(questions.keys[i]), step);
		view_prefetch_ip(view, -1, key_to_ip(0), step);
		view_prefetch_domain(view, LIST, span_text("a.b.ab.a-b"), step);
		view_prefetch_domain(view, LIST, span_text(".."), step);
	}
}

static void check_nets(const struct model *model, const struct view *view)
{
	ask_all(model);
	prefetch_all(view);
	for (size_t i = 0; i < questions.len; i++) {
		struct source asked = source_of_key(questions.keys[i]);

		model_check(model, view, LIST, &asked);
	}
	for (unsigned i = 0; i < 40; i++) {
		struct prefix net = random_net().net;

		check_net(model, view, net);
		check_net(model, view, prefix_of(net.ip, net.bits < 128 ? net.bits + 1u : 127));
	}
}

static bool is_below(const char *name, const char *above)
{
	size_t len = strlen(name), own = strlen(above);

	if (own == 0)
		return len > 0;
	return len > own && name[len - own - 1] == '.' && strcmp(name + len - own, above) == 0;
}

/* A name below an entry is represented by a label that occurs nowhere. */
static void check_below(const struct model *model, const struct view *view, const char *name)
{
	struct source asked = {.kind = SOURCE_DOMAIN};
	uint32_t below = 0;

	snprintf(asked.domain, sizeof(asked.domain), "zzz%s%s", name[0] != '\0' ? "." : "", name);
	below |= model_mask(model, &asked);
	for (size_t i = 0; i < model->len; i++) {
		const char *domain = model->entries[i].source.domain;

		if (model->entries[i].source.kind != SOURCE_DOMAIN)
			continue;
		strcpy(asked.domain, domain + (domain[0] == '.'));
		if (is_below(asked.domain, name))
			below |= model_mask(model, &asked);
		snprintf(asked.domain, sizeof(asked.domain), "zzz.%s", domain + (domain[0] == '.'));
		if (is_below(asked.domain, name))
			below |= model_mask(model, &asked);
	}
	for (uint32_t mask = 1; mask < 1u << MODEL_SUBLISTS; mask <<= 1)
		assert_int_equal(
			view_has_below(view, LIST, span_text(name), mask), (below & mask) != 0);
}

static void check_domains(const struct model *model, const struct view *view)
{
	struct source asked = {.kind = SOURCE_DOMAIN};

	check_below(model, view, "");
	check_below(model, view, "zzz");
	for (unsigned i = 0; i < 60; i++) {
		struct source random = random_domain();

		strcpy(asked.domain, random.domain + (random.domain[0] == '.'));
		model_check(model, view, LIST, &asked);
		check_below(model, view, asked.domain);
	}
}

static void check_all(const struct model *model, const struct view *view)
{
	check_nets(model, view);
	check_domains(model, view);
}

/* ---- Tests ---- */

static void a_snapshot_answers_like_the_model(void **state)
{
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image image;
		struct view *view;

		fill(&model, round * 3);
		view = model_view(&model, 7, &image);
		assert_int_equal(view_serial(view), 7);
		check_all(&model, view);
		view_free(&view);
		image_done(&image);
	}
}

static void deltas_answer_like_a_rebuilt_snapshot(void **state)
{
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image image;
		struct view *view;

		fill(&model, round);
		view = model_view(&model, 1, &image);
		for (unsigned i = 0; i < CHANGES; i++) {
			struct source source = change(&model);

			apply_change(&model, &source, &view);
			check_all(&model, view);
		}
		view_free(&view);
		image_done(&image);
	}
}

/* The base of a delta goes on answering as before, and may be gone first. */
static void views_are_independent(void **state)
{
	static struct model before, after;
	struct image image;
	struct view *base, *next;

	(void)state;
	fill(&before, 40);
	base = model_view(&before, 1, &image);
	for (unsigned i = 0; i < 20; i++) {
		struct view *other = NULL;
		struct delta none = {.from_serial = view_serial(base), .to_serial = 100 + i};
		struct source source;

		after = before;
		assert_int_equal(view_apply(base, &none, &other, NULL), 0);
		source = change(&after);
		next = other;
		apply_change(&after, &source, &next);
		check_all(&after, next);
		check_all(&before, base);
		view_free(&base);
		base = next;
		before = after;
	}
	view_free(&base);
	image_done(&image);
}

/* Changes before and after a new snapshot: on top of it stand the later ones only, and the answers
 * stay. */
static void a_new_snapshot_slides_below_the_changes(void **state)
{
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image old_image, image;
		struct view *view, *fresh, *next = NULL;
		struct source source;

		fill(&model, round);
		view = model_view(&model, UINT32_MAX - 6, &old_image);
		for (unsigned i = 0; i < CHANGES; i++) { /* over the end of the circle */
			source = change(&model);
			apply_change(&model, &source, &view);
		}
		fresh = model_view(&model, view_serial(view), &image);
		for (unsigned i = 0; i < CHANGES; i++) {
			source = change(&model);
			apply_change(&model, &source, &view);
		}
		assert_int_equal(view_rebase(view, fresh, &next, NULL), 0);
		assert_int_equal(view_serial(next), view_serial(view));
		assert_int_equal(view_snapshot_serial(next), view_serial(fresh));
		assert_true(view_overlay_size(next) <= view_overlay_size(view));
		view_free(&view);
		view_free(&fresh);
		image_done(&old_image); /* nothing may look at it any more */
		check_all(&model, next);
		source = change(&model);
		apply_change(&model, &source, &next);
		check_all(&model, next);
		view_free(&next);
		image_done(&image);
	}
}

/* ---- Threads: a view is whole, and stays so for who holds it ---- */

static struct shelf *shelf;
static _Atomic bool readers_stop;

static void view_release(void *object)
{
	struct view *view = object;

	view_free(&view);
}

/* Each change says the same of two addresses far apart. */
static void *reader_main(void *arg)
{
	struct shelf_item *held = NULL;
	uint32_t last = 0;

	(void)arg;
	while (!atomic_load(&readers_stop)) {
		struct hits left, right;
		const struct view *view;

		shelf_refresh(shelf, &held);
		view = shelf_object(held);
		for (uint32_t i = 0; i < 64; i++) {
			struct ip a = ip_from_v4(0x0a000000 + i), b = ip_from_v4(0xc0000200 + i);
			uint32_t mask = view_lookup_ip(view, LIST, a, &left);

			assert_int_equal(view_lookup_ip(view, LIST, b, &right), mask);
			assert_true(mask == 0 || left.items[0].until_s == right.items[0].until_s);
		}
		assert_true(view_serial(view) >= last);
		last = view_serial(view);
	}
	shelf_release(shelf, &held);
	return NULL;
}

static struct view *view_painted(const struct view *base, uint32_t number)
{
	struct hit hit = {0, number, span_text("x")};
	struct delta_piece pieces[2];
	struct delta delta = {view_serial(base), view_serial(base) + 1, 2, pieces};
	struct view *next = NULL;

	for (size_t i = 0; i < 2; i++) {
		uint32_t first = i == 0 ? 0x0a000000 : 0xc0000200;

		pieces[i] = (struct delta_piece){span_text("main"),
			source_of_key(key_of_ip(ip_from_v4(first + number % 64))), number % 3 != 0,
			&hit};
	}
	assert_int_equal(view_apply(base, &delta, &next, NULL), 0);
	return next;
}

static void readers_see_whole_views(void **state)
{
	static struct model model;
	struct image image, newer_image;
	struct shelf_item *held = NULL;
	struct view *newer, *next = NULL;
	pthread_t readers[2];

	(void)state;
	shelf = shelf_new(view_release);
	model.len = 0;
	shelf_put(shelf, model_view(&model, 1, &image));
	newer = model_view(&model, 1, &newer_image);
	shelf_refresh(shelf, &held);
	atomic_store(&readers_stop, false);
	for (size_t i = 0; i < COUNTOF(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, reader_main, NULL), 0);
	for (uint32_t number = 1; number <= 3000; number++) {
		shelf_put(shelf, view_painted(shelf_object(held), number));
		shelf_refresh(shelf, &held);
		if (number % 500 == 0) {
			assert_int_equal(view_rebase(shelf_object(held), newer, &next, NULL), 0);
			shelf_put(shelf, next);
			shelf_refresh(shelf, &held);
		}
	}
	atomic_store(&readers_stop, true);
	for (size_t i = 0; i < COUNTOF(readers); i++)
		pthread_join(readers[i], NULL);
	shelf_release(shelf, &held);
	shelf_free(&shelf);
	view_free(&newer);
	image_done(&image);
	image_done(&newer_image);
}

static void a_snapshot_that_does_not_fit_changes_nothing(void **state)
{
	static struct model model;
	struct image image, newer_image;
	struct view *view, *newer, *next = NULL, *empty = view_new_empty();
	struct snapshot_writer *writer = snapshot_writer_new(4, 1);
	struct image other_image;
	struct view *other = NULL;

	(void)state;
	model.len = 0;
	view = model_view(&model, 5, &image);
	newer = model_view(&model, 6, &newer_image);
	snapshot_writer_image(writer, &other_image, NULL);
	snapshot_writer_free(&writer);
	assert_int_equal(
		view_open_bytes(span_of(other_image.bytes, other_image.len), true, &other, NULL),
		0);
	assert_int_equal(view_rebase(view, newer, &next, NULL), E_CONFLICT);
	assert_int_equal(view_rebase(newer, view, &next, NULL), E_CONFLICT);
	assert_int_equal(view_rebase(view, other, &next, NULL), E_CONFLICT);
	assert_int_equal(view_rebase(view, empty, &next, NULL), E_CONFLICT);
	assert_int_equal(view_rebase(empty, view, &next, NULL), E_CONFLICT);
	assert_null(next);
	view_free(&view);
	view_free(&newer);
	view_free(&other);
	view_free(&empty);
	image_done(&image);
	image_done(&newer_image);
	image_done(&other_image);
}

static void holes_do_not_exist(void **state)
{
	static struct model model;
	struct image image;
	struct view *view;

	(void)state;
	model.len = 0;
	model_add_text(&model, "192.0.2.0/31", 0, "pair", false);
	model_add_text(&model, "192.0.2.0", 0, "", true);
	model_add_text(&model, "192.0.2.1", 0, "", true);
	model_add_text(&model, "203.0.113.0/24", 1, "net", false);
	model_add_text(&model, "203.0.113.128/25", 1, "", true);
	model_add_text(&model, ".listed.example", 2, "all", false);
	model_add_text(&model, "not.listed.example", 2, "", true);
	view = model_view(&model, 1, &image);
	check_all(&model, view);
	check_net(&model, view, source_of_text("192.0.2.0/24").net);
	check_net(&model, view, source_of_text("203.0.113.128/25").net);
	assert_false(view_has_within(view, LIST, source_of_text("192.0.0.0/16").net, UINT32_MAX));
	assert_true(view_has_within(view, LIST, source_of_text("203.0.0.0/8").net, 2));
	assert_false(view_has_within(view, LIST, source_of_text("203.0.0.0/8").net, 1));
	view_free(&view);
	image_done(&image);
}

/* The view without each of the sources, taken off one by one. */
static void take_off(struct view **view, struct source (*source)(unsigned i), unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		struct delta_piece piece = {span_text("main"), source(i), 0, NULL};
		struct delta delta = {view_serial(*view), view_serial(*view) + 1, 1, &piece};
		struct view *next = NULL;

		assert_int_equal(view_apply(*view, &delta, &next, NULL), 0);
		view_free(view);
		*view = next;
	}
}

/* Every other address: there is ground of the snapshot between two of them. */
static struct source scattered_ip(unsigned i)
{
	char text[32];

	snprintf(text, sizeof(text), "20.0.%u.%u", i / 128, i % 128 * 2);
	return source_of_text(text);
}

static struct source scattered_name(unsigned i)
{
	char text[32];

	snprintf(text, sizeof(text), "n%03u.bad.example", i);
	return source_of_text(text);
}

static void what_much_was_taken_off_is_searched_within_bounds(void **state)
{
	enum { FEW = 100, MANY = 400 };
	static struct model model;
	struct image image;
	struct view *view;

	(void)state;
	for (unsigned len = FEW; len <= MANY; len += MANY - FEW) {
		model.len = 0;
		for (unsigned i = 0; i < len; i++) {
			struct list_entry entry = {.source = scattered_ip(i), .sublist = 0};

			model_add(&model, entry);
			entry.source = scattered_name(i);
			model_add(&model, entry);
		}
		view = model_view(&model, 1, &image);
		take_off(&view, scattered_ip, len);
		take_off(&view, scattered_name, len);
		for (unsigned i = 0; i < len; i++)
			assert_int_equal(
				view_lookup_ip(view, LIST, scattered_ip(i).net.ip, NULL), 0);
		assert_int_equal(view_has_within(view, LIST, source_of_text("20.0.0.0/16").net, 1),
			len == MANY);
		assert_int_equal(
			view_has_below(view, LIST, span_text("bad.example"), 1), len == MANY);
		assert_false(view_has_within(view, LIST, source_of_text("20.0.1.0/24").net, 2));
		assert_false(view_has_within(view, LIST, source_of_text("20.0.0.0/24").net, 1));
		view_free(&view);
		image_done(&image);
	}
}

static void an_ipv6_network_lists_no_ipv4_address(void **state)
{
	static struct model model;
	struct image image;
	struct view *view;
	struct source v4 = source_of_text("192.0.2.1"), v6 = source_of_text("2001:db8::1");

	(void)state;
	model.len = 0;
	model_add_text(&model, "::/0", 0, "all", false);
	view = model_view(&model, 1, &image);
	assert_int_equal(view_lookup_ip(view, LIST, v4.net.ip, NULL), 0);
	assert_int_equal(view_lookup_ip(view, LIST, v6.net.ip, NULL), 1);
	assert_false(view_has_within(view, LIST, source_of_text("0.0.0.0/0").net, 1));
	view_free(&view);
	image_done(&image);
}

static void lists_and_sublists_have_names(void **state)
{
	static struct model model;
	struct image image;
	struct view *view;

	(void)state;
	model.len = 0;
	model_add_text(&model, "192.0.2.1", 0, "one", false);
	model_add_text(&model, "192.0.2.2", 1, "two", true);
	view = model_view(&model, 1, &image);
	assert_int_equal(view_list_count(view), 2);
	assert_int_equal(view_list_find(view, span_text("main")), LIST);
	assert_int_equal(view_list_find(view, span_text("mains")), E_ABSENT);
	assert_true(span_equal_text(view_list_name(view, 0), "other"));
	assert_int_equal(view_sublist_find(view, LIST, span_text("bot")), 2);
	assert_int_equal(view_sublist_find(view, 0, span_text("bot")), E_ABSENT);
	assert_true(span_equal_text(view_sublist_name(view, LIST, 4), "manual"));
	assert_true(span_is_empty(view_sublist_name(view, LIST, 5)));
	assert_int_equal(view_list_entries(view, LIST), 1);
	assert_int_equal(view_lookup_ip(view, 2, ip_from_v4(0xc0000201), NULL), 0);
	assert_int_equal(view_lookup_ip(view, -1, ip_from_v4(0xc0000201), NULL), 0);
	view_free(&view);
	image_done(&image);
}

static void an_empty_view_knows_nothing(void **state)
{
	AUTO(view) *view = view_new_empty();

	(void)state;
	assert_int_equal(view_serial(view), 0);
	assert_int_equal(view_list_count(view), 0);
	assert_int_equal(view_list_find(view, span_text("main")), E_ABSENT);
	assert_int_equal(view_lookup_ip(view, 0, ip_from_v4(1), NULL), 0);
	assert_false(view_has_below(view, 0, span_text(""), UINT32_MAX));
}

static void strange_names_are_not_listed(void **state)
{
	static const char *const strange[] = {"", ".", "..", ".bad.example", "bad.example.",
		"bad..example", "bad. example", "\x01", "BAD.example"};
	static struct model model;
	struct image image;
	struct view *view;
	char longest[400];

	(void)state;
	model.len = 0;
	model_add_text(&model, ".bad.example", 0, "bad", false);
	view = model_view(&model, 1, &image);
	for (size_t i = 0; i < COUNTOF(strange); i++)
		assert_int_equal(view_lookup_domain(view, LIST, span_text(strange[i]), NULL), 0);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(view_lookup_domain(view, LIST, span_of("example\0bad", 11), NULL), 0);
	assert_int_equal(
		view_lookup_domain(view, LIST, span_of(longest, sizeof(longest)), NULL), 0);
	for (size_t i = 0; i < 200; i++) /* as many labels as fit */
		longest[i] = i % 2 == 0 ? 'a' : '.';
	memcpy(longest + 200, "bad.example", 11);
	assert_int_equal(view_lookup_domain(view, LIST, span_of(longest, 211), NULL), 1);
	view_free(&view);
	image_done(&image);
}

/* ---- Deltas that do not fit ---- */

struct bad_delta {
	const char *list;
	const char *sources[2];
	uint8_t sublist;
	uint32_t from_serial;
	int result;
};

static void deltas_that_do_not_fit_change_nothing(void **state)
{
	static const struct bad_delta cases[] = {
		{"main", {"192.0.2.1", "192.0.2.2"}, 0, 1, 0},
		{"main", {"192.0.2.1", "bad.example"}, 0, 2, E_CONFLICT},
		{"absent", {"192.0.2.1", "192.0.2.2"}, 0, 1, E_CONFLICT},
		{"other", {"192.0.2.1", "192.0.2.2"}, 1, 1, E_CONFLICT},
		{"main", {"192.0.2.0/24", "192.0.2.2"}, 0, 1, E_CONFLICT},
		{"main", {"bad.example", "bad.example"}, 0, 1, E_CONFLICT},
		{"main", {"bad.example", ".bad.example"}, 0, 1, 0},
		{"main", {"192.0.2.1", "::/0"}, 0, 1, E_RANGE},
	};
	static struct model model;
	struct image image;
	struct view *view;

	(void)state;
	model.len = 0;
	view = model_view(&model, 1, &image);
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct hit hit = {cases[i].sublist, 0, span_text("x")};
		struct delta_piece pieces[2];
		struct delta delta = {cases[i].from_serial, 5, 2, pieces};
		struct view *next = NULL;

		for (size_t j = 0; j < 2; j++)
			pieces[j] = (struct delta_piece){span_text(cases[i].list),
				source_of_text(cases[i].sources[j]), 1, &hit};
		assert_int_equal(view_apply(view, &delta, &next, NULL), cases[i].result);
		assert_true((next != NULL) == (cases[i].result == 0));
		if (next != NULL)
			assert_int_equal(view_overlay_size(next), 2);
		view_free(&next);
	}
	assert_int_equal(view_overlay_size(view), 0);
	view_free(&view);
	image_done(&image);
}

static void too_many_pieces_call_for_a_snapshot(void **state)
{
	static struct model model;
	AUTO(arena) *arena = arena_new(0);
	struct source ground = source_of_text("10.0.0.0/8");
	struct delta_pieces pieces = {0};
	struct repaint repaint;

	(void)state;
	model.len = 0;
	model_add_text(&model, "10.0.0.0/8", 0, "all", false);
	model_add_text(&model, "10.1.2.3", 0, "", true);
	repaint = (struct repaint){span_text("main"), &ground, model.entries, model.len, 24};
	assert_int_equal(paint_pieces(&repaint, arena, &pieces), E_LIMIT);
	assert_null(pieces.items);
	repaint.limit = 25;
	assert_int_equal(paint_pieces(&repaint, arena, &pieces), 0);
	assert_int_equal(pieces.len, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_answers_like_the_model),
		cmocka_unit_test(deltas_answer_like_a_rebuilt_snapshot),
		cmocka_unit_test(views_are_independent),
		cmocka_unit_test(a_new_snapshot_slides_below_the_changes),
		cmocka_unit_test(a_snapshot_that_does_not_fit_changes_nothing),
		cmocka_unit_test(readers_see_whole_views),
		cmocka_unit_test(holes_do_not_exist),
		cmocka_unit_test(what_much_was_taken_off_is_searched_within_bounds),
		cmocka_unit_test(an_ipv6_network_lists_no_ipv4_address),
		cmocka_unit_test(lists_and_sublists_have_names),
		cmocka_unit_test(an_empty_view_knows_nothing),
		cmocka_unit_test(strange_names_are_not_listed),
		cmocka_unit_test(deltas_that_do_not_fit_change_nothing),
		cmocka_unit_test(too_many_pieces_call_for_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
