/* SPDX-License-Identifier: ISC */
#include "rbldata/index.h"

#include <stdlib.h>

#include "base/mem.h"

/* Whether ground is listed at all: the only sublist there is. */
enum { LISTED = 1 };

void rbl_painted_done(struct rbl_painted *painted)
{
	steps_done(&painted->v4_steps);
	steps_done(&painted->nets);
	steps_done(&painted->hosts);
	steps_done(&painted->steps);
	name_nodes_done(&painted->names);
}

void rbl_index_done(struct rbl_index *index)
{
	image_done(&index->image);
	*index = (struct rbl_index){0};
}

/* ---- Numbering answers by frequency ----
 * Answers are sparse numbers and may be as many as entries; most files have a handful. So they are
 * counted in a hash table, and a run of equal ones costs one look. */

struct counted {
	uint32_t answer;
	uint32_t row;   /* its number by frequency, once that is known */
	uint64_t count; /* 0: free */
};

struct census {
	struct counted *slots;
	size_t size, used; /* size: a power of two */
	struct counted *last;
	bool bad;
};

static struct counted *census_find(const struct census *census, uint32_t answer)
{
	size_t at = (answer * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (census->size - 1);

	while (census->slots[at].count != 0 && census->slots[at].answer != answer)
		at = (at + 1) & (census->size - 1);
	return &census->slots[at];
}

static void census_grow(struct census *census)
{
	struct census larger = {.size = census->size != 0 ? census->size * 4 : 1024};

	larger.slots = mem_alloc_array_try(larger.size, sizeof(*larger.slots));
	if (larger.slots == NULL) {
		census->bad = true;
		return;
	}
	for (size_t i = 0; i < census->size; i++) {
		if (census->slots[i].count != 0)
			*census_find(&larger, census->slots[i].answer) = census->slots[i];
	}
	larger.used = census->used;
	mem_free(census->slots);
	*census = larger;
}

static void census_count(struct census *census, uint32_t answer)
{
	struct counted *found = census->last;

	if (found != NULL && found->answer == answer) {
		found->count++;
		return;
	}
	if (census->used * 2 >= census->size)
		census_grow(census);
	if (census->bad)
		return;
	found = census_find(census, answer);
	census->used += found->count == 0;
	found->answer = answer;
	found->count++;
	census->last = found;
}

static uint32_t census_row(struct census *census, uint32_t answer)
{
	if (census->last == NULL || census->last->answer != answer)
		census->last = census_find(census, answer);
	return census->last->row;
}

static void count_steps(struct census *census, const struct steps *steps)
{
	for (size_t i = 0; i < steps->len; i++)
		census_count(census, steps->items[i].row);
}

static void count_all(struct census *census, const struct rbl_painted *painted)
{
	for (size_t i = 0; i < painted->points_len; i++)
		census_count(census, painted->points[i].number);
	count_steps(census, &painted->v4_steps);
	count_steps(census, &painted->nets);
	count_steps(census, &painted->hosts);
	count_steps(census, &painted->steps);
	for (size_t i = 0; i < painted->names.len; i++) {
		const struct name_node *node = &painted->names.items[i];

		if (node->self != names_no_row)
			census_count(census, node->self);
		if (node->below != names_no_row)
			census_count(census, node->below);
	}
}

static int by_frequency(const void *a, const void *b)
{
	const struct counted *left = *(struct counted *const *)a;
	const struct counted *right = *(struct counted *const *)b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return (left->answer > right->answer) - (left->answer < right->answer);
}

/* The answers in order of frequency, their rows numbered. */
static struct counted **census_order(const struct census *census)
{
	struct counted **order = mem_alloc_array_try(census->used, sizeof(struct counted *));
	size_t len = 0;

	if (order == NULL)
		return NULL;
	for (size_t i = 0; i < census->size; i++) {
		if (census->slots[i].count != 0)
			order[len++] = &census->slots[i];
	}
	qsort(order, len, sizeof(struct counted *), by_frequency);
	for (size_t i = 0; i < len; i++)
		order[i]->row = (uint32_t)i;
	return order;
}

/* ---- Writing ---- */

struct writer {
	struct census census;
	uint32_t *masks; /* of rows */
	struct image *image;
	struct list_record record;
};

/* A row is its answer, held where a snapshot has the reason; that of answer 0 lists nothing. */
static void rows_put(struct writer *writer, struct counted *const *order, uint32_t len)
{
	struct answer_rows_record *record = &writer->record.rows;
	struct hit_record *hits;
	uint32_t *first;

	*record = (struct answer_rows_record){.rows = len};
	first = image_room(writer->image, (uint64_t)len + 1, sizeof(*first), &record->first_at);
	for (uint32_t i = 0; i < len; i++) {
		if (first != NULL)
			first[i] = record->hits;
		writer->masks[i] = order[i]->answer != 0 ? LISTED : 0;
		record->hits += order[i]->answer != 0;
	}
	if (first != NULL)
		first[len] = record->hits;
	hits = image_room(writer->image, record->hits, sizeof(*hits), &record->hit_at);
	for (uint32_t i = 0; i < len && hits != NULL; i++) {
		if (order[i]->answer != 0)
			(hits++)->reason = order[i]->answer;
	}
}

static int writer_number(struct writer *writer, const struct rbl_painted *painted)
{
	struct counted **order;

	count_all(&writer->census, painted);
	if (writer->census.bad)
		return E_NOMEM;
	order = census_order(&writer->census);
	writer->masks = mem_alloc_array_try(writer->census.used, sizeof(*writer->masks));
	if (order != NULL && writer->masks != NULL)
		rows_put(writer, order, (uint32_t)writer->census.used);
	else
		writer->image->bad = true;
	mem_free(order);
	return writer->image->bad ? E_NOMEM : 0;
}

/* As in a snapshot, points become two arrays: in place, addresses first. */
static void points_write(struct writer *writer, struct rbl_painted *painted)
{
	size_t len = painted->points_len;
	uint32_t *rows = mem_alloc_array_try(len, sizeof(*rows));
	uint32_t *keys = (uint32_t *)(void *)painted->points;

	if (rows == NULL || len > UINT32_MAX / 2) {
		writer->image->bad = true;
		mem_free(rows);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		rows[i] = census_row(&writer->census, painted->points[i].number);
		keys[i] =
			painted->points[i].address; /* i is never behind what is still to be read */
	}
	painted->points_len = 0;
	prefix_table_write(&(struct prefix_table_content){TABLE_V4_POINTS, keys,
				   {rows, (uint32_t)len, writer->masks}},
		writer->image, &writer->record.v4_points);
	mem_free(rows);
}

static void steps_write(struct writer *writer, struct steps *steps, enum prefix_table_kind kind,
	struct prefix_table_record *ret_record)
{
	for (size_t i = 0; i < steps->len; i++)
		steps->items[i].row = census_row(&writer->census, steps->items[i].row);
	prefix_table_write_steps(
		&(struct painted_steps){kind, steps, writer->masks}, writer->image, ret_record);
}

static void nodes_write(struct writer *writer, struct rbl_painted *painted)
{
	for (size_t i = 0; i < painted->names.len; i++) {
		struct name_node *node = &painted->names.items[i];

		if (node->self != names_no_row)
			node->self = census_row(&writer->census, node->self);
		if (node->below != names_no_row)
			node->below = census_row(&writer->census, node->below);
	}
	painted->names.keys = painted->keys;
	names_write(&painted->names, writer->masks, writer->image, &writer->record.names);
}

int rbl_index_build(struct rbl_painted *painted, struct rbl_index *ret_index)
{
	struct rbl_index index = {0};
	struct writer writer = {.image = &index.image};
	int r = writer_number(&writer, painted);

	if (r == 0) {
		points_write(&writer, painted);
		steps_write(&writer, &painted->v4_steps, TABLE_V4_STEPS, &writer.record.v4_steps);
		steps_write(&writer, &painted->hosts, TABLE_WHOLE, &writer.record.hosts);
		steps_write(&writer, &painted->nets, TABLE_NETS, &writer.record.nets);
		steps_write(&writer, &painted->steps, TABLE_WHOLE, &writer.record.steps);
		nodes_write(&writer, painted);
		r = index.image.bad ? E_NOMEM : 0;
	}
	if (r == 0) {
		struct sections sections = {.file = span_of(NULL, 0)};

		mem_shrink(&index.image.bytes, &index.image.size, index.image.len, 1);
		sections.file = span_of(index.image.bytes, index.image.len);
		snapshot_tables_open(&index.tables, &sections, &writer.record);
		r = sections.bad ? E_BUG : 0;
	}
	mem_free(writer.census.slots);
	mem_free(writer.masks);
	if (r == 0)
		*ret_index = index;
	else
		rbl_index_done(&index);
	return r;
}

/* ---- Looking up ---- */

static uint32_t row_answer(const struct rbl_index *index, uint32_t row)
{
	uint32_t len;
	const struct hit_record *hit = row_set_hits(&index->tables.rows, row, &len);

	return len != 0 ? hit->reason : 0;
}

uint32_t rbl_index_v4(const struct rbl_index *index, uint32_t address)
{
	return row_answer(index, snapshot_row(&index->tables, key_v4_first + address));
}

/* An address of the mapped block is an IPv6 address here, not as in snapshot_row. */
uint32_t rbl_index_v6(const struct rbl_index *index, struct ip ip)
{
	u128 key = key_of_ip(ip);
	uint32_t row;

	if (prefix_table_get(&index->tables.hosts, key, &row) ||
		prefix_table_get(&index->tables.nets, key >> 64, &row) ||
		prefix_table_get_below(&index->tables.steps, key, &row))
		return row_answer(index, row);
	return 0;
}

void rbl_index_prefetch(const struct rbl_index *index, u128 key, unsigned step)
{
	snapshot_prefetch(&index->tables, key, step);
}

void rbl_index_prefetch_name(const struct rbl_index *index, struct span key, unsigned step)
{
	names_prefetch(&index->tables.names, key, step);
}

/* The key of the name above; the root is above all. */
static struct span key_above(struct span key)
{
	while (key.len != 0 && key.ptr[key.len - 1] != '\0')
		key.len--;
	if (key.len != 0)
		key.len--;
	return key;
}

static uint32_t named_answer(const struct rbl_index *index, uint32_t row)
{
	return row != names_no_row ? row_answer(index, row) : 0;
}

struct rbl_named rbl_index_name(const struct rbl_index *index, struct span key)
{
	const struct names *names = &index->tables.names;
	struct name_answer found = names_find(names, &index->tables.rows, key);
	struct rbl_named named = {named_answer(index, found.self), found.self_len, found.mask != 0};

	if (named.answer == rbl_inherited) {
		found = names_find(names, &index->tables.rows, key_above(key));
		named.answer = named_answer(index, found.below);
		named.entry_len = found.below_len;
	}
	return named;
}

bool rbl_index_has(const struct rbl_index *index, u128 first, unsigned bits)
{
	return snapshot_has_range(
		&index->tables, (struct key_range){first, key_last(first, bits)}, LISTED);
}

bool rbl_index_next(const struct rbl_index *index, u128 from, struct rbl_answer_range *ret_range)
{
	struct snapshot_piece piece;

	if (!snapshot_next(&index->tables, from, UINT32_MAX, &piece))
		return false;
	*ret_range =
		(struct rbl_answer_range){piece.first, piece.last, row_answer(index, piece.row)};
	return true;
}

uint32_t rbl_index_names_len(const struct rbl_index *index)
{
	return index->tables.names.count;
}

struct span rbl_index_names_key(const struct rbl_index *index, uint32_t place)
{
	return names_key(&index->tables.names, place);
}
