/* SPDX-License-Identifier: ISC */
#include "keeper/connection.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "bus/check.h"
#include "bus/frame.h"
#include "loop/acceptor.h"
#include "process/jail.h"

/* A follower that hangs delays an answer by CONFIRM_MS at most. A role has one connection, two
 * while it is replaced: one that was taken over must not use up the descriptors of all others. */
enum {
	CONFIRM_MS = 500,
	OUT_MAX = 16 * 1024 * 1024,
	CONNECTIONS_OF_ROLE = 16,
	CONNECTIONS_OF_OPERATORS = 512,
	FULL_LOG_EVERY_MS = 60000,
};

/* An answer that waits until the change is served everywhere. */
struct pending_answer {
	struct pending_answer *next;
	struct connection *connection;
	Stockade__Answer *answer; /* in the arena */
	struct arena *arena;
	uint32_t snapshot; /* a snapshot at least this new has to be out first; 0: none */
	uint32_t serial;   /* then all followers have to serve this */
	int64_t at_ms;     /* not later than this, once the snapshot is out */
};

struct listener {
	uint32_t magic;
	struct connections *all;
	enum bus_sender sender;
	struct acceptor *acceptor; /* NULL: this machine does not have that role */
	size_t open;
	int64_t full_logged_ms; /* 0: never */
};

struct connections {
	uint32_t magic;
	struct loop *loop;
	struct publisher *publisher;
	const struct connection_calls *calls;
	void *arg;
	struct connection *first;
	struct pending_answer *pending;
	struct timer pending_due;
	struct listener listeners[BUS_SENDER_COUNT];
};

static size_t connection_limit(const struct connection *connection)
{
	return connection->sender == BUS_CONTROL ? FRAME_CONTROL_MAX : FRAME_ROLE_MAX;
}

struct connection *connection_ref(struct connection *connection)
{
	connection->references++;
	return connection;
}

void connection_unref(struct connection **connection)
{
	struct connection *c = *connection;

	*connection = NULL;
	if (--c->references != 0)
		return;
	if (c->health != NULL)
		stockade__health__free_unpacked(c->health, NULL);
	c->calls->released(c);
	c->magic = 0;
	mem_free(c);
}

static void connection_let_go(void *arg)
{
	struct connection *connection = OBJ(connection, arg);

	connection_unref(&connection);
}

static void pending_free(struct pending_answer *pending)
{
	arena_free(&pending->arena);
	mem_free(pending);
}

static void pending_drop(const struct connection *connection)
{
	for (struct pending_answer **at = &connection->all->pending; *at != NULL;) {
		struct pending_answer *pending = *at;

		if (pending->connection != connection) {
			at = &pending->next;
			continue;
		}
		*at = pending->next;
		pending_free(pending);
	}
}

static void connection_unlink(struct connection *connection)
{
	struct connection **at = &connection->all->first;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	connection->all->listeners[connection->sender].open--;
}

/* To each process of a role that follows. One that takes over from another has to know up to where
 * that one may have told the same changes in its own way. */
static void connections_tell_beside(const struct connections *all, enum bus_sender sender)
{
	for (struct connection *c = all->first; c != NULL; c = c->next) {
		if (c->sender != sender || !c->follows)
			continue;
		frame_append_beside(stream_out(c->stream), all->listeners[sender].open > 1,
			publisher_serial(all->publisher));
		stream_send(c->stream);
	}
}

static void connection_close(struct connection *connection)
{
	struct connections *all = connection->all;

	if (connection->stream == NULL)
		return;
	connection_unlink(connection);
	pending_drop(connection);
	publisher_follower_gone(all->publisher, &connection->follower);
	stream_free(&connection->stream);
	connection->calls->closed(connection, all->arg);
	connections_tell_beside(all, connection->sender);
	loop_later(all->loop, connection_let_go, connection); /* a callback of it may be running */
	connections_answer_pending(all); /* nobody waits for this one any more */
}

static void connection_bad(struct connection *connection, int error, const struct fault *why)
{
	log_event(EV_BUS_BAD, LOG_FIELDS(log_text("from", bus_sender_name(connection->sender)),
				      log_error(error), log_text("why", why->text)));
	connection_close(connection);
}

void connection_send(struct connection *connection, const Stockade__Message *message)
{
	struct fault why = {"a message to it is too long"};
	int r;

	if (connection->stream == NULL)
		return;
	r = frame_append(stream_out(connection->stream), message, connection_limit(connection));
	if (r < 0)
		connection_bad(connection, r, &why);
	else
		stream_send(connection->stream);
}

void connection_answer(struct connection *connection, Stockade__Answer *answer)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Answer refusal = STOCKADE__ANSWER__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_ANSWER;
	message.answer = answer;
	if (stockade__message__get_packed_size(&message) > connection_limit(connection)) {
		refusal.tag = answer->tag;
		refusal.error = E_LIMIT;
		refusal.text = (char *)"the answer is too long: ask for less at once";
		message.answer = &refusal;
	}
	connection_send(connection, &message);
}

/* ---- answers that wait ---- */

/* Whether the answer may go now. When its snapshot has come out, the clock for the followers
 * starts. */
static bool pending_is_due(const struct connections *all, struct pending_answer *pending)
{
	uint32_t snapshot = publisher_snapshot_serial(all->publisher);

	if (pending->snapshot != 0) {
		if (snapshot == 0 || serial_is_before(snapshot, pending->snapshot))
			return false;
		pending->snapshot = 0;
		pending->serial = publisher_serial(all->publisher);
		pending->at_ms = loop_now_ms(all->loop) + CONFIRM_MS;
	}
	return loop_now_ms(all->loop) >= pending->at_ms ||
	       publisher_all_serve(all->publisher, pending->serial);
}

static void pending_arm(struct connections *all)
{
	int64_t at_ms = INT64_MAX;

	for (const struct pending_answer *pending = all->pending; pending != NULL;
		pending = pending->next) {
		if (pending->snapshot == 0 && pending->at_ms < at_ms)
			at_ms = pending->at_ms;
	}
	if (at_ms == INT64_MAX)
		timer_clear(&all->pending_due);
	else
		timer_set(&all->pending_due, at_ms);
}

/* Takes those that are due off the list. */
static struct pending_answer *pending_take_due(struct connections *all)
{
	struct pending_answer *due = NULL;

	for (struct pending_answer **at = &all->pending; *at != NULL;) {
		struct pending_answer *pending = *at;

		if (!pending_is_due(all, pending)) {
			at = &pending->next;
			continue;
		}
		*at = pending->next;
		pending->next = due;
		due = pending;
	}
	return due;
}

void connections_answer_pending(struct connections *connections)
{
	struct pending_answer *due = pending_take_due(connections);

	pending_arm(connections);
	while (due != NULL) { /* sending may close connections, and so come back here */
		struct pending_answer *pending = due;

		due = pending->next;
		if (pending->connection->stream != NULL)
			connection_answer(pending->connection, pending->answer);
		pending_free(pending);
	}
}

static void pending_on_due(struct timer *timer, void *arg)
{
	struct connections *connections = OBJ(connections, arg);

	(void)timer;
	connections_answer_pending(connections);
}

static void connection_answer_later(struct connection *connection, Stockade__Answer *answer,
	struct arena *arena, enum reply_when when)
{
	struct connections *all = connection->all;
	struct pending_answer *pending = mem_new(pending_answer);

	*pending = (struct pending_answer){.next = all->pending,
		.connection = connection,
		.answer = answer,
		.arena = arena,
		.snapshot = when == REPLY_AFTER_SNAPSHOT ? publisher_gap_serial(all->publisher) : 0,
		.serial = publisher_serial(all->publisher),
		.at_ms = loop_now_ms(all->loop) + CONFIRM_MS};
	all->pending = pending;
	connections_answer_pending(all);
}

void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when)
{
	if (when != REPLY_NOW && connection->stream != NULL) {
		connection_answer_later(connection, answer, arena, when);
		return;
	}
	if (connection->stream != NULL)
		connection_answer(connection, answer);
	arena_free(&arena);
}

/* ---- input ---- */

/* Taken out of the message, which stays fit to be freed. */
static void connection_on_health(struct connection *connection, Stockade__Message *message)
{
	if (connection->health != NULL)
		stockade__health__free_unpacked(connection->health, NULL);
	connection->health = TAKE(message->health);
	message->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
}

/* Before it gets any change. */
static void connection_on_hello(struct connection *connection, const Stockade__Hello *hello)
{
	struct publisher *publisher = connection->all->publisher;
	bool joins = !connection->follows;

	connection->follows = true;
	if (joins)
		connections_tell_beside(connection->all, connection->sender);
	publisher_follower_greeted(publisher, &connection->follower,
		&(struct publisher_greeting){hello->serial, hello->unreadable});
}

static void connection_on_message(struct connection *connection, Stockade__Message *message)
{
	struct connections *all = connection->all;

	if (message->kind_case == STOCKADE__MESSAGE__KIND_HEALTH) {
		connection_on_health(connection, message);
	} else if (message->kind_case != STOCKADE__MESSAGE__KIND_HELLO) {
		connection->calls->message(connection, message, all->arg);
	} else if (rights_follows(connection->sender)) {
		connection_on_hello(connection, message->hello);
	}
}

/* Operators hear what is wrong with their words; a role that sends such a message is not well. */
static int connection_answer_bad(struct connection *connection, const Stockade__Message *message,
	int error, const struct fault *why)
{
	Stockade__Answer answer = STOCKADE__ANSWER__INIT;

	if (connection->sender != BUS_CONTROL)
		return error;
	if (message->kind_case == STOCKADE__MESSAGE__KIND_COMMAND)
		answer.tag = message->command->tag;
	else if (message->kind_case == STOCKADE__MESSAGE__KIND_QUERY)
		answer.tag = message->query->tag;
	else
		return error;
	answer.error = error;
	answer.text = (char *)why->text;
	connection_answer(connection, &answer);
	return 0;
}

static int connection_judge(
	struct connection *connection, Stockade__Message *message, struct fault *why)
{
	int r = message_check(&message->base, why);

	if (r < 0)
		return connection_answer_bad(connection, message, r, why);
	r = rights_check(connection->sender, message, why);
	if (r >= 0)
		connection_on_message(connection, message);
	return r;
}

/* The next message, if all of it is there: 1; 0: not yet; or an error with words. */
static int connection_next_message(
	struct connection *connection, Stockade__Message **ret_message, struct fault *why)
{
	struct buf *in = stream_in(connection->stream);
	struct span body;
	size_t used = 0;
	int r = frame_next(buf_span(in), connection_limit(connection), &body, &used);

	if (r <= 0)
		return r;
	r = frame_unpack(body, ret_message, why);
	if (r < 0)
		return r;
	buf_consume(in, used); /* the message is a copy */
	return 1;
}

/* Whoever asks for strangers asks once in a turn of the loop: commands do not wait for hundreds of
 * them. */
static bool connection_had_its_turn(
	const struct connection *connection, const Stockade__Message *message)
{
	return message->kind_case == STOCKADE__MESSAGE__KIND_QUERY &&
	       connection->sender != BUS_CONTROL;
}

static void connection_on_input(struct stream *stream, void *arg)
{
	struct connection *connection = OBJ(connection, arg);
	bool had_turn = false;

	while (connection->stream != NULL && !had_turn) {
		struct fault why = {"the length of a message is out of bounds"};
		Stockade__Message *message = NULL;
		int r = connection_next_message(connection, &message, &why);

		if (r == 0)
			return;
		if (r > 0) {
			had_turn = connection_had_its_turn(connection, message);
			r = connection_judge(connection, message, &why);
		}
		message_free(&message);
		if (r < 0) {
			connection_bad(connection, r, &why);
			return;
		}
	}
	if (connection->stream != NULL)
		stream_resume(stream); /* what is there already is reported in the next turn */
}

/* What was waiting for room may follow. */
static void connection_on_drained(struct stream *stream, void *arg)
{
	struct connection *connection = OBJ(connection, arg);

	(void)stream;
	publisher_follower_drained(connection->all->publisher, &connection->follower);
}

static void connection_on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error; /* both ends may close at any time: nothing unacknowledged is lost by it */
	connection_close(OBJ(connection, arg));
}

/* ---- accepting ---- */

/* Started by root, roles are users of their own and the file's mode keeps them from the
 * operators' socket. Started by anybody else all are one user, and a gate that was taken over
 * could give commands: the kernel says which process it is. */
static int operator_check(const struct ucred *who)
{
	int r = who->uid == geteuid() ? jail_holds(who->pid) : 0;

	return r > 0 ? E_DENIED : r;
}

/* The kernel says who it is, as a number: the files with the names are outside of the jail. */
static int connection_find_author(struct connection *connection, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return E_SYSTEM;
	if (who.uid == 0)
		snprintf(connection->author, sizeof(connection->author), "root");
	else
		snprintf(connection->author, sizeof(connection->author), "uid %lu",
			(unsigned long)who.uid);
	return operator_check(&who);
}

static void connection_new(const struct listener *listener, int fd)
{
	static const struct stream_calls calls = {.input = connection_on_input,
		.drained = connection_on_drained,
		.closed = connection_on_closed};
	struct connections *all = listener->all;
	struct connection *connection = mem_new(connection);
	struct stream_limits limits = {.out = OUT_MAX};
	struct fault why = {"only operators may speak here, and this is a role"};
	int r = 0;

	connection->magic = (uint32_t)MAGIC_connection;
	connection->references = 1;
	connection->all = all;
	connection->calls = all->calls;
	connection->sender = listener->sender;
	if (connection->sender == BUS_CONTROL)
		r = connection_find_author(connection, fd);
	limits.in = connection_limit(connection) + FRAME_HEAD;
	connection->stream = stream_new(all->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = connection, .limits = limits});
	connection->follower.stream = connection->stream;
	connection->follower.name = bus_sender_name(connection->sender);
	connection->next = all->first;
	all->first = connection;
	all->listeners[connection->sender].open++;
	if (r < 0)
		connection_bad(connection, r, &why);
}

static void listener_log_full(struct listener *listener)
{
	int64_t now_ms = loop_now_ms(listener->all->loop);

	if (listener->full_logged_ms != 0 && now_ms < listener->full_logged_ms + FULL_LOG_EVERY_MS)
		return;
	listener->full_logged_ms = now_ms;
	log_event(EV_BUS_FULL, LOG_FIELDS(log_text("from", bus_sender_name(listener->sender)),
				       log_number("connections", (int64_t)listener->open)));
}

static void listener_on_connection(int fd, const struct endpoint *peer, void *arg)
{
	struct listener *listener = OBJ(listener, arg);
	size_t most =
		listener->sender == BUS_CONTROL ? CONNECTIONS_OF_OPERATORS : CONNECTIONS_OF_ROLE;

	(void)peer;
	if (listener->open < most) {
		connection_new(listener, fd);
		return;
	}
	close(fd);
	listener_log_full(listener);
}

/* ---- all of them ---- */

struct connections *connections_new(struct loop *loop, struct publisher *publisher,
	const struct connection_calls *calls, void *arg)
{
	struct connections *connections = mem_new(connections);

	connections->magic = (uint32_t)MAGIC_connections;
	connections->loop = loop;
	connections->publisher = publisher;
	connections->calls = calls;
	connections->arg = arg;
	timer_init(&connections->pending_due, loop, pending_on_due, connections);
	return connections;
}

void connections_listen(struct connections *connections, const struct role_context *context)
{
	for (int i = 0; i < BUS_SENDER_COUNT; i++) {
		struct listener *listener = &connections->listeners[i];
		char name[32];
		int fd;

		snprintf(name, sizeof(name), i == BUS_CONTROL ? "%s" : "bus-%s",
			bus_sender_name((enum bus_sender)i));
		fd = role_socket(context, name);
		*listener = (struct listener){.magic = (uint32_t)MAGIC_listener,
			.all = connections,
			.sender = (enum bus_sender)i};
		if (fd >= 0)
			listener->acceptor = acceptor_new(
				connections->loop, fd, listener_on_connection, listener);
	}
}

struct connection *connections_first(const struct connections *connections)
{
	return connections->first;
}

void connections_free(struct connections **connections)
{
	struct connections *all = *connections;

	if (all == NULL)
		return;
	for (int i = 0; i < BUS_SENDER_COUNT; i++)
		acceptor_free(&all->listeners[i].acceptor);
	while (all->first != NULL)
		connection_close(all->first);
	timer_done(&all->pending_due);
	all->magic = 0;
	mem_free(all);
	*connections = NULL;
}
