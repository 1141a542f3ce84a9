/* SPDX-License-Identifier: ISC */
#include "dnsd/dnstap.h"

#include "base/mem.h"
#include "base/obj.h"
#include "base/reader.h"
#include "dnstap.pb-c.h"
#include "loop/socket.h"
#include "loop/stream.h"

/*
 * Frame Streams, the side that sends, on a socket where the receiver answers:
 *
 *   READY (content type) ->
 *                             <- ACCEPT (content types)
 *   START (content type) ->   frames -> ...   STOP ->
 *                             <- FINISH
 *
 * A frame is its length and its octets. A control frame is a frame of length 0 and then a length, a
 * type and fields.
 */
enum {
	CONTROL_ACCEPT = 1,
	CONTROL_START = 2,
	CONTROL_STOP = 3,
	CONTROL_READY = 4,
	FIELD_CONTENT_TYPE = 1,
	CONTROL_MAX = 512,
	OUT_MAX = 4 << 20,
	RETRY_MS = 2000,
};

static const char content_type[] = "protobuf:dnstap.Dnstap";

struct tap {
	uint32_t magic;
	struct loop *loop;
	char *socket_path;
	char *identity;
	void (*log)(enum log_event_id id, const struct log_field *fields);
	struct stream *stream;
	struct timer retry;
	bool open; /* START was sent */
	bool away; /* and somebody was told so */
	uint64_t dropped;
};

static void tap_connect(struct tap *tap);

static void put_control(struct tap *tap, uint32_t type)
{
	struct buf *out = stream_out(tap->stream);
	size_t field = type == CONTROL_STOP ? 0 : 8 + sizeof(content_type) - 1;

	buf_append_u32(out, 0);
	buf_append_u32(out, (uint32_t)(4 + field));
	buf_append_u32(out, type);
	if (field == 0)
		return;
	buf_append_u32(out, FIELD_CONTENT_TYPE);
	buf_append_u32(out, sizeof(content_type) - 1);
	buf_append_text(out, content_type);
}

static void tap_lost(struct tap *tap, int error)
{
	stream_free(&tap->stream);
	tap->open = false;
	if (!tap->away && tap->log != NULL)
		tap->log(EV_DNSTAP_AWAY,
			LOG_FIELDS(log_text("socket", tap->socket_path), log_error(error)));
	tap->away = true;
	timer_set(&tap->retry, loop_now_ms(tap->loop) + RETRY_MS);
}

/* Whether the receiver's fields name our content type: 1, 0. */
static bool accepts_us(struct span fields)
{
	struct reader reader = reader_of(fields);

	while (!reader.bad && reader.rest.len != 0) {
		uint32_t type = reader_u32(&reader), len = reader_u32(&reader);
		struct span value = reader_bytes(&reader, len);

		if (!reader.bad && type == FIELD_CONTENT_TYPE &&
			span_equal_text(value, content_type))
			return true;
	}
	return false;
}

/* The one thing the receiver has to say before its end is ACCEPT. */
static void tap_on_input(struct stream *stream, void *arg)
{
	struct tap *tap = OBJ(tap, arg);
	struct span in = buf_span(stream_in(stream));
	struct reader reader = reader_of(in);
	uint32_t escape = reader_u32(&reader), len = reader_u32(&reader);
	struct span body = reader_bytes(&reader, len);

	if (in.len >= 8 && (escape != 0 || len < 4 || len > CONTROL_MAX)) {
		tap_lost(tap, E_PARSE);
		return;
	}
	if (reader.bad)
		return;
	reader = reader_of(body);
	if (tap->open || reader_u32(&reader) != CONTROL_ACCEPT || !accepts_us(reader.rest)) {
		tap_lost(tap, E_VERSION);
		return;
	}
	buf_consume(stream_in(stream), 8 + (size_t)len);
	put_control(tap, CONTROL_START);
	tap->open = true;
	if (tap->away && tap->log != NULL)
		tap->log(EV_DNSTAP_BACK, LOG_FIELDS(log_text("socket", tap->socket_path)));
	tap->away = false;
	stream_send(stream);
}

static void tap_on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	tap_lost(OBJ(tap, arg), error);
}

static const struct stream_calls tap_calls = {
	.input = tap_on_input,
	.closed = tap_on_closed,
};

static void tap_connect(struct tap *tap)
{
	static const struct stream_limits limits = {
		.in = 8 + CONTROL_MAX, .out = OUT_MAX + CONTROL_MAX};
	int fd = -1;
	int r = socket_connect_unix(tap->socket_path, &fd, NULL);

	if (r < 0) {
		tap_lost(tap, r);
		return;
	}
	tap->stream = stream_new(tap->loop, fd,
		&(struct stream_settings){.calls = &tap_calls, .arg = tap, .limits = limits});
	put_control(tap, CONTROL_READY);
	stream_send(tap->stream);
}

static void tap_on_retry(struct timer *timer, void *arg)
{
	(void)timer;
	tap_connect(OBJ(tap, arg));
}

struct tap *tap_new(struct loop *loop, const char *socket_path, const char *identity,
	void (*log)(enum log_event_id id, const struct log_field *fields))
{
	struct tap *tap = mem_new(tap);

	tap->magic = (uint32_t)MAGIC_tap;
	tap->loop = loop;
	tap->socket_path = mem_copy_string(socket_path);
	tap->identity = mem_copy_string(identity);
	tap->log = log;
	timer_init(&tap->retry, loop, tap_on_retry, tap);
	timer_set(&tap->retry, loop_now_ms(loop));
	return tap;
}

void tap_free(struct tap **tap)
{
	struct tap *t = *tap;

	if (t == NULL)
		return;
	if (t->open) {
		put_control(t, CONTROL_STOP);
		stream_send(t->stream);
	}
	stream_free(&t->stream);
	timer_done(&t->retry);
	t->magic = 0;
	mem_free(t->socket_path);
	mem_free(t->identity);
	mem_free(t);
	*tap = NULL;
}

/* ---- messages ---- */

static ProtobufCBinaryData bytes_of(struct span bytes)
{
	return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)bytes.ptr};
}

static void fill_message(Dnstap__Message *to, const struct tap_message *from)
{
	bool v4 = ip_is_v4(from->client.ip);
	struct span address = span_of(from->client.ip.b + (v4 ? 12 : 0), v4 ? 4 : 16);
	uint64_t second = (uint64_t)(from->time_ms / 1000);
	uint32_t nanosecond = (uint32_t)(from->time_ms % 1000) * 1000000;

	to->type = from->is_answer ? DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE
				   : DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
	to->has_socket_family = to->has_socket_protocol = true;
	to->socket_family =
		v4 ? DNSTAP__MESSAGE__SOCKET_FAMILY__INET : DNSTAP__MESSAGE__SOCKET_FAMILY__INET6;
	to->socket_protocol = from->is_tcp ? DNSTAP__MESSAGE__SOCKET_PROTOCOL__TCP
					   : DNSTAP__MESSAGE__SOCKET_PROTOCOL__UDP;
	to->has_query_address = to->has_query_port = true;
	to->query_address = bytes_of(address);
	to->query_port = from->client.port;
	to->has_query_time_sec = to->has_query_time_nsec = true;
	to->query_time_sec = second;
	to->query_time_nsec = nanosecond;
	if (from->is_answer) {
		to->has_response_time_sec = to->has_response_time_nsec = true;
		to->response_time_sec = second;
		to->response_time_nsec = nanosecond;
		to->has_response_message = true;
		to->response_message = bytes_of(from->bytes);
	} else {
		to->has_query_message = true;
		to->query_message = bytes_of(from->bytes);
	}
}

void tap_put(struct tap *tap, const struct tap_message *message)
{
	Dnstap__Dnstap tapped = DNSTAP__DNSTAP__INIT;
	Dnstap__Message inner = DNSTAP__MESSAGE__INIT;
	struct buf *out;
	uint8_t *room;
	size_t len;

	tapped.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	tapped.message = &inner;
	tapped.has_identity = tapped.has_version = true;
	tapped.identity = bytes_of(span_text(tap->identity));
	tapped.version = bytes_of(span_text("stockade " STOCKADE_VERSION));
	fill_message(&inner, message);
	len = dnstap__dnstap__get_packed_size(&tapped);
	out = tap->open ? stream_out(tap->stream) : NULL;
	if (out == NULL || buf_len(out) + 4 + len > OUT_MAX) {
		tap->dropped++;
		return;
	}
	buf_append_u32(out, (uint32_t)len);
	room = buf_reserve(out, len);
	if (room == NULL)
		return;
	dnstap__dnstap__pack(&tapped, room);
	buf_wrote(out, len);
}

void tap_send(struct tap *tap)
{
	if (tap->open)
		stream_send(tap->stream);
}

uint64_t tap_dropped(const struct tap *tap)
{
	return tap->dropped;
}
