/* SPDX-License-Identifier: ISC */
#include "feed/changes.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"

/* Changes are kept in the order in which they came, and a table of their places is sorted: by
 * record, and for one record by time. Then the old zone and the changes are two sorted runs, and
 * the next zone is their merge: for each record, whether it is there at the end of its own little
 * history. So a record that came and went between two serials costs nothing, and each step is
 * checked against the one before. */
enum {
	BYTES_AT_LEAST = 1 << 20,
	BYTES_PER_ENTRY = 400, /* of an address with its text; of IPv4 alone it is 25 */
	BYTES_MOST = 1 << 30,
	REMOVAL = 1,
	ADDITION = 2,
};

struct feed_changes {
	struct dns_name zone;
	size_t entries;
	struct buf bytes; /* REMOVAL or ADDITION, then the record */
	uint32_t *places;
	size_t len, room;
};

struct feed_changes *feed_changes_new(const struct dns_name *zone, size_t entries)
{
	struct feed_changes *changes = mem_new(feed_changes);
	size_t most =
		entries < BYTES_MOST / BYTES_PER_ENTRY ? entries * BYTES_PER_ENTRY : BYTES_MOST;

	changes->zone = *zone;
	changes->entries = entries;
	buf_init(&changes->bytes, most > BYTES_AT_LEAST ? most : BYTES_AT_LEAST);
	return changes;
}

void feed_changes_free(struct feed_changes **changes)
{
	struct feed_changes *c = *changes;

	if (c == NULL)
		return;
	buf_done(&c->bytes);
	mem_free(c->places);
	mem_free(c);
	*changes = NULL;
}

int feed_changes_take(const struct transfer_record *record, void *arg)
{
	struct feed_changes *changes = arg;
	struct feed_record_room room;
	struct feed_record kept;

	if (feed_record_of(&changes->zone, record, &room, &kept) == 0)
		return 0;
	mem_grow(&changes->places, &changes->room, changes->len + 1, sizeof(*changes->places));
	changes->places[changes->len++] = (uint32_t)buf_len(&changes->bytes);
	buf_append_byte(&changes->bytes, record->is_removal ? REMOVAL : ADDITION);
	feed_record_write(&changes->bytes, &kept);
	return changes->bytes.bad ? E_LIMIT : 0;
}

/* ---- sorting ---- */

struct feed_change {
	bool is_removal;
	struct feed_record record;
};

static struct feed_change change_at(const struct feed_changes *changes, uint32_t place)
{
	struct span rest = span_from(buf_span(&changes->bytes), place);
	struct feed_change change = {.is_removal = rest.ptr[0] == REMOVAL};

	rest = span_from(rest, 1);
	ASSERT(feed_record_read(&rest, &change.record) == 1); /* we wrote it */
	return change;
}

static int place_compare(const void *left, const void *right, void *arg)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	struct feed_change x = change_at(arg, a), y = change_at(arg, b);
	int order = feed_record_compare(&x.record, &y.record);

	return order != 0 ? order : a < b ? -1 : a > b;
}

/* ---- merging ---- */

struct merge {
	const struct feed_changes *changes;
	bool is_strict;
	size_t at; /* in changes->places */
	struct feed_zone *zone;
};

static bool merge_peek(const struct merge *merge, struct feed_change *ret_change)
{
	if (merge->at == merge->changes->len)
		return false;
	*ret_change = change_at(merge->changes, merge->changes->places[merge->at]);
	return true;
}

/* All changes of the record that is next; 1: it is there afterwards, 0: it is not. */
static int merge_history(struct merge *merge, const struct feed_record *record, bool is_there)
{
	struct feed_change change;

	while (merge_peek(merge, &change) && feed_record_compare(&change.record, record) == 0) {
		if (merge->is_strict && is_there != change.is_removal)
			return E_CONFLICT;
		is_there = !change.is_removal;
		merge->at++;
	}
	return is_there;
}

static int merge_record(struct merge *merge, const struct feed_record *record, bool is_there)
{
	int r = merge_history(merge, record, is_there);

	if (r > 0)
		feed_zone_append(merge->zone, record);
	return r;
}

/* Changes of records before `record`, which are not in the old zone; NULL: all that are left. */
static int merge_before(struct merge *merge, const struct feed_record *record)
{
	struct feed_change change;
	int r = 0;

	while (r >= 0 && merge_peek(merge, &change) &&
		(record == NULL || feed_record_compare(&change.record, record) < 0))
		r = merge_record(merge, &change.record, false);
	return r;
}

static int merge_all(struct merge *merge, const struct feed_zone *old)
{
	struct feed_record record;
	size_t at = 0;
	int r = 0;

	while (r >= 0 && old != NULL && feed_zone_next(old, &at, &record) > 0) {
		r = merge_before(merge, &record);
		if (r >= 0)
			r = merge_record(merge, &record, true);
	}
	return r >= 0 ? merge_before(merge, NULL) : r;
}

int feed_changes_make(struct feed_changes *changes, const struct feed_transfer *transfer,
	struct feed_zone **ret_zone, struct fault *why)
{
	AUTO(feed_zone) *zone = feed_zone_new(&changes->zone, transfer->soa);
	bool is_difference = transfer->style == TRANSFER_CHANGES;
	struct merge merge = {.changes = changes, .is_strict = is_difference, .zone = zone};
	int r;

	if (changes->len != 0)
		qsort_r(changes->places, changes->len, sizeof(*changes->places), place_compare,
			changes);
	r = merge_all(&merge, is_difference ? transfer->old : NULL);
	if (r < 0)
		return fault_set(why, r, "the changes do not fit the zone that we have");
	if (zone->addresses > changes->entries)
		return fault_set(why, E_LIMIT, "the zone has %zu entries, and the limit is %zu",
			zone->addresses, changes->entries);
	*ret_zone = TAKE(zone);
	return 0;
}
