/* SPDX-License-Identifier: ISC */
#include "list/paint.h"

#include "base/macro.h"
#include "base/mem.h"
#include "sets/names.h"
#include "sets/prefix.h"

/* A piece while its row is still a number. */
struct draft {
	u128 first;
	uint32_t row;
	uint8_t bits;
	bool below;
	struct span key; /* of a domain; points into the pool of keys */
};

struct canvas {
	const struct repaint *of;
	struct answer_rows *rows;
	struct prefix_entries nets;
	struct name_entries names;
	uint8_t *keys; /* the pool of names */
	size_t keys_len;
	struct draft *drafts;
	size_t drafts_len, drafts_size;
};

static void canvas_done(struct canvas *canvas)
{
	answer_rows_free(&canvas->rows);
	mem_free(canvas->nets.items);
	mem_free(canvas->names.items);
	mem_free(canvas->keys);
	mem_free(canvas->drafts);
}

static int canvas_init(struct canvas *canvas, const struct repaint *repaint)
{
	size_t entries_len = repaint->entries_len;

	canvas->of = repaint;
	canvas->rows = answer_rows_new();
	canvas->nets.items = mem_alloc_array_try(entries_len, sizeof(*canvas->nets.items));
	canvas->names.items = mem_alloc_array_try(entries_len, sizeof(*canvas->names.items));
	canvas->keys = mem_alloc_array_try(entries_len + 1, NAME_KEY_SIZE);
	canvas->names.keys = canvas->keys;
	if (canvas->nets.items == NULL || canvas->names.items == NULL || canvas->keys == NULL)
		return E_NOMEM;
	return entries_len < UINT32_MAX / NAME_KEY_SIZE ? 0 : E_LIMIT;
}

static int canvas_draft(struct canvas *canvas, struct draft draft)
{
	if (canvas->drafts_len == canvas->of->limit)
		return E_LIMIT;
	if (mem_grow_try(&canvas->drafts, &canvas->drafts_size, canvas->drafts_len + 1,
		    sizeof(*canvas->drafts)) < 0)
		return E_NOMEM;
	canvas->drafts[canvas->drafts_len++] = draft;
	return 0;
}

static int64_t entry_value(struct canvas *canvas, const struct list_entry *entry)
{
	struct statement statement = list_entry_statement(entry);

	return answer_rows_value(canvas->rows, &statement);
}

/* ---- Addresses and networks ---- */

static int nets_collect(struct canvas *canvas, struct prefix region)
{
	for (size_t i = 0; i < canvas->of->entries_len; i++) {
		const struct list_entry *entry = &canvas->of->entries[i];
		struct prefix net = entry->source.net;
		int64_t value;

		if (entry->source.kind != SOURCE_NET || prefix_is_v4(net) != prefix_is_v4(region) ||
			(!prefix_covers(net, region) && !prefix_covers(region, net)))
			continue;
		value = entry_value(canvas, entry);
		if (value < 0)
			return (int)value;
		canvas->nets.items[canvas->nets.len++] =
			(struct prefix_entry){key_of_ip(net.ip), (uint32_t)value, net.bits};
	}
	return 0;
}

/* first..last as the fewest networks. */
static int range_draft(struct canvas *canvas, u128 first, u128 last, uint32_t row)
{
	for (;;) {
		unsigned bits = 128;
		int r;

		while (bits > 0 && key_last(first, bits - 1) <= last &&
			(first & (key_last(0, bits - 1))) == 0)
			bits--;
		r = canvas_draft(
			canvas, (struct draft){.first = first, .row = row, .bits = (uint8_t)bits});
		if (r < 0 || key_last(first, bits) == last)
			return r;
		first = key_last(first, bits) + 1;
	}
}

/* The same without the mapped block, of which an IPv6 region says nothing. */
static int range_draft_around_v4(struct canvas *canvas, u128 first, u128 last, uint32_t row)
{
	int r = 0;

	if (prefix_is_v4(canvas->of->region->net) || last < key_v4_first || first > key_v4_last)
		return range_draft(canvas, first, last, row);
	if (first < key_v4_first)
		r = range_draft(canvas, first, key_v4_first - 1, row);
	if (r == 0 && last > key_v4_last)
		r = range_draft(canvas, key_v4_last + 1, last, row);
	return r;
}

static int net_paint(struct canvas *canvas, struct prefix region)
{
	u128 first = key_of_ip(region.ip), last = key_last(first, region.bits);
	struct steps steps = {0};
	size_t at = 0;
	int r = nets_collect(canvas, region);

	if (r == 0)
		r = prefix_sort(&canvas->nets);
	if (r == 0)
		r = prefix_paint(&canvas->nets, canvas->rows, &steps);
	while (r == 0) {
		uint32_t row = steps_row(&steps, first, &at);
		size_t next = steps.len != 0 && steps.items[at].first > first ? at : at + 1;
		u128 end = last;

		if (next < steps.len && steps.items[next].first <= last)
			end = steps.items[next].first - 1;
		r = range_draft_around_v4(canvas, first, end, row);
		if (end == last)
			break;
		first = end + 1;
	}
	steps_done(&steps);
	return r;
}

/* ---- Domains ---- */

static int domain_key(const char *domain, uint8_t key[NAME_KEY_SIZE], struct span *ret_key)
{
	int len = name_key(span_text(domain + (domain[0] == '.')), key);

	if (len <= 0)
		return E_RANGE;
	*ret_key = span_of(key, (size_t)len);
	return 0;
}

/* The region as a key: the name alone, or with all below it. */
struct subtree {
	struct span key;
	bool below;
};

static bool domain_matters(struct subtree region, struct span key, bool below)
{
	if (below && name_key_is_within(region.key, key))
		return true;
	return region.below ? name_key_is_within(key, region.key) : span_equal(key, region.key);
}

static int domains_collect(struct canvas *canvas, struct subtree region)
{
	for (size_t i = 0; i < canvas->of->entries_len; i++) {
		const struct list_entry *entry = &canvas->of->entries[i];
		const char *domain = entry->source.domain;
		bool below = domain[0] == '.';
		struct span key;
		int64_t value;

		if (entry->source.kind != SOURCE_DOMAIN)
			continue;
		if (domain_key(domain, canvas->keys + canvas->keys_len, &key) < 0)
			return E_RANGE;
		if (!domain_matters(region, key, below))
			continue;
		value = entry_value(canvas, entry);
		if (value < 0)
			return (int)value;
		canvas->names.items[canvas->names.len++] = (struct name_entry){
			(uint32_t)canvas->keys_len, (uint32_t)value, (uint8_t)key.len, below};
		canvas->keys_len += key.len;
	}
	return 0;
}

static int node_draft(struct canvas *canvas, struct span key, uint32_t row, bool below)
{
	if (row == names_no_row)
		return 0;
	return canvas_draft(canvas, (struct draft){.row = row, .below = below, .key = key});
}

/* Nodes come in order of key, ancestors first. */
static int nodes_draft(struct canvas *canvas, const struct name_nodes *nodes, struct subtree region)
{
	struct span top = region.key;
	uint32_t self = 0, below = 0;
	int r = 0;

	for (size_t i = 0; i < nodes->len; i++) {
		const struct name_node *node = &nodes->items[i];
		struct span key = span_of(canvas->keys + node->key_at, node->key_len);

		if (!name_key_is_within(top, key))
			continue;
		if (node->below != names_no_row)
			self = below = node->below;
		if (key.len == top.len && node->self != names_no_row)
			self = node->self;
	}
	if (!region.below)
		return node_draft(canvas, top, self, false);
	r = node_draft(canvas, top, below, true);
	for (size_t i = 0; i < nodes->len && r == 0; i++) {
		const struct name_node *node = &nodes->items[i];
		struct span key = span_of(canvas->keys + node->key_at, node->key_len);

		if (!name_key_is_within(key, top))
			continue;
		if (key.len > top.len)
			r = node_draft(canvas, key, node->below, true);
		if (r == 0)
			r = node_draft(canvas, key, node->self, false);
	}
	return r;
}

static int domain_paint(struct canvas *canvas, struct subtree region)
{
	struct name_nodes nodes = {0};
	int r = domains_collect(canvas, region);

	if (r == 0)
		r = names_paint(&canvas->names, canvas->rows, &nodes);
	if (r == 0)
		r = nodes_draft(canvas, &nodes, region);
	name_nodes_done(&nodes);
	return r;
}

/* ---- From drafts to pieces ---- */

static int hits_make(const struct answer_rows *rows, uint32_t row, struct arena *arena,
	struct delta_piece *piece)
{
	size_t len;
	const uint32_t *values = answer_rows_values(rows, row, &len);
	struct hit *hits = arena_alloc_try(arena, len * sizeof(*hits));

	if (hits == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < len; i++) {
		const struct row_value *value = answer_rows_value_get(rows, values[i]);

		hits[i] = (struct hit){value->sublist, value->until_s,
			arena_copy(arena, answer_rows_reason(rows, value->reason))};
	}
	piece->hits = hits;
	piece->hits_len = (uint32_t)len;
	return 0;
}

static struct source draft_source(const struct draft *draft)
{
	struct source source = {.kind = SOURCE_NET};

	if (draft->key.len == 0) {
		source.net = prefix_of(key_to_ip(draft->first), draft->bits);
		return source;
	}
	source.kind = SOURCE_DOMAIN;
	source.domain[0] = '.';
	name_key_print(draft->key, source.domain + draft->below);
	return source;
}

/* Pieces with the same row share their hits. */
static int pieces_make(
	const struct canvas *canvas, struct arena *arena, struct delta_pieces *ret_pieces)
{
	struct delta_piece *pieces = arena_alloc_try(arena, canvas->drafts_len * sizeof(*pieces));
	size_t rows_len = answer_rows_count(canvas->rows);
	struct delta_piece *made = mem_alloc_array_try(rows_len, sizeof(*made));
	int r = pieces != NULL && made != NULL ? 0 : E_NOMEM;
	struct span list = {0};

	if (r == 0)
		list = arena_copy(arena, canvas->of->list);
	for (size_t i = 0; i < canvas->drafts_len && r == 0; i++) {
		const struct draft *draft = &canvas->drafts[i];
		struct delta_piece *same = &made[draft->row];

		if (same->hits == NULL)
			r = hits_make(canvas->rows, draft->row, arena, same);
		pieces[i] = (struct delta_piece){.list = list,
			.source = draft_source(draft),
			.hits_len = same->hits_len,
			.hits = same->hits};
	}
	mem_free(made);
	if (r == 0)
		*ret_pieces = (struct delta_pieces){pieces, canvas->drafts_len};
	return r;
}

int paint_pieces(
	const struct repaint *repaint, struct arena *arena, struct delta_pieces *ret_pieces)
{
	const struct source *region = repaint->region;
	struct subtree names = {.below = region->domain[0] == '.'};
	struct canvas canvas = {0};
	uint8_t key[NAME_KEY_SIZE];
	int r = canvas_init(&canvas, repaint);

	if (r == 0 && region->kind == SOURCE_NET) {
		r = net_paint(&canvas, region->net);
	} else if (r == 0) {
		r = domain_key(region->domain, key, &names.key);
		if (r == 0)
			r = domain_paint(&canvas, names);
	}
	if (r == 0)
		r = pieces_make(&canvas, arena, ret_pieces);
	canvas_done(&canvas);
	return r;
}
