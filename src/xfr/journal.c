/* SPDX-License-Identifier: ISC */
#include "xfr/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	STEPS_MAX = 65536,
	BLOCK_OCTETS = 16, /* what malloc adds to a block, and the ring */
};

/* Most steps are one listing, a few hundred octets, and there are thousands: one block of just the
 * size. */
struct journal_step {
	atomic_uint refs;
	uint32_t from, to;
	uint32_t removed, added; /* octets */
	uint32_t len;            /* records */
	uint8_t records[];       /* those that were removed first */
};

/* A ring of steps, the newest last; each begins where the one before it ends. */
struct zone_journal {
	pthread_mutex_t lock;
	uint32_t serial;
	bool skips; /* the next step is not known either */
	size_t limit, octets;
	size_t first, len, size;
	struct journal_step **steps;
};

static size_t step_octets(const struct journal_step *step)
{
	return BLOCK_OCTETS + sizeof(*step) + step->removed + step->added;
}

struct span journal_step_removed(const struct journal_step *step)
{
	return span_of(step->records, step->removed);
}

struct span journal_step_added(const struct journal_step *step)
{
	return span_of(step->records + step->removed, step->added);
}

static struct journal_step *step_new(uint32_t from, uint32_t to, const struct zone_diff *diff)
{
	struct span removed = buf_span(&diff->removed), added = buf_span(&diff->added);
	struct journal_step *step = mem_alloc(sizeof(*step) + removed.len + added.len);

	atomic_init(&step->refs, 1);
	step->from = from;
	step->to = to;
	step->removed = (uint32_t)removed.len;
	step->added = (uint32_t)added.len;
	step->len = (uint32_t)(diff->removed_len + diff->added_len);
	if (removed.len != 0)
		memcpy(step->records, removed.ptr, removed.len);
	if (added.len != 0)
		memcpy(step->records + removed.len, added.ptr, added.len);
	return step;
}

static void step_unref(struct journal_step *step)
{
	if (atomic_fetch_sub_explicit(&step->refs, 1, memory_order_acq_rel) != 1)
		return;
	mem_free(step);
}

struct zone_journal *zone_journal_new(size_t limit)
{
	struct zone_journal *journal = mem_new(zone_journal);

	pthread_mutex_init(&journal->lock, NULL);
	journal->limit = limit;
	return journal;
}

static struct journal_step **journal_at(const struct zone_journal *journal, size_t index)
{
	return &journal->steps[(journal->first + index) % journal->size];
}

static void journal_forget(struct zone_journal *journal)
{
	struct journal_step *step = *journal_at(journal, 0);

	journal->octets -= step_octets(step);
	journal->first = (journal->first + 1) % journal->size;
	journal->len--;
	step_unref(step);
}

static void journal_clear(struct zone_journal *journal)
{
	while (journal->len != 0)
		journal_forget(journal);
}

void zone_journal_free(struct zone_journal **journal)
{
	struct zone_journal *j = *journal;

	*journal = NULL;
	if (j == NULL)
		return;
	journal_clear(j);
	pthread_mutex_destroy(&j->lock);
	mem_free(j->steps);
	mem_free(j);
}

static void journal_grow(struct zone_journal *journal)
{
	size_t size = journal->size != 0 ? 2 * journal->size : 64;
	struct journal_step **steps = mem_alloc_array(size, sizeof(*steps));

	for (size_t i = 0; i < journal->len; i++)
		steps[i] = *journal_at(journal, i);
	mem_free(journal->steps);
	journal->steps = steps;
	journal->first = 0;
	journal->size = size;
}

static void journal_append(struct zone_journal *journal, struct journal_step *step)
{
	if (journal->len == STEPS_MAX)
		journal_forget(journal);
	if (journal->len == journal->size)
		journal_grow(journal);
	journal->len++;
	*journal_at(journal, journal->len - 1) = step;
	journal->octets += step_octets(step);
	while (journal->octets > journal->limit)
		journal_forget(journal);
}

void zone_journal_add(
	struct zone_journal *journal, uint32_t from, uint32_t to, const struct zone_diff *diff)
{
	struct journal_step *step = step_new(from, to, diff);

	pthread_mutex_lock(&journal->lock);
	if (journal->skips || journal->serial != from) {
		journal_clear(journal);
		step_unref(step);
	} else {
		journal_append(journal, step);
	}
	journal->skips = false;
	journal->serial = to;
	pthread_mutex_unlock(&journal->lock);
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

/* The first step from that serial on; len when it is the newest, and E_ABSENT when there is none.
 * From the newest back, since most secondaries are close behind. */
static int64_t journal_find(const struct zone_journal *journal, uint32_t from)
{
	if (from == journal->serial)
		return (int64_t)journal->len;
	for (size_t i = journal->len; i-- > 0;) {
		if ((*journal_at(journal, i))->from == from)
			return (int64_t)i;
	}
	return E_ABSENT;
}

static void range_fill(
	struct journal_range *range, const struct zone_journal *journal, size_t first)
{
	range->to = journal->serial;
	range->len = journal->len - first;
	range->steps = mem_alloc_array(range->len + 1, sizeof(*range->steps));
	for (size_t i = 0; i < range->len; i++) {
		struct journal_step *step = *journal_at(journal, first + i);

		atomic_fetch_add_explicit(&step->refs, 1, memory_order_relaxed);
		range->steps[i] = step;
		range->records += step->len;
	}
}

int zone_journal_take(struct zone_journal *journal, uint32_t from, struct journal_range *ret_range)
{
	struct journal_range range = {.from = from};
	int64_t first;

	pthread_mutex_lock(&journal->lock);
	first = journal_find(journal, from);
	if (first >= 0)
		range_fill(&range, journal, (size_t)first);
	pthread_mutex_unlock(&journal->lock);
	if (first < 0)
		return (int)first;
	*ret_range = range;
	return 0;
}

void journal_range_done(struct journal_range *range)
{
	for (size_t i = 0; i < range->len; i++)
		step_unref(range->steps[i]);
	mem_free(range->steps);
	*range = (struct journal_range){0};
}

uint32_t journal_step_to(const struct journal_step *step)
{
	return step->to;
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

void journal_range_condense(const struct journal_range *range, struct zone_diff *ret_diff)
{
	struct moved *moved = mem_alloc_array(range->records + 1, sizeof(*moved));
	size_t len = 0;

	for (size_t i = 0; i < range->len; i++) {
		len += moved_collect(moved + len, journal_step_removed(range->steps[i]), -1);
		len += moved_collect(moved + len, journal_step_added(range->steps[i]), 1);
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
}
