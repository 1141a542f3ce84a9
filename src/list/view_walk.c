/* SPDX-License-Identifier: ISC */
#include "list/view_priv.h"

/*
 * Going through a list: two sorted sources, the snapshot and the overlay, where the overlay has the
 * last word. Nothing is kept between two calls, so a walk may go on in another thread, or in a
 * newer view from the address it had come to.
 */

/* ---- Addresses ---- */

static void piece_bounds(struct view_piece *piece, u128 first, u128 last)
{
	piece->first = key_to_ip(first);
	piece->last = key_to_ip(last);
}

bool view_next_listed(const struct view_walk *walk, struct ip from, struct view_piece *ret)
{
	const struct snapshot_list *of = view_list(walk->view, walk->list);
	uint32_t mask = walk->mask;
	u128 key = key_of_ip(from);

	while (of != NULL) {
		struct over_range range;
		struct snapshot_piece piece;
		bool painted =
			overlay_range_from(&walk->view->overlays[walk->list], key, 0, &range);

		if (painted && range.first <= key) {
			if ((range.answer->mask & mask) != 0) {
				piece_bounds(ret, key, range.last);
				ret->mask = answer_give(range.answer, &ret->hits);
				return true;
			}
			if (range.last == ~(u128)0)
				return false;
			key = range.last + 1;
		} else if (snapshot_next(of, key, mask, &piece) &&
			   !(painted && piece.first >= range.first)) {
			bool is_cut = painted && piece.last >= range.first;

			piece_bounds(ret, piece.first, is_cut ? range.first - 1 : piece.last);
			ret->mask = row_give(of, piece.row, &ret->hits);
			return true;
		} else {
			if (!painted)
				return false;
			key = range.first;
		}
	}
	return false;
}

bool view_piece_next(const struct view_piece *piece, struct ip *ret_from)
{
	u128 last = key_of_ip(piece->last);

	if (last == ~(u128)0)
		return false;
	*ret_from = key_to_ip(last + 1);
	return true;
}

/* ---- Domains ---- */

/* Where to begin: of one key ".x" stands before "x". */
struct name_from {
	struct span key;
	bool below;
};

/* An entry of either source. */
struct name_at {
	struct span key;
	bool below;
	const struct answer *answer; /* NULL: the row */
	uint32_t row;
};

/* Whether the overlay has an entry of its own for this name alone. */
static bool is_repainted(const struct overlay *overlay, struct span key)
{
	const struct answer *entry = overlay_name_from(overlay, key, false, 0);

	return entry != NULL && span_equal(entry->key, key);
}

/* The first entry of the snapshot that does not stand before this one, and still holds. */
static bool node_from(const struct snapshot_list *list, const struct overlay *overlay,
	struct name_from from, struct name_at *ret)
{
	const struct names *names = &list->names;
	struct span key = from.key;
	uint8_t bytes[NAME_KEY_SIZE + 1];

	for (uint32_t node = names_lower(names, key); node < names->count; node++) {
		struct span at = names_key(names, node);
		struct name_value value = names_value(names, node);
		bool may_be_below = from.below || !span_equal(at, key);
		const struct answer *above;

		if (span_compare(at, key) < 0)
			continue; /* a damaged file */
		above = overlay_above(overlay, at);
		if (above != NULL) { /* all of that subtree was repainted */
			uint32_t behind = names_lower(names, name_key_behind(above->key, bytes));

			node = behind > node ? behind - 1 : node;
		} else if (value.below != names_no_row && may_be_below) {
			*ret = (struct name_at){at, true, NULL, value.below};
			return true;
		} else if (value.self != names_no_row && !is_repainted(overlay, at)) {
			*ret = (struct name_at){at, false, NULL, value.self};
			return true;
		}
	}
	return false;
}

/* The first entry of both sources that does not stand before this one. */
static bool name_next(const struct snapshot_list *list, const struct overlay *overlay,
	struct name_from from, struct name_at *ret)
{
	const struct answer *entry = overlay_name_from(overlay, from.key, from.below, 0);
	bool found = node_from(list, overlay, from, ret);
	int order;

	if (entry == NULL)
		return found;
	order = found ? span_compare(ret->key, entry->key) : 1;
	if (order < 0 || (order == 0 && ret->below && !entry->below))
		return true;
	*ret = (struct name_at){entry->key, entry->below, entry, 0};
	return true;
}

/* What would be answered at the name of an entry if the entry were not there. */
static uint32_t mask_without(
	const struct snapshot_list *list, const struct overlay *overlay, const struct name_at *at)
{
	struct span key = at->key;
	const struct answer *above;

	if (at->below) { /* what is said above */
		while (key.len != 0 && key.ptr[key.len - 1] != '\0')
			key.len--;
		key.len -= key.len != 0;
	}
	above = overlay_above(overlay, key);
	if (above != NULL)
		return above->mask;
	return row_set_mask(&list->rows, names_find(&list->names, &list->rows, key).below);
}

static uint32_t name_give(
	const struct snapshot_list *list, const struct name_at *at, struct view_name *ret)
{
	ret->mask = at->answer != NULL ? answer_give(at->answer, &ret->hits)
				       : row_give(list, at->row, &ret->hits);
	ret->name[0] = '.';
	name_key_print(at->key, ret->name + at->below);
	return ret->mask;
}

bool view_next_listed_name(
	const struct view *view, int list, struct span after, struct view_name *ret)
{
	const struct snapshot_list *of = view_list(view, list);
	const struct overlay *overlay;
	uint8_t start[NAME_KEY_SIZE], bytes[NAME_KEY_SIZE + 1];
	struct name_at at = {.below = after.len != 0 && after.ptr[0] == '.'};
	int len = name_key(span_from(after, at.below), start);

	if (of == NULL || len < 0)
		return false;
	overlay = &view->overlays[list];
	at.key = span_of(start, (size_t)len);
	for (;;) {
		struct name_from from = {at.key, !at.below};

		if (!at.below)
			from.key = name_key_least_behind(at.key, bytes);
		if (!name_next(of, overlay, from, &at))
			return false;
		if (name_give(of, &at, ret) != 0 || mask_without(of, overlay, &at) != 0)
			return true;
	}
}
