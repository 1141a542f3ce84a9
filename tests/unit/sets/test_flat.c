/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "list/random.h"

#include "../../bpf/flat_load.h"

/*
 * The file can be read as doc/fast-path.md says: by another reader, without pointers, in a bounded number of steps, with the
 * answers of our own.
 */
enum { ROUNDS = 24, MANY = 400000, VALUES = 20000 };

static struct flat_file flat_open(struct span image)
{
	uint8_t *bytes = aligned_alloc(64, FLAT_SIZE);

	assert_non_null(bytes);
	assert_true(image.len <= FLAT_SIZE);
	memcpy(bytes, image.ptr, image.len);
	return (struct flat_file){.bytes = bytes};
}

static void check_key(struct flat_file *file, const struct flat_list *flat, const struct view *view,
	int list, u128 key)
{
	uint64_t high = (uint64_t)(key >> 64), low = (uint64_t)key;
	uint32_t row, mask;

	file->reads = 0;
	row = flat_find(file, flat, high, low);
	assert_true(file->reads <= (key_is_v4(key) ? FLAT_V4_READS : FLAT_V6_READS));
	mask = flat_mask(file, flat, row);
	assert_int_equal(mask, view_lookup_ip(view, list, key_to_ip(key), NULL));
}

static void small_lists_are_read_alike(void **state)
{
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image image;
		struct view *view;
		struct flat_file file;
		struct flat_list flat;

		fill(&model, round * 4);
		view = model_view(&model, 7, &image);
		file = flat_open(span_of(image.bytes, image.len));
		flat = flat_list_of(span_of(file.bytes, image.len), LIST);
		ask_all(&model);
		for (size_t i = 0; i < questions.len; i++)
			check_key(&file, &flat, view, LIST, questions.keys[i]);
		free((void *)(uintptr_t)file.bytes);
		view_free(&view);
		image_done(&image);
	}
}

static u128 random_key(unsigned kind)
{
	uint64_t net = (uint64_t)random_below(1u << 28) << 35 | UINT64_C(0x2001) << 48;

	if (kind == 0)
		return key_v4_first + (random_below(1u << 16) << 16 | random_below(1u << 16));
	return (u128)net << 64 | (kind == 1 ? 0 : random_below(3));
}

/* Enough for the narrow table, a ladder of five rungs, packed codes and exceptions. */
static void fill_many(struct snapshot_writer *writer, u128 *keys)
{
	static const unsigned bits[] = {128, 64, 128};

	for (size_t i = 0; i < MANY; i++) {
		unsigned kind = i < MANY * 3 / 4 ? 0 : 1 + random_below(2);
		uint32_t value = random_below(16) != 0 ? 0 : random_below(VALUES);
		struct source source = {.kind = SOURCE_NET};

		keys[i] = random_key(kind);
		source.net =
			prefix_of(key_to_ip(keys[i]), i % 7 == 0 ? bits[kind] - 8 : bits[kind]);
		assert_int_equal(snapshot_writer_add(writer, 0,
					 &(struct list_entry){source, (uint8_t)(value % 3),
						 value % 5 == 1, value, span_text("many")}),
			0);
	}
}

static void a_large_list_is_read_alike(void **state)
{
	static const struct span sublists[] = {
		{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"c", 1}};
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	u128 *keys = mem_alloc_array(MANY, sizeof(*keys));
	struct view *view = NULL;
	struct image image;
	struct flat_file file;
	struct flat_list flat;

	(void)state;
	snapshot_writer_add_list(writer, span_text("main"), sublists, COUNTOF(sublists));
	fill_many(writer, keys);
	assert_int_equal(snapshot_writer_image(writer, &image, NULL), 0);
	assert_int_equal(view_open_bytes(span_of(image.bytes, image.len), true, &view, NULL), 0);
	file = flat_open(span_of(image.bytes, image.len));
	flat = flat_list_of(span_of(file.bytes, image.len), 0);
	assert_int_equal(flat.v4_points.key_bytes, 2);
	assert_int_not_equal(flat.v4_points.exceptions, 0);
	assert_true(flat.nets.rungs >= 4);
	for (size_t i = 0; i < MANY; i += 3) {
		check_key(&file, &flat, view, 0, keys[i]);
		check_key(&file, &flat, view, 0, keys[i] + 1);
		check_key(&file, &flat, view, 0, random_key((unsigned)i % 3));
	}
	free((void *)(uintptr_t)file.bytes);
	view_free(&view);
	image_done(&image);
	snapshot_writer_free(&writer);
	mem_free(keys);
}

/* Any octets at all: wrong answers, in the same bounds. */
static void damage_stays_inside(void **state)
{
	static struct model model;
	struct image image;
	struct view *view;
	struct flat_file file;
	struct flat_list flat;

	(void)state;
	fill(&model, 60);
	view = model_view(&model, 7, &image);
	file = flat_open(span_of(image.bytes, image.len));
	flat = flat_list_of(span_of(file.bytes, image.len), LIST);
	for (size_t i = sizeof(struct snapshot_header); i < image.len; i++)
		((uint8_t *)(uintptr_t)file.bytes)[i] = (uint8_t)random_below(256);
	ask_all(&model);
	for (size_t i = 0; i < questions.len; i++) {
		u128 key = questions.keys[i];
		uint32_t row;

		file.reads = 0;
		row = flat_find(&file, &flat, (uint64_t)(key >> 64), (uint64_t)key);
		assert_true(file.reads <= (key_is_v4(key) ? FLAT_V4_READS : FLAT_V6_READS));
		flat_mask(&file, &flat, row);
	}
	free((void *)(uintptr_t)file.bytes);
	view_free(&view);
	image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_lists_are_read_alike),
		cmocka_unit_test(a_large_list_is_read_alike),
		cmocka_unit_test(damage_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
