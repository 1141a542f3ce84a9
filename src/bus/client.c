/* SPDX-License-Identifier: ISC */
#include "bus/client.h"

#include <sys/random.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "bus/check.h"
#include "bus/encode.h"
#include "bus/follower.h"
#include "bus/frame.h"
#include "bus/spool.h"
#include "loop/dial.h"
#include "loop/stream.h"
#include "stockade.pb-c.h"

/*
 * A connection goes: Hello with the serial served -> the keeper's Hello, and Snapshot and Delta as
 * needed -> Hello after each newer view (so that the keeper knows who serves what) -> Hello with
 * serial 0 when something does not fit: "send me everything". Puts go out in a window; when
 * acknowledgements stay away (the store is locked or full) the window is sent again, slower each
 * time.
 */
enum {
	RETRY_FIRST_MS = 20,
	RETRY_MOST_MS = 1000,
	ASK_MS = 5000,
	FEED_MS = 15 * 60 * 1000, /* millions of listings, in steps between others */
	ASKS_MAX = 4096,
	SWEEP_MS = 200,
	WINDOW = 256,
	OUT_BUSY = 512 * 1024,
	RESEND_FIRST_MS = 2000,
	RESEND_MOST_MS = 60000,
	GATHER_MS = 60000,
	BUS_VERSION = 1,
};

struct ask {
	uint64_t tag;
	int64_t at_ms;
	int error; /* what the deadline means: E_TIMEOUT, or why it could not be asked at all */
	bus_answer_call *call;
	void *arg;
};

struct bus_client {
	uint32_t magic;
	struct loop *loop;
	struct bus_client_settings settings; /* strings are ours */
	struct stream *stream;
	struct follower *follower;
	struct spool *spool;
	struct timer retry; /* connects */
	struct dial dial;
	struct timer send;   /* at the end of this turn */
	struct timer resend; /* acknowledgements are overdue */
	struct timer gather; /* what former processes left */
	struct timer asks_due;
	struct timer sweep; /* old views are let go by other threads */
	int64_t retry_ms, resend_ms;
	struct ask *asks;
	size_t asks_len, asks_room;
	struct buf health; /* the packed message that was told last; empty: none */
	uint64_t tag;
	uint32_t announced; /* by the keeper's greeting; 0: nothing is to come */
	bool unreadable; /* what came behind the view that is served, on this or another connection
			  */
	bool said_away, said_full, freed;
};

static void client_fail(struct bus_client *client, int error, const char *words);

/* The same message would come again, and again. */
static void client_fail_to_read(struct bus_client *client, int error, const char *words)
{
	client->unreadable = client->follower != NULL;
	client_fail(client, error, words);
}

static void client_log(
	const struct bus_client *client, enum log_event_id id, const struct log_field *fields)
{
	if (client->settings.log != NULL)
		client->settings.log(id, fields);
}

/* ---- sending ---- */

static void client_send_soon(struct bus_client *client)
{
	if (!timer_is_set(&client->send))
		timer_set(&client->send, loop_now_ms(client->loop));
}

static int client_send(struct bus_client *client, const Stockade__Message *message)
{
	int r;

	if (client->stream == NULL)
		return E_AWAY;
	r = frame_append(stream_out(client->stream), message, FRAME_ROLE_MAX);
	client_send_soon(client);
	return r;
}

static void client_send_hello(struct bus_client *client, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Hello hello = STOCKADE__HELLO__INIT;

	hello.role = (char *)client->settings.role;
	hello.version = BUS_VERSION;
	hello.serial = serial;
	hello.unreadable = client->unreadable;
	message.kind_case = STOCKADE__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	client_send(client, &message);
}

static uint32_t client_serial(const struct bus_client *client)
{
	return client->follower != NULL ? follower_serial(client->follower) : 0;
}

static void client_send_health(struct bus_client *client)
{
	if (client->stream == NULL || buf_len(&client->health) == 0)
		return;
	frame_append_packed(stream_out(client->stream), buf_span(&client->health), FRAME_ROLE_MAX);
	client_send_soon(client);
}

/* Puts that wait, as many as the window takes. */
static void client_send_spooled(struct bus_client *client)
{
	struct buf body;

	buf_init(&body, 0);
	while (spool_in_flight(client->spool) < WINDOW &&
		buf_len(stream_out(client->stream)) < OUT_BUSY &&
		spool_next(client->spool, &body) > 0)
		frame_append_packed(stream_out(client->stream), buf_span(&body), FRAME_ROLE_MAX);
	buf_done(&body);
	if (spool_in_flight(client->spool) != 0 && !timer_is_set(&client->resend))
		timer_set(&client->resend, loop_now_ms(client->loop) + client->resend_ms);
}

static void client_on_send(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	(void)timer;
	if (client->stream == NULL)
		return;
	if (client->spool != NULL)
		client_send_spooled(client);
	stream_send(client->stream);
}

/* What a former process of the role could not hand over before it ended. */
static void client_on_gather(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	if (spool_gather(client->spool) != 0)
		client_send_soon(client);
	timer_set(timer, loop_now_ms(client->loop) + GATHER_MS);
}

static void client_on_resend(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	(void)timer;
	if (client->stream == NULL)
		return;
	client->resend_ms =
		client->resend_ms * 2 < RESEND_MOST_MS ? client->resend_ms * 2 : RESEND_MOST_MS;
	spool_rewind(client->spool);
	client_send_soon(client);
}

/* ---- questions ---- */

static void asks_arm(struct bus_client *client)
{
	int64_t at_ms = INT64_MAX;

	for (size_t i = 0; i < client->asks_len; i++) {
		if (client->asks[i].at_ms < at_ms)
			at_ms = client->asks[i].at_ms;
	}
	if (at_ms == INT64_MAX)
		timer_clear(&client->asks_due);
	else
		timer_set(&client->asks_due, at_ms);
}

/* The entry leaves before its callback runs: the callback may ask again or free the client. */
static void ask_end(
	struct bus_client *client, size_t index, int error, const struct bus_answer *answer)
{
	struct ask ask = client->asks[index];

	client->asks[index] = client->asks[--client->asks_len];
	ask.call(error, answer, ask.arg);
}

static void asks_on_due(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);
	size_t i = 0;

	(void)timer;
	while (!client->freed && i < client->asks_len) {
		if (client->asks[i].at_ms > loop_now_ms(client->loop)) {
			i++;
			continue;
		}
		ask_end(client, i, client->asks[i].error, NULL);
		i = 0; /* the callback may have changed the table */
	}
	if (!client->freed)
		asks_arm(client);
}

/* Takes the message over. */
static void client_on_answer(struct bus_client *client, Stockade__Answer *message)
{
	AUTO(bus_answer) *answer = bus_answer_decode(message);

	for (size_t i = 0; i < client->asks_len; i++) {
		if (client->asks[i].tag != message->tag)
			continue;
		ask_end(client, i, answer->error < 0 ? answer->error : 0, answer);
		if (!client->freed)
			asks_arm(client);
		return;
	}
}

/* The message carries client->tag; ask.at_ms is how long the answer may take. */
static void client_ask(struct bus_client *client, const Stockade__Message *message, struct ask ask)
{
	ask.tag = client->tag;
	ask.error = client->asks_len >= ASKS_MAX ? E_BUSY : client_send(client, message);
	ask.at_ms = loop_now_ms(client->loop) + (ask.error < 0 ? 0 : ask.at_ms);
	if (ask.error >= 0)
		ask.error = E_TIMEOUT;
	mem_grow(&client->asks, &client->asks_room, client->asks_len + 1, sizeof(*client->asks));
	client->asks[client->asks_len++] = ask;
	asks_arm(client);
}

void bus_client_ask(
	struct bus_client *client, const struct bus_query *query, bus_answer_call *call, void *arg)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_QUERY;
	message.query = bus_query_encode(query, arena);
	message.query->tag = ++client->tag;
	client_ask(client, &message, (struct ask){.at_ms = ASK_MS, .call = call, .arg = arg});
}

void bus_client_feed(struct bus_client *client, const struct bus_feed_part *part,
	bus_answer_call *call, void *arg)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_FEED;
	message.feed = bus_feed_part_encode(part, arena);
	message.feed->tag = ++client->tag;
	client_ask(client, &message, (struct ask){.at_ms = FEED_MS, .call = call, .arg = arg});
}

/* ---- messages of the keeper ---- */

bool bus_client_is_behind(const struct bus_client *client)
{
	uint32_t serial = client_serial(client);

	return client->announced != 0 &&
	       (serial == 0 || serial_is_before(serial, client->announced));
}

static void client_tell_of_view(const struct bus_client *client)
{
	if (client->settings.on_view != NULL)
		client->settings.on_view(client->settings.arg);
}

/* A keeper that has no list yet says nothing new to a role that has none: it is waited for. */
static void client_on_greeting(struct bus_client *client, uint32_t serial)
{
	bool is_news = serial != client->announced || serial != 0;

	if (serial == client_serial(client))
		client->retry_ms = RETRY_FIRST_MS;
	if (client->follower == NULL)
		return;
	follower_expect(client->follower, serial);
	client->announced = serial;
	if (is_news)
		client_tell_of_view(client);
}

static void client_adopted(struct bus_client *client)
{
	client->retry_ms = RETRY_FIRST_MS;
	client->unreadable = false;
	client_send_hello(client, client_serial(client));
	client_tell_of_view(client);
	if (!client->freed && !timer_is_set(&client->sweep))
		timer_set(&client->sweep, loop_now_ms(client->loop) + SWEEP_MS);
}

static void client_on_sweep(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	if (follower_sweep(client->follower) != 0)
		timer_set(timer, loop_now_ms(client->loop) + SWEEP_MS);
}

static void client_follow(struct bus_client *client, int r, const struct fault *why)
{
	if (r > 0)
		client_adopted(client);
	if (r >= 0)
		return;
	client_log(client, EV_SNAPSHOT_BAD, LOG_FIELDS(log_error(r), log_text("why", why->text)));
	if (r == E_CONFLICT)
		client_send_hello(client, 0);
	else /* with back-off, lest we ask for a bad file in a loop */
		client_fail_to_read(client, r, why->text);
}

/* Deltas may come by the thousand; the keeper has logged each change. */
static void client_follow_snapshot(
	struct bus_client *client, const Stockade__Snapshot *snapshot, struct fault *why)
{
	int r = follower_snapshot(client->follower, snapshot, why);

	client_follow(client, r, why);
	if (r >= 0)
		client_log(client, EV_SNAPSHOT_ADOPTED,
			LOG_FIELDS(log_text("file", snapshot->file),
				log_number("serial", client_serial(client))));
}

static void client_on_ack(struct bus_client *client, const Stockade__Ack *ack)
{
	if (client->spool == NULL)
		return;
	for (size_t i = 0; i < ack->n_ids; i++) {
		if (ack->ids[i].len == MESSAGE_ID_SIZE)
			spool_ack(client->spool, ack->ids[i].data);
	}
	client->resend_ms = RESEND_FIRST_MS;
	timer_clear(&client->resend);
	client_send_soon(client);
}

static void client_on_message(struct bus_client *client, Stockade__Message *message)
{
	struct fault why = {0};

	switch (message->kind_case) {
	case STOCKADE__MESSAGE__KIND_HELLO:
		client_on_greeting(client, message->hello->serial);
		break;
	case STOCKADE__MESSAGE__KIND_SNAPSHOT:
		if (client->follower != NULL)
			client_follow_snapshot(client, message->snapshot, &why);
		break;
	case STOCKADE__MESSAGE__KIND_DELTA:
		if (client->follower != NULL)
			client_follow(client,
				follower_delta(client->follower, message->delta, &why), &why);
		break;
	case STOCKADE__MESSAGE__KIND_BESIDE:
		if (client->settings.on_beside != NULL)
			client->settings.on_beside(client->settings.arg, message->beside->others,
				message->beside->serial);
		break;
	case STOCKADE__MESSAGE__KIND_ACK:
		client_on_ack(client, message->ack);
		break;
	case STOCKADE__MESSAGE__KIND_ANSWER: /* taken out: it stays fit to be freed */
		message->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
		client_on_answer(client, TAKE(message->answer));
		break;
	default:
		break; /* of a newer keeper: not for us */
	}
}

static void client_on_input(struct stream *stream, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	while (!client->freed && client->stream == stream) {
		Stockade__Message *message = NULL;
		struct fault why = {"the length of a message is out of bounds"};
		struct span body;
		size_t used = 0;
		int r = frame_next(buf_span(stream_in(stream)), FRAME_ROLE_MAX, &body, &used);

		if (r == 0)
			return;
		if (r > 0)
			r = message_decode(body, &message, &why);
		if (r < 0) {
			client_fail_to_read(client, r, why.text);
			return;
		}
		buf_consume(stream_in(stream), used); /* the message is a copy */
		client_on_message(client, message);
		message_free(&message);
	}
}

/* ---- the connection ---- */

static void client_on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	client_fail(OBJ(bus_client, arg), error, NULL);
}

static void client_on_drained(struct stream *stream, void *arg)
{
	(void)stream;
	client_send_soon(OBJ(bus_client, arg));
}

static void client_say_away(struct bus_client *client, int error, const char *words)
{
	if (client->said_away)
		return;
	client->said_away = true;
	client_log(client, EV_BUS_AWAY,
		LOG_FIELDS(log_text("socket", client->settings.socket_path), log_error(error),
			log_text("why", words)));
}

/* Gives the connection up and tries again later; what was asked gets its error in this turn. */
static void client_fail(struct bus_client *client, int error, const char *words)
{
	stream_free(&client->stream);
	client->announced = 0;
	client_say_away(client, error, words);
	timer_clear(&client->resend);
	timer_set(&client->retry, loop_now_ms(client->loop) + client->retry_ms);
	client->retry_ms =
		client->retry_ms * 2 < RETRY_MOST_MS ? client->retry_ms * 2 : RETRY_MOST_MS;
	for (size_t i = 0; i < client->asks_len; i++) {
		client->asks[i].error = E_AWAY;
		client->asks[i].at_ms = loop_now_ms(client->loop);
	}
	asks_arm(client);
}

static void client_on_dialed(int fd, void *arg)
{
	static const struct stream_calls calls = {
		.input = client_on_input, .drained = client_on_drained, .closed = client_on_closed};
	static const struct stream_limits limits = {
		.in = FRAME_ROLE_MAX + FRAME_HEAD, .out = 4 * FRAME_ROLE_MAX};
	struct bus_client *client = OBJ(bus_client, arg);

	if (fd < 0) {
		client_fail(client, fd, "cannot connect");
		return;
	}
	client->stream = stream_new(client->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = client, .limits = limits});
	if (client->said_away)
		client_log(client, EV_BUS_BACK,
			LOG_FIELDS(log_text("socket", client->settings.socket_path)));
	client->said_away = false;
	client->resend_ms = RESEND_FIRST_MS;
	if (client->spool != NULL)
		spool_rewind(client->spool);
	client_send_hello(client, client_serial(client));
	client_send_health(client);
}

static void client_on_retry(struct timer *timer, void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	(void)timer;
	dial_start(&client->dial,
		&(struct dial_target){.kind = DIAL_UNIX, .path = client->settings.socket_path});
}

int bus_client_new(const struct bus_client_settings *settings, struct bus_client **ret_client,
	struct fault *why)
{
	struct loop *loop = settings->loop;
	struct spool *spool = NULL;
	struct bus_client *client;
	int r;

	if (settings->spool_path != NULL) {
		r = spool_open(settings->spool_path, settings->spool_limit, &spool, why);
		if (r < 0)
			return r;
	}
	client = mem_new(bus_client);
	client->magic = (uint32_t)MAGIC_bus_client;
	buf_init(&client->health, 0);
	client->loop = loop;
	client->spool = spool;
	client->retry_ms = RETRY_FIRST_MS;
	client->resend_ms = RESEND_FIRST_MS;
	client->settings = *settings;
	client->settings.role = mem_copy_string(settings->role);
	client->settings.socket_path = mem_copy_string(settings->socket_path);
	/* The follower's and the spool's: not needed again. */
	client->settings.lists_path = client->settings.spool_path = NULL;
	if (settings->shelf != NULL)
		client->follower = follower_new(settings->lists_path, settings->shelf);
	if (settings->shelf != NULL && settings->on_delta != NULL)
		follower_on_delta(client->follower, settings->on_delta, settings->arg);
	timer_init(&client->retry, loop, client_on_retry, client);
	dial_init(&client->dial, loop, client_on_dialed, client);
	timer_init(&client->send, loop, client_on_send, client);
	timer_init(&client->resend, loop, client_on_resend, client);
	timer_init(&client->gather, loop, client_on_gather, client);
	if (spool != NULL)
		timer_set(&client->gather, loop_now_ms(loop));
	timer_init(&client->asks_due, loop, asks_on_due, client);
	timer_init(&client->sweep, loop, client_on_sweep, client);
	timer_set(&client->retry, loop_now_ms(loop));
	*ret_client = client;
	return 0;
}

static void client_destroy(void *arg)
{
	struct bus_client *client = OBJ(bus_client, arg);

	mem_free((char *)client->settings.role);
	mem_free((char *)client->settings.socket_path);
	mem_free(client->asks);
	buf_done(&client->health);
	client->magic = 0;
	mem_free(client);
}

void bus_client_free(struct bus_client **client)
{
	struct bus_client *c = *client;

	if (c == NULL)
		return;
	*client = NULL;
	c->freed = true;
	timer_done(&c->retry);
	dial_stop(&c->dial);
	timer_done(&c->send);
	timer_done(&c->resend);
	timer_done(&c->gather);
	timer_done(&c->asks_due);
	timer_done(&c->sweep);
	stream_free(&c->stream);
	follower_free(&c->follower);
	spool_free(&c->spool);
	loop_later(c->loop, client_destroy, c); /* a callback of ours may be the caller */
}

/* ---- evidence, surroundings ---- */

/* Checked first: the keeper would close the connection, again and again. */
static int message_pack(struct buf *body, const Stockade__Message *message)
{
	size_t len = stockade__message__get_packed_size(message);
	int r = message_check(&message->base, NULL);

	if (r < 0 || len > FRAME_ROLE_MAX)
		return r < 0 ? r : E_LIMIT;
	stockade__message__pack(message, buf_reserve(body, len));
	buf_wrote(body, len);
	return 0;
}

int bus_client_report(struct bus_client *client, const struct bus_health *health)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	struct buf body;
	int r;

	message.kind_case = STOCKADE__MESSAGE__KIND_HEALTH;
	message.health = bus_health_encode(health, arena);
	buf_init(&body, 0);
	r = message_pack(&body, &message);
	if (r < 0 || span_equal(buf_span(&body), buf_span(&client->health))) {
		buf_done(&body);
		return r;
	}
	buf_done(&client->health);
	client->health = body;
	client_send_health(client);
	return 0;
}

static int incident_spool(struct bus_client *client, const struct bus_incident *incident)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Put put = STOCKADE__PUT__INIT;
	uint8_t id[MESSAGE_ID_SIZE];
	struct buf body;
	int r;

	ASSERT(getrandom(id, sizeof(id), 0) == sizeof(id));
	put.id = (ProtobufCBinaryData){sizeof(id), id};
	put.what_case = STOCKADE__PUT__WHAT_INCIDENT;
	put.incident = bus_incident_encode(incident, arena);
	message.kind_case = STOCKADE__MESSAGE__KIND_PUT;
	message.put = &put;
	buf_init(&body, 0);
	r = message_pack(&body, &message);
	if (r >= 0)
		r = spool_append(client->spool, id, buf_span(&body));
	buf_done(&body);
	return r;
}

int bus_client_put(struct bus_client *client, const struct bus_incident *incident)
{
	int r;

	if (client->spool == NULL)
		return E_USAGE;
	r = incident_spool(client, incident);
	if (r < 0) {
		if (!client->said_full)
			client_log(client, EV_SPOOL_FULL,
				LOG_FIELDS(log_error(r),
					log_number("spooled", (int64_t)spool_size(client->spool))));
		client->said_full = true;
		return r;
	}
	client->said_full = false;
	client_send_soon(client);
	return 0;
}

bool bus_client_is_connected(const struct bus_client *client)
{
	return client->stream != NULL;
}

size_t bus_client_spooled(const struct bus_client *client)
{
	return client->spool != NULL ? spool_size(client->spool) : 0;
}
