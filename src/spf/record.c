/* SPDX-License-Identifier: ISC */
#include "spf/record.h"

#include "base/macro.h"
#include "spf/macro.h"

static const char version[] = "v=spf1";

bool spf_record_is(struct span text)
{
	size_t len = sizeof(version) - 1;

	return span_has_prefix_nocase(text, version) && (text.len == len || text.ptr[len] == ' ');
}

const char *spf_result_name(enum spf_result result)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
		[SPF_UNANSWERED] = "unanswered",
	};

	return names[result];
}

/* ---- the parts of a term ---- */

/* Letters, digits, "-", "_", "." behind a letter: the name of a mechanism or modifier. */
static size_t name_len(struct span term)
{
	size_t len = 0;

	if (term.len == 0 || !ascii_is_alpha(term.ptr[0]))
		return 0;
	while (len < term.len && span_is_word(span_of(term.ptr + len, 1), "-_."))
		len++;
	return len;
}

static enum spf_result take_qualifier(struct span *term)
{
	static const char signs[] = "+-~?";
	static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
	size_t i = term->len != 0 ? span_find(span_text(signs), term->ptr[0]) : COUNTOF(results);

	if (i >= COUNTOF(results))
		return SPF_PASS;
	*term = span_from(*term, 1);
	return results[i];
}

/* "0", or digits without a zero before them. */
static int bits_parse(struct span digits, uint64_t most, uint8_t *ret_bits)
{
	uint64_t value;

	if ((digits.len > 1 && digits.ptr[0] == '0') || span_parse_u64(digits, most, &value) < 0)
		return E_PARSE;
	*ret_bits = (uint8_t)value;
	return 0;
}

/* Where a part of slashes and digits at the end begins. */
static size_t lengths_at(struct span text)
{
	size_t at = text.len;

	while (at != 0 && (ascii_is_digit(text.ptr[at - 1]) || text.ptr[at - 1] == '/'))
		at--;
	while (at < text.len && text.ptr[at] != '/') /* digits of a name */
		at++;
	return at;
}

/* "/24", "//64", "/24//64"; which are cut off. */
static int take_lengths(struct span *text, struct spf_term *term)
{
	size_t at = lengths_at(*text);
	struct span lengths = span_from(*text, at);
	size_t v6_at = span_find_text(lengths, "//");
	struct span v4 = span_first(lengths, v6_at);
	uint8_t bits;

	*text = span_first(*text, at);
	term->v4_bits = term->v6_bits = 128;
	if (v4.len != 0) {
		if (bits_parse(span_from(v4, 1), 32, &bits) < 0)
			return E_PARSE;
		term->v4_bits = (uint8_t)(IP_V4_BITS + bits);
	}
	if (v6_at < lengths.len &&
		bits_parse(span_from(lengths, v6_at + 2), 128, &term->v6_bits) < 0)
		return E_PARSE;
	return 0;
}

/* ---- mechanisms: the text behind the name ---- */

static int read_end(struct span text, struct spf_term *term)
{
	(void)term;
	return text.len == 0 ? 0 : E_PARSE;
}

/* ":" domain-spec. */
static int read_domain(struct span text, struct spf_term *term)
{
	if (text.len == 0 || text.ptr[0] != ':')
		return E_PARSE;
	term->domain = span_from(text, 1);
	return spf_macro_check_domain(term->domain);
}

static int read_domain_or_none(struct span text, struct spf_term *term)
{
	return text.len == 0 ? 0 : read_domain(text, term);
}

static int read_domain_and_lengths(struct span text, struct spf_term *term)
{
	return take_lengths(&text, term) < 0 ? E_PARSE : read_domain_or_none(text, term);
}

static int read_network(struct span text, struct spf_term *term, unsigned shortest)
{
	struct span address;
	struct ip ip;
	uint8_t bits = (uint8_t)(128 - shortest);

	if (text.len == 0 || text.ptr[0] != ':')
		return E_PARSE;
	text = span_from(text, 1);
	address = span_first(text, span_find(text, '/'));
	if (address.len < text.len &&
		bits_parse(span_from(text, address.len + 1), 128 - shortest, &bits) < 0)
		return E_PARSE;
	if (ip_parse(address, &ip) < 0)
		return E_PARSE;
	/* an IPv6 form in "ip4:", or the other way round */
	if ((span_find(address, ':') == address.len) != (shortest == IP_V4_BITS))
		return E_PARSE;
	term->network = prefix_of(ip, shortest + bits);
	return 0;
}

static int read_ip4(struct span text, struct spf_term *term)
{
	return read_network(text, term, IP_V4_BITS);
}

static int read_ip6(struct span text, struct spf_term *term)
{
	return read_network(text, term, 0);
}

static const struct mechanism {
	const char *name;
	int (*read)(struct span text, struct spf_term *term);
} mechanisms[] = {
	[SPF_ALL] = {"all", read_end},
	[SPF_INCLUDE] = {"include", read_domain},
	[SPF_A] = {"a", read_domain_and_lengths},
	[SPF_MX] = {"mx", read_domain_and_lengths},
	[SPF_PTR] = {"ptr", read_domain_or_none},
	[SPF_IP4] = {"ip4", read_ip4},
	[SPF_IP6] = {"ip6", read_ip6},
	[SPF_EXISTS] = {"exists", read_domain},
};

static int read_directive(struct span text, struct spf_term *ret_term)
{
	struct span name;

	*ret_term = (struct spf_term){.text = text};
	ret_term->result = take_qualifier(&text);
	name = span_first(text, name_len(text));
	for (size_t i = 0; i < COUNTOF(mechanisms); i++) {
		if (!span_equal_nocase(name, span_text(mechanisms[i].name)))
			continue;
		ret_term->mechanism = (enum spf_mechanism)i;
		return mechanisms[i].read(span_from(text, name.len), ret_term);
	}
	return E_PARSE;
}

/* ---- modifiers ---- */

static bool is_modifier(struct span term)
{
	size_t len = name_len(term);

	return len != 0 && len < term.len && term.ptr[len] == '=';
}

/* At most once each (section 6). */
static int set_once(struct span value, struct span *modifier)
{
	if (modifier->len != 0 || spf_macro_check_domain(value) < 0)
		return E_PARSE;
	*modifier = value;
	return 0;
}

static int read_modifier(struct span term, struct spf_record *record)
{
	struct span name = span_first(term, name_len(term));
	struct span value = span_from(term, name.len + 1);

	if (span_equal_nocase(name, span_text("redirect")))
		return set_once(value, &record->redirect);
	if (span_equal_nocase(name, span_text("exp")))
		return set_once(value, &record->explanation);
	return spf_macro_check(value, SPF_IN_MODIFIER);
}

/* ---- a record ---- */

/* Blanks are the only separator. */
static bool next_text(struct span *rest, struct span *ret_text)
{
	do {
		if (rest->len == 0)
			return false;
		*ret_text = span_split(rest, ' ');
	} while (ret_text->len == 0);
	return true;
}

int spf_record_read(struct span text, struct spf_record *ret_record, struct span *ret_wrong)
{
	struct spf_record record = {.terms = span_from(text, sizeof(version) - 1)};
	struct span rest = record.terms, word;

	while (next_text(&rest, &word)) {
		struct spf_term term;

		if ((is_modifier(word) ? read_modifier(word, &record)
				       : read_directive(word, &term)) < 0) {
			*ret_wrong = word;
			return E_PARSE;
		}
	}
	*ret_record = record;
	return 0;
}

bool spf_record_next(struct span *rest, struct spf_term *ret_term)
{
	struct span word;

	while (next_text(rest, &word)) {
		if (!is_modifier(word))
			return read_directive(word, ret_term) == 0;
	}
	return false;
}
