/* SPDX-License-Identifier: ISC */
#include "feed/set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/reader.h"
#include "conf/code.h"
#include "feed/alias.h"
#include "feed/owner.h"

/*
 * The names of a zone are a tree, and the run of records walks it from the top. For each name on
 * the way down we know what `*` directly below it answers, since `*` comes before its brothers:
 * that is what every source below the name gets, unless a name deeper down says otherwise. A name
 * is judged when all below it has been seen:
 *
 *     *.2.0.192  A 127.0.0.2          192.0.2.0/24 listed
 *     9.2.0.192  A 127.0.0.3          192.0.2.9: the other sublist, and this one taken away
 *
 * and in a list of domains, where the name itself is a source as well as all below it:
 *
 *     *.example      A 127.0.0.2      .example listed, `example` itself taken away
 *     bad.example    A 127.0.0.2      ".bad.example" taken away, "bad.example" listed
 */
enum { V4_OCTETS = 4, V6_DIGITS = 32, V6_DIGITS_LEAST = 4, POOL_MAX = 1 << 30 };

struct node {
	struct feed_claim here;  /* the name */
	struct feed_claim below; /* its `*` */
};

struct walk {
	const struct feed_rules *rules;
	struct feed_set *set;
	size_t room;
	struct feed_aliases aliases;
	struct feed_labels labels; /* of the nodes that are open */
	struct node node[FEED_LABELS_MAX + 1];
	uint32_t last_reason;
};

/* ---- texts ---- */

static uint32_t pool_add(struct feed_set *set, struct span text)
{
	size_t place = buf_len(&set->pool);

	buf_append(&set->pool, text);
	buf_append_byte(&set->pool, 0);
	return (uint32_t)place;
}

static const char *pool_text(const struct feed_set *set, uint32_t place)
{
	return (const char *)set->pool.ptr + place;
}

/* What a stranger wrote, as one line of printable ASCII. Most names of a zone share one text. */
static uint32_t walk_reason(struct walk *walk, struct span rdata)
{
	struct reader reader = reader_of(rdata);
	uint8_t text[FEED_REASON_MAX];
	size_t len = 0;

	while (reader.rest.len != 0 && !reader.bad) {
		struct span part = reader_bytes(&reader, reader_u8(&reader));

		for (size_t i = 0; i < part.len && len < sizeof(text); i++)
			text[len++] = ascii_is_print(part.ptr[i]) ? part.ptr[i] : '?';
	}
	if (!span_equal_text(span_of(text, len), pool_text(walk->set, walk->last_reason)))
		walk->last_reason = pool_add(walk->set, span_of(text, len));
	return walk->last_reason;
}

/* ---- codes ---- */

/* The bit of the sublist that an answer belongs to, or 0, counted. */
static uint32_t walk_code(struct walk *walk, const uint8_t address[4])
{
	struct feed_counts *counts = &walk->set->counts;
	static const uint8_t test[4] = {127, 0, 0, 1};

	if (address[0] != 127) {
		counts->outside++;
		return 0;
	}
	if ((address[1] == 255 && address[2] == 255) || memcmp(address, test, sizeof(test)) == 0) {
		counts->refusals++;
		return 0;
	}
	for (size_t i = 0; i < walk->rules->len; i++) {
		if (code_matches(&walk->rules->rules[i].code, address))
			return UINT32_C(1) << walk->rules->rules[i].sublist;
	}
	counts->unaccepted++;
	return 0;
}

/* ---- entries ---- */

static struct feed_entry *walk_add(struct walk *walk, struct feed_claim claim, uint32_t excluded)
{
	struct feed_set *set = walk->set;
	struct feed_entry *entry;

	mem_grow(&set->entries, &walk->room, set->len + 1, sizeof(*set->entries));
	entry = &set->entries[set->len++];
	*entry = (struct feed_entry){
		.listed = claim.listed, .excluded = excluded, .reason = claim.reason};
	return entry;
}

/* A network, or an address itself, that lies below a wildcard which answers `above`. */
static bool walk_net(struct walk *walk, struct prefix net, struct feed_claim claim, uint32_t above)
{
	struct feed_entry *entry;

	if ((claim.listed | above) == 0)
		return false;
	entry = walk_add(walk, claim, above & ~claim.listed);
	entry->ip = net.ip;
	entry->bits = net.bits;
	return claim.listed != 0;
}

/* Of the names of IPv4 addresses as IPv6 ones only test entries are in use (RFC 5782 section 5). */
static bool net_is_mapped(struct prefix net)
{
	struct prefix mapped = prefix_of(ip_from_v4(0), IP_V4_BITS);

	return prefix_covers(mapped, net) || prefix_covers(net, mapped);
}

/* Short names may be of octets or of hex digits, and are judged as both. 127.0.0.0/8 holds the
 * other test entries, and sends no mail. */
static bool walk_address(struct walk *walk, unsigned len)
{
	const struct node *node = &walk->node[len];
	uint32_t above = len != 0 ? walk->node[len - 1].below.listed : 0;
	struct prefix net;
	bool found = false;

	if (feed_net_v4(&walk->labels, len, &net) && net.ip.b[12] != 127)
		found = walk_net(walk, net, len == V4_OCTETS ? node->here : node->below,
			len > 1 ? above : 0);
	if (feed_net_v6(&walk->labels, len, &net) && !net_is_mapped(net))
		found = walk_net(walk, net, len == V6_DIGITS ? node->here : node->below,
				len > V6_DIGITS_LEAST ? above : 0) ||
			found;
	return found;
}

static void walk_add_domain(
	struct walk *walk, const char *domain, struct feed_claim claim, uint32_t excluded)
{
	walk_add(walk, claim, excluded)->domain = pool_add(walk->set, span_text(domain));
}

/* No sources: a top-level domain, its wildcard, "test" and "invalid" (RFC 5782 section 5). */
static bool walk_domain(struct walk *walk, unsigned len)
{
	const struct feed_claim here = walk->node[len].here, below = walk->node[len].below;
	uint32_t above = len > 2 ? walk->node[len - 1].below.listed : 0;
	bool same = here.listed == below.listed && here.reason == below.reason;
	char text[1 + DOMAIN_SIZE] = "."; /* ".example" is all below it, "example" the name */

	if ((here.listed | below.listed | above) == 0 || !feed_domain(&walk->labels, len, text + 1))
		return false;
	if ((below.listed | above) != 0)
		walk_add_domain(walk, text, below, above & ~below.listed);
	if (!same && (here.listed | below.listed) != 0)
		walk_add_domain(walk, text + 1, here, below.listed & ~here.listed);
	return (here.listed | below.listed) != 0;
}

/* ---- the tree ---- */

/* Judges the names that are left on the way to the next one. */
static void walk_close(struct walk *walk, unsigned keep)
{
	for (unsigned len = walk->labels.len; len > keep; len--) {
		bool lists = (walk->node[len].here.listed | walk->node[len].below.listed) != 0;
		bool found =
			walk->rules->domains ? walk_domain(walk, len) : walk_address(walk, len);

		walk->set->counts.names += lists && !found;
	}
	walk->labels.len = keep;
}

/* The name that comes next; E_PARSE: no name of a source. */
static int walk_open(struct walk *walk, struct span key, bool *ret_is_wild)
{
	struct feed_labels labels;
	int r = feed_labels_of(key, &labels, ret_is_wild);

	if (r < 0)
		return r;
	walk_close(walk, feed_labels_common(&walk->labels, &labels));
	for (unsigned len = walk->labels.len + 1; len <= labels.len; len++)
		walk->node[len] = (struct node){0};
	walk->labels = labels;
	return 0;
}

static void walk_claim(
	struct walk *walk, const struct feed_record *record, struct feed_claim *claim)
{
	if (record->type == FEED_A)
		claim->listed |= walk_code(walk, record->data.ptr);
	else if (claim->reason == 0)
		claim->reason = walk_reason(walk, record->data);
}

static void walk_record(struct walk *walk, const struct feed_record *record, bool is_wild)
{
	struct node *node = &walk->node[walk->labels.len];
	struct feed_claim *claim = is_wild ? &node->below : &node->here;

	if (record->type == FEED_CNAME) {
		*claim = feed_aliases_follow(&walk->aliases, record->data);
		walk->set->counts.aliases += claim->listed == 0;
	} else {
		walk_claim(walk, record, claim);
	}
}

/* What the names claim that CNAMEs lead to. They are counted when the walk comes to them. */
static void walk_aliases(struct walk *walk, const struct feed_zone *zone)
{
	struct feed_record record;
	size_t at = 0;

	feed_aliases_collect(&walk->aliases, zone);
	while (walk->aliases.len != 0 && feed_zone_next(zone, &at, &record) > 0) {
		struct feed_alias *alias = feed_aliases_find(&walk->aliases, record.key);

		if (alias != NULL && record.type == FEED_CNAME)
			alias->next = record.data;
		else if (alias != NULL)
			walk_claim(walk, &record, &alias->claim);
	}
	walk->set->counts = (struct feed_counts){0};
}

static void walk_zone(struct walk *walk, const struct feed_zone *zone)
{
	struct span key = {NULL, 0};
	struct feed_record record;
	bool is_wild = false;
	size_t at = 0;
	int r = 0;

	while (feed_zone_next(zone, &at, &record) > 0) {
		if (!span_equal(record.key, key))
			r = walk_open(walk, record.key, &is_wild);
		key = record.key;
		if (r >= 0)
			walk_record(walk, &record, is_wild);
		else
			walk->set->counts.names += record.type != FEED_TXT;
	}
	walk_close(walk, 0);
	walk->set->counts.names += walk->node[0].below.listed != 0; /* the whole world */
}

/* ---- sets ---- */

static int entry_compare(const struct feed_set *x, const struct feed_entry *a,
	const struct feed_set *y, const struct feed_entry *b)
{
	int order;

	if (a->domain != 0 && b->domain != 0)
		return strcmp(pool_text(x, a->domain), pool_text(y, b->domain));
	if (a->domain != 0 || b->domain != 0)
		return a->domain != 0 ? 1 : -1;
	order = ip_compare(a->ip, b->ip);
	return order != 0 ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

static int entry_sort(const void *left, const void *right, void *arg)
{
	return entry_compare(arg, left, arg, right);
}

int feed_set_new(
	const struct feed_zone *zone, const struct feed_rules *rules, struct feed_set **ret_set)
{
	AUTO(feed_set) *set = mem_new(feed_set);
	struct walk *walk = mem_new(walk);

	buf_init(&set->pool, POOL_MAX);
	pool_add(set, span_text("")); /* so that place 0 is "none" */
	walk->rules = rules;
	walk->set = set;
	walk_aliases(walk, zone);
	walk_zone(walk, zone);
	feed_aliases_done(&walk->aliases);
	mem_free(walk);
	if (set->pool.bad)
		return E_LIMIT;
	if (set->len != 0)
		qsort_r(set->entries, set->len, sizeof(*set->entries), entry_sort, set);
	*ret_set = TAKE(set);
	return 0;
}

void feed_set_free(struct feed_set **set)
{
	struct feed_set *s = *set;

	if (s == NULL)
		return;
	mem_free(s->entries);
	buf_done(&s->pool);
	mem_free(s);
	*set = NULL;
}

void feed_entry_source(
	const struct feed_set *set, const struct feed_entry *entry, struct source *ret_source)
{
	memset(ret_source, 0, sizeof(*ret_source));
	if (entry->domain == 0) {
		ret_source->kind = SOURCE_NET;
		ret_source->net = (struct prefix){entry->ip, entry->bits};
		return;
	}
	ret_source->kind = SOURCE_DOMAIN;
	snprintf(ret_source->domain, sizeof(ret_source->domain), "%s",
		pool_text(set, entry->domain));
}

struct span feed_entry_reason(const struct feed_set *set, const struct feed_entry *entry)
{
	return span_text(pool_text(set, entry->reason));
}

/* ---- what changed ---- */

int feed_difference_next(struct feed_difference *difference, struct feed_entry *ret_entry,
	const struct feed_set **ret_set)
{
	const struct feed_set *from = difference->from, *to = difference->to;
	size_t from_len = from != NULL ? from->len : 0;

	while (difference->from_at < from_len || difference->to_at < to->len) {
		const struct feed_entry *old =
			difference->from_at < from_len ? &from->entries[difference->from_at] : NULL;
		const struct feed_entry *new =
			difference->to_at < to->len ? &to->entries[difference->to_at] : NULL;
		int order = old == NULL ? 1 : new == NULL ? -1 : entry_compare(from, old, to, new);

		difference->from_at += order <= 0;
		difference->to_at += order >= 0;
		if (order == 0 && old->listed == new->listed &&
			old->excluded ==
				new->excluded &&strcmp(pool_text(from, old->reason),
					pool_text(to, new->reason)) == 0)
			continue;
		*ret_set = order < 0 ? from : to;
		*ret_entry = order < 0 ? *old : *new;
		if (order < 0)
			ret_entry->listed = ret_entry->excluded = 0;
		return 1;
	}
	return 0;
}
