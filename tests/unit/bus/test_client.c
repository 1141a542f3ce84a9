/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "bus/client.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "list/view.h"
#include "loop/socket.h"
#include "loop/stream.h"
#include "stockade.pb-c.h"

/* A client and a keeper of our own in one loop; `turns` bounds how long a test may take. */
struct play {
	struct loop *loop;
	struct bus_client *client;
	char folder[64];
	char path[96];
	char spool[96];
	int listen_fd;
	struct watch *listener;
	struct stream *keeper;
	bool acknowledges;
	bool answers;
	bool closes_on_put;
	unsigned hellos;
	unsigned puts;
	uint8_t last_id[MESSAGE_ID_SIZE];
	int asked; /* the error of the last answer, 1: none yet */
	struct shelf *views;
	unsigned told_of_views, told_behind;
	struct timer deadline;
	bool (*until)(struct play *play);
};

static void keeper_send(struct play *play, const Stockade__Message *message)
{
	assert_int_equal(frame_append(stream_out(play->keeper), message, FRAME_ROLE_MAX), 0);
	stream_send(play->keeper);
}

static void keeper_on_put(struct play *play, const Stockade__Put *put)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Ack ack = STOCKADE__ACK__INIT;
	ProtobufCBinaryData id = put->id;

	play->puts++;
	assert_int_equal(id.len, MESSAGE_ID_SIZE);
	memcpy(play->last_id, id.data, id.len);
	if (play->closes_on_put) {
		play->closes_on_put = false;
		stream_free(&play->keeper);
		return;
	}
	if (!play->acknowledges)
		return;
	ack.n_ids = 1;
	ack.ids = &id;
	message.kind_case = STOCKADE__MESSAGE__KIND_ACK;
	message.ack = &ack;
	keeper_send(play, &message);
}

static void keeper_on_query(struct play *play, const Stockade__Query *query)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Answer answer = STOCKADE__ANSWER__INIT;

	if (!play->answers)
		return;
	answer.tag = query->tag;
	message.kind_case = STOCKADE__MESSAGE__KIND_ANSWER;
	message.answer = &answer;
	keeper_send(play, &message);
}

static void keeper_on_input(struct stream *stream, void *arg)
{
	struct play *play = arg;
	struct span body;
	size_t used;

	while (play->keeper == stream &&
		frame_next(buf_span(stream_in(stream)), FRAME_ROLE_MAX, &body, &used) > 0) {
		Stockade__Message *message = NULL;

		assert_int_equal(message_decode(body, &message, NULL), 0);
		buf_consume(stream_in(stream), used);
		if (message->kind_case == STOCKADE__MESSAGE__KIND_HELLO)
			play->hellos++;
		if (message->kind_case == STOCKADE__MESSAGE__KIND_PUT)
			keeper_on_put(play, message->put);
		else if (message->kind_case == STOCKADE__MESSAGE__KIND_QUERY)
			keeper_on_query(play, message->query);
		message_free(&message);
	}
}

static void keeper_on_closed(struct stream *stream, int error, void *arg)
{
	struct play *play = arg;

	(void)error;
	if (play->keeper == stream)
		stream_free(&play->keeper);
}

static void keeper_on_ready(struct watch *watch, int ready, void *arg)
{
	static const struct stream_calls calls = {
		.input = keeper_on_input, .closed = keeper_on_closed};
	static const struct stream_limits limits = {.in = 2 << 20, .out = 2 << 20};
	struct play *play = arg;
	int fd = accept4(play->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)watch;
	(void)ready;
	if (fd >= 0) {
		stream_free(&play->keeper);
		play->keeper = stream_new(play->loop, fd,
			&(struct stream_settings){.calls = &calls, .arg = play, .limits = limits});
	}
}

static void keeper_appear(struct play *play)
{
	assert_int_equal(socket_listen_unix(play->path, 0600, &play->listen_fd, NULL), 0);
	play->listener = watch_new(play->loop, play->listen_fd, keeper_on_ready, play);
	watch_set(play->listener, WATCH_READ);
}

static void keeper_vanish(struct play *play)
{
	watch_free(&play->listener);
	stream_free(&play->keeper);
	if (play->listen_fd >= 0)
		close(play->listen_fd);
	play->listen_fd = -1;
	unlink(play->path);
}

static void on_view(void *arg)
{
	struct play *play = arg;

	play->told_of_views++;
	play->told_behind += bus_client_is_behind(play->client);
}

static void client_appear(struct play *play)
{
	struct bus_client_settings settings = {.loop = play->loop,
		.role = "gate",
		.socket_path = play->path,
		.lists_path = play->folder,
		.spool_path = play->spool,
		.spool_limit = 1 << 20,
		.shelf = play->views,
		.on_view = on_view,
		.arg = play};
	struct fault why = {""};

	if (bus_client_new(&settings, &play->client, &why) < 0)
		fail_msg("%s", why.text);
}

/* Looked at every few milliseconds: half a minute is for a slow machine, not a figure. */
static void play_look(struct timer *timer, void *arg)
{
	struct play *play = arg;
	static int64_t give_up_ms;

	if (give_up_ms == 0)
		give_up_ms = loop_now_ms(play->loop) + 30000;
	if (play->until(play) || loop_now_ms(play->loop) > give_up_ms) {
		give_up_ms = 0;
		loop_stop(play->loop);
		return;
	}
	timer_set(timer, loop_now_ms(play->loop) + 2);
}

static void play_until(struct play *play, bool (*until)(struct play *play))
{
	play->until = until;
	timer_set(&play->deadline, loop_now_ms(play->loop));
	loop_run(play->loop);
	assert_true(until(play));
}

static int play_make(void **state)
{
	struct play *play = calloc(1, sizeof(*play));

	if (play == NULL)
		return -1;
	strcpy(play->folder, "/tmp/stockade-bus-XXXXXX");
	if (mkdtemp(play->folder) == NULL)
		return -1;
	snprintf(play->path, sizeof(play->path), "%s/gate.sock", play->folder);
	snprintf(play->spool, sizeof(play->spool), "%s/spool", play->folder);
	play->loop = loop_new();
	play->listen_fd = -1;
	play->asked = 1;
	timer_init(&play->deadline, play->loop, play_look, play);
	*state = play;
	return 0;
}

static int play_remove(void **state)
{
	struct play *play = *state;
	char path[128];

	bus_client_free(&play->client);
	if (play->views != NULL)
		shelf_free(&play->views);
	keeper_vanish(play);
	timer_done(&play->deadline);
	loop_free(&play->loop);
	for (char letter = 'a'; letter <= 'b'; letter++) {
		snprintf(path, sizeof(path), "%s.%c", play->spool, letter);
		unlink(path);
	}
	rmdir(play->folder);
	free(play);
	return 0;
}

static void put(struct play *play)
{
	struct source source = {.kind = SOURCE_NET, .net = prefix_of(ip_from_v4(0xc0000201), 128)};
	struct bus_incident incident = {.number = 7, .source = &source, .rule = "no-ptr"};

	assert_int_equal(bus_client_put(play->client, &incident), 0);
}

static bool is_connected(struct play *play)
{
	return play->hellos != 0;
}

static bool is_delivered(struct play *play)
{
	return bus_client_spooled(play->client) == 0;
}

static bool is_asked(struct play *play)
{
	return play->asked != 1;
}

static bool is_put(struct play *play)
{
	return play->puts != 0;
}

static void on_answer(int error, const struct bus_answer *answer, void *arg)
{
	struct play *play = arg;

	assert_true((error == 0) == (answer != NULL));
	assert_int_equal(play->asked, 1); /* exactly once */
	play->asked = error;
}

static void evidence_waits_for_a_keeper_that_is_away(void **state)
{
	struct play *play = *state;

	play->acknowledges = true;
	client_appear(play);
	for (int i = 0; i < 3; i++)
		put(play);
	assert_true(bus_client_spooled(play->client) > 0);
	keeper_appear(play);
	play_until(play, is_delivered);
	assert_int_equal(play->puts, 3);
}

static void what_was_not_acknowledged_comes_again_with_the_same_id(void **state)
{
	struct play *play = *state;
	uint8_t id[MESSAGE_ID_SIZE];

	play->acknowledges = true;
	play->closes_on_put = true;
	keeper_appear(play);
	client_appear(play);
	put(play);
	play_until(play, is_put);
	memcpy(id, play->last_id, sizeof(id));
	play_until(play, is_delivered);
	assert_int_equal(play->puts, 2);
	assert_memory_equal(id, play->last_id, sizeof(id));
}

static void evidence_outlives_the_role(void **state)
{
	struct play *play = *state;

	client_appear(play);
	put(play);
	bus_client_free(&play->client);
	play->acknowledges = true;
	keeper_appear(play);
	client_appear(play);
	assert_true(bus_client_spooled(play->client) > 0);
	play_until(play, is_delivered);
	assert_int_equal(play->puts, 1);
}

static void a_keeper_that_cannot_commit_is_asked_again(void **state)
{
	struct play *play = *state;

	keeper_appear(play);
	client_appear(play);
	put(play);
	play_until(play, is_put); /* and no acknowledgement */
	assert_true(bus_client_spooled(play->client) > 0);
	play->acknowledges = true;
	play_until(play, is_delivered);
	assert_int_equal(play->puts, 2);
}

static void a_question_is_answered_once(void **state)
{
	struct play *play = *state;
	struct bus_query query = {.what = BUS_QUERY_STATUS};

	play->answers = true;
	keeper_appear(play);
	client_appear(play);
	play_until(play, is_connected);
	bus_client_ask(play->client, &query, on_answer, play);
	assert_int_equal(play->asked, 1); /* never from within */
	play_until(play, is_asked);
	assert_int_equal(play->asked, 0);
}

static void a_question_to_nobody_is_away(void **state)
{
	struct play *play = *state;
	struct bus_query query = {.what = BUS_QUERY_STATUS};

	client_appear(play);
	bus_client_ask(play->client, &query, on_answer, play);
	assert_int_equal(play->asked, 1);
	play_until(play, is_asked);
	assert_int_equal(play->asked, E_AWAY);
}

static void a_keeper_that_dies_over_a_question_is_away(void **state)
{
	struct play *play = *state;
	struct bus_query query = {.what = BUS_QUERY_STATUS};

	keeper_appear(play);
	client_appear(play);
	play_until(play, is_connected);
	bus_client_ask(play->client, &query, on_answer, play);
	keeper_vanish(play);
	play_until(play, is_asked);
	assert_int_equal(play->asked, E_AWAY);
}

static bool has_heard_of_three(struct play *play)
{
	return play->told_of_views == 3;
}

static void keeper_send_delta(struct play *play, uint32_t from, uint32_t to)
{
	AUTO(arena) *arena = arena_new(0);
	struct span packed = delta_pack(&(struct delta){.to_serial = to}, arena);

	assert_int_equal(
		frame_append_delta(stream_out(play->keeper), packed, from, FRAME_ROLE_MAX), 0);
	stream_send(play->keeper);
}

/* A role that was started again answers nobody before that. */
static void a_client_is_behind_until_what_was_announced_is_served(void **state)
{
	struct play *play = *state;

	play->views = view_shelf_new();
	shelf_put(play->views, view_new_empty()); /* of serial 0 */
	keeper_appear(play);
	client_appear(play);
	play_until(play, is_connected);
	assert_false(bus_client_is_behind(play->client)); /* nobody has said anything */
	/* A keeper whose first list is yet to come: not a reason to begin without one. */
	assert_int_equal(frame_append_greeting(stream_out(play->keeper), 0), 0);
	assert_int_equal(frame_append_greeting(stream_out(play->keeper), 7), 0);
	keeper_send_delta(play, 0, 5);
	keeper_send_delta(play, 5, 7);
	play_until(play, has_heard_of_three); /* the greeting, and two views */
	assert_int_equal(play->told_behind, 2);
	assert_false(bus_client_is_behind(play->client));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, play_make, play_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(evidence_waits_for_a_keeper_that_is_away),
		TEST(what_was_not_acknowledged_comes_again_with_the_same_id),
		TEST(evidence_outlives_the_role),
		TEST(a_keeper_that_cannot_commit_is_asked_again),
		TEST(a_question_is_answered_once),
		TEST(a_question_to_nobody_is_away),
		TEST(a_keeper_that_dies_over_a_question_is_away),
		TEST(a_client_is_behind_until_what_was_announced_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
