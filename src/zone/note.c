/* SPDX-License-Identifier: ISC */
#include "zone/note.h"

/* Those of the zone, and one each for lists and codes. */
enum { NOTES_OWN_MAX = 8 };

struct notes {
	struct arena *arena;
	size_t len;
	struct span *items;
};

/* Longer ones are cut: a string has 255 octets. An absent value is no note. */
static void note_add(struct notes *notes, const char *key, const char *value)
{
	struct span note;
	char *string;

	if (value == NULL)
		return;
	string = arena_format(notes->arena, ".%s=%s", key, value);
	note = span_first(span_text(string), 1 + ZONE_TEXT_MAX);
	string[0] = (char)(note.len - 1);
	notes->items[notes->len++] = note;
}

/* "127.0.0.2 traps spam traps were hit"; in a zone of several lists "127.0.0.2 traps.main ...", as below the apex. */
static void note_add_code(struct notes *notes, const struct zone *zone,
	const struct zone_list *list, const struct zone_sublist *sublist)
{
	const struct span dot = span_text(zone->is_combined ? "." : "");
	struct span label = zone->is_combined ? list->label : dot;
	bool has_words = !span_equal(sublist->words, sublist->label);
	char code[IP_TEXT_SIZE];

	note_add(notes, "code",
		arena_format(notes->arena, "%s %.*s%.*s%.*s%s%.*s", ip_print(sublist->code, code),
			(int)sublist->label.len, (const char *)sublist->label.ptr, (int)dot.len,
			(const char *)dot.ptr, (int)label.len, (const char *)label.ptr,
			has_words ? " " : "", has_words ? (int)sublist->words.len : 0,
			(const char *)sublist->words.ptr));
}

static void notes_add_lists(struct notes *notes, const struct zone *zone)
{
	for (size_t i = 0; i < zone->lists_len; i++) {
		const struct zone_list *list = &zone->lists[i];

		note_add(notes, "list",
			arena_format(notes->arena, "%.*s", (int)list->name.len,
				(const char *)list->name.ptr));
		for (size_t k = list->first; k < zone->sublists_len; k++) {
			if ((list->sublists >> k & 1) != 0)
				note_add_code(notes, zone, list, &zone->sublists[k]);
		}
	}
}

void zone_notes_make(struct zone *zone, const struct conf *conf, const struct conf_serving *serving,
	struct arena *arena)
{
	struct notes notes = {.arena = arena};

	notes.items = arena_alloc(arena,
		(NOTES_OWN_MAX + zone->lists_len + zone->sublists_len) * sizeof(*notes.items));
	note_add(&notes, "holds", zone->holds == LIST_OF_DOMAINS ? "domains" : "addresses");
	note_add(&notes, "scope", serving->scope);
	note_add(&notes, "policy",
		serving->policy_url != NULL ? serving->policy_url : conf->portal_url);
	note_add(&notes, "lookup", conf->portal_url);
	note_add(&notes, "contact", serving->contact != NULL ? serving->contact : conf->contact);
	note_add(&notes, "fee", "none"); /* RFC 6471 section 2.2.5 */
	note_add(&notes, "answers", zone->is_bitmask ? "bitmask" : "codes");
	notes_add_lists(&notes, zone);
	zone->notes = notes.items;
	zone->notes_len = notes.len;
}
