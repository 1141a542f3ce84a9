/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Records of octets from one thread to one other, of bounded size. Neither side ever waits: a
 * record that finds no room is not taken. Owner: whoever made it; both threads have to be done with
 * it before it is freed.
 */
#include "base/span.h"

struct ring;

/* size: a power of two; a record takes its length and eight octets at most. */
struct ring *ring_new(size_t size);
void ring_free(struct ring **ring);

/* The writer: one record of several parts, one behind the other; false: no room. */
bool ring_put(struct ring *ring, const struct span *parts, size_t parts_len);

/* The reader: the oldest record, which stays where it is until ring_drop; false: there is none. */
bool ring_peek(struct ring *ring, struct span *ret_record);
void ring_drop(struct ring *ring);
