/* SPDX-License-Identifier: ISC */
#include "list/view_priv.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "base/shelf.h"
#include "list/delta.h"

/* ---- Owners ---- */

struct view *view_new_empty(void)
{
	return mem_new(view);
}

static struct view *view_of_snapshot(struct snapshot *snapshot)
{
	struct view *view = view_new_empty();

	view->snapshot = snapshot;
	view->serial = snapshot->serial;
	return view;
}

int view_open(const char *path, struct view **ret_view, struct fault *why)
{
	struct snapshot *snapshot = NULL;
	int r = snapshot_map(path, &snapshot, why);

	if (r == 0)
		*ret_view = view_of_snapshot(snapshot);
	return r;
}

int view_open_bytes(struct span bytes, bool verify, struct view **ret_view, struct fault *why)
{
	struct snapshot *snapshot = NULL;
	int r = snapshot_open_bytes(bytes, verify, &snapshot, why);

	if (r == 0)
		*ret_view = view_of_snapshot(snapshot);
	return r;
}

void view_free(struct view **view)
{
	struct view *v = TAKE(*view);

	if (v == NULL)
		return;
	for (size_t i = 0; i < LISTS_MAX; i++)
		overlay_done(&v->overlays[i]);
	snapshot_unref(&v->snapshot);
	mem_free(v);
}

static void view_on_release(void *object)
{
	struct view *view = object;

	view_free(&view);
}

struct shelf *view_shelf_new(void)
{
	return shelf_new(view_on_release);
}

/* ---- Deltas ---- */

/* A delta with the list of each piece, and how many pieces each list has. */
struct sorted_delta {
	const struct delta *delta;
	uint8_t *lists;
	size_t counts[LISTS_MAX];
};

static int pieces_sort(struct sorted_delta *sorted, const struct view *base, struct fault *why)
{
	for (size_t i = 0; i < sorted->delta->pieces_len; i++) {
		struct span name = sorted->delta->pieces[i].list;
		int list = view_list_find(base, name);

		if (list < 0)
			return fault_set(why, E_CONFLICT,
				"a change to list '%.*s', which the snapshot does not have",
				(int)(name.len < 64 ? name.len : 64), (const char *)name.ptr);
		sorted->lists[i] = (uint8_t)list;
		sorted->counts[list]++;
	}
	return 0;
}

/* Over the overlay that the view has. */
static int list_paint(
	struct view *view, size_t list, const struct sorted_delta *sorted, struct fault *why)
{
	const struct delta *delta = sorted->delta;
	const struct delta_piece **pieces =
		mem_alloc_array_try(sorted->counts[list], sizeof(*pieces));
	struct overlay_change change = {.pieces = pieces,
		.sublists_len = view->snapshot->lists[list].sublists_len,
		.serial = view->serial};
	struct overlay painted;
	int r;

	if (pieces == NULL)
		return fault_set(why, E_NOMEM, "no memory for a delta");
	for (size_t i = 0; i < delta->pieces_len; i++) {
		if (sorted->lists[i] == list)
			pieces[change.len++] = &delta->pieces[i];
	}
	r = overlay_paint(&view->overlays[list], &change, &painted, why);
	mem_free(pieces);
	if (r < 0)
		return r;
	overlay_done(&view->overlays[list]);
	view->overlays[list] = painted;
	return 0;
}

static int lists_paint(struct view *view, const struct view *base,
	const struct sorted_delta *sorted, struct fault *why)
{
	int r = 0;

	for (size_t i = 0; i < LISTS_MAX && r == 0; i++) {
		view->overlays[i] = overlay_copy(&base->overlays[i]);
		if (sorted->counts[i] != 0)
			r = list_paint(view, i, sorted, why);
	}
	return r;
}

int view_apply(const struct view *base, const struct delta *delta, struct view **ret_view,
	struct fault *why)
{
	AUTO(view) *view = NULL;
	struct sorted_delta sorted = {.delta = delta};
	int r;

	if (delta->from_serial != base->serial)
		return fault_set(why, E_CONFLICT,
			"the delta starts at serial %u, the view is at %u", delta->from_serial,
			base->serial);
	sorted.lists = mem_alloc_array_try(delta->pieces_len, sizeof(*sorted.lists));
	if (sorted.lists == NULL)
		return fault_set(why, E_NOMEM, "no memory for a delta");
	r = pieces_sort(&sorted, base, why);
	if (r == 0) {
		view = view_new_empty();
		view->serial = delta->to_serial;
		view->snapshot = snapshot_ref(base->snapshot);
		r = lists_paint(view, base, &sorted, why);
	}
	mem_free(sorted.lists);
	if (r == 0)
		*ret_view = TAKE(view);
	return r;
}

/* Pieces name lists and sublists by index. */
static bool lists_are_same(const struct snapshot *a, const struct snapshot *b)
{
	if (a->lists_len != b->lists_len)
		return false;
	for (size_t i = 0; i < a->lists_len; i++) {
		const struct snapshot_list *left = &a->lists[i], *right = &b->lists[i];

		if (!span_equal(left->name, right->name) ||
			left->sublists_len != right->sublists_len)
			return false;
		for (size_t j = 0; j < left->sublists_len; j++) {
			if (!span_equal(left->sublists[j], right->sublists[j]))
				return false;
		}
	}
	return true;
}

/*
 * A piece is the complete answer on its region since its change, and whoever touched that region
 * later painted it over. So where a piece older than the new snapshot still stands, the snapshot
 * says the same, and the piece is of no use.
 */
int view_rebase(const struct view *base, const struct view *fresh, struct view **ret_view,
	struct fault *why)
{
	struct view *view;

	if (base->snapshot == NULL || fresh->snapshot == NULL ||
		serial_is_before(base->serial, fresh->serial) ||
		serial_is_before(fresh->serial, base->snapshot->serial))
		return fault_set(why, E_CONFLICT, "a view at serial %u is not ahead of snapshot %u",
			base->serial, fresh->serial);
	if (!lists_are_same(base->snapshot, fresh->snapshot))
		return fault_set(why, E_CONFLICT, "the new snapshot has other lists");
	view = view_of_snapshot(snapshot_ref(fresh->snapshot));
	for (size_t i = 0; i < LISTS_MAX; i++)
		view->overlays[i] = overlay_newer(&base->overlays[i], fresh->serial);
	view->serial = base->serial;
	*ret_view = view;
	return 0;
}

/* ---- Names of lists ---- */

uint32_t view_serial(const struct view *view)
{
	return view->serial;
}

bool view_is_known(const struct view *view)
{
	return view->serial != 0;
}

uint32_t view_snapshot_serial(const struct view *view)
{
	return view->snapshot != NULL ? view->snapshot->serial : 0;
}

size_t view_overlay_size(const struct view *view)
{
	size_t size = 0;

	for (size_t i = 0; i < LISTS_MAX; i++)
		size += overlay_size(&view->overlays[i]);
	return size;
}

size_t view_list_count(const struct view *view)
{
	return view->snapshot != NULL ? view->snapshot->lists_len : 0;
}

const struct snapshot_list *view_list(const struct view *view, int list)
{
	if (list < 0 || (size_t)list >= view_list_count(view))
		return NULL;
	return &view->snapshot->lists[list];
}

int view_list_find(const struct view *view, struct span name)
{
	for (size_t i = 0; i < view_list_count(view); i++) {
		if (span_equal(view->snapshot->lists[i].name, name))
			return (int)i;
	}
	return E_ABSENT;
}

int view_sublist_find(const struct view *view, int list, struct span name)
{
	const struct snapshot_list *of = view_list(view, list);

	for (unsigned i = 0; of != NULL && i < of->sublists_len; i++) {
		if (span_equal(of->sublists[i], name))
			return (int)i;
	}
	return E_ABSENT;
}

struct span view_list_name(const struct view *view, int list)
{
	const struct snapshot_list *of = view_list(view, list);

	return of != NULL ? of->name : span_of(NULL, 0);
}

struct span view_sublist_name(const struct view *view, int list, unsigned sublist)
{
	const struct snapshot_list *of = view_list(view, list);

	return of != NULL && sublist < of->sublists_len ? of->sublists[sublist] : span_of(NULL, 0);
}

uint64_t view_list_entries(const struct view *view, int list)
{
	const struct snapshot_list *of = view_list(view, list);

	return of != NULL ? of->entries : 0;
}

/* ---- Lookups ---- */

uint32_t answer_give(const struct answer *answer, struct hits *ret_hits)
{
	if (ret_hits != NULL) {
		memcpy(ret_hits->items, answer->hits, answer->len * sizeof(answer->hits[0]));
		ret_hits->len = answer->len;
	}
	return answer->mask;
}

uint32_t row_give(const struct snapshot_list *list, uint32_t row, struct hits *ret_hits)
{
	uint32_t len, mask = 0;
	const struct hit_record *records = row_set_hits(&list->rows, row, &len);

	for (uint32_t i = 0; i < len; i++) {
		uint8_t sublist = hit_record_sublist(&records[i]);

		mask |= UINT32_C(1) << sublist;
		if (ret_hits != NULL)
			ret_hits->items[i] = (struct hit){sublist, hit_record_until_s(&records[i]),
				row_set_reason(&list->rows, &records[i])};
	}
	if (ret_hits != NULL)
		ret_hits->len = len;
	return mask;
}

uint32_t view_lookup_ip(const struct view *view, int list, struct ip ip, struct hits *ret_hits)
{
	const struct snapshot_list *of = view_list(view, list);
	const struct answer *answer;
	u128 key = key_of_ip(ip);

	if (ret_hits != NULL)
		ret_hits->len = 0;
	if (of == NULL)
		return 0;
	answer = overlay_ip(&view->overlays[list], key);
	if (answer != NULL)
		return answer_give(answer, ret_hits);
	return row_give(of, snapshot_row(of, key), ret_hits);
}

uint32_t view_lookup_domain(
	const struct view *view, int list, struct span name, struct hits *ret_hits)
{
	const struct snapshot_list *of = view_list(view, list);
	uint8_t bytes[NAME_KEY_SIZE];
	int len = name_key(name, bytes);
	struct span key = span_of(bytes, (size_t)len);
	const struct answer *answer;

	if (ret_hits != NULL)
		ret_hits->len = 0;
	if (of == NULL || len <= 0)
		return 0;
	answer = overlay_name(&view->overlays[list], key);
	if (answer != NULL)
		return answer_give(answer, ret_hits);
	return row_give(of, names_find(&of->names, &of->rows, key).self, ret_hits);
}

uint32_t view_lookup(
	const struct view *view, int list, const struct source *source, struct hits *ret_hits)
{
	if (source->kind == SOURCE_NET)
		return view_lookup_ip(view, list, source->net.ip, ret_hits);
	return view_lookup_domain(view, list, span_text(source->domain), ret_hits);
}

void view_prefetch_ip(const struct view *view, int list, struct ip ip, unsigned step)
{
	const struct snapshot_list *of = view_list(view, list);

	if (of != NULL)
		snapshot_prefetch(of, key_of_ip(ip), step);
}

void view_prefetch_domain(const struct view *view, int list, struct span name, unsigned step)
{
	const struct snapshot_list *of = view_list(view, list);
	uint8_t bytes[NAME_KEY_SIZE];
	int len = name_key(name, bytes);

	if (of != NULL && len > 0)
		names_prefetch(&of->names, span_of(bytes, (size_t)len), step);
}

/* ---- What exists ---- */

/*
 * Where much was taken off the list one by one, what is left has to be looked for between it.
 * Nobody shall be able to keep a server busy with such questions: after so many entries the answer
 * is yes, which is wrong at worst until the next snapshot and for nobody's listing (a name that
 * exists without anything below it, RFC 8020).
 */
enum { SEARCH_MAX = 256 };

/* What lies between the painted ranges, as the snapshot knows it. */
static bool gaps_have(const struct snapshot_list *list, const struct overlay *overlay,
	struct key_range within, uint32_t mask)
{
	struct over_range range;
	unsigned searched = 0;

	while (overlay_range_from(overlay, within.first, 0, &range) && range.first <= within.last) {
		if (searched++ == SEARCH_MAX)
			return true;
		if (range.first > within.first &&
			snapshot_has_range(
				list, (struct key_range){within.first, range.first - 1}, mask))
			return true;
		if (range.last >= within.last)
			return false;
		within.first = range.last + 1;
	}
	return snapshot_has_range(list, within, mask);
}

bool view_has_within(const struct view *view, int list, struct prefix net, uint32_t mask)
{
	const struct snapshot_list *of = view_list(view, list);
	struct key_range within = {.first = key_of_ip(net.ip)};
	struct over_range range;

	if (of == NULL || mask == 0)
		return false;
	within.last = key_last(within.first, net.bits);
	if (overlay_range_from(&view->overlays[list], within.first, mask, &range) &&
		range.first <= within.last)
		return true;
	return snapshot_has_range(of, within, mask) &&
	       gaps_have(of, &view->overlays[list], within, mask);
}

/* Whether a node of the snapshot strictly below key still speaks and has a sublist of mask. */
static bool nodes_below_have(const struct snapshot_list *list, const struct overlay *overlay,
	struct span key, uint32_t mask)
{
	const struct names *names = &list->names;
	struct row_filter filter = {&list->rows, mask};
	uint8_t bytes[NAME_KEY_SIZE + 1];
	uint32_t end =
		key.len != 0 ? names_lower(names, name_key_behind(key, bytes)) : names->count;
	uint32_t node = names_lower(names, key);
	unsigned searched = 0;

	if (node < end && names_key(names, node).len == key.len)
		node++;
	while ((node = names_next(names, &filter, node, end)) < end) {
		struct span at = names_key(names, node);
		const struct answer *above = overlay_above(overlay, at);
		struct name_value value = names_value(names, node);

		if (searched++ == SEARCH_MAX)
			return true;
		if (above != NULL) { /* all of that subtree was repainted */
			uint32_t behind = names_lower(names, name_key_behind(above->key, bytes));

			node = behind > node ? behind : node + 1;
			continue;
		}
		if ((row_set_mask(&list->rows, value.below) & mask) != 0 ||
			overlay_name(overlay, at) == NULL)
			return true;
		node++;
	}
	return false;
}

static bool entries_below_have(const struct overlay *overlay, struct span key, uint32_t mask)
{
	uint8_t bytes[NAME_KEY_SIZE + 1];
	struct span behind = name_key_least_behind(key, bytes);
	const struct answer *entry = overlay_name_from(overlay, behind, true, mask);

	return entry != NULL && name_key_is_within(entry->key, key);
}

bool view_has_below(const struct view *view, int list, struct span name, uint32_t mask)
{
	const struct snapshot_list *of = view_list(view, list);
	uint8_t bytes[NAME_KEY_SIZE];
	int len = name_key(name, bytes);
	struct span key = span_of(bytes, (size_t)len);
	const struct overlay *overlay;
	const struct answer *above;
	struct name_answer answer;

	if (of == NULL || len < 0 || mask == 0)
		return false;
	overlay = &view->overlays[list];
	answer = names_find(&of->names, &of->rows, key);
	if (overlay->names == NULL)
		return (answer.mask & mask) != 0;
	above = overlay_above(overlay, key);
	if (above != NULL && (above->mask & mask) != 0)
		return true;
	if (entries_below_have(overlay, key, mask))
		return true;
	if (above != NULL || (answer.mask & mask) == 0)
		return false;
	return (row_set_mask(&of->rows, answer.below) & mask) != 0 ||
	       nodes_below_have(of, overlay, key, mask);
}
