/* SPDX-License-Identifier: ISC */
#include "xfr/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "base/serial.h"
#include "xfr/pack.h"

enum {
	BLOCK_PLAIN = 16 << 10, /* octets of steps that are packed together */
	BLOCK_OCTETS = 16,      /* what malloc adds to a block, and the list */
};

/*
 * Most steps are one listing, a few hundred octets that hardly differ from those before, and there
 * are thousands: packed together they take a sixth. The newest stay as they are until there are
 * enough of them.
 *
 *	step: to, records, octets removed, octets added (32 bits each), the records
 */
struct block_head {
	uint32_t from, to;
	uint32_t steps, records;
};

struct journal_block {
	atomic_uint refs;
	struct block_head head;
	size_t plain, len; /* octets */
	uint8_t bytes[];   /* octets_pack() */
};

/* Blocks, the newest last; each begins where the one before it ends. */
struct zone_journal {
	pthread_mutex_t lock;
	uint32_t serial;
	bool skips; /* the next step is not known either */
	size_t limit, octets;
	struct journal_block **blocks;
	size_t len, room;
	struct block_head open; /* of what is not packed yet */
	struct buf steps;
};

/* ---- blocks ---- */

/* bytes: what octets_pack() made of so many. */
static struct journal_block *block_new(
	const struct block_head *head, struct span bytes, size_t plain)
{
	struct journal_block *block = mem_alloc(sizeof(*block) + bytes.len);

	atomic_init(&block->refs, 1);
	block->head = *head;
	block->plain = plain;
	block->len = bytes.len;
	memcpy(block->bytes, bytes.ptr, bytes.len);
	return block;
}

static void block_unref(struct journal_block *block)
{
	if (atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1)
		mem_free(block);
}

static size_t block_octets(const struct journal_block *block)
{
	return BLOCK_OCTETS + sizeof(*block) + block->len;
}

static void block_unpack(const struct journal_block *block, struct buf *out)
{
	uint8_t *room = buf_reserve(out, block->plain);

	octets_unpack(span_of(block->bytes, block->len), room, block->plain);
	buf_wrote(out, block->plain);
}

static bool block_is_at(const struct block_head *block, uint32_t serial)
{
	return block->steps != 0 && !serial_is_before(serial, block->from) &&
	       serial_is_before(serial, block->to);
}

static void step_append(struct buf *out, uint32_t to, const struct zone_diff *diff)
{
	buf_append_u32(out, to);
	buf_append_u32(out, (uint32_t)(diff->removed_len + diff->added_len));
	buf_append_u32(out, (uint32_t)buf_len(&diff->removed));
	buf_append_u32(out, (uint32_t)buf_len(&diff->added));
	buf_append(out, buf_span(&diff->removed));
	buf_append(out, buf_span(&diff->added));
}

/* False: there is none. */
static bool step_take(struct span *rest, struct journal_step *step, size_t *ret_records)
{
	struct reader reader = reader_of(*rest);
	uint32_t removed, added;

	step->to = reader_u32(&reader);
	*ret_records = reader_u32(&reader);
	removed = reader_u32(&reader);
	added = reader_u32(&reader);
	step->removed = reader_bytes(&reader, removed);
	step->added = reader_bytes(&reader, added);
	if (reader.bad)
		return false;
	*rest = reader.rest;
	return true;
}

/* ---- the journal ---- */

struct zone_journal *zone_journal_new(void)
{
	struct zone_journal *journal = mem_new(zone_journal);

	pthread_mutex_init(&journal->lock, NULL);
	buf_init(&journal->steps, 0);
	journal->limit = JOURNAL_LEAST;
	return journal;
}

void zone_journal_limit(struct zone_journal *journal, size_t limit)
{
	pthread_mutex_lock(&journal->lock);
	journal->limit = limit > JOURNAL_LEAST ? limit : JOURNAL_LEAST;
	pthread_mutex_unlock(&journal->lock);
}

static void journal_forget(struct zone_journal *journal, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		journal->octets -= block_octets(journal->blocks[i]);
		block_unref(journal->blocks[i]);
	}
	journal->len -= count;
	memmove(journal->blocks, journal->blocks + count,
		journal->len * sizeof(journal->blocks[0]));
}

static void journal_clear(struct zone_journal *journal)
{
	if (journal->len != 0)
		journal_forget(journal, journal->len);
	journal->open.steps = 0;
	buf_done(&journal->steps);
}

void zone_journal_free(struct zone_journal **journal)
{
	struct zone_journal *j = *journal;

	*journal = NULL;
	if (j == NULL)
		return;
	journal_clear(j);
	pthread_mutex_destroy(&j->lock);
	mem_free(j->blocks);
	mem_free(j);
}

static void journal_append(struct zone_journal *journal, uint32_t to, const struct zone_diff *diff)
{
	struct block_head *open = &journal->open;

	if (open->steps == 0)
		*open = (struct block_head){.from = journal->serial};
	step_append(&journal->steps, to, diff);
	open->to = to;
	open->steps++;
	open->records += (uint32_t)(diff->removed_len + diff->added_len);
}

/* What is open is written by this thread alone: it is packed without the lock. */
static void journal_pack(struct zone_journal *journal)
{
	struct span steps = buf_span(&journal->steps);
	uint8_t *packed = mem_alloc(steps.len);
	size_t len = octets_pack(steps, packed), old = 0;
	struct journal_block *block = block_new(&journal->open, span_of(packed, len), steps.len);

	mem_free(packed);
	pthread_mutex_lock(&journal->lock);
	mem_grow(&journal->blocks, &journal->room, journal->len + 1, sizeof(journal->blocks[0]));
	journal->blocks[journal->len++] = block;
	journal->octets += block_octets(block);
	for (size_t over = journal->octets; over > journal->limit; old++)
		over -= block_octets(journal->blocks[old]);
	journal_forget(journal, old);
	journal->open.steps = 0;
	buf_done(&journal->steps);
	pthread_mutex_unlock(&journal->lock);
}

void zone_journal_add(
	struct zone_journal *journal, uint32_t from, uint32_t to, const struct zone_diff *diff)
{
	pthread_mutex_lock(&journal->lock);
	if (journal->skips || journal->serial != from)
		journal_clear(journal);
	else
		journal_append(journal, to, diff);
	journal->skips = false;
	journal->serial = to;
	pthread_mutex_unlock(&journal->lock);
	if (buf_len(&journal->steps) >= BLOCK_PLAIN)
		journal_pack(journal);
}

void zone_journal_break(
	struct zone_journal *journal, uint32_t serial, enum journal_serial secondaries)
{
	pthread_mutex_lock(&journal->lock);
	journal_clear(journal);
	journal->skips =
		secondaries == SERIAL_DOUBTFUL || (journal->skips && serial == journal->serial);
	journal->serial = serial;
	pthread_mutex_unlock(&journal->lock);
}

uint32_t zone_journal_serial(struct zone_journal *journal)
{
	uint32_t serial;

	pthread_mutex_lock(&journal->lock);
	serial = journal->serial;
	pthread_mutex_unlock(&journal->lock);
	return serial;
}

/* ---- taking ---- */

static void range_hold(struct journal_range *range, struct journal_block *block)
{
	range->blocks[range->blocks_len++] = block;
	range->len += block->head.steps;
	range->records += block->head.records;
}

/* The blocks from `first` on, and what is not packed. */
static void range_fill(
	struct journal_range *range, const struct zone_journal *journal, size_t first)
{
	range->to = journal->serial;
	range->blocks = mem_alloc_array(journal->len - first + 1, sizeof(range->blocks[0]));
	for (size_t i = first; i < journal->len; i++) {
		atomic_fetch_add_explicit(&journal->blocks[i]->refs, 1, memory_order_relaxed);
		range_hold(range, journal->blocks[i]);
	}
}

/* Up to the step that begins at range->from. False: none does. */
static bool range_skip(struct journal_range *range)
{
	struct journal_step step = {.to = range->blocks_len != 0 ? range->blocks[0]->head.from : 0};
	size_t records;

	if (range->len == 0)
		return true;
	block_unpack(range->blocks[0], &range->plain);
	range->rest = buf_span(&range->plain);
	range->block = 1;
	while (step.to != range->from && step_take(&range->rest, &step, &records)) {
		range->len--;
		range->records -= records;
	}
	return step.to == range->from;
}

/* The block in which a step begins at that serial; len: it is among those that are not packed, or
 * none is needed. From the newest back, since most secondaries are close behind. */
static ssize_t journal_find(const struct zone_journal *journal, uint32_t from)
{
	if (from == journal->serial || block_is_at(&journal->open, from))
		return (ssize_t)journal->len;
	for (size_t i = journal->len; i-- > 0;) {
		if (block_is_at(&journal->blocks[i]->head, from))
			return (ssize_t)i;
	}
	return E_ABSENT;
}

int zone_journal_take(struct zone_journal *journal, uint32_t from, struct journal_range *ret_range)
{
	struct journal_range range = {.from = from};
	ssize_t first;

	buf_init(&range.plain, 0);
	pthread_mutex_lock(&journal->lock);
	first = journal_find(journal, from);
	if (first >= 0)
		range_fill(&range, journal, (size_t)first);
	if (first >= 0 && from != journal->serial && journal->open.steps != 0)
		range_hold(&range, block_new(&journal->open, buf_span(&journal->steps),
					   buf_len(&journal->steps)));
	pthread_mutex_unlock(&journal->lock);
	if (first < 0)
		return (int)first;
	if (!range_skip(&range)) {
		journal_range_done(&range);
		return E_ABSENT;
	}
	range.serial = from;
	*ret_range = range;
	return 0;
}

void journal_range_done(struct journal_range *range)
{
	for (size_t i = 0; i < range->blocks_len; i++)
		block_unref(range->blocks[i]);
	mem_free(range->blocks);
	buf_done(&range->plain);
	*range = (struct journal_range){0};
}

bool journal_range_next(struct journal_range *range, struct journal_step *ret_step)
{
	size_t records;

	if (range->rest.len == 0 && range->block < range->blocks_len) {
		buf_clear(&range->plain);
		block_unpack(range->blocks[range->block++], &range->plain);
		range->rest = buf_span(&range->plain);
	}
	if (!step_take(&range->rest, ret_step, &records))
		return false;
	ret_step->from = range->serial;
	range->serial = ret_step->to;
	return true;
}

/* ---- condensing ---- */

/* A record that was removed (-1) or added (+1). Of one record these come in turn, so their sum is
 * what is left. */
struct moved {
	struct span record;
	int by;
};

static int moved_compare(const void *a, const void *b)
{
	const struct moved *left = a, *right = b;

	return span_compare(left->record, right->record);
}

static size_t moved_collect(struct moved *moved, struct span records, int by)
{
	struct span rest = records, from = rest;
	struct zone_record record;
	size_t len = 0;

	for (; zone_record_take(&rest, &record); from = rest)
		moved[len++] = (struct moved){span_first(from, from.len - rest.len), by};
	return len;
}

/* The records of all steps at once, for who compares them. */
static void range_unpack_all(struct journal_range *range)
{
	size_t left = range->rest.len;

	buf_consume(&range->plain, buf_len(&range->plain) - left);
	while (range->block < range->blocks_len)
		block_unpack(range->blocks[range->block++], &range->plain);
	range->rest = buf_span(&range->plain);
}

void journal_range_condense(struct journal_range *range, struct zone_diff *ret_diff)
{
	struct moved *moved = mem_alloc_array(range->records + 1, sizeof(*moved));
	struct journal_step step;
	size_t len = 0, records;
	struct span rest;

	range_unpack_all(range);
	for (rest = range->rest; step_take(&rest, &step, &records);) {
		len += moved_collect(moved + len, step.removed, -1);
		len += moved_collect(moved + len, step.added, 1);
	}
	qsort(moved, len, sizeof(*moved), moved_compare);
	for (size_t i = 0, next; i < len; i = next) {
		int sum = 0;

		for (next = i; next < len && moved_compare(&moved[i], &moved[next]) == 0; next++)
			sum += moved[next].by;
		if (sum == 0)
			continue;
		buf_append(sum < 0 ? &ret_diff->removed : &ret_diff->added, moved[i].record);
		*(sum < 0 ? &ret_diff->removed_len : &ret_diff->added_len) += 1;
	}
	mem_free(moved);
	buf_done(&range->plain);
	range->rest = span_of(NULL, 0);
}
