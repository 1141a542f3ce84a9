/* SPDX-License-Identifier: ISC */
#include "sets/answer_rows.h"

#include <xxhash.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 * Three growing arrays (reasons, values, rows), each with a hash table of its numbers beside it.
 * Rows are found from (parent, one value) through a small cache, since that is what ten million
 * single addresses ask again and again.
 */
enum { CACHE_SLOTS = 1 << 14 };

static const int64_t until_max_s = (INT64_C(1) << 56) - 1;

/* Open addressing; a slot holds a number plus 1, 0 is free. */
struct index {
	uint32_t *slots;
	size_t size; /* a power of two */
	size_t used;
};

struct list32 {
	uint32_t *items;
	size_t len, size;
};

struct cached_row {
	uint32_t parent, value_plus_1, row;
};

struct answer_rows {
	struct index reason_index, value_index, row_index;
	struct list32 reason_first; /* reasons + 1 */
	uint8_t *reason_text;
	size_t reason_len, reason_size;
	struct row_value *values;
	size_t values_len, values_size;
	struct list32 row_first;  /* rows + 1 */
	struct list32 row_values; /* numbers of values */
	struct cached_row *cache;
	uint32_t last_value; /* what was asked for last: entries of one source come in one go */
};

static int list32_add(struct list32 *list, uint32_t item)
{
	if (mem_grow_try(&list->items, &list->size, list->len + 1, sizeof(*list->items)) < 0)
		return E_NOMEM;
	list->items[list->len++] = item;
	return 0;
}

struct answer_rows *answer_rows_new(void)
{
	struct answer_rows *rows = mem_new(answer_rows);

	rows->cache = mem_alloc_array(CACHE_SLOTS, sizeof(*rows->cache));
	return rows;
}

void answer_rows_free(struct answer_rows **rows)
{
	struct answer_rows *r = TAKE(*rows);

	if (r == NULL)
		return;
	mem_free(r->reason_index.slots);
	mem_free(r->value_index.slots);
	mem_free(r->row_index.slots);
	mem_free(r->reason_first.items);
	mem_free(r->reason_text);
	mem_free(r->values);
	mem_free(r->row_first.items);
	mem_free(r->row_values.items);
	mem_free(r->cache);
	mem_free(r);
}

struct span answer_rows_reason(const struct answer_rows *rows, uint32_t reason)
{
	const uint32_t *first = rows->reason_first.items;

	return span_of(rows->reason_text + first[reason], first[reason + 1] - first[reason]);
}

const struct row_value *answer_rows_value_get(const struct answer_rows *rows, uint32_t value)
{
	return &rows->values[value];
}

size_t answer_rows_count(const struct answer_rows *rows)
{
	return rows->row_first.len != 0 ? rows->row_first.len - 1 : 1;
}

const uint32_t *answer_rows_values(const struct answer_rows *rows, uint32_t row, size_t *ret_len)
{
	const uint32_t *first = rows->row_first.items;

	*ret_len = 0;
	if (row == 0)
		return NULL;
	*ret_len = first[row + 1] - first[row];
	return rows->row_values.items + first[row];
}

uint32_t answer_rows_mask(const struct answer_rows *rows, uint32_t row)
{
	size_t len;
	const uint32_t *values = answer_rows_values(rows, row, &len);
	uint32_t mask = 0;

	for (size_t i = 0; i < len; i++)
		mask |= UINT32_C(1) << rows->values[values[i]].sublist;
	return mask;
}

static uint64_t value_hash(const struct row_value *value)
{
	uint64_t words[2] = {(uint64_t)value->until_s,
		(uint64_t)value->reason << 32 | (uint64_t)value->sublist << 1 | value->excluded};

	return XXH3_64bits(words, sizeof(words));
}

static uint64_t row_hash(const uint32_t *values, size_t len)
{
	return XXH3_64bits(values, len * sizeof(*values));
}

enum what { WHAT_REASON, WHAT_VALUE, WHAT_ROW };

static uint64_t hash_of(const struct answer_rows *rows, enum what what, uint32_t number)
{
	const uint32_t *values;
	size_t len;

	if (what == WHAT_REASON) {
		struct span reason = answer_rows_reason(rows, number);

		return XXH3_64bits(reason.ptr, reason.len);
	}
	if (what == WHAT_VALUE)
		return value_hash(&rows->values[number]);
	values = answer_rows_values(rows, number, &len);
	return row_hash(values, len);
}

static int64_t index_place(struct index *index, uint64_t hash, uint32_t number)
{
	size_t at = hash & (index->size - 1);

	while (index->slots[at] != 0)
		at = (at + 1) & (index->size - 1);
	index->slots[at] = number + 1;
	index->used++;
	return number;
}

/* Room for one more; a number is added only after all memory it needs is there. */
static int index_grow(const struct answer_rows *rows, struct index *index, enum what what)
{
	struct index grown = {0};

	if ((index->used + 1) * 2 <= index->size)
		return 0;
	grown.size = index->size != 0 ? index->size * 2 : 64;
	grown.slots = mem_alloc_array_try(grown.size, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < index->size; i++) {
		if (index->slots[i] != 0)
			index_place(&grown, hash_of(rows, what, index->slots[i] - 1),
				index->slots[i] - 1);
	}
	mem_free(index->slots);
	*index = grown;
	return 0;
}

static int reason_append(struct answer_rows *rows, struct span reason)
{
	if (rows->reason_len + reason.len > UINT32_MAX)
		return E_LIMIT;
	if (mem_grow_try(&rows->reason_text, &rows->reason_size, rows->reason_len + reason.len + 1,
		    1) < 0)
		return E_NOMEM;
	if (rows->reason_first.len == 0 && list32_add(&rows->reason_first, 0) < 0)
		return E_NOMEM;
	if (list32_add(&rows->reason_first, (uint32_t)(rows->reason_len + reason.len)) < 0)
		return E_NOMEM;
	if (reason.len != 0)
		memcpy(rows->reason_text + rows->reason_len, reason.ptr, reason.len);
	rows->reason_len += reason.len;
	return 0;
}

static int64_t reason_intern(struct answer_rows *rows, struct span reason)
{
	uint64_t hash = XXH3_64bits(reason.ptr, reason.len);
	struct index *index = &rows->reason_index;
	int r = index_grow(rows, index, WHAT_REASON);

	if (r < 0)
		return r;
	for (size_t at = hash;; at++) {
		uint32_t slot = index->slots[at & (index->size - 1)];

		if (slot == 0)
			break;
		if (span_equal(answer_rows_reason(rows, slot - 1), reason))
			return slot - 1;
	}
	r = reason_append(rows, reason);
	return r < 0 ? r : index_place(index, hash, (uint32_t)(rows->reason_first.len - 2));
}

static bool is_last_value(const struct answer_rows *rows, const struct statement *statement)
{
	const struct row_value *last;

	if (rows->values_len == 0)
		return false;
	last = &rows->values[rows->last_value];
	if (last->sublist != statement->sublist || last->excluded != statement->excluded)
		return false;
	return last->excluded ||
	       (last->until_s == statement->until_s &&
		       span_equal(answer_rows_reason(rows, last->reason), statement->reason));
}

static int64_t value_intern(struct answer_rows *rows, struct row_value value)
{
	struct index *index = &rows->value_index;
	uint64_t hash = value_hash(&value);
	const struct row_value *held;
	int r = index_grow(rows, index, WHAT_VALUE);

	if (r == 0 && rows->values_len >= UINT32_MAX / 4)
		r = E_LIMIT;
	if (r == 0)
		r = mem_grow_try(&rows->values, &rows->values_size, rows->values_len + 1,
			sizeof(*rows->values));
	if (r < 0)
		return r;
	for (size_t at = hash;; at++) {
		uint32_t slot = index->slots[at & (index->size - 1)];

		if (slot == 0)
			break;
		held = &rows->values[slot - 1];
		if (held->until_s == value.until_s && held->reason == value.reason &&
			held->sublist == value.sublist && held->excluded == value.excluded)
			return slot - 1;
	}
	rows->values[rows->values_len] = value;
	index_place(index, hash, (uint32_t)rows->values_len);
	return (int64_t)rows->values_len++;
}

int64_t answer_rows_value(struct answer_rows *rows, const struct statement *statement)
{
	struct row_value value = {.sublist = statement->sublist, .excluded = statement->excluded};
	int64_t number;

	if (statement->sublist >= ROW_VALUES_MAX || statement->until_s < 0 ||
		statement->until_s > until_max_s)
		return E_RANGE;
	if (statement->reason.len > REASON_MAX)
		return E_LIMIT;
	if (is_last_value(rows, statement))
		return rows->last_value;
	/* an exclusion says nothing else, so all of them are one value */
	if (!statement->excluded) {
		number = reason_intern(rows, statement->reason);
		if (number < 0)
			return number;
		value.reason = (uint32_t)number;
		value.until_s = statement->until_s;
	}
	number = value_intern(rows, value);
	if (number >= 0)
		rows->last_value = (uint32_t)number;
	return number;
}

static int64_t row_intern(struct answer_rows *rows, const uint32_t *values, size_t len)
{
	uint64_t hash = row_hash(values, len);
	struct index *index = &rows->row_index;
	size_t before = rows->row_values.len;
	int r = 0;

	if (len == 0)
		return 0;
	while (r == 0 && rows->row_first.len < 2) /* row 0 is empty */
		r = list32_add(&rows->row_first, 0);
	if (r == 0)
		r = index_grow(rows, index, WHAT_ROW);
	if (r < 0)
		return r;
	for (size_t at = hash;; at++) {
		uint32_t slot = index->slots[at & (index->size - 1)];
		const uint32_t *known;
		size_t known_len;

		if (slot == 0)
			break;
		known = answer_rows_values(rows, slot - 1, &known_len);
		if (known_len == len && memcmp(known, values, len * sizeof(*values)) == 0)
			return slot - 1;
	}
	if (before + len > UINT32_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < len && r == 0; i++)
		r = list32_add(&rows->row_values, values[i]);
	if (r == 0)
		r = list32_add(&rows->row_first, (uint32_t)rows->row_values.len);
	if (r == 0)
		return index_place(index, hash, (uint32_t)(rows->row_first.len - 2));
	rows->row_values.len = before;
	return r;
}

static bool value_wins(
	const struct answer_rows *rows, const struct row_value *a, const struct row_value *b)
{
	int64_t a_until = a->until_s != 0 ? a->until_s : INT64_MAX;
	int64_t b_until = b->until_s != 0 ? b->until_s : INT64_MAX;

	if (a->excluded != b->excluded)
		return a->excluded;
	if (a_until != b_until)
		return a_until > b_until;
	return !a->excluded && span_compare(answer_rows_reason(rows, a->reason),
				       answer_rows_reason(rows, b->reason)) < 0;
}

size_t answer_rows_merge(
	const struct answer_rows *rows, uint32_t *values, size_t values_len, uint32_t value)
{
	const struct row_value *added = &rows->values[value];

	for (size_t i = 0; i < values_len; i++) {
		const struct row_value *held = &rows->values[values[i]];

		if (held->sublist != added->sublist)
			continue;
		if (value_wins(rows, added, held))
			values[i] = value;
		return values_len;
	}
	values[values_len] = value;
	return values_len + 1;
}

static int64_t override_slowly(
	struct answer_rows *rows, uint32_t parent, const uint32_t *values, size_t values_len)
{
	int64_t by_sublist[ROW_VALUES_MAX];
	uint32_t row[ROW_VALUES_MAX];
	size_t len = 0, parent_len;
	const uint32_t *inherited = answer_rows_values(rows, parent, &parent_len);

	for (unsigned i = 0; i < ROW_VALUES_MAX; i++)
		by_sublist[i] = -1;
	for (size_t i = 0; i < parent_len; i++)
		by_sublist[rows->values[inherited[i]].sublist] = inherited[i];
	for (size_t i = 0; i < values_len; i++)
		by_sublist[rows->values[values[i]].sublist] = values[i];
	for (unsigned i = 0; i < ROW_VALUES_MAX; i++) {
		if (by_sublist[i] >= 0 && !rows->values[by_sublist[i]].excluded)
			row[len++] = (uint32_t)by_sublist[i];
	}
	return row_intern(rows, row, len);
}

int64_t answer_rows_override(
	struct answer_rows *rows, uint32_t parent, const uint32_t *values, size_t values_len)
{
	struct cached_row *cached;
	int64_t row;

	if (values_len != 1)
		return override_slowly(rows, parent, values, values_len);
	cached = &rows->cache[(parent * UINT32_C(0x9e3779b1) + values[0]) % CACHE_SLOTS];
	if (cached->value_plus_1 == values[0] + 1 && cached->parent == parent)
		return cached->row;
	row = override_slowly(rows, parent, values, 1);
	if (row >= 0)
		*cached = (struct cached_row){parent, values[0] + 1, (uint32_t)row};
	return row;
}

static struct hit_record hit_record_of(const struct row_value *value)
{
	return (struct hit_record){
		.reason = value->reason,
		.until_low = (uint32_t)value->until_s,
		.until_high_sublist =
			(uint32_t)((uint64_t)value->until_s >> 32) << 8 | value->sublist,
	};
}

void answer_rows_write(const struct answer_rows *rows, struct row_order order, struct image *image,
	struct answer_rows_record *ret_record)
{
	struct answer_rows_record record = {.rows = order.len, .reason_bytes = rows->reason_len};
	struct hit_record *hits;
	uint32_t *first;
	uint64_t total = 0;
	size_t len;

	first = image_room(image, (uint64_t)order.len + 1, sizeof(*first), &record.first_at);
	for (uint32_t i = 0; i < order.len; i++) {
		if (first != NULL)
			first[i] = (uint32_t)total;
		answer_rows_values(rows, order.rows[i], &len);
		total += len;
	}
	if (total > UINT32_MAX)
		image->bad = true;
	if (first != NULL)
		first[order.len] = (uint32_t)total;
	record.hits = (uint32_t)total;
	hits = image_room(image, total, sizeof(*hits), &record.hit_at);
	for (uint32_t i = 0; i < order.len && hits != NULL; i++) {
		const uint32_t *values = answer_rows_values(rows, order.rows[i], &len);

		for (size_t j = 0; j < len; j++)
			*hits++ = hit_record_of(&rows->values[values[j]]);
	}
	record.reasons = rows->reason_first.len != 0 ? (uint32_t)(rows->reason_first.len - 1) : 0;
	record.reason_first_at = image_add(image, rows->reason_first.items,
		record.reasons != 0 ? record.reasons + 1 : 0, sizeof(uint32_t));
	record.reason_at = image_add(image, rows->reason_text, rows->reason_len, 1);
	*ret_record = record;
}

void row_set_open(
	struct row_set *set, struct sections *sections, const struct answer_rows_record *record)
{
	uint64_t reasons = record->reasons;

	set->rows = record->rows;
	set->hits = record->hits;
	set->reasons = record->reasons;
	set->reason_bytes = record->reason_bytes;
	set->first = sections_get(
		sections, record->first_at, (uint64_t)record->rows + 1, sizeof(*set->first));
	set->hit = sections_get(sections, record->hit_at, record->hits, sizeof(*set->hit));
	set->reason_first = sections_get(sections, record->reason_first_at,
		reasons != 0 ? reasons + 1 : 0, sizeof(*set->reason_first));
	set->reason = sections_get(sections, record->reason_at, record->reason_bytes, 1);
}

struct span row_set_reason(const struct row_set *set, const struct hit_record *hit)
{
	uint32_t first, end;

	if (hit->reason >= set->reasons)
		return span_of(NULL, 0);
	first = set->reason_first[hit->reason];
	end = set->reason_first[hit->reason + 1];
	if (first > end || end > set->reason_bytes)
		return span_of(NULL, 0);
	return span_of(set->reason + first, end - first);
}
