/* SPDX-License-Identifier: ISC */
#include "bus/frame.h"

#include <stdlib.h>

#include "base/macro.h"
#include "bus/check.h"
#include "stockade.pb-c.h"

/*
 * A frame of two-byte empty submessages would unpack to a hundred times its size. What an honest
 * message needs stays below MEMORY_FACTOR, so that unpacking gets that much and no more.
 */
enum { MEMORY_FACTOR = 32, MEMORY_BASE = 4096 };

struct allowance {
	size_t left;
};

static void *allowance_alloc(void *data, size_t size)
{
	struct allowance *allowance = data;

	if (size > allowance->left)
		return NULL;
	allowance->left -= size;
	return malloc(size);
}

static void allowance_free(void *data, void *block)
{
	(void)data;
	free(block);
}

/* Room for a body of that length, behind its head; NULL: too long. */
static uint8_t *frame_room(struct buf *out, size_t len, size_t limit)
{
	uint8_t *room = len <= limit ? buf_reserve(out, FRAME_HEAD + len) : NULL;

	if (room == NULL)
		return NULL;
	for (int i = 0; i < FRAME_HEAD; i++)
		room[i] = (uint8_t)(len >> (24 - 8 * i));
	buf_wrote(out, FRAME_HEAD + len);
	return room + FRAME_HEAD;
}

int frame_append_packed(struct buf *out, struct span body, size_t limit)
{
	uint8_t *room = frame_room(out, body.len, limit);

	if (room == NULL)
		return E_LIMIT;
	memcpy(room, body.ptr, body.len);
	return 0;
}

static size_t varint_put(uint8_t *room, uint64_t value)
{
	size_t len = 0;

	while (value >= 0x80) {
		room[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	room[len++] = (uint8_t)value;
	return len;
}

/* The fields of a message may come in any order, and a submessage is its length and its fields: so
 * the number of the follower can stand behind bytes that are the same for all. */
int frame_append_delta(struct buf *out, struct span delta, uint32_t from_serial, size_t limit)
{
	enum { VARINT_MAX = 10, WIRE_VARINT = 0, WIRE_BYTES = 2, FROM_SERIAL_FIELD = 1 };
	uint8_t head[1 + VARINT_MAX] = {STOCKADE__MESSAGE__KIND_DELTA << 3 | WIRE_BYTES};
	uint8_t tail[1 + VARINT_MAX] = {FROM_SERIAL_FIELD << 3 | WIRE_VARINT};
	size_t tail_len = 1 + varint_put(tail + 1, from_serial);
	size_t head_len = 1 + varint_put(head + 1, delta.len + tail_len);
	uint8_t *room = frame_room(out, head_len + delta.len + tail_len, limit);

	if (room == NULL)
		return E_LIMIT;
	memcpy(room, head, head_len);
	memcpy(room + head_len, delta.ptr, delta.len);
	memcpy(room + head_len + delta.len, tail, tail_len);
	return 0;
}

int frame_append(struct buf *out, const Stockade__Message *message, size_t limit)
{
	uint8_t *room = frame_room(out, stockade__message__get_packed_size(message), limit);

	if (room == NULL)
		return E_LIMIT;
	stockade__message__pack(message, room);
	return 0;
}

int frame_append_greeting(struct buf *out, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Hello hello = STOCKADE__HELLO__INIT;

	hello.role = (char *)"keeper";
	hello.version = 1;
	hello.serial = serial;
	message.kind_case = STOCKADE__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	return frame_append(out, &message, FRAME_ROLE_MAX);
}

int frame_append_snapshot(struct buf *out, uint32_t serial, const char *file, uint32_t over)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Snapshot snapshot = STOCKADE__SNAPSHOT__INIT;

	snapshot.serial = serial;
	snapshot.file = (char *)file;
	snapshot.over = over;
	message.kind_case = STOCKADE__MESSAGE__KIND_SNAPSHOT;
	message.snapshot = &snapshot;
	return frame_append(out, &message, FRAME_ROLE_MAX);
}

int frame_append_beside(struct buf *out, bool others, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Beside beside = STOCKADE__BESIDE__INIT;

	beside.others = others;
	beside.serial = serial;
	message.kind_case = STOCKADE__MESSAGE__KIND_BESIDE;
	message.beside = &beside;
	return frame_append(out, &message, FRAME_ROLE_MAX);
}

int frame_next(struct span input, size_t limit, struct span *ret_body, size_t *ret_used)
{
	size_t len = 0;

	if (input.len < FRAME_HEAD)
		return 0;
	for (int i = 0; i < FRAME_HEAD; i++)
		len = len << 8 | input.ptr[i];
	if (len == 0)
		return E_PARSE;
	if (len > limit)
		return E_LIMIT;
	if (input.len - FRAME_HEAD < len)
		return 0;
	*ret_body = span_of(input.ptr + FRAME_HEAD, len);
	*ret_used = FRAME_HEAD + len;
	return 1;
}

int frame_unpack(struct span body, Stockade__Message **ret_message, struct fault *why)
{
	struct allowance allowance = {body.len * MEMORY_FACTOR + MEMORY_BASE};
	ProtobufCAllocator allocator = {allowance_alloc, allowance_free, &allowance};
	Stockade__Message *message = stockade__message__unpack(&allocator, body.len, body.ptr);

	if (message == NULL)
		return fault_set(why, E_PARSE, "the message cannot be decoded");
	*ret_message = message;
	return 0;
}

int message_decode(struct span body, Stockade__Message **ret_message, struct fault *why)
{
	Stockade__Message *message = NULL;
	int r = frame_unpack(body, &message, why);

	if (r >= 0)
		r = message_check(&message->base, why);
	if (r < 0) {
		message_free(&message);
		return r;
	}
	*ret_message = message;
	return 0;
}

void message_free(Stockade__Message **message)
{
	if (*message == NULL)
		return;
	stockade__message__free_unpacked(*message, NULL); /* the blocks came from malloc */
	*message = NULL;
}
