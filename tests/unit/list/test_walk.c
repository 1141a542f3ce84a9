/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "list/random.h"

enum { ROUNDS = 24, CHANGES = 12, NAMES_MAX = 4096, MANY = 2500000 };

/* ---- Addresses: the pieces of a walk are where the model lists anything, and say what it says
 * ---- */

static void piece_check(const struct model *model, const struct view_piece *piece, u128 key)
{
	struct source asked = source_of_key(key);
	size_t at = 0;

	assert_int_equal(piece->mask, model_mask(model, &asked));
	assert_int_equal(piece->hits.len, __builtin_popcount(piece->mask));
	for (unsigned i = 0; i < MODEL_SUBLISTS; i++) {
		const struct list_entry *entry = model_entry(model, &asked, i);

		if ((piece->mask >> i & 1) == 0)
			continue;
		assert_int_equal(piece->hits.items[at].sublist, i);
		assert_true(piece->hits.items[at].until_s == entry->until_s);
		assert_true(span_equal(piece->hits.items[at].reason, entry->reason));
		at++;
	}
}

static int key_compare(const void *a, const void *b)
{
	u128 left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return left < right ? -1 : left > right;
}

/* A walk for one sublist passes over what the others list, and over nothing else. */
static void check_sublist(const struct model *model, const struct view *view, unsigned sublist)
{
	uint32_t mask = UINT32_C(1) << sublist;
	struct view_piece piece;
	struct ip from = key_to_ip(0);
	size_t at = 0;

	while (view_next_listed(&(struct view_walk){view, LIST, mask}, from, &piece)) {
		u128 first = key_of_ip(piece.first), last = key_of_ip(piece.last);

		assert_true((piece.mask & mask) != 0);
		for (; at < questions.len && questions.keys[at] <= last; at++) {
			struct source asked = source_of_key(questions.keys[at]);

			assert_int_equal((model_mask(model, &asked) & mask) != 0,
				questions.keys[at] >= first);
		}
		if (!view_piece_next(&piece, &from))
			return;
	}
	for (; at < questions.len; at++) {
		struct source asked = source_of_key(questions.keys[at]);

		assert_int_equal(model_mask(model, &asked) & mask, 0);
	}
}

/* Questions are asked in order; answers change only where one is asked. */
static void check_addresses(const struct model *model, const struct view *view)
{
	struct view_piece piece;
	struct ip from = key_to_ip(0);
	size_t at = 0;
	bool more = true;
	u128 behind = 0;

	ask_all(model);
	qsort(questions.keys, questions.len, sizeof(questions.keys[0]), key_compare);
	while (more &&
		view_next_listed(&(struct view_walk){view, LIST, UINT32_MAX}, from, &piece)) {
		u128 first = key_of_ip(piece.first), last = key_of_ip(piece.last);

		assert_true(piece.mask != 0);
		assert_true(behind <= first && first <= last);
		assert_true(key_is_v4(first) == key_is_v4(last));
		assert_false(first < key_v4_first && last > key_v4_last);
		piece_check(model, &piece, first);
		piece_check(model, &piece, last);
		for (; at < questions.len && questions.keys[at] < first; at++) {
			struct source asked = source_of_key(questions.keys[at]);

			assert_int_equal(model_mask(model, &asked), 0);
		}
		for (; at < questions.len && questions.keys[at] <= last; at++)
			piece_check(model, &piece, questions.keys[at]);
		more = view_piece_next(&piece, &from);
		behind = key_of_ip(from);
	}
	for (; at < questions.len; at++) {
		struct source asked = source_of_key(questions.keys[at]);

		assert_int_equal(model_mask(model, &asked), 0);
	}
	check_sublist(model, view, random_below(MODEL_SUBLISTS));
}

/* A walk that begins inside a piece begins with the rest of it. */
static void check_middle(const struct view *view)
{
	for (size_t i = 0; i < questions.len; i += 3) {
		struct ip ip = key_to_ip(questions.keys[i]);
		struct view_piece piece;
		bool found =
			view_next_listed(&(struct view_walk){view, LIST, UINT32_MAX}, ip, &piece);
		uint32_t mask = view_lookup_ip(view, LIST, ip, NULL);

		if (mask == 0) {
			assert_true(!found || ip_compare(piece.first, ip) > 0);
			continue;
		}
		assert_true(found);
		assert_true(ip_equal(piece.first, ip));
		assert_int_equal(piece.mask, mask);
	}
}

/* ---- Domains: who has nothing but the walked entries answers as the model does ---- */

static struct view_name walked[NAMES_MAX];
static size_t walked_len;

static struct source source_of_name(const char *head, const char *name)
{
	struct source source = {.kind = SOURCE_DOMAIN};

	snprintf(source.domain, sizeof(source.domain), "%s%s%s", head,
		head[0] != '\0' && name[0] != '\0' ? "." : "", name);
	return source;
}

static const struct view_name *walked_entry(const char *dot, const char *name)
{
	char text[VIEW_NAME_SIZE];

	snprintf(text, sizeof(text), "%s%s", dot, name);
	for (size_t i = 0; i < walked_len; i++) {
		if (strcmp(walked[i].name, text) == 0)
			return &walked[i];
	}
	return NULL;
}

static const struct view_name *walked_below(const char *name)
{
	const struct view_name *entry = NULL;

	while (name != NULL && name[0] != '\0' && entry == NULL) {
		const char *dot = strchr(name, '.');

		entry = walked_entry(".", name);
		name = dot != NULL ? dot + 1 : NULL;
	}
	return entry;
}

static void check_resolved(const struct model *model, const char *head, const char *name)
{
	struct source asked = source_of_name(head, name);
	const struct view_name *entry = walked_entry("", asked.domain);
	size_t at = 0;

	if (entry == NULL)
		entry = walked_below(asked.domain);
	assert_int_equal(entry != NULL ? entry->mask : 0, model_mask(model, &asked));
	for (unsigned i = 0; entry != NULL && i < MODEL_SUBLISTS; i++) {
		const struct list_entry *by = model_entry(model, &asked, i);

		if ((entry->mask >> i & 1) == 0)
			continue;
		assert_int_equal(entry->hits.items[at].sublist, i);
		assert_true(entry->hits.items[at].until_s == by->until_s);
		assert_true(span_equal(entry->hits.items[at].reason, by->reason));
		at++;
	}
}

static void check_order(const char *before, const char *name)
{
	uint8_t left[NAME_KEY_SIZE], right[NAME_KEY_SIZE];
	int left_len = name_key(span_text(before + (before[0] == '.')), left);
	int right_len = name_key(span_text(name + (name[0] == '.')), right);
	int order =
		span_compare(span_of(left, (size_t)left_len), span_of(right, (size_t)right_len));

	assert_true(order < 0 || (order == 0 && before[0] == '.' && name[0] != '.'));
}

/* An entry that says nothing is worth a word only below what says something. */
static void check_nothing(const struct model *model, const char *name)
{
	const char *above = name[0] == '.' ? strchr(name + 1, '.') : name - 1;
	struct source asked;

	assert_non_null(above);
	asked = source_of_name("zzz", above + 1);
	assert_int_not_equal(model_mask(model, &asked), 0);
}

static void check_names(const struct model *model, const struct view *view)
{
	char after[VIEW_NAME_SIZE] = "";

	for (walked_len = 0; walked_len < NAMES_MAX; walked_len++) {
		struct view_name *name = &walked[walked_len];

		if (!view_next_listed_name(view, LIST, span_text(after), name))
			break;
		if (walked_len != 0)
			check_order(after, name->name);
		if (name->mask == 0)
			check_nothing(model, name->name);
		memcpy(after, name->name, sizeof(after));
	}
	assert_true(walked_len < NAMES_MAX);
	for (unsigned i = 0; i < 60; i++) {
		struct source random = random_domain();
		const char *name = random.domain + (random.domain[0] == '.');

		check_resolved(model, "", name);
		check_resolved(model, "zzz", name);
	}
	check_resolved(model, "zzz", "");
}

static void check_walk(const struct model *model, const struct view *view)
{
	check_addresses(model, view);
	check_middle(view);
	check_names(model, view);
}

/* ---- Tests ---- */

static void a_walk_sees_what_the_model_lists(void **state)
{
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image image;
		struct view *view;

		fill(&model, round * 3);
		view = model_view(&model, 1, &image);
		check_walk(&model, view);
		for (unsigned i = 0; i < CHANGES; i++) {
			struct source source = change(&model);

			apply_change(&model, &source, &view);
			check_walk(&model, view);
		}
		view_free(&view);
		image_done(&image);
	}
}

/* So many addresses that the table takes its narrow form with buckets, where keys are not written
 * out. */
static void a_walk_finds_each_of_many_addresses(void **state)
{
	static const char *const reasons[] = {"a", "b", "c", "d", "e", "f", "g"};
	static uint32_t addresses[MANY];
	struct snapshot_writer *writer = snapshot_writer_new(1, 1);
	struct span sublist = span_text("trap");
	struct image image;
	struct view *view = NULL;
	struct view_piece piece;
	struct ip from = ip_from_v4(0);
	size_t at = 0;

	(void)state;
	assert_int_equal(snapshot_writer_add_list(writer, span_text("other"), &sublist, 1), 0);
	assert_int_equal(snapshot_writer_add_list(writer, span_text("main"), &sublist, 1), LIST);
	for (uint32_t i = 0, address = 5; i < MANY; i++) {
		struct source source = {.kind = SOURCE_NET};

		address += 2 + random_below(i % 10000 == 0 ? 3000000 : 1200);
		addresses[i] = address;
		source.net = (struct prefix){ip_from_v4(address), 128};
		assert_int_equal(snapshot_writer_add(writer, LIST,
					 &(struct list_entry){
						 source, 0, false, 0, span_text(reasons[i % 7])}),
			0);
	}
	assert_int_equal(snapshot_writer_image(writer, &image, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(view_open_bytes(span_of(image.bytes, image.len), true, &view, NULL), 0);
	while (view_next_listed(&(struct view_walk){view, LIST, UINT32_MAX}, from, &piece)) {
		assert_true(at < MANY);
		assert_true(ip_equal(piece.first, ip_from_v4(addresses[at])));
		assert_true(ip_equal(piece.last, piece.first));
		assert_true(span_equal_text(piece.hits.items[0].reason, reasons[at % 7]));
		at++;
		assert_true(view_piece_next(&piece, &from));
	}
	assert_int_equal(at, MANY);
	view_free(&view);
	image_done(&image);
}

static void an_empty_view_has_nothing_to_walk(void **state)
{
	struct view *view = view_new_empty();
	struct view_piece piece;
	struct view_name name;

	(void)state;
	assert_false(
		view_next_listed(&(struct view_walk){view, 0, UINT32_MAX}, key_to_ip(0), &piece));
	assert_false(view_next_listed_name(view, 0, span_text(""), &name));
	view_free(&view);
}

static void a_walk_ends_behind_the_last_address(void **state)
{
	static struct model model;
	struct image image;
	struct view *view;
	struct view_piece piece;
	struct ip from;

	(void)state;
	model.len = 0;
	model_add_text(&model, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, "end", false);
	view = model_view(&model, 1, &image);
	assert_true(view_next_listed(
		&(struct view_walk){view, LIST, UINT32_MAX}, key_to_ip(0), &piece));
	assert_true(key_of_ip(piece.first) == ~(u128)0);
	assert_false(view_piece_next(&piece, &from));
	assert_false(view_next_listed(
		&(struct view_walk){view, LIST + 7, UINT32_MAX}, key_to_ip(0), &piece));
	view_free(&view);
	image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_sees_what_the_model_lists),
		cmocka_unit_test(a_walk_finds_each_of_many_addresses),
		cmocka_unit_test(an_empty_view_has_nothing_to_walk),
		cmocka_unit_test(a_walk_ends_behind_the_last_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
