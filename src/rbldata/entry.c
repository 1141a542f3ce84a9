/* SPDX-License-Identifier: ISC */
#include "rbldata/entry.h"

#include <stdio.h>

#include "base/macro.h"
#include "rbldata/rbl_template.h"

enum { EXCLUDED_HOST_BITS = 128, HALF_BITS = 64, IPV6_BYTES = 16 };

const struct rbl_value rbl_value_standard = {.a = {127, 0, 0, 2}};

int rbl_offend(struct rbl_offence *offence, const uint8_t *at, const char *text)
{
	offence->text = text;
	offence->at = at;
	offence->is_bad = true;
	return E_PARSE;
}

/* ---- Values ---- */

static void text_take(struct span text, struct rbl_value *value, struct rbl_offence *offence)
{
	if (text.len > RBL_TEMPLATE_MAX) {
		offence->text = "the text is cut after 255 bytes";
		offence->at = text.ptr + RBL_TEMPLATE_MAX;
	}
	value->text = span_first(text, RBL_TEMPLATE_MAX);
}

/* ":a:text", ":a" (with the default text), or a text alone (with the default A). */
static int value_read(struct rbl_cursor *cursor, const struct rbl_value *standard,
	struct rbl_value *ret_value, struct rbl_offence *offence)
{
	struct rbl_value value = *standard;
	const uint8_t *start = cursor->ptr;

	if (rbl_peek(cursor) != ':') {
		text_take(rbl_rest(cursor), &value, offence);
		*ret_value = value;
		return 0;
	}
	cursor->ptr++;
	if (rbl_a_read(cursor, value.a) < 0)
		return rbl_offend(offence, start, "invalid A value");
	rbl_skip_blanks(cursor);
	if (rbl_peek(cursor) == ':') {
		cursor->ptr++;
		rbl_skip_blanks(cursor);
		text_take(rbl_rest(cursor), &value, offence);
	} else if (cursor->ptr != cursor->end) {
		return rbl_offend(offence, cursor->ptr, "expected ':' behind the A value");
	}
	*ret_value = value;
	return 0;
}

static const struct {
	const char *name;
	enum rbl_word word;
} words[] = {{"ignore", RBL_WORD_IGNORE}, {"blackhole", RBL_WORD_IGNORE},
	{"refuse", RBL_WORD_REFUSE}, {"empty", RBL_WORD_EMPTY}, {"pass", RBL_WORD_PASS}};

/* A word up to a blank, a colon or a comment; RBL_WORD_NONE when it is none of them. */
static enum rbl_word word_find(struct span s)
{
	size_t len = 0;

	while (len < s.len && !rbl_is_blank(s.ptr[len]) && !rbl_is_comment(s.ptr[len]) &&
		s.ptr[len] != ':')
		len++;
	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (span_equal_nocase(span_first(s, len), span_text(words[i].name)))
			return words[i].word;
	}
	return RBL_WORD_NONE;
}

/* An acl has ":word" and "=word" too. */
static int value_or_word_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	uint8_t first = rbl_peek(cursor);

	if (rules->type == RBL_ACL && (first == ':' || first == '=')) {
		entry->word = word_find(span_from(rbl_rest(cursor), 1));
		if (entry->word != RBL_WORD_NONE)
			return 0;
		if (first == '=')
			return rbl_offend(offence, cursor->ptr, "unknown keyword");
	}
	return value_read(cursor, rules->default_value, &entry->value, offence);
}

/* What follows the address or name: nothing or a comment for the default. */
static int rest_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	if (cursor->ptr == cursor->end || rbl_is_comment(*cursor->ptr)) {
		entry->by_default = true;
		entry->value = *rules->default_value;
		entry->word = rules->default_word;
		entry->value_column = 0;
		return 0;
	}
	return value_or_word_read(cursor, rules, entry, offence);
}

/* ---- Addresses ---- */

static bool is_end_of_address(const struct rbl_cursor *cursor)
{
	uint8_t next = rbl_peek(cursor);

	return cursor->ptr == cursor->end || rbl_is_blank(next) || rbl_is_comment(next) ||
	       next == ':';
}

static int range4_check(struct rbl_entry *entry, const uint8_t *start,
	const struct rbl_entry_rules *rules, struct rbl_offence *offence)
{
	uint64_t count = (uint64_t)entry->last - entry->first + 1;
	uint32_t mask = rbl_mask4(entry->bits);

	if (!rules->host_bits && (entry->first & ~mask) != 0)
		return rbl_offend(
			offence, start, "the address has bits behind the length of the network");
	entry->first &= mask;
	if (rules->range4_max == 0 || count <= rules->range4_max)
		return 0;
	snprintf(offence->buffer, sizeof(offence->buffer),
		"a range of %llu addresses, where $MAXRANGE4 allows %llu",
		(unsigned long long)count, (unsigned long long)rules->range4_max);
	return rbl_offend(offence, start, offence->buffer);
}

/* ip4set takes ranges, but not the length 0; the tries take prefixes, and that as well. */
static int ip4_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	int bits;

	entry->ground = RBL_GROUND_V4;
	bits = rules->type == RBL_IP4SET ? rbl_range4_read(cursor, &entry->first, &entry->last)
					 : rbl_cidr4_read(cursor, &entry->first);
	if (bits < 0 || !is_end_of_address(cursor))
		return rbl_offend(offence, cursor->ptr, "invalid address");
	if (bits == 0 && rules->type == RBL_IP4SET)
		return rbl_offend(offence, start, "the length 0 is all addresses");
	entry->bits = (uint8_t)bits;
	if (rules->type != RBL_IP4SET)
		entry->last = entry->first | ~rbl_mask4(entry->bits);
	return range4_check(entry, start, rules, offence);
}

static int ip6_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	int bits = rbl_cidr6_read(cursor, &entry->v6);
	struct ip given = entry->v6;

	entry->ground = RBL_GROUND_V6;
	if (bits < 0 || !is_end_of_address(cursor))
		return rbl_offend(offence, cursor->ptr, "invalid address");
	entry->bits = (uint8_t)bits;
	entry->v6 = prefix_of(given, entry->bits).ip;
	if (!ip_equal(given, entry->v6) && !rules->host_bits)
		return rbl_offend(
			offence, start, "the address has bits behind the length of the network");
	return 0;
}

/* ip4tset: whole addresses; whatever stands behind them is no value. */
static int ip4t_read(
	struct rbl_cursor *cursor, struct rbl_entry *entry, struct rbl_offence *offence)
{
	entry->ground = RBL_GROUND_V4;
	entry->by_default = true;
	entry->bits = 32;
	if (rbl_octets_read(cursor, &entry->first) != 32 || !is_end_of_address(cursor))
		return rbl_offend(offence, cursor->ptr, "expected a whole IPv4 address");
	entry->last = entry->first;
	return 0;
}

static int ip6t_read(
	struct rbl_cursor *cursor, struct rbl_entry *entry, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	int bits = rbl_groups_read(cursor, &entry->v6);

	entry->ground = RBL_GROUND_V6;
	entry->by_default = true;
	if (bits < 0 || !is_end_of_address(cursor))
		return rbl_offend(offence, cursor->ptr, "invalid address");
	if (bits != (entry->excluded ? EXCLUDED_HOST_BITS : HALF_BITS))
		return rbl_offend(offence, start,
			entry->excluded ? "an exclusion is a whole address (128 bits)"
					: "an entry is half an address (64 bits, four groups)");
	entry->bits = (uint8_t)bits;
	return 0;
}

/* An acl has both families. */
static int acl_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	struct rbl_cursor start = *cursor;
	uint32_t address;

	if (rbl_cidr4_read(cursor, &address) >= 0 && is_end_of_address(cursor)) {
		*cursor = start;
		return ip4_read(cursor, rules, entry, offence);
	}
	*cursor = start;
	return ip6_read(cursor, rules, entry, offence);
}

/* ---- Names ---- */

static int dnset_read(
	struct rbl_cursor *cursor, struct rbl_entry *entry, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	uint8_t wire[RBL_NAME_SIZE];
	int len;

	entry->ground = RBL_GROUND_NAME;
	entry->covers = RBL_COVERS_SELF;
	if (rbl_peek(cursor) == '.') {
		entry->covers |= RBL_COVERS_BELOW;
		cursor->ptr++;
	} else if (cursor->end - cursor->ptr >= 2 && cursor->ptr[0] == '*' &&
		   cursor->ptr[1] == '.') {
		entry->covers = RBL_COVERS_BELOW;
		cursor->ptr += 2;
	}
	len = rbl_name_read(cursor, wire);
	if (len > 1) /* nothing would be every name */
		len = rbl_name_key(span_of(wire, (size_t)len), entry->key);
	else
		len = E_PARSE;
	if (len < 0)
		return rbl_offend(offence, start, "invalid domain name");
	entry->key_len = (uint8_t)len;
	return 0;
}

/* ---- Lines ---- */

/* ":..." sets the default; "::1" is an address where those of IPv6 may stand. */
static bool is_default(struct span line, enum rbl_type type)
{
	if (type == RBL_ACL && line.ptr[0] == '=')
		return true;
	if (line.ptr[0] != ':')
		return false;
	return !((type == RBL_IP6TRIE || type == RBL_ACL) && line.len > 1 && line.ptr[1] == ':');
}

static int default_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	struct rbl_entry_rules standard = *rules;

	/* What a default line leaves out is the standard's, not the last default's; but for acl. */
	if (rules->type != RBL_ACL)
		standard.default_value = &rbl_value_standard;
	entry->ground = RBL_GROUND_DEFAULT;
	entry->value_column = 1;
	return value_or_word_read(cursor, &standard, entry, offence);
}

static int ground_read(struct rbl_cursor *cursor, const struct rbl_entry_rules *rules,
	struct rbl_entry *entry, struct rbl_offence *offence)
{
	switch (rules->type) {
	case RBL_IP4SET:
	case RBL_IP4TRIE:
		return ip4_read(cursor, rules, entry, offence);
	case RBL_IP4TSET:
		return ip4t_read(cursor, entry, offence);
	case RBL_IP6TRIE:
		return ip6_read(cursor, rules, entry, offence);
	case RBL_IP6TSET:
		return ip6t_read(cursor, entry, offence);
	case RBL_DNSET:
		return dnset_read(cursor, entry, offence);
	case RBL_ACL:
		return acl_read(cursor, rules, entry, offence);
	case RBL_GENERIC:
	case RBL_COMBINED:
	case RBL_TYPES:
		break;
	}
	return E_BUG;
}

int rbl_entry_read(struct span line, const struct rbl_entry_rules *rules,
	struct rbl_entry *ret_entry, struct rbl_offence *ret_offence)
{
	struct rbl_cursor cursor = rbl_cursor_of(line);
	bool may_exclude = rules->type != RBL_IP4TSET && rules->type != RBL_ACL;
	int r;

	*ret_offence = (struct rbl_offence){0};
	*ret_entry = (struct rbl_entry){0};
	if (is_default(line, rules->type))
		return default_read(&cursor, rules, ret_entry, ret_offence);
	if (may_exclude && rbl_peek(&cursor) == '!') {
		ret_entry->excluded = true;
		cursor.ptr++;
		rbl_skip_blanks(&cursor);
	}
	ret_entry->column = (unsigned)(cursor.ptr - line.ptr) + 1;
	r = ground_read(&cursor, rules, ret_entry, ret_offence);
	if (r < 0 || ret_entry->by_default || ret_entry->excluded)
		return r;
	rbl_skip_blanks(&cursor);
	ret_entry->value_column = (unsigned)(cursor.ptr - line.ptr) + 1;
	return rest_read(&cursor, rules, ret_entry, ret_offence);
}
