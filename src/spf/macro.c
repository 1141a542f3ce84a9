/* SPDX-License-Identifier: ISC */
#include "spf/macro.h"

#include <inttypes.h>
#include <limits.h>

#include "base/macro.h"

enum { PARTS_MAX = 128, LITERAL = 0 };

/* One step through a macro-string: a literal octet, or a macro. */
struct token {
	uint8_t letter;  /* lower case; LITERAL */
	uint8_t octet;   /* of a literal, or the sign behind "%": '%', '_', '-' */
	bool is_macro;   /* "%{...}" or "%" with a sign */
	bool is_escaped; /* the letter was upper case: for URLs */
	bool is_reversed;
	unsigned keep; /* parts from the right; 0: all */
	struct span delimiters;
};

/* digits, "r", delimiters, "}" (section 7.1: transformers and delimiter). */
static int token_read_transformers(struct span *rest, struct token *token)
{
	static const char delimiters[] = ".-+,/_=";
	size_t digits = 0, end = 0;
	uint64_t keep = 0;

	while (digits < rest->len && ascii_is_digit(rest->ptr[digits]))
		digits++;
	if (digits != 0 &&
		(span_parse_u64(span_first(*rest, digits), INT32_MAX, &keep) < 0 || keep == 0))
		return E_PARSE;
	token->keep = (unsigned)keep;
	*rest = span_from(*rest, digits);
	token->is_reversed = rest->len != 0 && ascii_lower(rest->ptr[0]) == 'r';
	*rest = span_from(*rest, token->is_reversed);
	while (end < rest->len && rest->ptr[end] != '}') {
		if (span_find(span_text(delimiters), rest->ptr[end]) == sizeof(delimiters) - 1)
			return E_PARSE;
		end++;
	}
	if (end == rest->len)
		return E_PARSE;
	token->delimiters = span_first(*rest, end);
	*rest = span_from(*rest, end + 1);
	return 0;
}

/* Behind "%". */
static int token_read_macro(struct span *rest, struct token *token)
{
	token->is_macro = true;
	if (rest->len == 0)
		return E_PARSE;
	token->octet = rest->ptr[0];
	*rest = span_from(*rest, 1);
	if (token->octet != '{')
		return token->octet == '%' || token->octet == '_' || token->octet == '-' ? 0
											 : E_PARSE;
	if (rest->len == 0 || !ascii_is_alpha(rest->ptr[0]))
		return E_PARSE;
	token->letter = ascii_lower(rest->ptr[0]);
	token->is_escaped = token->letter != rest->ptr[0];
	*rest = span_from(*rest, 1);
	return token_read_transformers(rest, token);
}

/* 1, 0 at the end, E_PARSE. */
static int token_next(struct span *rest, struct token *ret_token)
{
	*ret_token = (struct token){.letter = LITERAL};
	if (rest->len == 0)
		return 0;
	ret_token->octet = rest->ptr[0];
	*rest = span_from(*rest, 1);
	if (ret_token->octet == '%')
		return token_read_macro(rest, ret_token) < 0 ? E_PARSE : 1;
	return 1;
}

static bool token_fits(const struct token *token, enum spf_macro_place place)
{
	static const char letters[] = "slodipvh", more[] = "crt";

	if (token->letter != LITERAL)
		return span_find(span_text(letters), token->letter) < sizeof(letters) - 1 ||
		       (place == SPF_IN_EXPLANATION &&
			       span_find(span_text(more), token->letter) < sizeof(more) - 1);
	return token->is_macro || (token->octet > 0x20 && token->octet < 0x7f) ||
	       (token->octet == ' ' && place == SPF_IN_EXPLANATION);
}

int spf_macro_check(struct span text, enum spf_macro_place place)
{
	struct token token;
	int r;

	while ((r = token_next(&text, &token)) > 0) {
		if (!token_fits(&token, place))
			return E_PARSE;
	}
	return r;
}

/* The literal octets behind the last macro. */
static struct span last_literal(struct span text)
{
	struct span rest = text, literal = text;
	struct token token;

	while (token_next(&rest, &token) > 0) {
		if (token.is_macro)
			literal = rest;
	}
	return literal;
}

/* Letters, digits and inner hyphens, not digits alone. */
static bool is_top_label(struct span label)
{
	bool is_number = true;

	if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-' ||
		!span_is_word(label, "-"))
		return false;
	for (size_t i = 0; i < label.len; i++)
		is_number &= ascii_is_digit(label.ptr[i]);
	return !is_number;
}

int spf_macro_check_domain(struct span text)
{
	struct span literal = last_literal(text), label = literal;
	bool has_dot = false;

	if (text.len == 0 || spf_macro_check(text, SPF_IN_DOMAIN) < 0)
		return E_PARSE;
	if (literal.len == 0)
		return 0;
	if (literal.ptr[literal.len - 1] == '.')
		literal = span_first(literal, literal.len - 1);
	while (span_find(literal, '.') < literal.len) {
		span_split(&literal, '.');
		has_dot = true;
	}
	label = literal;
	return has_dot && is_top_label(label) ? 0 : E_PARSE;
}

bool spf_macro_has_validated(struct span text)
{
	struct token token;

	while (token_next(&text, &token) > 0) {
		if (token.letter == 'p')
			return true;
	}
	return false;
}

/* ---- values ---- */

/* In the letter case of the published test suite; to DNS it is all one. */
static void append_nibbles(struct ip ip, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < 2 * sizeof(ip.b); i++) {
		unsigned nibble = (unsigned)(ip.b[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xf;

		if (i != 0)
			buf_append_byte(out, '.');
		buf_append_byte(out, (uint8_t)digits[nibble]);
	}
}

static void append_sender(const struct spf_scope *scope, struct buf *out)
{
	buf_append(out, scope->local);
	buf_append_byte(out, '@');
	buf_append(out, scope->sender_domain);
}

static void append_client(const struct spf_scope *scope, struct buf *out)
{
	char text[IP_TEXT_SIZE];

	buf_append_text(out, ip_print(scope->client, text));
}

static void append_letter(uint8_t letter, const struct spf_scope *scope, struct buf *out)
{
	switch (letter) {
	case 's':
		append_sender(scope, out);
		break;
	case 'l':
		buf_append(out, scope->local);
		break;
	case 'o':
		buf_append(out, scope->sender_domain);
		break;
	case 'd':
		buf_append(out, scope->domain);
		break;
	case 'i':
		if (ip_is_v4(scope->client))
			append_client(scope, out);
		else
			append_nibbles(scope->client, out);
		break;
	case 'p':
		buf_append(out, scope->validated);
		break;
	case 'v':
		buf_append_text(out, ip_is_v4(scope->client) ? "in-addr" : "ip6");
		break;
	case 'h':
		buf_append(out, scope->helo);
		break;
	case 'c':
		append_client(scope, out);
		break;
	case 'r':
		buf_append(out, scope->receiver);
		break;
	case 't':
		buf_append_format(out, "%" PRId64, scope->now_s);
		break;
	default:
		break;
	}
}

/* The parts between delimiters, as many as there is room for; the last takes the rest. */
static size_t split_parts(struct span value, struct span delimiters, struct span parts[PARTS_MAX])
{
	size_t len = 0, from = 0;

	for (size_t i = 0; i < value.len && len < PARTS_MAX - 1; i++) {
		if (span_find(delimiters, value.ptr[i]) == delimiters.len)
			continue;
		parts[len++] = span_of(value.ptr + from, i - from);
		from = i + 1;
	}
	parts[len++] = span_from(value, from);
	return len;
}

/* Section 7.3: everything but the unreserved characters of RFC 3986. */
static void append_escaped(struct span part, bool is_escaped, struct buf *out)
{
	for (size_t i = 0; i < part.len; i++) {
		if (!is_escaped || span_is_word(span_of(part.ptr + i, 1), "-._~"))
			buf_append_byte(out, part.ptr[i]);
		else
			buf_append_format(out, "%%%02X", part.ptr[i]);
	}
}

static void append_parts(const struct token *token, struct span value, struct buf *out)
{
	struct span parts[PARTS_MAX];
	struct span delimiters = token->delimiters.len != 0 ? token->delimiters : span_text(".");
	size_t len = split_parts(value, delimiters, parts);
	size_t first = token->keep != 0 && token->keep < len ? len - token->keep : 0;

	for (size_t i = first; i < len; i++) {
		if (i != first)
			buf_append_byte(out, '.');
		/* kept from the right of what the reversal made */
		append_escaped(parts[token->is_reversed ? len - 1 - i : i], token->is_escaped, out);
	}
}

static void expand_letter(const struct token *token, const struct spf_scope *scope, struct buf *out)
{
	struct buf value;

	buf_init(&value, out->limit);
	append_letter(token->letter, scope, &value);
	if (value.bad)
		out->bad = true;
	if (token->keep != 0 || token->is_reversed || token->delimiters.len != 0)
		append_parts(token, buf_span(&value), out);
	else
		append_escaped(buf_span(&value), token->is_escaped, out);
	buf_done(&value);
}

static void expand_sign(uint8_t sign, struct buf *out)
{
	buf_append_text(out, sign == '%' ? "%" : sign == '_' ? " " : "%20");
}

void spf_macro_expand(struct span text, const struct spf_scope *scope, struct buf *out)
{
	struct token token;

	while (token_next(&text, &token) > 0 && !out->bad) {
		if (token.letter != LITERAL)
			expand_letter(&token, scope, out);
		else if (token.is_macro)
			expand_sign(token.octet, out);
		else
			buf_append_byte(out, token.octet);
	}
}
