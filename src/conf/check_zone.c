/* SPDX-License-Identifier: ISC */
/*
 * What zones, codes, texts and name servers mean together. A zone is that of one list, or combines
 * several; what is served below it (sublists, lists, addresses, name servers) may never be two
 * things at once.
 */
#include "base/arena.h"
#include "base/macro.h"
#include "base/suggest.h"
#include "conf/load.h"
#include "conf/txt_template.h"
#include "conf/value.h"

enum { CODES_MAX = 32 };

/* One zone that is answered. */
struct served_zone {
	const char *zone;
	const char *key; /* what diagnostics point at */
	struct conf_location location;
	const struct conf_serving *serving;
	bool is_combined;
	size_t lists_len;
	const struct conf_list *lists[CODES_MAX];
};

struct served_zones {
	size_t len;
	struct served_zone *items;
};

/* ---- which zones there are ---- */

static void served_find_lists(
	struct loader *loader, const struct conf_zone *zone, struct served_zone *served)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < zone->lists_len; i++) {
		struct span name = span_text(zone->lists[i]);
		const struct conf_list *list = conf_list_find(conf, name);
		struct suggest meant = {.word = name};

		for (size_t k = 0; k + 1 < conf->lists_len; k++)
			suggest_offer(&meant, span_text(conf->lists[k].name));
		if (list == NULL)
			error_at(loader->diagnostics, zone->lists_location,
				"'%s' is not among the lists%s", zone->lists[i],
				suggest_hint(&meant));
		else if (list->action == ACTION_ALLOW && list->zone == NULL)
			error_at(loader->diagnostics, zone->lists_location,
				"the list '%s' is never published", list->name);
		else if (served->lists_len < COUNTOF(served->lists))
			served->lists[served->lists_len++] = list;
	}
}

static struct served_zones served_collect(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	struct served_zones all = {
		.items = arena_alloc(
			loader->arena, (conf->lists_len + conf->zones_len) * sizeof(*all.items))};

	for (size_t i = 0; i < conf->lists_len; i++) {
		const struct conf_list *list = &conf->lists[i];

		if (list->zone != NULL)
			all.items[all.len++] = (struct served_zone){.zone = list->zone,
				.key = list->name,
				.location = list->location,
				.serving = &list->serving,
				.lists_len = 1,
				.lists = {list}};
	}
	for (size_t i = 0; i < conf->zones_len; i++) {
		const struct conf_zone *zone = &conf->zones[i];
		struct served_zone *served = &all.items[all.len++];

		*served = (struct served_zone){.zone = zone->zone,
			.key = zone->zone,
			.location = zone->location,
			.serving = &zone->serving,
			.is_combined = true};
		served_find_lists(loader, zone, served);
	}
	return all;
}

/* ---- names that are served ---- */

static bool list_has_sublist(const struct conf_list *list, struct span label)
{
	for (size_t i = 0; i < list->sublists_len; i++) {
		if (span_equal_text(label, list->sublists[i].name))
			return true;
	}
	return false;
}

/* Whether a name is a zone or the subdomain of a part of it. */
static bool served_has(const struct served_zone *served, const char *name)
{
	struct span zone = span_text(served->zone), rest = span_text(name), label;

	if (span_equal_nocase(rest, zone))
		return true;
	label = span_split(&rest, '.');
	for (size_t i = 0; i < served->lists_len; i++) {
		const struct conf_list *list = served->lists[i];
		struct span below = rest, above;

		if (!served->is_combined) {
			if (span_equal_nocase(rest, zone) && list_has_sublist(list, label))
				return true;
			continue;
		}
		if (span_equal_nocase(rest, zone) && span_equal_text(label, list->name))
			return true;
		above = span_split(&below, '.');
		if (span_equal_nocase(below, zone) && span_equal_text(above, list->name) &&
			list_has_sublist(list, label))
			return true;
	}
	return false;
}

static void check_names(struct loader *loader, const struct served_zones *all)
{
	for (size_t i = 0; i < all->len; i++) {
		for (size_t k = 0; k < all->len; k++) {
			const struct served_zone *zone = &all->items[i], *other = &all->items[k];
			bool same = strcmp(zone->zone, other->zone) == 0;

			if (i == k || (same ? i < k : !served_has(other, zone->zone)))
				continue;
			error_at(loader->diagnostics, zone->location,
				"the zone '%s' is served for %s '%s' already", zone->zone,
				other->is_combined ? "the zone" : "the list", other->key);
		}
	}
}

/* ---- combined zones ---- */

/* A code that is missing or none was complained of where it stands. */
static bool has_code(const struct conf_sublist *sublist)
{
	return ip_is_v4(sublist->code);
}

static void check_codes_differ(struct loader *loader, const struct served_zone *served,
	const struct conf_list *a, const struct conf_list *b)
{
	for (size_t i = 0; i < a->sublists_len; i++) {
		for (size_t k = 0; k < b->sublists_len; k++) {
			char text[IP_TEXT_SIZE];

			if (!has_code(&a->sublists[i]) ||
				!ip_equal(a->sublists[i].code, b->sublists[k].code))
				continue;
			error_at(loader->diagnostics, served->location,
				"'%s' of the list '%s' and '%s' of '%s' have the same code %s: in one zone nobody could tell them apart",
				a->sublists[i].name, a->name, b->sublists[k].name, b->name,
				ip_print(a->sublists[i].code, text));
		}
	}
}

/* A list that not everybody may ask is not opened by a zone that says nothing about it. */
static void check_access(
	struct loader *loader, const struct served_zone *served, const struct conf_list *list)
{
	const struct conf_serving *of_list = &list->serving, *of_zone = served->serving;

	if ((of_list->allow_from_len == 0 && of_list->keys == NULL) ||
		of_zone->allow_from_len != 0 || of_zone->keys != NULL)
		return;
	error_at(loader->diagnostics, served->location,
		"not everybody may ask the list '%s': say who may ask '%s', by 'allow-from' or 'keys'",
		list->name, served->zone);
}

static void check_combined(struct loader *loader, const struct served_zone *served)
{
	size_t codes = 0;

	for (size_t i = 0; i < served->lists_len; i++) {
		const struct conf_list *list = served->lists[i];

		codes += list->sublists_len;
		if (list->holds != served->lists[0]->holds)
			error_at(loader->diagnostics, served->location,
				"a zone combines lists of addresses or lists of domains, not both");
		if (label_is_of_address(list->name))
			error_at(loader->diagnostics, served->location,
				"the list '%s' cannot be part of a zone: below it, one letter or digits only are part of an address",
				list->name);
		check_access(loader, served, list);
		for (size_t k = 0; k < i; k++)
			check_codes_differ(loader, served, served->lists[k], list);
	}
	if (codes > CODES_MAX)
		error_at(loader->diagnostics, served->location,
			"the lists have %zu codes; a zone holds at most %d", codes, CODES_MAX);
}

/* ---- answers ---- */

/* RFC 5782 section 2.3: sublists as bits of one octet. */
static void check_bitmask(struct loader *loader, const struct served_zone *served)
{
	const struct conf_sublist *first = NULL;

	for (size_t i = 0; i < served->lists_len; i++) {
		for (size_t k = 0; k < served->lists[i]->sublists_len; k++) {
			const struct conf_sublist *sublist = &served->lists[i]->sublists[k];
			unsigned octet = sublist->code.b[15];
			char text[IP_TEXT_SIZE];

			if (!has_code(sublist))
				continue;
			if (first == NULL)
				first = sublist;
			if (octet == 0 || (octet & (octet - 1)) != 0)
				error_at(loader->diagnostics, sublist->location,
					"the code %s of '%s' is not a single bit: with 'answers: bitmask' the last octet is 1, 2, 4, 8, 16, 32, 64 or 128",
					ip_print(sublist->code, text), sublist->name);
			else if (memcmp(sublist->code.b, first->code.b, 15) != 0)
				error_at(loader->diagnostics, sublist->location,
					"the code %s of '%s' is not in the /24 of that of '%s': with 'answers: bitmask' they differ in the last octet only",
					ip_print(sublist->code, text), sublist->name, first->name);
		}
	}
}

static void check_serving(struct loader *loader, const struct served_zone *served)
{
	if (served->serving->scope != NULL && !text_is_ascii(served->serving->scope))
		error_at(loader->diagnostics, served->location,
			"'scope' may hold printable ASCII only");
	if (served->serving->answers == ANSWERS_BITMASK)
		check_bitmask(loader, served);
	if (served->is_combined)
		check_combined(loader, served);
}

/* ---- texts ---- */

static void check_template(
	struct loader *loader, const char *template, struct conf_location location)
{
	struct span rest = span_text(template);
	struct txt_part part;
	struct fault why;
	int r;

	if (template == NULL)
		return;
	if (!text_is_ascii(template))
		error_at(loader->diagnostics, location, "'template' may hold printable ASCII only");
	do {
		r = txt_part_next(&rest, &part, &why);
	} while (r > 0);
	if (r < 0)
		error_at(loader->diagnostics, location, "%s", why.text);
}

static void check_templates(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	check_template(loader, conf->template, conf->template_location);
	for (size_t i = 0; i < conf->lists_len; i++) {
		for (size_t k = 0; k < conf->lists[i].sublists_len; k++) {
			const struct conf_sublist *sublist = &conf->lists[i].sublists[k];

			check_template(loader, sublist->template, sublist->location);
		}
	}
}

/* ---- name servers ---- */

static bool name_is_below(const char *name, const char *zone)
{
	size_t len = strlen(name), zone_len = strlen(zone);

	return len > zone_len && strcmp(name + len - zone_len, zone) == 0 &&
	       name[len - zone_len - 1] == '.';
}

/* The zone of ours that a name lies in, the closest one. */
static const struct served_zone *served_find(const struct served_zones *all, const char *name)
{
	const struct served_zone *found = NULL;

	for (size_t i = 0; i < all->len; i++) {
		const struct served_zone *served = &all->items[i];

		if ((strcmp(name, served->zone) == 0 || name_is_below(name, served->zone)) &&
			(found == NULL || strlen(served->zone) > strlen(found->zone)))
			found = served;
	}
	return found;
}

static void check_address(
	struct loader *loader, const struct served_zones *all, const struct conf_address *address)
{
	const struct served_zone *served = served_find(all, address->name);
	struct span rest = span_text(address->name);
	const char *label = arena_string(loader->arena, span_split(&rest, '.'));

	if (served == NULL || strcmp(served->zone, address->name) == 0)
		error_at(loader->diagnostics, address->location,
			"'%s' is not below one of our zones: its addresses are served elsewhere",
			address->name);
	else if (!span_equal_text(rest, served->zone) || label_is_of_address(label) ||
		 served_has(served, address->name) || strcmp(label, "test") == 0 ||
		 strcmp(label, "invalid") == 0)
		error_at(loader->diagnostics, address->location,
			"'%s' cannot be a host: it has to stand directly below the zone '%s' and be no sublist, number, single letter or test entry",
			address->name, served->zone);
}

static bool has_address(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->addresses_len; i++) {
		if (strcmp(conf->addresses[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A name server inside of a zone of ours that has no address there could never be found. */
static void check_nameservers(
	struct loader *loader, const struct served_zones *all, const struct served_zone *served)
{
	const struct conf *conf = loader->conf;
	bool own = served->serving->nameservers_len != 0;
	const char *const *names = own ? served->serving->nameservers : conf->nameservers;
	size_t len = own ? served->serving->nameservers_len : conf->nameservers_len;

	for (size_t i = 0; i < len; i++) {
		if (served_find(all, names[i]) == NULL || has_address(conf, names[i]))
			continue;
		error_at(loader->diagnostics, served->location,
			"the name server '%s' of '%s' lies in a zone of ours and has no address; add it to 'dns.addresses'",
			names[i], served->zone);
	}
}

void conf_check_zones(struct loader *loader)
{
	struct served_zones all = served_collect(loader);

	check_names(loader, &all);
	check_templates(loader);
	for (size_t i = 0; i < all.len; i++) {
		check_serving(loader, &all.items[i]);
		check_nameservers(loader, &all, &all.items[i]);
	}
	for (size_t i = 0; i < loader->conf->addresses_len; i++)
		check_address(loader, &all, &loader->conf->addresses[i]);
}
