/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "bus/frame.h"
#include "keeper/keeper.h"
#include "process/jail.h"

/*
 * Connections. Who speaks is known by the socket; what it may say is in bus/rights.c; anything else closes the connection.
 * The answer to a command is held until every follower has said that it serves the change, so that the next DNS query
 * after `stockade list add` sees it; a follower that hangs delays the answer by CONFIRM_MS at most.
 */
enum { CONFIRM_MS = 500, OUT_MAX = 16 * 1024 * 1024, LINKS_ACCEPTED = 64 };

static size_t link_limit(const struct link *link)
{
	return link->sender == BUS_CONTROL ? FRAME_CONTROL_MAX : FRAME_ROLE_MAX;
}

static void link_destroy(void *arg)
{
	struct link *link = OBJ(link, arg);

	link->magic = 0;
	if (link->health != NULL)
		stockade__health__free_unpacked(link->health, NULL);
	feed_forget(link);
	mem_free(link);
}

static void held_free(struct held *held)
{
	arena_free(&held->arena);
	mem_free(held);
}

static void held_drop(struct keeper *keeper, const struct link *link)
{
	for (struct held **place = &keeper->held; *place != NULL;) {
		struct held *held = *place;

		if (held->link != link) {
			place = &held->next;
			continue;
		}
		*place = held->next;
		held_free(held);
	}
}

static void link_close(struct link *link)
{
	struct keeper *keeper = link->keeper;

	if (link->dead)
		return;
	link->dead = true;
	for (struct link **place = &keeper->links; *place != NULL; place = &(*place)->next) {
		if (*place == link) {
			*place = link->next;
			break;
		}
	}
	held_drop(keeper, link);
	batch_forget_link(keeper, link);
	stream_free(&link->stream);
	if (link->import_event != 0)
		command_import_broken(link);
	loop_later(keeper->loop, link_destroy, link); /* its own callback may be running */
	links_release_held(keeper);                   /* nobody waits for this one any more */
}

static void link_bad(struct link *link, int error, const struct fault *why)
{
	log_event(EV_BUS_BAD, LOG_FIELDS(log_text("from", bus_sender_name(link->sender)),
				      log_error(error), log_text("reason", why->text)));
	link_close(link);
}

void link_send(struct link *link, const Stockade__Message *message)
{
	struct fault why = {"a message to it is too long"};
	int r;

	if (link->dead)
		return;
	r = frame_append(stream_out(link->stream), message, link_limit(link));
	if (r < 0)
		link_bad(link, r, &why);
	else
		stream_send(link->stream);
}

void link_answer(struct link *link, Stockade__Answer *answer)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Answer refusal = STOCKADE__ANSWER__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_ANSWER;
	message.answer = answer;
	if (stockade__message__get_packed_size(&message) > link_limit(link)) {
		refusal.tag = answer->tag;
		refusal.error = E_LIMIT;
		refusal.text = (char *)"the answer is too long: ask for less at once";
		message.answer = &refusal;
	}
	link_send(link, &message);
}

/* ---- held answers ---- */

static bool everybody_serves(const struct keeper *keeper, uint32_t serial)
{
	for (const struct link *link = keeper->links; link != NULL; link = link->next) {
		if (link->follows && (link->serial == 0 || serial_is_before(link->serial, serial)))
			return false;
	}
	return true;
}

/* Whether the answer may go now. When its snapshot has come out, the clock for the followers starts. */
static bool held_is_due(struct keeper *keeper, struct held *held)
{
	const struct publisher *publisher = &keeper->publisher;

	if (held->snapshot != 0) {
		if (publisher->snapshot_serial == 0 ||
			serial_is_before(publisher->snapshot_serial, held->snapshot))
			return false;
		held->snapshot = 0;
		held->serial = publisher->serial;
		held->at_ms = loop_now_ms(keeper->loop) + CONFIRM_MS;
	}
	return loop_now_ms(keeper->loop) >= held->at_ms || everybody_serves(keeper, held->serial);
}

static void held_arm(struct keeper *keeper)
{
	int64_t at_ms = INT64_MAX;

	for (const struct held *held = keeper->held; held != NULL; held = held->next) {
		if (held->snapshot == 0 && held->at_ms < at_ms)
			at_ms = held->at_ms;
	}
	if (at_ms == INT64_MAX)
		timer_clear(&keeper->held_due);
	else
		timer_set(&keeper->held_due, at_ms);
}

void links_release_held(struct keeper *keeper)
{
	struct held *due = NULL;

	for (struct held **place = &keeper->held; *place != NULL;) {
		struct held *held = *place;

		if (!held_is_due(keeper, held)) {
			place = &held->next;
			continue;
		}
		*place = held->next;
		held->next = due;
		due = held;
	}
	held_arm(keeper);
	while (due !=
		NULL) { /* sending may close links, which changes the list of those that still wait */
		struct held *held = due;

		due = held->next;
		if (!held->link->dead)
			link_answer(held->link, held->answer);
		held_free(held);
	}
}

static void held_on_due(struct timer *timer, void *arg)
{
	(void)timer;
	links_release_held(OBJ(keeper, arg));
}

void link_hold(struct link *link, Stockade__Answer *answer, struct arena *arena, bool snapshot)
{
	struct keeper *keeper = link->keeper;
	struct held *held = mem_new(held);

	held->link = link;
	held->answer = answer;
	held->arena = arena;
	held->snapshot = snapshot ? keeper->publisher.hole_serial : 0;
	held->serial = keeper->publisher.serial;
	held->at_ms = loop_now_ms(keeper->loop) + CONFIRM_MS;
	held->next = keeper->held;
	keeper->held = held;
	links_release_held(keeper);
}

/* ---- input ---- */

/* The first greeting asks for what is missing; 0 asks for everything; others say what is served now. */
static void link_on_hello(struct link *link, const Stockade__Hello *hello)
{
	bool first = !link->follows;

	if (!rights_follows(link->sender))
		return;
	link->follows = true;
	link->serial = hello->serial;
	if (first)
		publish_meet_follower(link, hello->serial);
	if (first || hello->serial == 0) {
		link->sent = hello->serial;
		publish_greet(link, hello->serial == 0);
	}
	if (!link->dead)
		links_release_held(link->keeper);
}

/* Taken out of the message, which stays fit to be freed. */
static void link_on_health(struct link *link, Stockade__Message *message)
{
	if (link->health != NULL)
		stockade__health__free_unpacked(link->health, NULL);
	link->health = TAKE(message->health);
	message->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
}

static void link_on_message(struct link *link, Stockade__Message *message)
{
	switch (message->kind_case) {
	case STOCKADE__MESSAGE__KIND_HELLO:
		link_on_hello(link, message->hello);
		break;
	case STOCKADE__MESSAGE__KIND_PUT:
		put_handle(link, message->put);
		break;
	case STOCKADE__MESSAGE__KIND_QUERY:
		query_handle(link, message->query);
		break;
	case STOCKADE__MESSAGE__KIND_COMMAND:
		command_handle(link, message->command);
		break;
	case STOCKADE__MESSAGE__KIND_HEALTH:
		link_on_health(link, message);
		break;
	case STOCKADE__MESSAGE__KIND_FEED:
		feed_handle(link, message->feed);
		break;
	default:
		break; /* rights_check let nothing else through */
	}
}

static void link_on_input(struct stream *stream, void *arg)
{
	struct link *link = OBJ(link, arg);

	while (!link->dead) {
		struct fault why = {"the length of a message is out of bounds"};
		Stockade__Message *message = NULL;
		struct span body;
		size_t used = 0;
		int r = frame_next(buf_span(stream_in(stream)), link_limit(link), &body, &used);

		if (r == 0)
			return;
		if (r > 0)
			r = message_decode(body, &message, &why);
		if (r >= 0)
			r = rights_check(link->sender, message, &why);
		if (r < 0) {
			message_free(&message);
			link_bad(link, r, &why);
			return;
		}
		buf_consume(stream_in(stream), used); /* the message is a copy */
		link_on_message(link, message);
		message_free(&message);
	}
}

/* What was waiting for room may follow. */
static void link_on_drained(struct stream *stream, void *arg)
{
	struct link *link = OBJ(link, arg);

	(void)stream;
	if (link->follows)
		publish_pump(link);
}

static void link_on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error; /* both ends may close at any time: nothing unacknowledged is lost by it */
	link_close(OBJ(link, arg));
}

/* ---- accepting ---- */

/* Started by root, roles are users of their own and the file's mode keeps them from the operators' socket. Started by anybody
 * else all are one user, and a gate that was taken over could give commands: the kernel says which process it is. */
static int operator_check(const struct ucred *who)
{
	int r = who->uid == geteuid() ? jail_holds(who->pid) : 0;

	return r > 0 ? E_DENIED : r;
}

/* The kernel says who it is, as a number: the files with the names are outside of the jail. */
static int link_find_author(struct link *link, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return E_SYSTEM;
	if (who.uid == 0)
		snprintf(link->author, sizeof(link->author), "root");
	else
		snprintf(link->author, sizeof(link->author), "uid %lu", (unsigned long)who.uid);
	return operator_check(&who);
}

static void link_new(struct listener *listener, int fd)
{
	static const struct stream_calls calls = {
		.input = link_on_input, .drained = link_on_drained, .closed = link_on_closed};
	struct keeper *keeper = listener->keeper;
	struct link *link = mem_new(link);
	struct stream_limits limits = {.out = OUT_MAX};
	struct fault why = {"only operators may speak here, and this is a role"};
	int r = 0;

	link->magic = (uint32_t)MAGIC_link;
	link->keeper = keeper;
	link->sender = listener->sender;
	if (link->sender == BUS_CONTROL)
		r = link_find_author(link, fd);
	limits.in = link_limit(link) + FRAME_HEAD;
	link->stream = stream_new(keeper->loop, fd, false, &limits, &calls, link);
	link->next = keeper->links;
	keeper->links = link;
	if (r < 0)
		link_bad(link, r, &why);
}

static void listener_on_ready(struct watch *watch, int ready, void *arg)
{
	struct listener *listener = arg;

	(void)watch;
	(void)ready;
	for (int i = 0; i < LINKS_ACCEPTED; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return; /* EAGAIN, or a shortage that the next round meets again */
		link_new(listener, fd);
	}
}

void links_open(struct keeper *keeper)
{
	timer_init(&keeper->held_due, keeper->loop, held_on_due, keeper);
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

void links_close(struct keeper *keeper)
{
	for (int i = 0; i < BUS_SENDER_COUNT; i++)
		watch_free(&keeper->listeners[i].watch);
	while (keeper->links != NULL)
		link_close(keeper->links);
	timer_done(&keeper->held_due);
}

bool link_serves(const struct keeper *keeper, const char *role, uint32_t *ret_serial)
{
	for (const struct link *link = keeper->links; link != NULL; link = link->next) {
		if (link->sender == BUS_CONTROL || strcmp(bus_sender_name(link->sender), role) != 0)
			continue;
		*ret_serial = link->serial;
		return true;
	}
	return false;
}
