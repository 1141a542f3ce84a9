/* SPDX-License-Identifier: ISC */
#include "base/ring.h"

#include <stdatomic.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 *   octets:  [len][record ....][len][record ..][SKIP]........
 *            ^ read                              ^ to the beginning       ^ written
 *
 * Positions only grow; their remainder by the size is an offset. A record never runs over the end:
 * what is left there is passed over by a mark. The writer owns `written` and shows it after the
 * octets (release), the reader owns `read` and shows it after it is done with them; each sees the
 * other's by acquire. Lengths are aligned, so that a mark always has room.
 */
enum { HEAD = sizeof(uint32_t), SKIP = INT32_MAX, LINE = 64 };

struct ring {
	size_t size;
	uint8_t apart0[LINE];
	_Atomic size_t written;
	uint8_t apart1[LINE];
	_Atomic size_t read;
	uint8_t apart2[LINE];
	uint8_t octets[];
};

struct ring *ring_new(size_t size)
{
	struct ring *ring;

	ASSERT(size >= 64 && (size & (size - 1)) == 0);
	ring = mem_alloc(sizeof(*ring) + size);
	ring->size = size;
	return ring;
}

void ring_free(struct ring **ring)
{
	mem_free(*ring);
	*ring = NULL;
}

static void head_put(struct ring *ring, size_t position, uint32_t head)
{
	memcpy(ring->octets + (position & (ring->size - 1)), &head, HEAD);
}

static uint32_t head_get(const struct ring *ring, size_t position)
{
	uint32_t head;

	memcpy(&head, ring->octets + (position & (ring->size - 1)), HEAD);
	return head;
}

static size_t record_size(size_t len)
{
	return (HEAD + len + HEAD - 1) / HEAD * HEAD;
}

bool ring_put(struct ring *ring, const struct span *parts, size_t parts_len)
{
	size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	size_t free =
		ring->size - (written - atomic_load_explicit(&ring->read, memory_order_acquire));
	size_t behind = ring->size - (written & (ring->size - 1));
	size_t len = 0, at;

	for (size_t i = 0; i < parts_len; i++)
		len += parts[i].len;
	if (record_size(len) + (record_size(len) > behind ? behind : 0) > free)
		return false;
	if (record_size(len) > behind) {
		head_put(ring, written, SKIP);
		written += behind;
	}
	head_put(ring, written, (uint32_t)len);
	at = (written & (ring->size - 1)) + HEAD;
	for (size_t i = 0; i < parts_len; i++) {
		if (parts[i].len != 0)
			memcpy(ring->octets + at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	atomic_store_explicit(&ring->written, written + record_size(len), memory_order_release);
	return true;
}

bool ring_peek(struct ring *ring, struct span *ret_record)
{
	size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
	size_t written = atomic_load_explicit(&ring->written, memory_order_acquire);

	if (read != written && head_get(ring, read) == SKIP) {
		read += ring->size - (read & (ring->size - 1));
		atomic_store_explicit(&ring->read, read, memory_order_release);
	}
	if (read == written)
		return false;
	*ret_record =
		span_of(ring->octets + (read & (ring->size - 1)) + HEAD, head_get(ring, read));
	return true;
}

void ring_drop(struct ring *ring)
{
	size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

	atomic_store_explicit(
		&ring->read, read + record_size(head_get(ring, read)), memory_order_release);
}
