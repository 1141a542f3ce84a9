/* SPDX-License-Identifier: ISC */
/* Lines of rbldnsd. What is written is painted ground: disjoint pieces, each with its whole answer.
 * So nothing depends on how rbldnsd weighs nested entries, and a hole needs no exclusion but where
 * a format has no other way. */
#include "cli/list_export_lines.h"

#include <string.h>

#include "cli/output.h"
#include "rbldata/address.h"
#include "rbldata/rbl_template.h"

enum {
	VALUE_SIZE = 2 * MATCH_STRING_MAX + 32,
	/* addresses (/64s) that one piece may become where a format has no networks */
	EXPANDED_MAX = 65536,
	HOLE_MAX = 1024 /* excluded addresses of one hole in a /64 */
};

/* Stands for "$" while texts are made: no list holds this address. */
#define MARKER "255.255.255.254"

/* The values of a piece, as they are written behind it. */
struct values {
	size_t len;
	char text[ZONE_SUBLISTS_MAX][VALUE_SIZE];
};

/* "$" is written "$$"; the marker becomes "$". A leading "=" would be taken for a sign. */
static void text_escape(struct span text, char *out)
{
	size_t marker = strlen(MARKER);

	if (text.len != 0 && text.ptr[0] == '=')
		*out++ = '=';
	while (text.len != 0) {
		if (span_equal_text(span_first(text, marker), MARKER)) {
			*out++ = '$';
			text = span_from(text, marker);
			continue;
		}
		if (text.ptr[0] == '$')
			*out++ = '$';
		*out++ = (char)text.ptr[0];
		text = span_from(text, 1);
	}
	*out = '\0';
}

/* rbldnsd answers every A and TXT of an address's values, whichever of them stand together. */
static void values_make(const struct export *export, const struct zone_match *match,
	const struct text_subject *subject, struct values *ret_values)
{
	uint8_t codes[ZONE_SUBLISTS_MAX][4];
	size_t codes_len = match_a_records(export->binding, match, codes);
	struct match_txt texts;

	match_txt(export->binding, match, subject, &texts);
	ret_values->len = codes_len > texts.len ? codes_len : texts.len;
	for (size_t i = 0; i < ret_values->len; i++) {
		const uint8_t *code = codes[i < codes_len ? i : codes_len - 1];
		char escaped[2 * MATCH_STRING_MAX] = "";

		if (i < texts.len)
			text_escape(span_first(span_of(texts.strings[i] + 1, texts.strings[i][0]),
					    RBL_TEXT_MAX),
				escaped);
		snprintf(ret_values->text[i], VALUE_SIZE, ":%u.%u.%u.%u:%s", code[0], code[1],
			code[2], code[3], escaped);
	}
}

/* Those of the piece before: most often the next one has the same. */
struct kept_values {
	struct zone_match match;
	struct values values;
};

/* With "$" where the texts name the address. Until the next call. */
static const struct values *values_of_any(
	const struct export *export, const struct zone_match *match)
{
	struct text_subject subject = {
		.is_net = true, .net = prefix_of(ip_from_v4(0xfffffffe), 128)};
	struct kept_values *kept = export->kept;

	if (kept->values.len == 0 || !match_equal(&kept->match, match)) {
		values_make(export, match, &subject, &kept->values);
		kept->match = *match;
	}
	return &kept->values;
}

/* One line for each value; the value of the first entry of all becomes the default. */
static void write_entry(struct export *export, const char *ground, const struct values *values)
{
	if (!export->has_default) {
		export->has_default = true;
		snprintf(export->default_value, sizeof(export->default_value), "%s",
			values->text[0]);
		fprintf(export->out, "%s\n", export->default_value);
	}
	for (size_t i = 0; i < values->len; i++) {
		bool is_default = strcmp(values->text[i], export->default_value) == 0;

		fputs(ground, export->out);
		if (!is_default) {
			putc(' ', export->out);
			fputs(values->text[i], export->out);
		}
		putc('\n', export->out);
		export->lines++;
	}
}

static int refuse(const struct export *export, const char *ground, const char *text)
{
	return cli_fail(export->cli, E_RANGE, "%s of '%s' cannot be written as %s: %s", ground,
		export->list_name, rbl_type_name(export->format), text);
}

static int need_one_value(
	const struct export *export, const char *ground, const struct values *values)
{
	return values->len == 1 ? 0
				: refuse(export, ground,
					  "it has several answers; take ip4set, or one --sublist");
}

/* Trivial formats have one value for all. */
static int need_default(
	const struct export *export, const char *ground, const struct values *values)
{
	int code = need_one_value(export, ground, values);

	if (code == 0 && export->has_default && strcmp(values->text[0], export->default_value) != 0)
		code = refuse(export, ground, "it has another answer than the entries before it");
	return code;
}

/* ---- IPv4 ---- */

static const char *v4_print(uint32_t address, char text[IP_TEXT_SIZE])
{
	return ip_print(ip_from_v4(address), text);
}

/* The length of the largest network from first that ends at or before last, of `width` bits. */
static unsigned fit_bits(u128 first, u128 last, unsigned width)
{
	unsigned bits = width;

	while (bits > 0) {
		u128 within =
			((u128)1 << (width - bits) << 1) - 1; /* the bits behind one bit less */

		if ((first & within) != 0 || last - first < within)
			break;
		bits--;
	}
	return bits;
}

static void range_print(uint32_t first, uint32_t last, char text[2 * IP_TEXT_SIZE])
{
	unsigned bits = fit_bits(first, last, 32);
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];

	if (first == last)
		v4_print(first, text);
	else if ((first | ~rbl_mask4(bits)) == last && bits != 0)
		snprintf(text, 2 * IP_TEXT_SIZE, "%s/%u", v4_print(first, from), bits);
	else
		snprintf(
			text, 2 * IP_TEXT_SIZE, "%s-%s", v4_print(first, from), v4_print(last, to));
}

static int write_ip4set(
	struct export *export, uint32_t first, uint32_t last, const struct zone_match *match)
{
	const struct values *values = values_of_any(export, match);
	char text[2 * IP_TEXT_SIZE];

	range_print(first, last, text);
	write_entry(export, text, values);
	return 0;
}

static int write_ip4trie(
	struct export *export, uint32_t first, uint32_t last, const struct zone_match *match)
{
	const struct values *values = values_of_any(export, match);
	uint64_t at = first;
	int code = 0;

	while (at <= last && code == 0) {
		unsigned bits = fit_bits(at, last, 32);
		char address[IP_TEXT_SIZE], text[2 * IP_TEXT_SIZE];

		snprintf(text, sizeof(text), "%s/%u", v4_print((uint32_t)at, address), bits);
		if (bits == 32)
			strcpy(text, address);
		code = need_one_value(export, text, values);
		if (code == 0)
			write_entry(export, text, values);
		at += UINT64_C(1) << (32 - bits);
	}
	return code;
}

static int write_ip4tset(
	struct export *export, uint32_t first, uint32_t last, const struct zone_match *match)
{
	const struct values *values = values_of_any(export, match);
	char text[2 * IP_TEXT_SIZE];
	int code;

	range_print(first, last, text);
	if (last - first >= EXPANDED_MAX)
		return refuse(export, text, "that format has single addresses only");
	code = need_default(export, text, values);
	for (uint64_t at = first; at <= last && code == 0; at++)
		write_entry(export, v4_print((uint32_t)at, text), values);
	return code;
}

static int write_v4(
	struct export *export, uint32_t first, uint32_t last, const struct zone_match *match)
{
	if (export->format == RBL_IP4SET)
		return write_ip4set(export, first, last, match);
	if (export->format == RBL_IP4TRIE)
		return write_ip4trie(export, first, last, match);
	return write_ip4tset(export, first, last, match);
}

/* ---- IPv6 ---- */

static void v6_print(u128 key, unsigned bits, char text[RBL_IP6_TEXT_SIZE + 8])
{
	size_t len = rbl_ip6_print(key_to_ip(key), text);

	if (bits != 128)
		snprintf(text + len, 8, "/%u", bits);
}

static int write_ip6trie(
	struct export *export, u128 first, u128 last, const struct zone_match *match)
{
	int code = 0;

	for (;;) {
		unsigned bits = fit_bits(first, last, 128);
		struct text_subject subject =
			match_subject_ip(export->binding, key_to_ip(first), export->within, match);
		char text[RBL_IP6_TEXT_SIZE + 8];
		struct values values;

		values_make(export, match, &subject, &values);
		v6_print(first, bits, text);
		code = need_one_value(export, text, &values);
		if (code != 0)
			return code;
		write_entry(export, text, &values);
		if (key_last(first, bits) >= last)
			return 0;
		first = key_last(first, bits) + 1;
	}
}

/* ip6tset: the /64 that the last piece ended in the middle of, and where in it. */
struct halves {
	struct export *export;
	bool is_open;
	u128 net;  /* its first address */
	u128 from; /* what is not listed, or not known to be, begins here */
};

static int hole_write(const struct halves *halves, u128 first, u128 last)
{
	char text[RBL_IP6_TEXT_SIZE + 8];

	v6_print(first, 128, text);
	if (last - first >= HOLE_MAX)
		return refuse(halves->export, text,
			"so much of its /64 is not listed that ip6trie is the format for it");
	for (u128 at = first; at <= last; at++) {
		v6_print(at, 128, text);
		fprintf(halves->export->out, "!%s\n", text);
	}
	return 0;
}

static int halves_close(struct halves *halves)
{
	bool was_open = halves->is_open;

	halves->is_open = false;
	return was_open && halves->from >> 64 == halves->net >> 64
		       ? hole_write(halves, halves->from, halves->net | UINT64_MAX)
		       : 0;
}

static int half_write(struct halves *halves, u128 net, const struct values *values)
{
	char text[RBL_IP6_TEXT_SIZE + 8];
	int code;

	snprintf(text, sizeof(text), "%x:%x:%x:%x", (unsigned)(net >> 112) & 0xffff,
		(unsigned)(net >> 96) & 0xffff, (unsigned)(net >> 80) & 0xffff,
		(unsigned)(net >> 64) & 0xffff);
	code = need_default(halves->export, text, values);
	if (code == 0)
		write_entry(halves->export, text, values);
	return code;
}

static int write_ip6tset(
	struct halves *halves, u128 first, u128 last, const struct zone_match *match)
{
	const struct values *values = values_of_any(halves->export, match);
	int code = 0;

	if ((last >> 64) - (first >> 64) >= EXPANDED_MAX) {
		char text[RBL_IP6_TEXT_SIZE + 8];

		v6_print(first, fit_bits(first, last, 128), text);
		return refuse(halves->export, text, "it has too many /64s; take ip6trie");
	}
	for (u128 net = first >> 64 << 64; code == 0; net += (u128)1 << 64) {
		u128 from = net > first ? net : first;

		if (!halves->is_open || halves->net != net) {
			code = halves_close(halves);
			if (code == 0)
				code = half_write(halves, net, values);
			*halves = (struct halves){halves->export, true, net, net};
		} else {
			code = need_default(halves->export, "a /64", values);
		}
		if (code == 0 && from > halves->from)
			code = hole_write(halves, halves->from, from - 1);
		if (last >> 64 == net >> 64) {
			halves->from = last + 1;
			halves->is_open = (last & UINT64_MAX) != UINT64_MAX;
			return code;
		}
		halves->is_open = false;
	}
	return code;
}

/* ---- Addresses ---- */

static int addresses_write(struct export *export)
{
	bool want_v4 = (rbl_type_kinds(export->format) & RBL_KIND_V4) != 0;
	struct halves halves = {.export = export};
	struct match_range at;
	u128 from = 0;
	int code = 0;

	while (code == 0 && match_next_ip(export->binding, from, export->within, &at)) {
		if (key_is_v4(at.first) != want_v4)
			export->other_family++;
		else if (want_v4)
			code = write_v4(export, (uint32_t)at.first, (uint32_t)at.last, &at.match);
		else if (export->format == RBL_IP6TRIE)
			code = write_ip6trie(export, at.first, at.last, &at.match);
		else
			code = write_ip6tset(&halves, at.first, at.last, &at.match);
		if (at.last == ~(u128)0)
			break;
		from = at.last + 1;
	}
	return code != 0 ? code : halves_close(&halves);
}

/* RFC 5782 section 5: 127.0.0.2, and every code for the address that equals it, are listed. */
static int test_addresses_write(struct export *export)
{
	const struct zone *zone = export->binding->zone;
	bool want_v4 = (rbl_type_kinds(export->format) & RBL_KIND_V4) != 0;
	struct ip done[ZONE_SUBLISTS_MAX + 1];
	size_t done_len = 0;
	int code = 0;

	if (export->format == RBL_IP4TSET || export->format == RBL_IP6TSET)
		return 0; /* one answer for all, and the test addresses have others */
	for (size_t i = 0; i <= zone->sublists_len && code == 0; i++) {
		struct ip ip = i == 0 ? ip_from_v4(0x7f000002) : zone->sublists[i - 1].code;
		struct zone_match match;
		bool repeated = false;

		for (size_t j = 0; j < done_len; j++)
			repeated |= ip_equal(done[j], ip);
		done[done_len++] = ip;
		match_at_ip(export->binding, ip, export->within, &match);
		if (repeated || match.len == 0)
			continue;
		if (export->format != RBL_IP4SET)
			match.len = 1; /* where there is room for one answer, it is the first */
		code = want_v4 ? write_v4(export, ip_to_v4(ip), ip_to_v4(ip), &match)
			       : write_ip6trie(export, key_of_ip(ip), key_of_ip(ip), &match);
	}
	return code;
}

/* ---- Names ---- */

struct name_line {
	const char *sign; /* before the name: ".", "*." */
	struct span name;
	struct span asked; /* a name that it answers for */
	bool covered;      /* something above would answer as well */
};

/* "name :value", or an exclusion where something above would answer. */
static void name_write(
	struct export *export, const struct name_line *line, const struct zone_match *match)
{
	struct span name = line->name;
	char text[VIEW_NAME_SIZE + 4];
	struct values values;
	struct text_subject subject;

	if (match->len == 0) {
		if (line->covered)
			fprintf(export->out, "!%s%.*s\n", line->sign, (int)name.len,
				(const char *)name.ptr);
		return;
	}
	subject = match_subject_domain(export->binding, line->asked, export->within, match);
	values_make(export, match, &subject, &values);
	snprintf(text, sizeof(text), "%s%.*s", line->sign, (int)name.len, (const char *)name.ptr);
	write_entry(export, text, &values);
}

static void domain_write(struct export *export, const char *domain)
{
	struct span name = span_text(domain), above = name;
	char child[VIEW_NAME_SIZE + 4];
	struct zone_match self, below, covering = {.len = 0};
	bool same, covered;

	(void)span_split(&above, '.');
	match_at_domain(export->binding, name, export->within, &self);
	match_below_domain(export->binding, name, export->within, &below);
	if (above.len != 0)
		match_below_domain(export->binding, above, export->within, &covering);
	covered = covering.len != 0;
	same = self.len != 0 && match_equal(&self, &below) &&
	       !match_names_source(export->binding, &self);
	snprintf(child, sizeof(child), "x.%s", domain);
	if (same) {
		name_write(export, &(struct name_line){".", name, name, false}, &self);
		return;
	}
	name_write(export, &(struct name_line){"", name, name, covered}, &self);
	name_write(export, &(struct name_line){"*.", name, span_text(child), covered}, &below);
}

static int names_write_all(struct export *export)
{
	char domain[VIEW_NAME_SIZE] = "";
	struct zone_match match;

	while (match_next_domain(export->binding, span_text(domain), domain))
		domain_write(export, domain);
	match_at_domain(export->binding, span_text("test"), export->within, &match);
	if (match.len != 0)
		name_write(export,
			&(struct name_line){"", span_text("test"), span_text("test"), false},
			&match);
	return 0;
}

int export_lines(struct export *export)
{
	int code;

	export->kept = arena_alloc(export->cli->arena, sizeof(*export->kept));
	if (export->format == RBL_DNSET)
		return names_write_all(export);
	code = addresses_write(export);
	return code != 0 ? code : test_addresses_write(export);
}
