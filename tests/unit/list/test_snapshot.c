/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "list/model.h"

enum { BULK = 200000, BULK_NAMES = 20000 };

static void small_model(struct model *model)
{
	static const char *const sources[] = {"192.0.2.1", "192.0.2.0/24", "192.0.2.128/25",
		"198.51.100.7", "2001:db8::/64", "2001:db8:1::/48", "2001:db8:2::1", "bad.example",
		".worse.example", "0.0.0.0", "255.255.255.255"};

	model->len = 0;
	for (size_t i = 0; i < COUNTOF(sources); i++)
		model_add_text(
			model, sources[i], (uint8_t)(i % MODEL_SUBLISTS), "some reason", i == 2);
}

static void small_image(struct image *ret_image)
{
	static struct model model;
	struct snapshot_writer *writer;

	small_model(&model);
	writer = model_writer(&model, 3);
	assert_int_equal(snapshot_writer_image(writer, ret_image, NULL), 0);
	snapshot_writer_free(&writer);
}

/* Asks everything, only to see that nothing outside the bytes is read: the sanitizer looks on. */
static void ask_everything(const struct view *view)
{
	static const char *const sources[] = {"192.0.2.1", "192.0.2.200", "2001:db8::1",
		"2001:db8:2::1", "2001:db8:1:2::3", "255.255.255.255"};
	static const char *const names[] = {"", "example", "bad.example", "a.worse.example"};

	for (int list = 0; list < 3; list++) {
		struct hits hits;

		for (size_t i = 0; i < COUNTOF(sources); i++) {
			struct prefix net = source_of_text(sources[i]).net;

			view_lookup_ip(view, list, net.ip, &hits);
			view_has_within(view, list, prefix_of(net.ip, 100), UINT32_MAX);
			view_has_within(view, list, prefix_of(net.ip, 16), 1);
		}
		for (size_t i = 0; i < COUNTOF(names); i++) {
			view_lookup_domain(view, list, span_text(names[i]), &hits);
			view_has_below(view, list, span_text(names[i]), UINT32_MAX);
		}
		view_sublist_find(view, list, span_text("bot"));
	}
}

/* Opened without the checksum, so that the damage gets inside. */
static int open_damaged(const uint8_t *bytes, size_t len, bool verify)
{
	struct view *view = NULL;
	uint8_t *copy = malloc(len != 0 ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	r = view_open_bytes(span_of(copy, len), verify, &view, NULL);
	if (r == 0)
		ask_everything(view);
	view_free(&view);
	free(copy);
	return r;
}

static void every_flipped_byte_is_noticed(void **state)
{
	struct image image;

	(void)state;
	small_image(&image);
	assert_int_equal(open_damaged(image.bytes, image.len, true), 0);
	for (size_t i = 0; i < image.len; i++) {
		uint8_t byte = image.bytes[i];

		image.bytes[i] = (uint8_t)~byte;
		assert_true(open_damaged(image.bytes, image.len, true) < 0);
		open_damaged(image.bytes, image.len, false);
		image.bytes[i] = byte ^ 1;
		assert_true(open_damaged(image.bytes, image.len, true) < 0);
		open_damaged(image.bytes, image.len, false);
		image.bytes[i] = byte;
	}
	image_done(&image);
}

static void every_cut_is_noticed(void **state)
{
	struct image image;

	(void)state;
	small_image(&image);
	for (size_t len = 0; len < image.len; len++)
		assert_int_equal(open_damaged(image.bytes, len, true), E_TRUNCATED);
	image_done(&image);
}

static void other_formats_are_named(void **state)
{
	struct snapshot_header header;
	struct image image;

	(void)state;
	small_image(&image);
	memcpy(&header, image.bytes, sizeof(header));
	header.version++;
	memcpy(image.bytes, &header, sizeof(header));
	assert_int_equal(open_damaged(image.bytes, image.len, true), E_VERSION);
	header.version--;
	header.magic = __builtin_bswap64(header.magic);
	memcpy(image.bytes, &header, sizeof(header));
	assert_int_equal(open_damaged(image.bytes, image.len, true), E_VERSION);
	header.magic = 0;
	memcpy(image.bytes, &header, sizeof(header));
	assert_int_equal(open_damaged(image.bytes, image.len, true), E_CORRUPT);
	image_done(&image);
}

/* ---- Files ---- */

static char folder[] = "/tmp/stockade-snapshot-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void a_file_is_complete_or_absent(void **state)
{
	static struct model model;
	struct snapshot_writer *writer;
	struct view *view = NULL;
	struct fault why = {""};
	char path[128], part[160];

	(void)state;
	small_model(&model);
	snprintf(path, sizeof(path), "%s/list-3.snap", folder);
	snprintf(part, sizeof(part), "%s.part", path);
	assert_int_equal(view_open(path, &view, &why), E_ABSENT);
	writer = model_writer(&model, 3);
	assert_int_equal(snapshot_writer_finish(writer, path, &why), 0);
	assert_int_equal(snapshot_writer_finish(writer, path, &why), E_USAGE);
	snapshot_writer_free(&writer);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(view_open(path, &view, &why), 0);
	for (size_t i = 0; i < model.len; i++) {
		struct source asked = model.entries[i].source;

		if (asked.kind == SOURCE_NET)
			model_check(&model, view, 1, &asked);
	}
	view_free(&view);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(view_open(path, &view, &why), E_TRUNCATED);
	assert_int_equal(unlink(path), 0);
}

static void a_failed_write_leaves_nothing(void **state)
{
	static struct model model;
	struct snapshot_writer *writer;
	struct fault why = {""};
	char path[128];

	(void)state;
	small_model(&model);
	writer = model_writer(&model, 3);
	snprintf(path, sizeof(path), "%s/absent/list-3.snap", folder);
	assert_int_equal(snapshot_writer_finish(writer, path, &why), E_ABSENT);
	assert_non_null(strstr(why.text, path));
	snapshot_writer_free(&writer);
	/* A folder stands where the file should go: the rename fails at the very end. */
	snprintf(path, sizeof(path), "%s/list-4.snap", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	writer = model_writer(&model, 4);
	assert_true(snapshot_writer_finish(writer, path, &why) < 0);
	snapshot_writer_free(&writer);
	assert_int_equal(
		rmdir(path), 0); /* and the folder itself is empty, or remove_folder fails */
}

/* ---- Memory that runs out ---- */

static void every_failed_allocation_is_an_error(void **state)
{
	static struct model model;
	size_t failures = 0;

	(void)state;
	small_model(&model);
	for (size_t i = 0; i < 600; i++) /* so that arrays grow */
		model_add(&model, (struct list_entry){source_of_key(key_v4_first | i * 77), 0,
					  false, (int64_t)i, span_text("x")});
	for (size_t nth = 1;; nth++) {
		struct snapshot_writer *writer = model_writer(&model, 1);
		struct image image = {0};
		struct fault why = {""};
		int r;

		mem_fail_after(nth);
		r = snapshot_writer_image(writer, &image, &why);
		mem_fail_after(0);
		snapshot_writer_free(&writer);
		image_done(&image);
		if (r == 0)
			break;
		assert_int_equal(r, E_NOMEM);
		failures++;
	}
	assert_true(failures > 30);
}

static void a_failed_delta_leaves_the_view(void **state)
{
	static struct model model;
	struct hit hit = {0, 0, span_text("x")};
	struct delta_piece pieces[2] = {
		{span_text("main"), {0}, 1, &hit}, {span_text("main"), {0}, 1, &hit}};
	struct delta delta = {3, 4, 2, pieces};
	struct view *view, *next = NULL;
	struct image image;
	size_t nth = 1;

	(void)state;
	small_model(&model);
	view = model_view(&model, 3, &image);
	pieces[0].source = source_of_text("192.0.2.1");
	pieces[1].source = source_of_text("bad.example");
	for (; next == NULL; nth++) {
		int r;

		mem_fail_after(nth);
		r = view_apply(view, &delta, &next, NULL);
		mem_fail_after(0);
		assert_true(r == E_NOMEM || (r == 0 && next != NULL));
	}
	assert_true(nth > 5);
	view_free(&next);
	view_free(&view);
	image_done(&image);
}

/* ---- What the writer refuses ---- */

static void entries_that_cannot_be_are_refused(void **state)
{
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	struct span sublists[SUBLISTS_MAX + 1];
	struct source source = source_of_text("192.0.2.1");
	struct source crooked = source;
	static char words[REASON_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNTOF(sublists); i++)
		sublists[i] = span_text("s");
	assert_int_equal(
		snapshot_writer_add_list(writer, span_text("main"), sublists, COUNTOF(sublists)),
		E_LIMIT);
	assert_int_equal(snapshot_writer_add_list(writer, span_text("main"), sublists, 2), 0);
	assert_int_equal(snapshot_writer_add(writer, 1,
				 &(struct list_entry){source, 0, false, 0, span_text("")}),
		E_RANGE);
	assert_int_equal(snapshot_writer_add(writer, 0,
				 &(struct list_entry){source, 2, false, 0, span_text("")}),
		E_RANGE);
	assert_int_equal(snapshot_writer_add(writer, 0,
				 &(struct list_entry){source, 0, false, -1, span_text("")}),
		E_RANGE);
	assert_int_equal(
		snapshot_writer_add(writer, 0,
			&(struct list_entry){source, 0, false, INT64_C(1) << 56, span_text("")}),
		E_RANGE);
	assert_int_equal(
		snapshot_writer_add(writer, 0,
			&(struct list_entry){source, 0, false, 0, span_of(words, sizeof(words))}),
		E_LIMIT);
	crooked.net.bits = 120;
	assert_int_equal(snapshot_writer_add(writer, 0,
				 &(struct list_entry){crooked, 0, false, 0, span_text("")}),
		E_RANGE);
	for (int i = 1; i < LISTS_MAX; i++)
		assert_int_equal(snapshot_writer_add_list(writer, span_text("l"), sublists, 1), i);
	assert_int_equal(snapshot_writer_add_list(writer, span_text("l"), sublists, 1), E_LIMIT);
	snapshot_writer_free(&writer);
}

/* ---- Many entries: every layout of the tables, and codes with exceptions ---- */

static uint32_t bulk_address(uint32_t i)
{
	return i * UINT32_C(2654435761); /* a permutation: all differ, spread evenly */
}

/* Most entries say the same; the rest say very many things. */
static int64_t bulk_until(uint32_t i, uint32_t values)
{
	return i % 64 != 0 ? 7 : 1000 + i % values;
}

static void check_bulk(const struct view *view, uint32_t count, uint32_t values)
{
	for (uint32_t i = 0; i < count; i++) {
		struct hits hits;

		assert_int_equal(
			view_lookup_ip(view, 0, ip_from_v4(bulk_address(i)), &hits), 1u << i % 2);
		assert_true(hits.items[0].until_s == bulk_until(i, values));
		assert_int_equal(
			view_lookup_ip(view, 0, ip_from_v4(bulk_address(count + i)), NULL), 0);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		struct prefix net = prefix_of(ip_from_v4(bulk_address(i)), IP_V4_BITS + i % 33);

		assert_true(view_has_within(view, 0, net, 1u << i % 2));
		assert_false(view_has_within(view, 0, net, 4));
	}
}

static void check_bulk_names(const struct view *view)
{
	char name[64];

	for (uint32_t i = 0; i < BULK_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(view_lookup_domain(view, 0, span_text(name), NULL), 1);
		snprintf(name, sizeof(name), "www.n%u.example", i);
		assert_int_equal(view_lookup_domain(view, 0, span_text(name), NULL), i % 2);
		snprintf(name, sizeof(name), "m%u.example", i);
		assert_int_equal(view_lookup_domain(view, 0, span_text(name), NULL), 0);
	}
	assert_true(view_has_below(view, 0, span_text("example"), 1));
	assert_false(view_has_below(view, 0, span_text("example"), 2));
}

static void bulk(uint32_t count, uint32_t values)
{
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	struct span sublists[2] = {span_text("even"), span_text("odd")};
	struct source source = {.kind = SOURCE_NET};
	struct image image;
	struct view *view = NULL;

	assert_int_equal(snapshot_writer_add_list(writer, span_text("bulk"), sublists, 2), 0);
	for (uint32_t i = 0; i < count; i++) {
		source.net = prefix_of(ip_from_v4(bulk_address(i)), 128);
		assert_int_equal(snapshot_writer_add(writer, 0,
					 &(struct list_entry){source, (uint8_t)(i % 2), false,
						 bulk_until(i, values), span_text("bulk")}),
			0);
	}
	source.kind = SOURCE_DOMAIN;
	for (uint32_t i = 0; i < BULK_NAMES; i++) {
		snprintf(
			source.domain, sizeof(source.domain), "%sn%u.example", i % 2 ? "." : "", i);
		assert_int_equal(
			snapshot_writer_add(writer, 0,
				&(struct list_entry){source, 0, false, 0, span_text("name")}),
			0);
	}
	assert_int_equal(snapshot_writer_image(writer, &image, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(view_open_bytes(span_of(image.bytes, image.len), true, &view, NULL), 0);
	check_bulk(view, count, values);
	check_bulk_names(view);
	view_free(&view);
	image_done(&image);
}

/* The large tables are damaged at random, as the small ones were byte by byte. */
static void damaged_large_tables_are_harmless(void **state)
{
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	struct span sublist = span_text("one");
	struct source source = {.kind = SOURCE_NET};
	struct image image;
	struct view *view = NULL;

	(void)state;
	snapshot_writer_add_list(writer, span_text("bulk"), &sublist, 1);
	for (uint32_t i = 0; i < BULK; i++) {
		source.net = prefix_of(ip_from_v4(bulk_address(i)), 128);
		snapshot_writer_add(writer, 0,
			&(struct list_entry){source, 0, false, i % 300, span_text("bulk")});
	}
	assert_int_equal(snapshot_writer_image(writer, &image, NULL), 0);
	snapshot_writer_free(&writer);
	for (unsigned i = 0; i < 2000; i++) /* behind the header: everything else, records too */
		image.bytes[64 + random_below((uint32_t)image.len - 4096)] =
			(uint8_t)random_below(256);
	for (unsigned i = 0; i < 20000; i++)
		image.bytes[64 + i * 37 % (image.len - 4096)] = 255;
	assert_int_equal(view_open_bytes(span_of(image.bytes, image.len), false, &view, NULL), 0);
	for (uint32_t i = 0; i < BULK; i++) {
		struct hits hits;

		view_lookup_ip(view, 0, ip_from_v4(bulk_address(i)), &hits);
		if (i % 64 == 0)
			view_has_within(view, 0,
				prefix_of(ip_from_v4(bulk_address(i)), IP_V4_BITS + i / 64 % 33),
				2);
	}
	view_free(&view);
	image_done(&image);
}

static void many_entries_are_found(void **state)
{
	(void)state;
	bulk(BULK, 1);       /* narrow */
	bulk(BULK, 3000);    /* narrow, with exceptions */
	bulk(BULK / 20, 40); /* wide */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_byte_is_noticed),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(other_formats_are_named),
		cmocka_unit_test(a_file_is_complete_or_absent),
		cmocka_unit_test(a_failed_write_leaves_nothing),
		cmocka_unit_test(every_failed_allocation_is_an_error),
		cmocka_unit_test(a_failed_delta_leaves_the_view),
		cmocka_unit_test(entries_that_cannot_be_are_refused),
		cmocka_unit_test(many_entries_are_found),
		cmocka_unit_test(damaged_large_tables_are_harmless),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
