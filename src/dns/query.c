/* SPDX-License-Identifier: ISC */
#include "dns/query.h"

#include "dns/cookie.h"

#include "base/macro.h"

/*
 * This is the first thing done with every datagram, so it reads octets directly. The rule that
 * keeps it safe is one: nothing is read at an offset before that offset was compared with the
 * length on the line above.
 */
/* Walks the labels of the question; the offset behind the root label, or 0. A question is never
 * compressed. */
static size_t query_walk_name(struct span bytes, struct dns_query *query)
{
	size_t at = DNS_HEADER_SIZE;
	unsigned labels = 0;

	while (at < bytes.len) {
		uint8_t len = bytes.ptr[at];

		if (at - DNS_HEADER_SIZE + len + 1 > DNS_NAME_MAX || len > DNS_LABEL_MAX)
			return 0;
		query->label_at[labels] = (uint8_t)(at - DNS_HEADER_SIZE);
		at += 1 + (size_t)len;
		if (len == 0) {
			query->labels_len = (uint8_t)labels;
			return at;
		}
		labels++;
	}
	return 0;
}

/* Length octets are below 64, so folding all of it folds letters only. */
static void query_fold_name(struct dns_query *query, const uint8_t *wire, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = wire[i];

		query->name[i] = (uint8_t)(byte | ((uint8_t)(byte - 'A') < 26 ? 0x20 : 0));
	}
	query->name_len = (uint8_t)len;
}

/* The offset behind the question, or 0. */
static size_t query_take_question(struct span bytes, struct dns_query *query)
{
	size_t at = query_walk_name(bytes, query);

	if (at == 0 || bytes.len - at < 4)
		return 0;
	query_fold_name(query, bytes.ptr + DNS_HEADER_SIZE, at - DNS_HEADER_SIZE);
	query->type = octets_u16(bytes.ptr + at);
	query->class = octets_u16(bytes.ptr + at + 2);
	at += 4;
	query->question = span_of(bytes.ptr + DNS_HEADER_SIZE, at - DNS_HEADER_SIZE);
	return at;
}

/* Over an owner name that nobody needs; the offset behind it, or 0. */
static size_t query_skip_name(struct span bytes, size_t at)
{
	while (at < bytes.len) {
		uint8_t len = bytes.ptr[at];

		if ((len & 0xc0) == 0xc0)
			return at + 2;
		if (len > DNS_LABEL_MAX)
			return 0;
		at += 1 + (size_t)len;
		if (len == 0)
			return at;
	}
	return 0;
}

/* RFC 6891 section 6.1.2. Options nobody here knows are passed over; false: their lengths do not
 * fit, or a cookie's does not (RFC 7873 section 5.2.2; of several cookies the first one counts). */
static bool query_take_options(struct span rest, struct dns_query *query)
{
	while (rest.len != 0) {
		size_t len = rest.len >= 4 ? octets_u16(rest.ptr + 2) : rest.len;
		struct span content;

		if (rest.len < 4 || len > rest.len - 4)
			return false;
		content = span_of(rest.ptr + 4, len);
		switch (octets_u16(rest.ptr)) {
		case DNS_OPTION_NSID:
			query->options.nsid = true;
			break;
		case DNS_OPTION_KEEPALIVE:
			query->options.keepalive = true;
			break;
		case DNS_OPTION_COOKIE:
			if (!dns_cookie_fits(len))
				return false;
			if (query->options.cookie.len == 0)
				query->options.cookie = content;
			break;
		default:
			break;
		}
		rest = span_from(rest, 4 + len);
	}
	return true;
}

static void query_take_opt(const uint8_t *fixed, struct dns_query *query)
{
	query->edns = (struct dns_edns){
		.present = true,
		.udp_size = octets_u16(fixed + 2),
		.rcode_high = fixed[4],
		.version = fixed[5],
		.dnssec_ok = (fixed[6] & 0x80) != 0,
	};
}

/* Over one record; the offset behind it, or 0. Takes OPT in, of which there may be one, in the
 * additional section. */
static size_t query_take_record(
	struct span bytes, size_t at, bool additional, struct dns_query *query)
{
	size_t fixed = query_skip_name(bytes, at);
	const uint8_t *p;
	size_t len;

	if (fixed == 0 || fixed > bytes.len || bytes.len - fixed < 10)
		return 0;
	p = bytes.ptr + fixed;
	if (query->tsig_at != 0)
		return 0; /* nothing may follow it (RFC 8945 section 5.1) */
	if (octets_u16(p) == DNS_TSIG) {
		if (!additional || at > UINT16_MAX)
			return 0;
		query->tsig_at = (uint16_t)at;
	}
	len = octets_u16(p + 8);
	if (octets_u16(p) == DNS_OPT) {
		if (!additional || query->edns.present || fixed != at + 1)
			return 0;
		query_take_opt(p, query);
	}
	if (len > bytes.len - fixed - 10)
		return 0;
	if (octets_u16(p) == DNS_OPT && query->edns.version == 0 &&
		!query_take_options(span_of(p + 10, len), query))
		return 0;
	return fixed + 10 + len;
}

static bool query_take_records(struct span bytes, size_t at, struct dns_query *query)
{
	unsigned others = (unsigned)octets_u16(bytes.ptr + 6) + octets_u16(bytes.ptr + 8);
	unsigned count = others + octets_u16(bytes.ptr + 10);

	for (unsigned i = 0; i < count && at != 0; i++)
		at = query_take_record(bytes, at, i >= others, query);
	return at == bytes.len;
}

int dns_query_decode(struct span bytes, struct dns_query *ret_query)
{
	bool whole = false;
	unsigned opcode;
	uint16_t flags;

	if (bytes.len < DNS_HEADER_SIZE)
		return E_PARSE;
	flags = octets_u16(bytes.ptr + 2);
	if ((flags & DNS_FLAG_QR) != 0)
		return E_PARSE;
	ret_query->id = octets_u16(bytes.ptr);
	ret_query->flags = flags;
	ret_query->question = span_of(NULL, 0);
	ret_query->edns = (struct dns_edns){.present = false};
	ret_query->options = (struct dns_asked_options){.nsid = false};
	ret_query->tsig_at = 0;
	ret_query->is_empty = octets_u16(bytes.ptr + 4) == 0 &&
			      dns_flags_opcode(flags) == DNS_QUERY &&
			      query_take_records(bytes, DNS_HEADER_SIZE, ret_query);
	if (octets_u16(bytes.ptr + 4) == 1) {
		size_t at = query_take_question(bytes, ret_query);

		whole = at != 0 && query_take_records(bytes, at, ret_query);
	}
	opcode = dns_flags_opcode(flags);
	if (opcode == DNS_NOTIFY || opcode == DNS_UPDATE)
		return DNS_REFUSED;
	if (opcode != DNS_QUERY)
		return DNS_NOTIMP;
	return whole ? DNS_NOERROR : DNS_FORMERR;
}

bool dns_answers_port(uint16_t port)
{
	static const uint16_t chatter[] = {0, 7, 13, 17, 19, 37};

	for (size_t i = 0; i < COUNTOF(chatter); i++) {
		if (port == chatter[i])
			return false;
	}
	return true;
}
