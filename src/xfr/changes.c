/* SPDX-License-Identifier: ISC */
#include "xfr/changes.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "xfr/transfer.h"

/*
 * A delta comes before the view that is made of it (bus/follower.h). Its sources are kept until
 * that view is there; the difference is that of the two views on all of it. When no delta leads
 * from the one to the other, or one that is partial, then a snapshot brought something that nobody
 * names: secondaries have to take all of the zone (RFC 1995 section 4).
 */
enum {
	NODES_MAX = 100000, /* looked at for one zone: a fraction of a second of this thread */
	/* The change of one listing takes about 30, packed, so this is most of a zone: who lacks
	 * more gets it whole for little more. */
	JOURNAL_OCTETS_EACH = 24,
	JOURNAL_MOST = 32 << 20,
};

struct change_source {
	struct span list;
	struct source source;
};

struct dns_changes {
	const struct dns_shelves *shelves;
	struct transfer_state *state;
	struct shelf_item *rules, *view; /* the view before */
	uint32_t from, to;               /* of the delta, when it is all that differs; else 0 */
	bool others;                     /* serve the same zones, too */
	uint32_t others_serial;          /* the newest that they may have served */
	struct arena *arena;             /* names of lists */
	size_t sources_len, sources_size;
	struct change_source *sources;
};

struct dns_changes *dns_changes_new(struct transfer_state *state)
{
	struct dns_changes *changes = mem_new(dns_changes);

	changes->shelves = transfer_shelves(state);
	changes->state = state;
	changes->arena = arena_new(0);
	changes->others = true;
	return changes;
}

void dns_changes_free(struct dns_changes **changes)
{
	struct dns_changes *c = *changes;

	*changes = NULL;
	if (c == NULL)
		return;
	if (c->rules != NULL)
		shelf_release(c->shelves->rules, &c->rules);
	if (c->view != NULL)
		shelf_release(c->shelves->views, &c->view);
	arena_free(&c->arena);
	mem_free(c->sources);
	mem_free(c);
}

/* The zones, when somebody follows them; NULL: nobody does, and there is nothing to keep. */
static const struct zone_table *changes_followed(const struct dns_changes *changes)
{
	const struct dns_rules *rules = shelf_object(changes->rules);

	return rules != NULL && transfer_secondaries(rules->transfers)->len != 0 ? rules->table
										 : NULL;
}

/* ---- changed sources ---- */

static void changes_forget(struct dns_changes *changes)
{
	changes->from = changes->to = 0;
	changes->sources_len = 0;
	arena_reset(changes->arena);
}

void dns_changes_delta(struct dns_changes *changes, const struct delta *delta)
{
	changes_forget(changes);
	if (changes_followed(changes) == NULL || delta->partial)
		return;
	changes->from = delta->from_serial;
	changes->to = delta->to_serial;
	for (size_t i = 0; i < delta->pieces_len; i++) {
		mem_grow(&changes->sources, &changes->sources_size, changes->sources_len + 1,
			sizeof(*changes->sources));
		changes->sources[changes->sources_len++] = (struct change_source){
			arena_copy(changes->arena, delta->pieces[i].list), delta->pieces[i].source};
	}
}

/* Whether what is kept is all that differs between the two. */
static bool changes_lead(const struct dns_changes *changes, uint32_t from, uint32_t to)
{
	return changes->from == from && changes->to == to;
}

/* ---- differences ---- */

static bool zone_serves(const struct zone *zone, struct span list)
{
	for (size_t i = 0; i < zone->lists_len; i++) {
		if (span_equal(zone->lists[i].name, list))
			return true;
	}
	return false;
}

/* One change: from one view to the next. */
struct view_change {
	const struct view *before, *after;
};

static int zone_differ(const struct dns_changes *changes, const struct zone *zone,
	const struct view_change *views, struct zone_diff *diff)
{
	struct source *sources = mem_alloc_array(changes->sources_len + 1, sizeof(*sources));
	const struct zone_table *table = changes_followed(changes);
	struct zone_binding before, after;
	struct zone_change change = {&before, &after, sources, 0};
	int r;

	for (size_t i = 0; i < changes->sources_len; i++) {
		if (zone_serves(zone, changes->sources[i].list))
			sources[change.sources_len++] = changes->sources[i].source;
	}
	zone_bind(&before, table, zone, views->before);
	zone_bind(&after, table, zone, views->after);
	r = zone_diff_make(&change, NODES_MAX, diff);
	mem_free(sources);
	return r;
}

void dns_changes_beside(struct dns_changes *changes, bool others, uint32_t serial)
{
	changes->others = others;
	changes->others_serial = serial;
}

/* Whether a secondary may have this serial from another process. */
static bool is_doubtful(const struct dns_changes *changes, uint32_t serial)
{
	return changes->others ||
	       (changes->others_serial != 0 && !serial_is_before(changes->others_serial, serial));
}

/* Of memory for the differences of a zone, by the size of its lists. */
static size_t journal_octets(const struct zone *zone, const struct view *view)
{
	uint64_t entries = view_overlay_size(view);

	for (size_t i = 0; i < zone->lists_len; i++) {
		int list = view_list_find(view, zone->lists[i].name);

		entries += list >= 0 ? view_list_entries(view, list) : 0;
	}
	return entries < JOURNAL_MOST / JOURNAL_OCTETS_EACH ? (size_t)entries * JOURNAL_OCTETS_EACH
							    : JOURNAL_MOST;
}

static void zone_follow(
	struct dns_changes *changes, const struct zone *zone, const struct view_change *views)
{
	struct zone_journal *journal = transfer_journal(changes->state, &zone->apex);
	uint32_t from = views->before != NULL ? view_serial(views->before) : 0;
	uint32_t to = view_serial(views->after);
	struct zone_diff diff;

	if (views->before == NULL || zone_journal_serial(journal) != from ||
		is_doubtful(changes, to)) {
		/* secondaries may be here from another life */
		zone_journal_break(journal, to, SERIAL_DOUBTFUL);
		return;
	}
	zone_journal_limit(journal, journal_octets(zone, views->after));
	zone_diff_init(&diff);
	if (changes_lead(changes, from, to) && zone_differ(changes, zone, views, &diff) == 0)
		zone_journal_add(journal, from, to, &diff);
	else
		zone_journal_break(journal, to, SERIAL_AGREED);
	zone_diff_done(&diff);
}

bool dns_changes_view(struct dns_changes *changes, uint32_t *ret_serial)
{
	struct view_change views = {.before = shelf_object(changes->view)};
	const struct zone_table *table = changes_followed(changes);
	struct shelf_item *newer = NULL;
	bool changed;

	shelf_refresh(changes->shelves->views, &newer);
	views.after = shelf_object(newer);
	changed = views.after != NULL &&
		  (views.before == NULL || view_serial(views.before) != view_serial(views.after));
	for (size_t i = 0; changed && table != NULL && i < table->zones_len; i++)
		zone_follow(changes, &table->zones[i], &views);
	changes_forget(changes);
	if (changed)
		*ret_serial = view_serial(views.after);
	if (changes->view != NULL)
		shelf_release(changes->shelves->views, &changes->view);
	changes->view = newer;
	return changed;
}

uint32_t dns_changes_serial(const struct dns_changes *changes)
{
	const struct view *view = shelf_object(changes->view);

	return view != NULL ? view_serial(view) : 0;
}

void dns_changes_rules(struct dns_changes *changes, bool differs)
{
	const struct view *view = shelf_object(changes->view);
	const struct zone_table *table;

	shelf_refresh(changes->shelves->rules, &changes->rules);
	table = changes_followed(changes);
	if (differs)
		transfer_journals_forget(changes->state);
	for (size_t i = 0; view != NULL && table != NULL && i < table->zones_len; i++) {
		struct zone_journal *journal =
			transfer_journal(changes->state, &table->zones[i].apex);

		if (differs || zone_journal_serial(journal) != view_serial(view))
			zone_journal_break(journal, view_serial(view), SERIAL_DOUBTFUL);
	}
}
