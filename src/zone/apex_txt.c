/* SPDX-License-Identifier: ISC */
#include "zone/apex_txt.h"

/* Those of the zone, and one each for lists and codes. */
enum { STRINGS_OWN_MAX = 8 };

struct apex_txt {
	struct arena *arena;
	size_t len;
	struct span *items;
};

/* Longer ones are cut: a string has 255 octets. An absent value gets no string. */
static void apex_txt_add(struct apex_txt *txt, const char *key, const char *value)
{
	struct span cut;
	char *string;

	if (value == NULL)
		return;
	string = arena_format(txt->arena, ".%s=%s", key, value);
	cut = span_first(span_text(string), 1 + ZONE_TEXT_MAX);
	string[0] = (char)(cut.len - 1);
	txt->items[txt->len++] = cut;
}

/* "127.0.0.2 traps spam traps were hit"; in a zone of several lists "127.0.0.2 traps.main ...", as
 * below the apex. */
static void apex_txt_add_code(struct apex_txt *txt, const struct zone *zone,
	const struct zone_list *list, const struct zone_sublist *sublist)
{
	const struct span dot = span_text(zone->is_combined ? "." : "");
	struct span label = zone->is_combined ? list->label : dot;
	bool has_words = !span_equal(sublist->words, sublist->label);
	char code[IP_TEXT_SIZE];

	apex_txt_add(txt, "code",
		arena_format(txt->arena, "%s %.*s%.*s%.*s%s%.*s", ip_print(sublist->code, code),
			(int)sublist->label.len, (const char *)sublist->label.ptr, (int)dot.len,
			(const char *)dot.ptr, (int)label.len, (const char *)label.ptr,
			has_words ? " " : "", has_words ? (int)sublist->words.len : 0,
			(const char *)sublist->words.ptr));
}

static void apex_txt_add_lists(struct apex_txt *txt, const struct zone *zone)
{
	for (size_t i = 0; i < zone->lists_len; i++) {
		const struct zone_list *list = &zone->lists[i];

		apex_txt_add(txt, "list",
			arena_format(txt->arena, "%.*s", (int)list->name.len,
				(const char *)list->name.ptr));
		for (size_t k = list->first; k < zone->sublists_len; k++) {
			if ((list->sublists >> k & 1) != 0)
				apex_txt_add_code(txt, zone, list, &zone->sublists[k]);
		}
	}
}

void apex_txt_make(struct zone *zone, const struct conf *conf, const struct conf_serving *serving,
	struct arena *arena)
{
	struct apex_txt txt = {.arena = arena};

	txt.items = arena_alloc(arena,
		(STRINGS_OWN_MAX + zone->lists_len + zone->sublists_len) * sizeof(*txt.items));
	apex_txt_add(&txt, "holds", zone->holds == LIST_OF_DOMAINS ? "domains" : "addresses");
	apex_txt_add(&txt, "scope", serving->scope);
	apex_txt_add(&txt, "policy",
		serving->policy_url != NULL ? serving->policy_url : conf->portal_url);
	apex_txt_add(&txt, "lookup", conf->portal_url);
	apex_txt_add(&txt, "contact", serving->contact != NULL ? serving->contact : conf->contact);
	apex_txt_add(&txt, "fee", "none"); /* RFC 6471 section 2.2.5 */
	apex_txt_add(&txt, "answers", zone->is_bitmask ? "bitmask" : "codes");
	apex_txt_add_lists(&txt, zone);
	zone->apex_txt = txt.items;
	zone->apex_txt_len = txt.len;
}
