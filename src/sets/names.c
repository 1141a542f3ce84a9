/* SPDX-License-Identifier: ISC */
#include "sets/names.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 * Every ancestor of an entry is a node too (an empty non-terminal), so a lookup walks from the top
 * label down and stops at the first name that is no node: names nobody listed cost two probes. Each
 * node says, completely, what holds at the name itself and what holds below it; many nodes say the
 * same, so that is one code.
 */
enum { LABELS_MAX = 128, NAME_TEXT_MAX = 253, LABELS_FETCHED = 2 };

int name_key(struct span name, uint8_t key[NAME_KEY_SIZE])
{
	size_t at = 0, end = name.len;

	if (name.len == 0)
		return 0;
	if (name.len > NAME_TEXT_MAX)
		return E_PARSE;
	for (size_t i = name.len; i-- > 0;) {
		if (name.ptr[i] <= ' ')
			return E_PARSE;
		if (name.ptr[i] != '.' && i != 0)
			continue;
		size_t start = name.ptr[i] == '.' ? i + 1 : i;

		if (start == end)
			return E_PARSE; /* an empty label */
		memcpy(key + at, name.ptr + start, end - start);
		at += end - start;
		if (name.ptr[i] == '.')
			key[at++] = '\0';
		end = i;
	}
	return name.ptr[0] == '.' ? E_PARSE : (int)at;
}

void name_key_print(struct span key, char text[NAME_KEY_SIZE])
{
	size_t at = 0, end = key.len;

	for (size_t i = key.len; i-- > 0;) {
		size_t start = key.ptr[i] == '\0' ? i + 1 : i;

		if (key.ptr[i] != '\0' && i != 0)
			continue;
		memcpy(text + at, key.ptr + start, end - start);
		at += end - start;
		if (key.ptr[i] == '\0')
			text[at++] = '.';
		end = i;
	}
	text[at] = '\0';
}

size_t name_key_next(struct span key, size_t len)
{
	size_t start = len != 0 ? len + 1 : 0;

	return start + span_find(span_from(key, start), '\0');
}

struct span name_key_behind(struct span key, uint8_t bytes[NAME_KEY_SIZE + 1])
{
	memcpy(bytes, key.ptr, key.len);
	bytes[key.len] = '\1';
	return span_of(bytes, key.len + 1);
}

struct span name_key_least_behind(struct span key, uint8_t bytes[NAME_KEY_SIZE + 1])
{
	memcpy(bytes, key.ptr, key.len);
	bytes[key.len] = '\0';
	return span_of(bytes, key.len + 1);
}

bool name_key_is_within(struct span key, struct span above)
{
	if (key.len < above.len || !span_equal(span_first(key, above.len), above))
		return false;
	return above.len == 0 || key.len == above.len || key.ptr[above.len] == '\0';
}

/* ---- Painting ---- */

void name_nodes_done(struct name_nodes *nodes)
{
	mem_free(nodes->items);
	*nodes = (struct name_nodes){0};
}

static int entry_compare(const void *a, const void *b, void *keys)
{
	const struct name_entry *left = a, *right = b;
	const uint8_t *pool = keys;
	int order = span_compare(span_of(pool + left->key_at, left->key_len),
		span_of(pool + right->key_at, right->key_len));

	if (order != 0 || left->below == right->below)
		return order;
	return left->below ? -1 : 1;
}

struct names_painter {
	const uint8_t *keys;
	struct answer_rows *rows;
	struct name_nodes *nodes;
	/* The nodes from the root to the current one, and what holds below each. */
	uint32_t path[LABELS_MAX + 1];
	uint32_t below[LABELS_MAX + 1];
	size_t depth;
};

static struct span node_key(const struct names_painter *painter, const struct name_node *node)
{
	return span_of(painter->keys + node->key_at, node->key_len);
}

static struct name_node *painter_top(const struct names_painter *painter)
{
	return &painter->nodes->items[painter->path[painter->depth - 1]];
}

static int painter_push(struct names_painter *painter, uint32_t key_at, size_t key_len)
{
	struct name_nodes *nodes = painter->nodes;
	bool is_root = painter->depth == 0;

	if (mem_grow_try(&nodes->items, &nodes->size, nodes->len + 1, sizeof(*nodes->items)) < 0)
		return E_NOMEM;
	nodes->items[nodes->len] = (struct name_node){
		.key_at = key_at,
		.key_len = (uint8_t)key_len,
		.parent = is_root ? 0 : painter->path[painter->depth - 1],
		.self = names_no_row,
		.below = names_no_row,
	};
	painter->path[painter->depth] = (uint32_t)nodes->len++;
	painter->below[painter->depth] =
		is_root ? names_no_row : painter->below[painter->depth - 1];
	painter->depth++;
	return 0;
}

/* Makes the path lead to the node of the entry. */
static int painter_go(struct names_painter *painter, const struct name_entry *entry)
{
	struct span key = span_of(painter->keys + entry->key_at, entry->key_len);
	int r = 0;

	while (!name_key_is_within(key, node_key(painter, painter_top(painter))))
		painter->depth--;
	while (r == 0 && painter_top(painter)->key_len < key.len)
		r = painter_push(
			painter, entry->key_at, name_key_next(key, painter_top(painter)->key_len));
	return r;
}

/* The row of `len` entries of the same name and kind, over what held there. */
static int64_t entries_row(
	struct names_painter *painter, const struct name_entry *entries, size_t len)
{
	uint32_t outside = painter->below[painter->depth - 1];
	uint32_t values[ROW_VALUES_MAX];
	size_t values_len = 0;

	for (size_t i = 0; i < len; i++)
		values_len = answer_rows_merge(painter->rows, values, values_len, entries[i].value);
	return answer_rows_override(
		painter->rows, outside != names_no_row ? outside : 0, values, values_len);
}

static void masks_gather(struct name_nodes *nodes, const struct answer_rows *rows)
{
	for (size_t i = nodes->len; i-- > 1;) {
		struct name_node *node = &nodes->items[i];
		uint32_t mask = node->mask;

		if (node->self != names_no_row)
			mask |= answer_rows_mask(rows, node->self);
		nodes->items[node->parent].mask |= mask;
	}
}

int names_paint(struct name_entries *of, struct answer_rows *rows, struct name_nodes *nodes)
{
	struct names_painter painter = {.keys = of->keys, .rows = rows, .nodes = nodes};
	struct name_entry *entries = of->items;
	void *keys = (void *)(uintptr_t)of->keys;
	size_t group, len = of->len;
	int r;

	nodes->keys = of->keys;
	if (len == 0)
		return 0;
	qsort_r(entries, len, sizeof(*entries), entry_compare, keys);
	r = painter_push(&painter, entries[0].key_at, 0);
	for (size_t i = 0; i < len && r == 0; i += group) {
		struct name_node *node;
		int64_t row;

		r = painter_go(&painter, &entries[i]);
		if (r < 0)
			return r;
		for (group = 1; i + group < len; group++) {
			if (entry_compare(&entries[i], &entries[i + group], keys) != 0)
				break;
		}
		row = entries_row(&painter, entries + i, group);
		if (row < 0)
			return (int)row;
		node = painter_top(&painter);
		if (entries[i].below) {
			node->below = (uint32_t)row;
			painter.below[painter.depth - 1] = (uint32_t)row;
		} else {
			node->self = (uint32_t)row;
		}
	}
	for (size_t i = 0; i < nodes->len; i++) { /* parents come before their children */
		struct name_node *node = &nodes->items[i];

		if (node->below != names_no_row)
			node->mask = answer_rows_mask(rows, node->below);
		else if (i != 0)
			node->mask = nodes->items[node->parent].mask;
	}
	masks_gather(nodes, rows);
	return r;
}

/* ---- Writing ---- */

struct slot_at {
	uint32_t slot;
	uint8_t tag;
};

static struct slot_at slot_of(struct span key, uint32_t slots)
{
	uint64_t hash = XXH3_64bits(key.ptr, key.len);

	return (struct slot_at){
		(uint32_t)((hash >> 32) * slots >> 32), (uint8_t)((hash & 255) | 1)};
}

static void keys_write(
	const struct name_nodes *nodes, struct image *image, struct names_record *record)
{
	uint32_t *first;
	uint8_t *text;

	for (size_t i = 0; i < nodes->len; i++)
		record->text_bytes += nodes->items[i].key_len;
	if (record->text_bytes > UINT32_MAX)
		image->bad = true;
	first = image_room(image, nodes->len + 1, sizeof(*first), &record->first_at);
	for (size_t i = 0; i < nodes->len && first != NULL; i++)
		first[i + 1] = first[i] + nodes->items[i].key_len;
	text = image_room(image, record->text_bytes, 1, &record->text_at);
	for (size_t i = 0; i < nodes->len && text != NULL; i++) {
		memcpy(text, nodes->keys + nodes->items[i].key_at, nodes->items[i].key_len);
		text += nodes->items[i].key_len;
	}
}

static void slots_write(
	const struct name_nodes *nodes, struct image *image, struct names_record *record)
{
	uint32_t slots = (uint32_t)(nodes->len + nodes->len / 4 + 1);
	uint8_t *tags = mem_alloc_array_try(slots, 1);
	uint32_t *slot = image_room(image, slots, sizeof(*slot), &record->slot_at);

	if (tags == NULL)
		image->bad = true;
	for (size_t i = 0; i < nodes->len && slot != NULL && tags != NULL; i++) {
		const struct name_node *node = &nodes->items[i];
		struct slot_at at =
			slot_of(span_of(nodes->keys + node->key_at, node->key_len), slots);
		uint32_t probes = 1;

		for (; tags[at.slot] != 0; probes++)
			at.slot = at.slot + 1 < slots ? at.slot + 1 : 0;
		tags[at.slot] = at.tag;
		slot[at.slot] = (uint32_t)i;
		if (probes > record->probes)
			record->probes = probes;
	}
	record->slots = slots;
	if (tags != NULL)
		record->tag_at = image_add(image, tags, slots, 1);
	mem_free(tags);
}

static int value_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct name_value));
}

struct counted_value {
	struct name_value value;
	uint32_t count;
};

static int counted_compare(const void *a, const void *b)
{
	const struct counted_value *left = a, *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return value_compare(&left->value, &right->value);
}

static struct name_value value_of(const struct name_node *node)
{
	return (struct name_value){node->self, node->below, node->mask};
}

/* Counts equal values: sorted by bytes on return, without repetition. */
static uint32_t values_count(const struct name_nodes *nodes, struct counted_value *values)
{
	uint32_t len = 0;

	for (size_t i = 0; i < nodes->len; i++)
		values[i] = (struct counted_value){value_of(&nodes->items[i]), 1};
	qsort(values, nodes->len, sizeof(*values), value_compare);
	for (size_t i = 0; i < nodes->len; i++) {
		if (len != 0 && value_compare(&values[len - 1], &values[i]) == 0)
			values[len - 1].count++;
		else
			values[len++] = values[i];
	}
	return len;
}

static uint32_t row_mask_of(const uint32_t *row_masks, uint32_t row)
{
	return row != names_no_row ? row_masks[row] : 0;
}

/* by_value: counted values in order of value, whose count becomes their number by frequency. */
static void values_number(
	struct counted_value *by_value, struct counted_value *by_count, uint32_t len)
{
	memcpy(by_count, by_value, len * sizeof(*by_count));
	qsort(by_count, len, sizeof(*by_count), counted_compare);
	for (uint32_t i = 0; i < len; i++) {
		struct counted_value *found =
			bsearch(&by_count[i], by_value, len, sizeof(*by_value), value_compare);

		found->count = i;
	}
}

static void values_write(const struct name_nodes *nodes, const uint32_t *row_masks,
	struct image *image, struct names_record *record)
{
	struct counted_value *values = mem_alloc_array_try(nodes->len, sizeof(*values));
	struct counted_value *by_count = mem_alloc_array_try(nodes->len, sizeof(*values));
	uint32_t *numbers = mem_alloc_array_try(nodes->len, sizeof(*numbers));
	uint32_t *masks = mem_alloc_array_try(nodes->len, sizeof(*masks));
	struct packed_rows_histogram histogram = {0};
	unsigned extra_bits = 0;

	if (values == NULL || by_count == NULL || numbers == NULL || masks == NULL) {
		image->bad = true;
	} else {
		struct name_value *out;

		record->values = values_count(nodes, values);
		values_number(values, by_count, record->values);
		for (size_t i = 0; i < nodes->len; i++) {
			struct name_value value = value_of(&nodes->items[i]);
			const struct counted_value *found = bsearch(
				&value, values, record->values, sizeof(*values), value_compare);

			numbers[i] = found->count;
		}
		for (uint32_t i = 0; i < record->values; i++)
			masks[i] = row_mask_of(row_masks, by_count[i].value.self) |
				   row_mask_of(row_masks, by_count[i].value.below);
		out = image_room(image, record->values, sizeof(*out), &record->value_at);
		for (uint32_t i = 0; i < record->values && out != NULL; i++)
			out[i] = by_count[i].value;
		packed_rows_count(&histogram, numbers, nodes->len);
		packed_rows_choose(&histogram, nodes->len, 0, &extra_bits);
		packed_rows_write(&(struct numbered_rows){numbers, (uint32_t)nodes->len, masks},
			(struct packed_bits){0, extra_bits}, image, &record->packed);
	}
	mem_free(values);
	mem_free(by_count);
	mem_free(numbers);
	mem_free(masks);
}

void names_write(const struct name_nodes *nodes, const uint32_t *row_masks, struct image *image,
	struct names_record *ret_record)
{
	*ret_record = (struct names_record){0};
	if (nodes->len == 0)
		return;
	if (nodes->len > UINT32_MAX / 2) {
		image->bad = true;
		return;
	}
	keys_write(nodes, image, ret_record);
	slots_write(nodes, image, ret_record);
	values_write(nodes, row_masks, image, ret_record);
}

/* ---- Reading ---- */

void names_open(struct names *names, struct sections *sections, const struct names_record *record)
{
	uint32_t count = record->packed.count;

	*names = (struct names){
		.count = count,
		.slots = record->slots,
		.probes = record->probes,
		.values = record->values,
		.text_bytes = record->text_bytes,
	};
	packed_rows_open(&names->packed, sections, &record->packed);
	if (record->packed.inline_bits != 0 || (count != 0 && record->slots == 0))
		sections->bad = true;
	names->first = sections_get(sections, record->first_at,
		count != 0 ? (uint64_t)count + 1 : 0, sizeof(*names->first));
	names->text = sections_get(sections, record->text_at, record->text_bytes, 1);
	names->tag = sections_get(sections, record->tag_at, record->slots, 1);
	names->slot = sections_get(sections, record->slot_at, record->slots, sizeof(*names->slot));
	names->value =
		sections_get(sections, record->value_at, record->values, sizeof(*names->value));
}

struct span names_key(const struct names *names, uint32_t node)
{
	uint32_t first = names->first[node], end = names->first[node + 1];

	if (first > end || end > names->text_bytes || end - first >= NAME_KEY_SIZE)
		return span_of(names->text, 0);
	return span_of(names->text + first, end - first);
}

struct name_value names_value(const struct names *names, uint32_t node)
{
	uint32_t number = packed_rows_get(&names->packed, node, 0);

	if (number >= names->values)
		return (struct name_value){names_no_row, names_no_row, 0};
	return names->value[number];
}

/* The node of a key, or count. */
static uint32_t names_node(const struct names *names, struct span key)
{
	struct slot_at at = slot_of(key, names->slots);

	for (uint32_t i = 0; i < names->probes && names->tag[at.slot] != 0; i++) {
		uint32_t node = names->slot[at.slot];

		if (names->tag[at.slot] == at.tag && node < names->count &&
			span_equal(names_key(names, node), key))
			return node;
		at.slot = at.slot + 1 < names->slots ? at.slot + 1 : 0;
	}
	return names->count;
}

static void node_prefetch(const struct names *names, struct slot_at at, unsigned step)
{
	uint32_t node;

	if (step == 0) {
		sections_prefetch(&names->tag[at.slot]);
		sections_prefetch(&names->slot[at.slot]);
		return;
	}
	node = names->slot[at.slot];
	if (names->tag[at.slot] != at.tag || node >= names->count)
		return;
	if (step == 1) {
		sections_prefetch(&names->first[node]);
		if (names->packed.extra_bits != 0)
			sections_prefetch(packed_rows_cell(&names->packed, node));
	} else {
		sections_prefetch(names_key(names, node).ptr);
	}
}

/* Top-level names are few and asked for all the time. */
void names_prefetch(const struct names *names, struct span key, unsigned step)
{
	size_t len = name_key_next(key, 0);

	if (names->count == 0)
		return;
	for (unsigned i = 0; i < LABELS_FETCHED && len < key.len; i++) {
		len = name_key_next(key, len);
		node_prefetch(names, slot_of(span_first(key, len), names->slots), step);
	}
}

struct name_answer names_find(
	const struct names *names, const struct row_set *rows, struct span key)
{
	struct name_answer answer = {.self = names_no_row, .below = names_no_row};
	size_t len = 0;

	if (names->count == 0)
		return answer;
	for (;;) {
		uint32_t node = names_node(names, span_first(key, len));
		struct name_value value;

		if (node == names->count)
			break;
		value = names_value(names, node);
		if (value.below != names_no_row) {
			answer.below = value.below;
			answer.below_len = len;
		}
		if (len == key.len) {
			bool said = value.self != names_no_row;

			answer.self = said ? value.self : answer.below;
			answer.self_len = said ? len : answer.below_len;
			answer.mask = value.mask;
			return answer;
		}
		len = name_key_next(key, len);
	}
	answer.self = answer.below;
	answer.self_len = answer.below_len;
	if (answer.below != names_no_row)
		answer.mask = row_set_mask(rows, answer.below);
	return answer;
}

uint32_t names_lower(const struct names *names, struct span key)
{
	uint32_t first = 0, end = names->count;

	while (first < end) {
		uint32_t middle = first + (end - first) / 2;

		if (span_compare(names_key(names, middle), key) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

uint32_t name_value_mask(const struct row_set *rows, struct name_value value)
{
	return row_set_mask(rows, value.self) | row_set_mask(rows, value.below);
}

uint32_t names_next(
	const struct names *names, const struct row_filter *filter, uint32_t from, uint32_t end)
{
	uint32_t mask = filter->mask;

	for (from = packed_rows_skip(&names->packed, from, end, mask); from < end; from++) {
		if ((name_value_mask(filter->rows, names_value(names, from)) & mask) != 0)
			return from;
		if ((from + 1) % SUMMARY_FANOUT == 0)
			from = packed_rows_skip(&names->packed, from + 1, end, mask) - 1;
	}
	return end;
}
