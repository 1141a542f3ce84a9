/* SPDX-License-Identifier: ISC */
#include "sets/prefix_table.h"

#include "base/macro.h"
#include "base/mem.h"

enum {
	NARROW_KEY_BYTES = 2,
	LOW_BITS_MIN = 8,
	BUCKET_MEAN_MAX = 64,
	OFFSETS_CACHED = 512 * 1024,
	OFFSETS_WEIGHT = 4,
	CACHE_LINE = 64,
};

/* ---- Reading: wide ---- */

/* How many of the sorted items are not greater than key. Nearly all groups are full, and a loop of
 * known length becomes a few vector instructions without a branch. */
static uint32_t rank_u32(const uint32_t *keys, uint32_t len, uint32_t key)
{
	uint32_t rank = 0;

	if (len == LADDER_FANOUT) {
		for (uint32_t i = 0; i < LADDER_FANOUT; i++)
			rank += keys[i] <= key;
		return rank;
	}
	while (rank < len && keys[rank] <= key)
		rank++;
	return rank;
}

static uint32_t rank_u64(const uint64_t *keys, uint32_t len, uint64_t key)
{
	uint32_t rank = 0;

	if (len == LADDER_FANOUT) {
		for (uint32_t i = 0; i < LADDER_FANOUT; i++)
			rank += keys[i] <= key;
		return rank;
	}
	while (rank < len && keys[rank] <= key)
		rank++;
	return rank;
}

static uint32_t group_rank(const void *keys, unsigned key_bytes, uint32_t len, u128 key)
{
	uint32_t rank = 0;

	if (key_bytes == 4)
		return rank_u32(keys, len, key > UINT32_MAX ? UINT32_MAX : (uint32_t)key);
	if (key_bytes == 8)
		return rank_u64(keys, len, key > UINT64_MAX ? UINT64_MAX : (uint64_t)key);
	for (uint32_t i = 0; i < len; i++)
		rank += ((const u128 *)keys)[i] <= key;
	return rank;
}

/* The index, on a rung, of the greatest key there that is not greater than key; that rung's length
 * when there is none. */
static uint32_t wide_descend(const struct prefix_table *table, u128 key, unsigned rung)
{
	uint32_t index = 0;

	for (unsigned i = table->rungs; i-- > rung;) {
		uint32_t first = index * LADDER_FANOUT, rank;
		uint32_t len = table->rung_len[i] - first;

		if (len > LADDER_FANOUT)
			len = LADDER_FANOUT;
		rank = group_rank(
			(const uint8_t *)table->rung[i] + (size_t)first * table->key_bytes,
			table->key_bytes, len, key);
		if (rank == 0 && first == 0)
			return table->rung_len[rung];
		index = first + (rank != 0 ? rank - 1 : 0);
	}
	return index;
}

static uint32_t wide_find(const struct prefix_table *table, u128 key)
{
	return table->count != 0 ? wide_descend(table, key, 0) : 0;
}

static u128 wide_key(const struct prefix_table *table, uint32_t index)
{
	if (table->key_bytes == 4)
		return ((const uint32_t *)table->keys)[index];
	if (table->key_bytes == 8)
		return ((const uint64_t *)table->keys)[index];
	return ((const u128 *)table->keys)[index];
}

/* ---- Reading: narrow ---- */

struct bucket {
	uint32_t first, end; /* indexes */
	uint32_t low;        /* what to look for */
};

/*
 * The offset and the key are two cache misses, the second waiting for the first. Addresses within a
 * /16 are spread evenly enough to guess where the key will be, so its line, and that of its code,
 * are asked for while the offset is still on its way.
 */
static void bucket_expect(const struct prefix_table *table, uint32_t address)
{
	const uint16_t *keys = table->keys;
	uint32_t first = table->base[address >> 16], end = table->base[(address >> 16) + 1];
	uint64_t guess = first + ((uint64_t)(end - first) * (address & 0xffff) >> 16);

	if (table->low_bits == 16 || guess >= table->count)
		return;
	sections_prefetch(&keys[guess]);
	sections_prefetch(packed_rows_cell(&table->packed, (uint32_t)guess));
}

static struct bucket bucket_of(const struct prefix_table *table, uint32_t address)
{
	unsigned bits = table->low_bits;
	uint32_t block = address >> 16;
	struct bucket bucket = {
		table->base[block], table->base[block + 1], address & ((UINT32_C(1) << bits) - 1)};

	if (bits < 16) {
		uint32_t at = address >> bits;

		if (at + 1 != (block + 1) << (16 - bits))
			bucket.end = bucket.first + table->offsets[at + 1];
		bucket.first += table->offsets[at];
	}
	if (bucket.end > table->count)
		bucket.end = table->count;
	if (bucket.first > bucket.end)
		bucket.first = bucket.end;
	return bucket;
}

/* The index of the first key of the bucket that is not less. */
static uint32_t bucket_lower(const struct prefix_table *table, struct bucket bucket)
{
	const uint16_t *keys = table->keys;
	uint32_t mask = (UINT32_C(1) << table->low_bits) - 1;
	uint32_t first = bucket.first, len = bucket.end - bucket.first;

	while (len > 1) { /* no branch to mispredict but the end */
		uint32_t half = len / 2;

		first += (keys[first + half - 1] & mask) < bucket.low ? half : 0;
		len -= half;
	}
	return first + (len == 1 && (keys[first] & mask) < bucket.low);
}

static bool narrow_get(const struct prefix_table *table, u128 key, uint32_t *ret_row)
{
	const uint16_t *keys = table->keys;
	struct bucket bucket;
	uint32_t index, found;

	bucket_expect(table, (uint32_t)key);
	bucket = bucket_of(table, (uint32_t)key);
	index = bucket_lower(table, bucket);
	if (index == bucket.end)
		return false;
	found = keys[index];
	if ((found & ((UINT32_C(1) << table->low_bits) - 1)) != bucket.low)
		return false;
	*ret_row = packed_rows_get(&table->packed, index, found >> table->low_bits);
	return true;
}

/* The /16 in which a index lies: the last one that begins at it or before. */
static uint32_t narrow_block(const struct prefix_table *table, uint32_t index)
{
	uint32_t first = 0, len = NARROW_BLOCKS;

	while (len > 1) {
		uint32_t half = len / 2;

		first += table->base[first + half] <= index ? half : 0;
		len -= half;
	}
	return first;
}

/* Backwards: from the index to its /16, from there to its bucket, and the key has the low bits. */
static uint32_t narrow_key(const struct prefix_table *table, uint32_t index)
{
	const uint16_t *keys = table->keys;
	uint32_t low = keys[index] & ((UINT32_C(1) << table->low_bits) - 1);
	uint32_t block = narrow_block(table, index), within = index - table->base[block];
	uint32_t bucket = block << (16 - table->low_bits);
	uint32_t len = UINT32_C(1) << (16 - table->low_bits);

	while (len > 1) {
		uint32_t half = len / 2;

		bucket += table->offsets[bucket + half] <= within ? half : 0;
		len -= half;
	}
	return bucket << table->low_bits | low;
}

/* ---- Reading: ahead ---- */

/* A table this small stays in the caches by itself. */
enum { RUNGS_CACHED = 3 };

static void narrow_prefetch(const struct prefix_table *table, uint32_t address, unsigned step)
{
	const uint16_t *keys = table->keys;
	struct bucket bucket;

	if (step == 0) {
		sections_prefetch(&table->base[address >> 16]);
		if (table->low_bits < 16)
			sections_prefetch(&table->offsets[address >> table->low_bits]);
		return;
	}
	bucket = bucket_of(table, address);
	if (bucket.first == bucket.end)
		return;
	sections_prefetch(&keys[bucket.first]);
	sections_prefetch(&keys[bucket.end - 1]);
	if (table->packed.extra_bits != 0)
		sections_prefetch(packed_rows_cell(&table->packed, bucket.first));
}

static void wide_prefetch(const struct prefix_table *table, u128 key, unsigned step)
{
	unsigned rung = step == 0 ? 1 : 0;
	size_t group = (size_t)LADDER_FANOUT * table->key_bytes;
	uint32_t index;

	if (table->rungs <= RUNGS_CACHED)
		return;
	index = wide_descend(table, key, rung + 1);
	if (index >= table->rung_len[rung + 1])
		return;
	for (size_t at = 0; at < group; at += CACHE_LINE)
		sections_prefetch((const uint8_t *)table->rung[rung] + index * group + at);
	if (rung == 0 && table->packed.extra_bits != 0)
		sections_prefetch(packed_rows_cell(&table->packed, index * LADDER_FANOUT));
}

void prefix_table_prefetch(const struct prefix_table *table, u128 key, unsigned step)
{
	if (table->count == 0)
		return;
	if (table->key_bytes == NARROW_KEY_BYTES)
		narrow_prefetch(table, (uint32_t)key, step);
	else
		wide_prefetch(table, key, step);
}

/* ---- Reading: both ---- */

u128 prefix_table_key(const struct prefix_table *table, uint32_t index)
{
	return table->key_bytes == NARROW_KEY_BYTES ? narrow_key(table, index)
						    : wide_key(table, index);
}

bool prefix_table_get(const struct prefix_table *table, u128 key, uint32_t *ret_row)
{
	uint32_t index;

	if (table->count == 0)
		return false;
	if (table->key_bytes == NARROW_KEY_BYTES)
		return narrow_get(table, key, ret_row);
	index = wide_find(table, key);
	if (index == table->count || wide_key(table, index) != key)
		return false;
	*ret_row = packed_rows_get(&table->packed, index, 0);
	return true;
}

bool prefix_table_get_below(const struct prefix_table *table, u128 key, uint32_t *ret_row)
{
	uint32_t index = wide_find(table, key);

	if (index == table->count)
		return false;
	*ret_row = packed_rows_get(&table->packed, index, 0);
	return true;
}

uint32_t prefix_table_lower(const struct prefix_table *table, u128 key)
{
	uint32_t index;

	if (table->count == 0 || key == 0)
		return 0;
	if (table->key_bytes == NARROW_KEY_BYTES)
		return key > UINT32_MAX ? table->count
					: bucket_lower(table, bucket_of(table, (uint32_t)key));
	index = wide_find(table, key - 1);
	return index == table->count ? 0 : index + 1;
}

uint32_t prefix_table_count(const struct prefix_table *table, u128 first, u128 last)
{
	uint32_t below = prefix_table_lower(table, first);
	uint32_t end = last == ~(u128)0 ? table->count : prefix_table_lower(table, last + 1);

	return end > below ? end - below : 0;
}

uint32_t prefix_table_row(const struct prefix_table *table, uint32_t index)
{
	uint32_t inlined = 0;

	if (table->key_bytes == NARROW_KEY_BYTES)
		inlined = (uint32_t)((const uint16_t *)table->keys)[index] >> table->low_bits;
	return packed_rows_get(&table->packed, index, inlined);
}

uint32_t prefix_table_next(const struct prefix_table *table, const struct row_filter *filter,
	uint32_t from, uint32_t end)
{
	while (from < end) {
		uint32_t group_end;

		from = packed_rows_skip(&table->packed, from, end, filter->mask);
		group_end = from - from % SUMMARY_FANOUT + SUMMARY_FANOUT;
		if (group_end > end || group_end < from)
			group_end = end;
		for (; from < group_end; from++) {
			if (row_filter_passes(filter, prefix_table_row(table, from)))
				return from;
		}
	}
	return end;
}

/* ---- The ladder: rung 0 is the keys, each higher rung every 16th of the one below, up to one
 * group ---- */

static uint64_t ladder_layout(uint32_t count, uint32_t len[LADDER_RUNGS], uint8_t *ret_rungs)
{
	uint64_t above = 0;
	uint8_t rungs = 0;

	if (count != 0)
		len[rungs++] = count;
	while (count > LADDER_FANOUT) {
		count = count / LADDER_FANOUT + (count % LADDER_FANOUT != 0);
		len[rungs++] = count;
		above += count;
	}
	*ret_rungs = rungs;
	return above;
}

static const uint8_t table_key_bytes[] = {
	[TABLE_V4_POINTS] = 4, [TABLE_V4_STEPS] = 4, [TABLE_NETS] = 8, [TABLE_WHOLE] = 16};

static bool layout_is_known(enum prefix_table_kind kind, const struct prefix_table_record *record)
{
	if (record->key_bytes == NARROW_KEY_BYTES)
		return kind == TABLE_V4_POINTS && record->low_bits >= LOW_BITS_MIN &&
		       record->low_bits <= 16 &&
		       record->packed.inline_bits == 16 - record->low_bits;
	return record->key_bytes == table_key_bytes[kind] && record->packed.inline_bits == 0;
}

static void narrow_open(struct prefix_table *table, struct sections *sections,
	const struct prefix_table_record *record)
{
	unsigned code_bits = 16u - record->low_bits;

	table->base =
		sections_get(sections, record->base_at, NARROW_BLOCKS + 1, sizeof(*table->base));
	table->offsets = sections_get(sections, record->offset_at,
		code_bits != 0 ? (uint64_t)NARROW_BLOCKS << code_bits : 0, sizeof(*table->offsets));
}

static void wide_open(struct prefix_table *table, struct sections *sections,
	const struct prefix_table_record *record)
{
	uint64_t above = ladder_layout(table->count, table->rung_len, &table->rungs);
	const uint8_t *ladder = sections_get(sections, record->ladder_at, above, record->key_bytes);

	table->rung[0] = table->keys;
	for (unsigned i = 1; i < table->rungs && ladder != NULL; i++) {
		table->rung[i] = ladder;
		ladder += (size_t)table->rung_len[i] * record->key_bytes;
	}
}

void prefix_table_open(struct prefix_table *table, enum prefix_table_kind kind,
	struct sections *sections, const struct prefix_table_record *record)
{
	uint32_t count = record->packed.count;

	*table = (struct prefix_table){
		.count = count, .key_bytes = record->key_bytes, .low_bits = record->low_bits};
	if (!layout_is_known(kind, record)) {
		sections->bad = true;
		return;
	}
	packed_rows_open(&table->packed, sections, &record->packed);
	table->keys = sections_get(sections, record->key_at, count, record->key_bytes);
	if (record->key_bytes == NARROW_KEY_BYTES)
		narrow_open(table, sections, record);
	else
		wide_open(table, sections, record);
}

/* ---- Writing ---- */

static void wide_write(const uint8_t *keys, struct image *image, struct prefix_table_record *record)
{
	uint32_t count = record->packed.count, len[LADDER_RUNGS];
	unsigned key_bytes = record->key_bytes;
	uint8_t rungs;
	uint64_t above = ladder_layout(count, len, &rungs), stride = key_bytes;
	uint8_t *ladder;

	record->key_at = image_add(image, keys, count, key_bytes);
	ladder = image_room(image, above, key_bytes, &record->ladder_at);
	for (unsigned i = 1; i < rungs && ladder != NULL; i++) {
		stride *= LADDER_FANOUT;
		for (uint64_t j = 0; j < len[i]; j++, ladder += key_bytes)
			memcpy(ladder, keys + j * stride, key_bytes);
	}
}

static void narrow_write(const struct prefix_table_content *content, struct image *image,
	struct prefix_table_record *record)
{
	const uint32_t *keys = content->keys, *rows = content->numbered.rows;
	uint32_t count = content->numbered.count;
	unsigned bits = record->low_bits;
	uint32_t *base = image_room(image, NARROW_BLOCKS + 1, sizeof(*base), &record->base_at);
	uint64_t buckets = bits < 16 ? (uint64_t)NARROW_BLOCKS << (16 - bits) : 0;
	uint16_t *offsets, *low;
	uint32_t index = 0;

	for (uint32_t block = 0; block <= NARROW_BLOCKS && base != NULL; block++) {
		while (index < count && keys[index] >> 16 < block)
			index++;
		base[block] = index;
	}
	index = 0;
	offsets = image_room(image, buckets, sizeof(*offsets), &record->offset_at);
	for (uint64_t bucket = 0, first = 0; bucket < buckets && offsets != NULL; bucket++) {
		while (index < count && keys[index] >> bits < bucket)
			index++;
		if (bucket % (UINT64_C(1) << (16 - bits)) == 0)
			first = index;
		offsets[bucket] = (uint16_t)(index - first);
	}
	low = image_room(image, count, sizeof(*low), &record->key_at);
	for (uint32_t i = 0; i < count && low != NULL; i++)
		low[i] = (uint16_t)(packed_rows_inline(&record->packed, rows[i]) << bits |
				    (keys[i] & ((UINT32_C(1) << bits) - 1)));
}

/*
 * Offsets that fit into a cache of the second level cost a lookup next to nothing; beyond that they
 * are a miss of main memory each, so those bytes count more than they are.
 */
static uint64_t offsets_cost(unsigned low_bits)
{
	uint64_t bytes = low_bits < 16 ? (uint64_t)NARROW_BLOCKS << (17 - low_bits) : 0;

	return bytes > OFFSETS_CACHED ? bytes * OFFSETS_WEIGHT : bytes;
}

struct layout {
	uint64_t cost; /* bytes */
	unsigned key_bytes, low_bits, extra_bits;
};

static struct layout layout_choose(const struct prefix_table_content *content)
{
	struct packed_rows_histogram histogram = {0};
	struct layout best = {.key_bytes = table_key_bytes[content->kind]};
	bool may_be_narrow = content->kind == TABLE_V4_POINTS;
	uint32_t count = content->numbered.count;

	packed_rows_count(&histogram, content->numbered.rows, count);
	best.cost = packed_rows_choose(&histogram, count, 0, &best.extra_bits) +
		    (uint64_t)count * best.key_bytes * LADDER_FANOUT / (LADDER_FANOUT - 1);
	for (unsigned bits = LOW_BITS_MIN; may_be_narrow && bits <= 16; bits++) {
		struct layout narrow = {.key_bytes = NARROW_KEY_BYTES, .low_bits = bits};

		if (count >> (32 - bits) > BUCKET_MEAN_MAX)
			break;
		narrow.cost = packed_rows_choose(&histogram, count, 16 - bits, &narrow.extra_bits) +
			      (uint64_t)count * NARROW_KEY_BYTES +
			      (NARROW_BLOCKS + 1) * sizeof(uint32_t) + offsets_cost(bits);
		if (narrow.cost < best.cost)
			best = narrow;
	}
	return best;
}

void prefix_table_write(const struct prefix_table_content *content, struct image *image,
	struct prefix_table_record *ret_record)
{
	struct layout layout = layout_choose(content);
	bool narrow = layout.key_bytes == NARROW_KEY_BYTES;
	struct packed_bits bits = {narrow ? 16 - layout.low_bits : 0, layout.extra_bits};

	*ret_record = (struct prefix_table_record){
		.key_bytes = (uint8_t)layout.key_bytes, .low_bits = (uint8_t)layout.low_bits};
	packed_rows_write(&content->numbered, bits, image, &ret_record->packed);
	if (narrow)
		narrow_write(content, image, ret_record);
	else
		wide_write(content->keys, image, ret_record);
}

void prefix_table_write_steps(const struct painted_steps *painted, struct image *image,
	struct prefix_table_record *ret_record)
{
	enum prefix_table_kind kind = painted->kind;
	size_t len = painted->steps->len;
	void *keys = mem_alloc_array_try(len, table_key_bytes[kind]);
	uint32_t *rows = mem_alloc_array_try(len, sizeof(*rows));

	if (keys == NULL || rows == NULL || len > UINT32_MAX / 2) {
		image->bad = true;
	} else {
		for (size_t i = 0; i < len; i++) {
			u128 first = painted->steps->items[i].first;

			if (kind == TABLE_WHOLE)
				((u128 *)keys)[i] = first;
			else if (kind == TABLE_NETS)
				((uint64_t *)keys)[i] = (uint64_t)(first >> 64);
			else
				((uint32_t *)keys)[i] = (uint32_t)first;
			rows[i] = painted->steps->items[i].row;
		}
		prefix_table_write(&(struct prefix_table_content){kind, keys,
					   {rows, (uint32_t)len, painted->masks}},
			image, ret_record);
	}
	mem_free(keys);
	mem_free(rows);
}
