/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "bus/frame.h"
#include "keeper/command.h"
#include "keeper/evidence.h"
#include "keeper/feed_commit.h"
#include "keeper/keeper_priv.h"
#include "keeper/query.h"
#include "process/jail.h"

/*
 * Connections. Who speaks is known by the socket; what it may say is in bus/rights.c; anything else
 * closes the connection. The answer to a command is held until every follower has said that it
 * serves the change, so that the next DNS query after `stockade list add` sees it; a follower that
 * hangs delays the answer by CONFIRM_MS at most.
 */
enum { CONFIRM_MS = 500, OUT_MAX = 16 * 1024 * 1024, ACCEPT_MAX = 64 };

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
	feed_forget(c);
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

static void pending_drop(struct keeper *keeper, const struct connection *connection)
{
	for (struct pending_answer **place = &keeper->pending; *place != NULL;) {
		struct pending_answer *pending = *place;

		if (pending->connection != connection) {
			place = &pending->next;
			continue;
		}
		*place = pending->next;
		pending_free(pending);
	}
}

static void connection_close(struct connection *connection)
{
	struct keeper *keeper = connection->keeper;

	if (connection->dead)
		return;
	connection->dead = true;
	for (struct connection **place = &keeper->connections.first; *place != NULL;
		place = &(*place)->next) {
		if (*place == connection) {
			*place = connection->next;
			break;
		}
	}
	pending_drop(keeper, connection);
	publisher_follower_gone(keeper->publisher, &connection->follower);
	stream_free(&connection->stream);
	command_import_broken(&keeper->parts, connection);
	loop_later(
		keeper->loop, connection_let_go, connection); /* a callback of it may be running */
	connections_answer_pending(keeper); /* nobody waits for this one any more */
}

static void connection_bad(struct connection *connection, int error, const struct fault *why)
{
	log_event(EV_BUS_BAD, LOG_FIELDS(log_text("from", bus_sender_name(connection->sender)),
				      log_error(error), log_text("reason", why->text)));
	connection_close(connection);
}

void connection_send(struct connection *connection, const Stockade__Message *message)
{
	struct fault why = {"a message to it is too long"};
	int r;

	if (connection->dead)
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

/* ---- held answers ---- */

/* Whether the answer may go now. When its snapshot has come out, the clock for the followers
 * starts. */
static bool pending_is_due(struct keeper *keeper, struct pending_answer *pending)
{
	uint32_t snapshot = publisher_snapshot_serial(keeper->publisher);

	if (pending->snapshot != 0) {
		if (snapshot == 0 || serial_is_before(snapshot, pending->snapshot))
			return false;
		pending->snapshot = 0;
		pending->serial = publisher_serial(keeper->publisher);
		pending->at_ms = loop_now_ms(keeper->loop) + CONFIRM_MS;
	}
	return loop_now_ms(keeper->loop) >= pending->at_ms ||
	       publisher_all_serve(keeper->publisher, pending->serial);
}

static void pending_arm(struct keeper *keeper)
{
	int64_t at_ms = INT64_MAX;

	for (const struct pending_answer *pending = keeper->pending; pending != NULL;
		pending = pending->next) {
		if (pending->snapshot == 0 && pending->at_ms < at_ms)
			at_ms = pending->at_ms;
	}
	if (at_ms == INT64_MAX)
		timer_clear(&keeper->pending_due);
	else
		timer_set(&keeper->pending_due, at_ms);
}

void connections_answer_pending(struct keeper *keeper)
{
	struct pending_answer *due = NULL;

	for (struct pending_answer **place = &keeper->pending; *place != NULL;) {
		struct pending_answer *pending = *place;

		if (!pending_is_due(keeper, pending)) {
			place = &pending->next;
			continue;
		}
		*place = pending->next;
		pending->next = due;
		due = pending;
	}
	pending_arm(keeper);
	/* sending may close connections, which changes the list of those that still wait */
	while (due != NULL) {
		struct pending_answer *pending = due;

		due = pending->next;
		if (!pending->connection->dead)
			connection_answer(pending->connection, pending->answer);
		pending_free(pending);
	}
}

static void pending_on_due(struct timer *timer, void *arg)
{
	(void)timer;
	connections_answer_pending(OBJ(keeper, arg));
}

static void connection_answer_later(struct connection *connection, Stockade__Answer *answer,
	struct arena *arena, enum reply_when when)
{
	struct keeper *keeper = connection->keeper;
	struct pending_answer *pending = mem_new(pending_answer);

	pending->connection = connection;
	pending->answer = answer;
	pending->arena = arena;
	pending->snapshot =
		when == REPLY_AFTER_SNAPSHOT ? publisher_gap_serial(keeper->publisher) : 0;
	pending->serial = publisher_serial(keeper->publisher);
	pending->at_ms = loop_now_ms(keeper->loop) + CONFIRM_MS;
	pending->next = keeper->pending;
	keeper->pending = pending;
	connections_answer_pending(keeper);
}

void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when)
{
	if (when != REPLY_NOW && !connection->dead) {
		connection_answer_later(connection, answer, arena, when);
		return;
	}
	if (!connection->dead)
		connection_answer(connection, answer);
	arena_free(&arena);
}

/* ---- input ---- */

static void connection_on_hello(struct connection *connection, const Stockade__Hello *hello)
{
	if (rights_follows(connection->sender))
		publisher_follower_greeted(
			connection->keeper->publisher, &connection->follower, hello->serial);
}

/* Taken out of the message, which stays fit to be freed. */
static void connection_on_health(struct connection *connection, Stockade__Message *message)
{
	if (connection->health != NULL)
		stockade__health__free_unpacked(connection->health, NULL);
	connection->health = TAKE(message->health);
	message->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
}

static void connection_on_message(struct connection *connection, Stockade__Message *message)
{
	switch (message->kind_case) {
	case STOCKADE__MESSAGE__KIND_HELLO:
		connection_on_hello(connection, message->hello);
		break;
	case STOCKADE__MESSAGE__KIND_PUT:
		evidence_handle(connection->keeper->evidence, connection, message->put);
		break;
	case STOCKADE__MESSAGE__KIND_QUERY:
		query_handle(&connection->keeper->parts, connection, message->query);
		break;
	case STOCKADE__MESSAGE__KIND_COMMAND:
		command_handle(&connection->keeper->parts, connection, message->command);
		break;
	case STOCKADE__MESSAGE__KIND_HEALTH:
		connection_on_health(connection, message);
		break;
	case STOCKADE__MESSAGE__KIND_FEED:
		feed_handle(&connection->keeper->parts, connection, message->feed, feed_commit);
		break;
	default:
		break; /* rights_check let nothing else through */
	}
}

static void connection_on_input(struct stream *stream, void *arg)
{
	struct connection *connection = OBJ(connection, arg);

	while (!connection->dead) {
		struct fault why = {"the length of a message is out of bounds"};
		Stockade__Message *message = NULL;
		struct span body;
		size_t used = 0;
		int r = frame_next(
			buf_span(stream_in(stream)), connection_limit(connection), &body, &used);

		if (r == 0)
			return;
		if (r > 0)
			r = message_decode(body, &message, &why);
		if (r >= 0)
			r = rights_check(connection->sender, message, &why);
		if (r < 0) {
			message_free(&message);
			connection_bad(connection, r, &why);
			return;
		}
		buf_consume(stream_in(stream), used); /* the message is a copy */
		connection_on_message(connection, message);
		message_free(&message);
	}
}

/* What was waiting for room may follow. */
static void connection_on_drained(struct stream *stream, void *arg)
{
	struct connection *connection = OBJ(connection, arg);

	(void)stream;
	publisher_follower_drained(connection->keeper->publisher, &connection->follower);
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

static void connection_new(struct listener *listener, int fd)
{
	static const struct stream_calls calls = {.input = connection_on_input,
		.drained = connection_on_drained,
		.closed = connection_on_closed};
	struct keeper *keeper = listener->keeper;
	struct connection *connection = mem_new(connection);
	struct stream_limits limits = {.out = OUT_MAX};
	struct fault why = {"only operators may speak here, and this is a role"};
	int r = 0;

	connection->magic = (uint32_t)MAGIC_connection;
	connection->keeper = keeper;
	connection->references = 1;
	connection->sender = listener->sender;
	if (connection->sender == BUS_CONTROL)
		r = connection_find_author(connection, fd);
	limits.in = connection_limit(connection) + FRAME_HEAD;
	connection->stream = stream_new(keeper->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = connection, .limits = limits});
	connection->follower.stream = connection->stream;
	connection->follower.name = bus_sender_name(connection->sender);
	connection->next = keeper->connections.first;
	keeper->connections.first = connection;
	if (r < 0)
		connection_bad(connection, r, &why);
}

static void listener_on_ready(struct watch *watch, int ready, void *arg)
{
	struct listener *listener = arg;

	(void)watch;
	(void)ready;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return; /* EAGAIN, or a shortage that the next round meets again */
		connection_new(listener, fd);
	}
}

void connections_open(struct keeper *keeper)
{
	timer_init(&keeper->pending_due, keeper->loop, pending_on_due, keeper);
	for (int i = 0; i < BUS_SENDER_COUNT; i++) {
		struct listener *listener = &keeper->listeners[i];
		char name[32];

		snprintf(name, sizeof(name), i == BUS_CONTROL ? "%s" : "bus-%s",
			bus_sender_name((enum bus_sender)i));
		*listener = (struct listener){.keeper = keeper, .sender = (enum bus_sender)i};
		listener->fd = role_socket(keeper->context, name);
		if (listener->fd < 0)
			continue; /* this machine does not have that role */
		listener->watch =
			watch_new(keeper->loop, listener->fd, listener_on_ready, listener);
		watch_set(listener->watch, WATCH_READ);
	}
}

void connections_close(struct keeper *keeper)
{
	for (int i = 0; i < BUS_SENDER_COUNT; i++)
		watch_free(&keeper->listeners[i].watch);
	while (keeper->connections.first != NULL)
		connection_close(keeper->connections.first);
	timer_done(&keeper->pending_due);
}
