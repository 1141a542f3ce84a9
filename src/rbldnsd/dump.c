/* SPDX-License-Identifier: ISC */
#include "rbldnsd/dump.h"

#include <inttypes.h>

#include "base/reader.h"
#include "dns/message.h"
#include "rbldata/entry.h"
#include "rbldata/subset.h"
#include "sets/key.h"

/* Data sets are painted ground: ranges that do not overlap, each with its answer. A range is told
 * as the largest blocks of whole octets (nibbles) that fill it, a wildcard for each, so that no
 * wildcard has anything beside it that would hide it (RFC 4592 section 2.2.1); what is excluded has
 * no record at all. rbldnsd repeats wildcards at each level instead, and tells of exclusions by a
 * CNAME. */
enum { V4_OCTETS = 4, V6_NIBBLES = 32, OWNER_SIZE = RBL_NAME_TEXT_SIZE + 4 };

struct dump {
	FILE *out;
	const char *zone;
	char owner[OWNER_SIZE]; /* of the records that come */
};

static void dump_text(FILE *out, struct span text)
{
	fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];

		if (!ascii_is_print(byte))
			fprintf(out, "\\%03u", byte);
		else
			fprintf(out, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
	}
	fputs("\"\n", out);
}

static const char *wire_print(struct span wire, char text[DNS_NAME_TEXT_SIZE])
{
	struct dns_name name;
	size_t at = 0;

	return dns_name_decode(wire, &at, &name) == 0 ? dns_name_print(&name, text) : ".";
}

static void dump_record(void *arg, const struct rbl_record *record)
{
	struct dump *dump = arg;
	struct reader reader = reader_of(record->rdata);
	char text[DNS_NAME_TEXT_SIZE];
	unsigned preference;

	fprintf(dump->out, "%s\t%" PRIu32 "\t", dump->owner, record->ttl_s);
	switch (record->type) {
	case DNS_A:
		fprintf(dump->out, "A\t%s\n", ip_print(ip_from_v4(reader_u32(&reader)), text));
		break;
	case DNS_TXT:
		fputs("TXT\t", dump->out);
		dump_text(dump->out, span_from(record->rdata, 1));
		break;
	default:
		preference = reader_u16(&reader);
		fprintf(dump->out, "MX\t%u\t%s.\n", preference, wire_print(reader.rest, text));
	}
}

static void dump_answer(
	struct dump *dump, const struct rbl_subset *subset, uint32_t answer, const char *subject)
{
	struct rbl_sink sink = {.record = dump_record, .arg = dump};

	rbl_subset_give(subset, answer,
		(struct rbl_wish){RBL_WANT_A | RBL_WANT_TXT, span_text(subject)}, &sink);
}

/* ---- addresses ---- */

/* An address reversed, its last `open` octets or nibbles as a wildcard. */
static void owner_address(struct dump *dump, u128 address, unsigned open, bool v4)
{
	unsigned step = v4 ? 8 : 4, count = v4 ? V4_OCTETS : V6_NIBBLES;
	size_t len = 0;

	if (open != 0)
		len = (size_t)snprintf(
			dump->owner, sizeof(dump->owner), "*%s", open < count ? "." : "");
	for (unsigned i = open; i < count; i++)
		len += (size_t)snprintf(dump->owner + len, sizeof(dump->owner) - len,
			v4 ? "%u%s" : "%x%s",
			(unsigned)(address >> (i * step)) & ((1U << step) - 1),
			i + 1 < count ? "." : "");
}

/* How many octets or nibbles are open at the end of the largest block from first within last. */
static unsigned block_open(u128 first, u128 last, bool v4)
{
	unsigned step = v4 ? 8 : 4, open = 0;

	while (open + 1 < (v4 ? V4_OCTETS : V6_NIBBLES)) {
		u128 size = (u128)1 << ((open + 1) * step);

		if ((first & (size - 1)) != 0 || last - first < size - 1)
			break;
		open++;
	}
	return open;
}

static void dump_range(
	struct dump *dump, const struct rbl_subset *subset, const struct rbl_answer_range *range)
{
	bool v4 = (rbl_type_kinds(subset->type) & RBL_KIND_V4) != 0;
	u128 at = range->first;

	for (;;) {
		unsigned open = block_open(at, range->last, v4);
		u128 end = at + (((u128)1 << (open * (v4 ? 8 : 4))) - 1);
		char text[IP_TEXT_SIZE]; /* RBL_IP6_TEXT_SIZE is less */

		if (v4)
			ip_print(key_to_ip(at), text);
		else
			rbl_ip6_print(key_to_ip(at), text);
		owner_address(dump, at, open, v4);
		dump_answer(dump, subset, range->answer, text);
		if (end == range->last)
			return;
		at = end + 1;
	}
}

static void dump_addresses(struct dump *dump, const struct rbl_subset *subset)
{
	struct rbl_answer_range range;
	u128 from = 0;

	while (rbl_index_next(&subset->index, from, &range)) {
		dump_range(dump, subset, &range);
		if (range.last == ~(u128)0)
			return;
		from = range.last + 1;
	}
}

/* ---- names ---- */

/* What is said of names below a key that are not there themselves. */
static struct rbl_named named_below(const struct rbl_index *index, struct span key)
{
	uint8_t below[NAME_KEY_SIZE + 2];
	size_t len = key.len;

	memcpy(below, key.ptr, len);
	if (len != 0)
		below[len++] = '\0';
	below[len++] = '*';
	return rbl_index_name(index, span_of(below, len));
}

/* A name with anything listed above or below hides wildcards from those below, and gets its own. */
static void dump_name(struct dump *dump, const struct rbl_subset *subset, struct span key)
{
	struct rbl_named self = rbl_index_name(&subset->index, key);
	struct rbl_named below = named_below(&subset->index, key);
	char subject[RBL_NAME_TEXT_SIZE + 1];

	if (self.answer != 0 && key.len != 0) {
		subject[rbl_key_print(span_first(key, self.entry_len), subject)] = '\0';
		dump->owner[rbl_key_print(key, dump->owner)] = '\0';
		dump_answer(dump, subset, self.answer, subject);
	}
	if (below.answer == 0 || key.len > NAME_KEY_SIZE - 2)
		return;
	subject[rbl_key_print(span_first(key, below.entry_len), subject)] = '\0';
	memcpy(dump->owner, "*.", 2);
	dump->owner[2 + rbl_key_print(key, dump->owner + 2)] = '\0';
	if (key.len == 0)
		dump->owner[1] = '\0';
	dump_answer(dump, subset, below.answer, subject);
}

static void dump_generic(struct dump *dump, const struct rbl_generic *generic)
{
	struct rbl_sink none = {.record = dump_record, .arg = dump};

	for (size_t i = 0; i < rbl_generic_count(generic); i++) {
		struct span key = rbl_generic_key(generic, i);

		dump->owner[rbl_key_print(key, dump->owner)] = '\0';
		if (key.len == 0)
			memcpy(dump->owner, "@", 2);
		rbl_generic_give(generic, i, &none);
	}
}

/* ---- zones ---- */

static void dump_subset(void *arg, struct span subzone, const struct rbl_subset *subset)
{
	struct dump *dump = arg;
	uint8_t wire[RBL_NAME_SIZE + 1] = {0};
	char text[DNS_NAME_TEXT_SIZE];
	size_t names = subset->type == RBL_DNSET ? rbl_index_names_len(&subset->index) : 0;

	if (subzone.len != 0)
		memcpy(wire, subzone.ptr, subzone.len);
	fprintf(dump->out, "$ORIGIN\t%s%s%s.\n",
		subzone.len != 0 ? wire_print(span_of(wire, subzone.len + 1), text) : "",
		subzone.len != 0 ? "." : "", dump->zone);
	if (subset->type == RBL_GENERIC)
		dump_generic(dump, subset->generic);
	else if (subset->type != RBL_DNSET)
		dump_addresses(dump, subset);
	for (uint32_t i = 0; i < names; i++)
		dump_name(dump, subset, rbl_index_names_key(&subset->index, i));
}

static void dump_soa(FILE *out, const struct rbl_zone *zone)
{
	char server[DNS_NAME_TEXT_SIZE], mailbox[DNS_NAME_TEXT_SIZE];
	struct dns_name name;
	struct reader reader;
	size_t at = 0;

	if (!zone->has_soa || dns_name_decode(zone->soa, &at, &name) < 0)
		return;
	dns_name_print(&name, server);
	if (dns_name_decode(zone->soa, &at, &name) < 0)
		return;
	dns_name_print(&name, mailbox);
	reader = reader_of(span_from(zone->soa, at));
	fprintf(out, "@\t%" PRIu32 "\tSOA\t%s.\t%s.\t(", zone->soa_ttl_s, server, mailbox);
	for (unsigned i = 0; i < 5; i++)
		fprintf(out, "%s%" PRIu32, i != 0 ? " " : "", reader_u32(&reader));
	fputs(")\n", out);
}

static void dump_zone(FILE *out, const char *name, const struct rbl_zone *zone)
{
	struct dump dump = {.out = out, .zone = name};
	char text[DNS_NAME_TEXT_SIZE];

	fprintf(out, "$ORIGIN\t%s.\n", name);
	dump_soa(out, zone);
	for (size_t i = 0; i < zone->servers_len; i++)
		fprintf(out, "@\t%" PRIu32 "\tNS\t%s.\n", zone->servers_ttl_s,
			dns_name_print(&zone->servers[i].name, text));
	for (size_t i = 0; i < zone->sets_len; i++)
		rbl_dataset_walk(zone->sets[i], dump_subset, &dump);
}

void rbl_dump(const struct rbl_plan *plan, const struct rbl_table *table, FILE *out)
{
	for (size_t i = 0; i < table->zones_len; i++)
		dump_zone(out, plan->zones[i].name, &table->zones[i]);
}
