/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "bus/follower.h"
#include "bus/frame.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "stockade.pb-c.h"

/* A follower, its shelf, and snapshot files in a folder of their own. */
struct stage {
	char folder[64];
	struct shelf *shelf;
	struct follower *follower;
};

static void release(void *object)
{
	struct view *view = object;

	view_free(&view);
}

static void stage_open(struct stage *stage)
{
	snprintf(stage->folder, sizeof(stage->folder), "/tmp/stk-follower-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	stage->shelf = shelf_new(release);
	stage->follower = follower_new(stage->folder, stage->shelf);
}

static void stage_close(struct stage *stage)
{
	char command[96];

	follower_free(&stage->follower);
	shelf_free(&stage->shelf);
	snprintf(command, sizeof(command), "rm -r %s", stage->folder);
	assert_int_equal(system(command), 0);
}

/* A file whose list "main" holds 192.0.2.1 to 192.0.2.count. */
static void write_snapshot(const struct stage *stage, uint32_t serial, unsigned count)
{
	struct snapshot_writer *writer = snapshot_writer_new(serial, 1);
	struct span sublist = span_text("manual");
	char path[128];

	assert_int_equal(snapshot_writer_add_list(writer, span_text("main"), &sublist, 1), 0);
	for (unsigned i = 1; i <= count; i++) {
		struct source source = {
			.kind = SOURCE_NET, .net = {ip_from_v4(0xc0000200 + i), 128}};

		assert_int_equal(
			snapshot_writer_add(writer, 0,
				&(struct list_entry){source, 0, false, 0, span_text("file")}),
			0);
	}
	snprintf(path, sizeof(path), "%s/list-%u.snap", stage->folder, serial);
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	snapshot_writer_free(&writer);
}

static int tell_snapshot(struct stage *stage, uint32_t serial, uint32_t over)
{
	Stockade__Snapshot snapshot = STOCKADE__SNAPSHOT__INIT;
	struct fault why;
	char name[32];

	snprintf(name, sizeof(name), "list-%u.snap", serial);
	snapshot.serial = serial;
	snapshot.file = name;
	snapshot.over = over;
	return follower_snapshot(stage->follower, &snapshot, &why);
}

/* 192.0.2.number is listed from now on. */
static int tell_delta(struct stage *stage, uint32_t from, uint32_t to, unsigned number)
{
	Stockade__Delta delta = STOCKADE__DELTA__INIT;
	Stockade__Piece piece = STOCKADE__PIECE__INIT, *pieces[] = {&piece};
	Stockade__Source source = STOCKADE__SOURCE__INIT;
	Stockade__Hit hit = STOCKADE__HIT__INIT, *hits[] = {&hit};
	struct ip ip = ip_from_v4(0xc0000200 + number);
	struct fault why;

	source.address = (ProtobufCBinaryData){sizeof(ip.b), ip.b};
	source.bits = 128;
	hit.reason = (char *)"delta";
	piece.list = (char *)"main";
	piece.source = &source;
	piece.n_hits = 1;
	piece.hits = hits;
	delta.from_serial = from;
	delta.to_serial = to;
	delta.n_pieces = number != 0;
	delta.pieces = pieces;
	return follower_delta(stage->follower, &delta, &why);
}

/* The highest number up to which everything is listed. */
static unsigned served(struct stage *stage, struct view **ret_view)
{
	struct shelf_item *held = NULL;
	unsigned count = 0;

	shelf_refresh(stage->shelf, &held);
	*ret_view = shelf_object(held);
	while (view_lookup_ip(*ret_view, 0, ip_from_v4(0xc0000200 + count + 1), NULL) != 0)
		count++;
	shelf_release(stage->shelf, &held); /* the shelf keeps it */
	return count;
}

static void a_newer_file_slides_below_what_is_served(void **state)
{
	struct stage stage;
	struct view *view;

	(void)state;
	stage_open(&stage);
	write_snapshot(&stage, 5, 1);
	write_snapshot(&stage, 6, 2);
	assert_int_equal(tell_snapshot(&stage, 5, 0), 1);
	assert_int_equal(tell_delta(&stage, 5, 6, 2), 1);
	assert_int_equal(tell_delta(&stage, 6, 7, 3), 1);
	assert_int_equal(served(&stage, &view), 3);
	assert_int_equal(view_overlay_size(view), 2);
	assert_int_equal(tell_snapshot(&stage, 6, 7), 1); /* at once: nothing has to follow */
	assert_int_equal(follower_serial(stage.follower), 7);
	assert_int_equal(served(&stage, &view), 3);
	assert_int_equal(view_overlay_size(view), 1);
	assert_int_equal(view_snapshot_serial(view), 6);
	assert_int_equal(tell_delta(&stage, 7, 8, 4), 1);
	assert_int_equal(served(&stage, &view), 4);
	assert_int_equal(follower_sweep(stage.follower), 0);
	stage_close(&stage);
}

static void a_file_for_another_state_changes_nothing(void **state)
{
	struct stage stage;
	struct view *view;

	(void)state;
	stage_open(&stage);
	write_snapshot(&stage, 5, 1);
	write_snapshot(&stage, 8, 9);
	assert_int_equal(tell_snapshot(&stage, 8, 9), E_CONFLICT); /* nothing is served yet */
	assert_int_equal(tell_snapshot(&stage, 5, 0), 1);
	assert_int_equal(tell_delta(&stage, 5, 6, 2), 1);
	assert_int_equal(tell_snapshot(&stage, 8, 9), E_CONFLICT);
	assert_int_equal(
		tell_snapshot(&stage, 8, 6), E_CONFLICT); /* newer than what it goes below */
	assert_int_equal(tell_snapshot(&stage, 7, 6), E_ABSENT);
	assert_int_equal(served(&stage, &view), 2);
	assert_int_equal(follower_serial(stage.follower), 6);
	stage_close(&stage);
}

/* The serial does not go back while deltas catch up with what was served before. */
static void an_older_file_is_held_back_until_the_deltas_have_come(void **state)
{
	struct stage stage;
	struct view *view;

	(void)state;
	stage_open(&stage);
	write_snapshot(&stage, 5, 1);
	write_snapshot(&stage, 6, 3);
	assert_int_equal(tell_snapshot(&stage, 5, 0), 1);
	assert_int_equal(tell_delta(&stage, 5, 7, 2), 1);
	assert_int_equal(tell_snapshot(&stage, 6, 0), 0);
	assert_int_equal(follower_serial(stage.follower), 7);
	assert_int_equal(tell_delta(&stage, 6, 8, 4), 1);
	assert_int_equal(follower_serial(stage.follower), 8);
	assert_int_equal(served(&stage, &view), 4);
	stage_close(&stage);
}

static void a_delta_packed_once_goes_to_followers_at_any_serial(void **state)
{
	static const uint32_t serials[] = {1, 127, 128, 70000, UINT32_MAX};
	Stockade__Delta delta = STOCKADE__DELTA__INIT;
	Stockade__Piece piece = STOCKADE__PIECE__INIT, *pieces[300];
	uint8_t packed[4096];
	size_t len;

	(void)state;
	piece.list = (char *)"main";
	delta.to_serial = 9;
	for (delta.n_pieces = 0; delta.n_pieces < COUNTOF(pieces); delta.n_pieces++)
		pieces[delta.n_pieces] = &piece;
	delta.pieces = pieces;
	for (; delta.n_pieces != 0; delta.n_pieces /= 2) {
		len = stockade__delta__pack(&delta, packed);
		for (size_t i = 0; i < COUNTOF(serials); i++) {
			Stockade__Message *message = NULL;
			struct span body;
			struct buf out;
			size_t used;

			buf_init(&out, 0);
			assert_int_equal(frame_append_delta(&out, span_of(packed, len), serials[i],
						 FRAME_ROLE_MAX),
				0);
			assert_int_equal(
				frame_next(buf_span(&out), FRAME_ROLE_MAX, &body, &used), 1);
			assert_int_equal(used, buf_len(&out));
			assert_int_equal(message_decode(body, &message, NULL), 0);
			assert_int_equal(message->kind_case, STOCKADE__MESSAGE__KIND_DELTA);
			assert_true(message->delta->from_serial == serials[i]);
			assert_int_equal(message->delta->to_serial, 9);
			assert_int_equal(message->delta->n_pieces, delta.n_pieces);
			message_free(&message);
			assert_int_equal(
				frame_append_delta(&out, span_of(packed, len), serials[i], len),
				E_LIMIT);
			assert_int_equal(used, buf_len(&out));
			buf_done(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_file_slides_below_what_is_served),
		cmocka_unit_test(a_file_for_another_state_changes_nothing),
		cmocka_unit_test(an_older_file_is_held_back_until_the_deltas_have_come),
		cmocka_unit_test(a_delta_packed_once_goes_to_followers_at_any_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
