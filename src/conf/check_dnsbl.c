/* SPDX-License-Identifier: ISC */
/* What `dnsbl` means: what a preset brings, where the key of a zone is shown, and what the entries
 * of one zone have in common. */
#include "base/arena.h"
#include "base/hostname.h"
#include "base/macro.h"
#include "base/suggest.h"
#include "catalogue/foreign_lists.h"
#include "conf/code.h"
#include "conf/load.h"
#include "conf/value.h"

enum { LABEL_MAX = 63 };

/* ---- presets ---- */

static void error_unknown_preset(struct loader *loader, const struct conf_dnsbl *dnsbl)
{
	struct suggest meant = {.word = span_text(dnsbl->preset)};

	for (size_t i = 0; foreign_list_at(i) != NULL; i++)
		suggest_offer(&meant, span_text(foreign_list_at(i)->preset));
	error_at(loader->diagnostics, dnsbl->location, "no preset is called '%s'%s", dnsbl->preset,
		suggest_hint(&meant));
}

static void preset_take_codes(
	struct loader *loader, const struct foreign_list *known, struct conf_dnsbl *dnsbl)
{
	struct conf_filter *filter = arena_alloc(loader->arena, sizeof(*filter));

	if (dnsbl->codes_len != 0 || filter_parse(span_text(known->codes), filter, NULL) < 0)
		return;
	filter->text = known->codes;
	dnsbl->codes = filter;
	dnsbl->codes_len = 1;
}

/* What is given besides stays as it is. */
static void preset_apply(struct loader *loader, struct conf_dnsbl *dnsbl)
{
	const struct foreign_list *known = foreign_list_find(span_text(dnsbl->preset));

	if (known == NULL) {
		error_unknown_preset(loader, dnsbl);
		return;
	}
	if (dnsbl->zone == NULL)
		dnsbl->zone = known->zone;
	if (dnsbl->name == NULL)
		dnsbl->name = known->name;
	if (dnsbl->url == NULL)
		dnsbl->url = known->url;
	preset_take_codes(loader, known, dnsbl);
	if (!dnsbl->has_action && strcmp(known->action, "allow") == 0)
		dnsbl->action = ACTION_ALLOW;
	dnsbl->has_action = true;
	dnsbl->skips_listed |= (known->skips & FOREIGN_SKIPS_LISTED) != 0;
	dnsbl->skips_clean |= (known->skips & FOREIGN_SKIPS_CLEAN) != 0;
	dnsbl->skips_nobody |= (known->skips & FOREIGN_SKIPS_NOBODY) != 0;
}

/* ---- keys ---- */

/* Which label is a key nobody can know; but keys are long, and letters and digits mixed. */
static bool label_is_like_key(struct span label)
{
	size_t digits = 0;

	for (size_t i = 0; i < label.len; i++)
		digits += ascii_is_digit(label.ptr[i]);
	return span_is_word(label, "") && digits < label.len &&
	       ((label.len >= 12 && digits != 0) || label.len >= 24);
}

/* The zone as it may be shown: the registered domain, its last two labels, is nobody's secret. */
static const char *zone_hide_keys(struct loader *loader, const char *zone)
{
	struct span rest = span_text(zone);
	size_t labels = hostname_labels(rest);
	const char *shown = "";

	for (size_t i = 0; i < labels; i++) {
		struct span label = span_split(&rest, '.');

		if (i + 2 < labels && label_is_like_key(label))
			label = span_text("KEY");
		shown = arena_format(loader->arena, "%s%s%.*s", shown, i != 0 ? "." : "",
			(int)label.len, label.ptr);
	}
	return shown;
}

/* "KEY.zen.example.org" and the key are the zone that is asked. */
static void key_apply(struct loader *loader, struct conf_dnsbl *dnsbl)
{
	bool asks = span_has_prefix_nocase(span_text(dnsbl->zone), "key.");
	struct span key = span_text(dnsbl->key);

	if (dnsbl->key == NULL) {
		if (strncmp(dnsbl->zone, "KEY.", 4) == 0)
			error_at(loader->diagnostics, dnsbl->location,
				"'key' is missing: this list knows its users by it");
		dnsbl->zone_shown = zone_hide_keys(loader, dnsbl->zone);
		return;
	}
	dnsbl->key_shown = "KEY";
	dnsbl->zone_shown =
		arena_format(loader->arena, "KEY%s", dnsbl->zone + (asks ? strlen("key") : 0));
	if (!asks)
		error_at(loader->diagnostics, dnsbl->location,
			"'key' is for a zone that begins with KEY, in whose place it stands");
	else if (key.len > LABEL_MAX || hostname_labels(key) != 1)
		error_at(loader->diagnostics, dnsbl->location,
			"'key' is no label of a DNS name: letters, digits and '-', at most %d",
			LABEL_MAX);
	else
		dnsbl->zone = arena_format(
			loader->arena, "%s%s", dnsbl->key, dnsbl->zone + strlen("key"));
}

/* ---- entries of one zone ---- */

static bool zones_are_one(const struct conf_dnsbl *a, const struct conf_dnsbl *b)
{
	return a->zone != NULL && b->zone != NULL && strcmp(a->zone, b->zone) == 0;
}

/* A range that happens to hold 127.0.0.1 was not written by somebody who knows such a list; to skip
 * the test that it is not listed was. */
static bool knows_one(const struct conf_dnsbl *dnsbl)
{
	static const uint8_t one[4] = {127, 0, 0, 1};

	for (size_t i = 0; i < dnsbl->codes_len; i++) {
		if (code_is_just(&dnsbl->codes[i].code, one))
			return true;
	}
	return dnsbl->skips_clean;
}

void conf_complete_dnsbls(struct loader *loader)
{
	struct conf *conf = loader->conf;
	struct conf_dnsbl *dnsbls =
		arena_alloc(loader->arena, (conf->dnsbls_len + 1) * sizeof(*dnsbls));

	for (size_t i = 0; i < conf->dnsbls_len; i++) {
		dnsbls[i] = conf->dnsbls[i];
		if (dnsbls[i].preset != NULL)
			preset_apply(loader, &dnsbls[i]);
		if (dnsbls[i].zone != NULL)
			key_apply(loader, &dnsbls[i]);
	}
	conf->dnsbls = dnsbls;
	for (size_t i = 0; i < conf->dnsbls_len; i++)
		for (size_t k = 0; k < conf->dnsbls_len; k++)
			dnsbls[i].has_one |=
				zones_are_one(&dnsbls[i], &dnsbls[k]) && knows_one(&dnsbls[k]);
}

/* ---- what is wrong ---- */

/* Whether the entry was given the key, well or not; what is no section was found out before. */
static bool entry_has(const struct loader *loader, size_t i, const char *key)
{
	const struct conf_tree *list = tree_find(loader->root, "dnsbl");
	const struct conf_tree *entry = list != NULL ? list->first : NULL;

	for (; entry != NULL && i > 0; i--)
		entry = entry->next;
	return entry == NULL || entry->kind != TREE_MAP || tree_find(entry, key) != NULL;
}

static void check_given(struct loader *loader, size_t i)
{
	const struct conf_dnsbl *dnsbl = &loader->conf->dnsbls[i];
	const struct {
		const char *key;
		bool is_there;
	} keys[] = {{"zone", dnsbl->zone != NULL}, {"name", dnsbl->name != NULL},
		{"codes", dnsbl->codes_len != 0}};

	for (size_t k = 0; k < COUNTOF(keys); k++)
		if (!keys[k].is_there && dnsbl->preset == NULL &&
			!entry_has(loader, i, keys[k].key))
			error_at(loader->diagnostics, dnsbl->location, "'%s' is missing",
				keys[k].key);
}

static void warn_of_dead(struct loader *loader, const struct conf_dnsbl *dnsbl)
{
	const struct foreign_dead *dead = foreign_dead_find(span_text(dnsbl->zone));

	if (dead != NULL && dnsbl->action != ACTION_OFF)
		warn_at(loader->diagnostics, dnsbl->location,
			"the list '%s' ended on %s, and %s (%s); it is suspended from the start, take it out",
			dead->zone, dead->date, dead->how, dead->source);
}

void conf_check_dnsbls(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < conf->dnsbls_len; i++) {
		const struct conf_dnsbl *dnsbl = &conf->dnsbls[i];

		check_given(loader, i);
		if (dnsbl->name != NULL && !text_is_ascii(dnsbl->name))
			error_at(loader->diagnostics, dnsbl->location,
				"'name' may hold printable ASCII only: refusals show it");
		if (dnsbl->zone != NULL)
			warn_of_dead(loader, dnsbl);
	}
}
