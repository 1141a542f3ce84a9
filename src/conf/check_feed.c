/* SPDX-License-Identifier: ISC */
/* What `feeds` means: where a feed comes from, and which of its answers belong to which sublist. */
#include "base/arena.h"
#include "base/hash.h"
#include "conf/code.h"
#include "conf/load.h"
#include "conf/value.h"

enum { DNS_PORT = 53 };

/* ---- from ---- */

/* "198.51.100.7", "198.51.100.7:5300", "[2001:db8::7]". */
static int server_parse(struct span text, struct endpoint *ret_server)
{
	struct endpoint server = {.port = DNS_PORT};
	struct span inner = text;

	if (endpoint_parse(text, ret_server, NULL) == 0)
		return ret_server->port != 0 ? 0 : E_RANGE;
	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		inner = span_of(text.ptr + 1, text.len - 2);
	if (ip_parse(inner, &server.ip) < 0)
		return E_PARSE;
	*ret_server = server;
	return 0;
}

static void feed_take_from(struct loader *loader, struct conf_feed *feed)
{
	static const char scheme[] = "axfr://";
	struct span rest = span_text(feed->from);
	char *zone;

	if (feed->from == NULL)
		return;
	if (span_has_prefix_nocase(rest, scheme)) {
		rest = span_from(rest, sizeof(scheme) - 1);
		if (server_parse(span_split(&rest, '/'), &feed->server) == 0 &&
			domain_check(rest, NULL) == 0) {
			zone = arena_string(loader->arena, rest);
			for (char *c = zone; *c != '\0'; c++)
				*c = (char)ascii_lower((uint8_t)*c);
			feed->zone = zone;
			return;
		}
	}
	error_at(loader->diagnostics, feed->location,
		"'%s' is not where a zone comes from (axfr://ADDRESS[:PORT]/ZONE)", feed->from);
}

/* ---- codes ---- */

static int sublist_find(const struct conf_list *list, const char *name)
{
	for (size_t i = 0; list != NULL && name != NULL && i < list->sublists_len; i++) {
		if (strcmp(list->sublists[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static bool sublist_takes_feed(const struct conf *conf, const struct conf_sublist *sublist)
{
	const struct conf_policy *policy =
		sublist->policy != NULL ? conf_policy_find(conf, sublist->policy) : NULL;

	return policy != NULL && policy->takes_feed;
}

static void feed_take_codes(
	struct loader *loader, struct conf_feed *feed, const struct conf_list *list)
{
	struct conf_feed_code *codes =
		arena_alloc(loader->arena, (feed->codes_len + 1) * sizeof(*codes));

	for (size_t i = 0; i < feed->codes_len; i++) {
		struct fault why = {""};
		int sublist = sublist_find(list, feed->codes[i].sublist);

		codes[i] = feed->codes[i];
		codes[i].sublist_index = sublist >= 0 ? (unsigned)sublist : 0;
		if (code_parse(span_text(codes[i].text), &codes[i].code, &why) < 0)
			error_at(loader->diagnostics, codes[i].location, "%s", why.text);
		else if (list != NULL && codes[i].sublist != NULL && sublist < 0)
			error_at(loader->diagnostics, codes[i].location,
				"the list '%s' has no sublist '%s'", list->name, codes[i].sublist);
	}
	feed->codes = codes;
}

/* Without codes: those of our own sublists that are filled by feeds. */
static void feed_imply_codes(
	struct loader *loader, struct conf_feed *feed, const struct conf_list *list)
{
	struct conf_feed_code *codes =
		arena_alloc(loader->arena, (list->sublists_len + 1) * sizeof(*codes));

	for (size_t i = 0; i < list->sublists_len; i++) {
		const struct conf_sublist *sublist = &list->sublists[i];
		struct conf_feed_code *code = &codes[feed->codes_len];
		char text[IP_TEXT_SIZE];

		if (!sublist_takes_feed(loader->conf, sublist) || !ip_is_v4(sublist->code))
			continue;
		*code = (struct conf_feed_code){
			.text = arena_copy_string(loader->arena, ip_print(sublist->code, text)),
			.sublist = sublist->name,
			.sublist_index = (unsigned)i};
		code_parse(span_text(code->text), &code->code, NULL);
		feed->codes_len++;
	}
	feed->codes = codes;
}

void conf_complete_feeds(struct loader *loader)
{
	struct conf *conf = loader->conf;
	struct conf_feed *feeds =
		arena_alloc(loader->arena, (conf->feeds_len + 1) * sizeof(*feeds));

	for (size_t i = 0; i < conf->feeds_len; i++) {
		const struct conf_list *list;

		feeds[i] = conf->feeds[i];
		list = feeds[i].into != NULL ? conf_list_find(conf, span_text(feeds[i].into))
					     : NULL;
		feed_take_from(loader, &feeds[i]);
		if (feeds[i].codes_len != 0)
			feed_take_codes(loader, &feeds[i], list);
		else if (list != NULL)
			feed_imply_codes(loader, &feeds[i], list);
	}
	conf->feeds = feeds;
}

/* ---- what they mean together ---- */

/* A sublist belongs to one feed, and to nobody else: so what the feed does cannot touch what an
 * operator entered. */
static void check_feed_sublists(
	struct loader *loader, const struct conf_feed *feed, const struct conf_list *list)
{
	for (size_t i = 0; i < feed->codes_len; i++) {
		const struct conf_feed_code *code = &feed->codes[i];
		int sublist = sublist_find(list, code->sublist);

		if (sublist >= 0 && !sublist_takes_feed(loader->conf, &list->sublists[sublist]))
			error_at(loader->diagnostics, code->location,
				"the policy of '%s' does not take feeds: a sublist that a feed fills needs "
				"a policy with 'takes: [feed]'",
				code->sublist);
	}
}

static bool feeds_share_sublist(const struct conf_feed *a, const struct conf_feed *b)
{
	if (a->into == NULL || b->into == NULL || strcmp(a->into, b->into) != 0)
		return false;
	for (size_t i = 0; i < a->codes_len; i++) {
		for (size_t k = 0; k < b->codes_len; k++) {
			if (a->codes[i].sublist != NULL && b->codes[k].sublist != NULL &&
				strcmp(a->codes[i].sublist, b->codes[k].sublist) == 0)
				return true;
		}
	}
	return false;
}

static void check_feed_others(struct loader *loader, size_t index)
{
	const struct conf_feed *feed = &loader->conf->feeds[index];

	for (size_t i = 0; i < index; i++) {
		const struct conf_feed *other = &loader->conf->feeds[i];

		if (feed->name == NULL || other->name == NULL)
			continue;
		if (strcmp(feed->name, other->name) == 0)
			error_at(loader->diagnostics, feed->location,
				"there is a feed '%s' already", feed->name);
		else if (feeds_share_sublist(feed, other))
			error_at(loader->diagnostics, feed->location,
				"the feed '%s' fills one of its sublists already; each feed needs its own",
				other->name);
	}
}

static void check_feed(struct loader *loader, const struct conf_feed *feed)
{
	const struct conf_list *list =
		feed->into != NULL ? conf_list_find(loader->conf, span_text(feed->into)) : NULL;

	if (feed->key != NULL && conf_key_find(loader->conf, feed->key) == NULL)
		error_at(loader->diagnostics, feed->location,
			"'key': there is no key '%s' in dns.keys", feed->key);
	if (feed->into != NULL && list == NULL)
		error_at(loader->diagnostics, feed->location, "'into': there is no list '%s'",
			feed->into);
	else if (list != NULL && feed->codes_len == 0)
		error_at(loader->diagnostics, feed->location,
			"no sublist of '%s' has a policy that takes feeds ('takes: [feed]')",
			feed->into);
	else if (list != NULL)
		check_feed_sublists(loader, feed, list);
}

static bool runs_courier(const struct conf *conf)
{
	for (size_t i = 0; i < conf->roles_len; i++) {
		if (conf->roles[i] != NULL && strcmp(conf->roles[i], "courier") == 0)
			return true;
	}
	return false;
}

/* An entry lasts as long as the feed has it: no other end, and nobody else who could have made
 * it. */
static void check_feed_policies(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < conf->policies_len; i++) {
		const struct conf_policy *policy = &conf->policies[i];

		if (policy->takes_feed && policy->takes_operator)
			error_at(loader->diagnostics, policy->location,
				"a policy that takes feed takes nothing else");
		else if (policy->takes_feed && policy->lasts_s != 0)
			error_at(loader->diagnostics, policy->location,
				"a policy that takes feed needs 'lasts: until-review': its entries end when the "
				"feed no longer has them");
	}
}

void conf_check_feeds(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	check_feed_policies(loader);
	for (size_t i = 0; i < conf->feeds_len; i++) {
		check_feed(loader, &conf->feeds[i]);
		check_feed_others(loader, i);
	}
	if (conf->feeds_len != 0 && !runs_courier(conf))
		warn_at(loader->diagnostics, conf->feeds[0].location,
			"nobody fetches the feeds: add courier to run.roles");
}

/* ---- rules ---- */

/* With the NUL between the texts. */
static uint64_t sum_text(uint64_t sum, const char *text)
{
	return hash_bytes(sum, span_of(text, strlen(text) + 1));
}

uint64_t conf_feed_rules(const struct conf *conf, const struct conf_feed *feed)
{
	const struct conf_list *list = conf_list_find(conf, span_text(feed->into));
	uint64_t sum = sum_text(HASH_START, feed->zone);

	sum = sum_text(sum, feed->into);
	sum = sum_text(sum, list->holds == LIST_OF_DOMAINS ? "domains" : "addresses");
	for (size_t i = 0; i < feed->codes_len; i++) {
		sum = sum_text(sum, feed->codes[i].text);
		sum = sum_text(sum, feed->codes[i].sublist);
	}
	return sum != 0 ? sum : 1;
}
