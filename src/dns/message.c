/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

#include "base/macro.h"
#include "base/reader.h"

const char *dns_rcode_text(unsigned rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};

	return rcode < COUNTOF(names)   ? names[rcode]
	       : rcode == DNS_BADVERS   ? "BADVERS"
	       : rcode == DNS_BADCOOKIE ? "BADCOOKIE"
					: "an unknown error";
}

/* The fixed part of a record behind its name; the reader stands behind it afterwards. */
static int message_record_at(struct span bytes, size_t *at, struct dns_record *ret_record)
{
	struct dns_record record;
	struct reader reader;
	uint16_t len;
	int r;

	r = dns_name_decode(bytes, at, &record.name);
	if (r < 0)
		return r;
	reader = reader_of(span_from(bytes, *at));
	record.type = reader_u16(&reader);
	record.class = reader_u16(&reader);
	record.ttl_s = reader_u32(&reader);
	len = reader_u16(&reader);
	record.rdata_at = *at + 10;
	record.rdata = reader_bytes(&reader, len);
	if (reader.bad)
		return E_TRUNCATED;
	if (record.ttl_s > DNS_TTL_MAX && record.type != DNS_OPT)
		record.ttl_s = 0; /* RFC 2181 section 8 */
	*at = record.rdata_at + len;
	*ret_record = record;
	return 0;
}

/* OPT keeps its fields where other records have class and TTL (RFC 6891 section 6.1.3). */
static int message_take_opt(
	struct dns_message *message, enum dns_section section, const struct dns_record *record)
{
	if (section != DNS_ADDITIONAL || message->edns.present || record->name.len != 1)
		return E_PARSE;
	message->edns = (struct dns_edns){
		.present = true,
		.version = (uint8_t)(record->ttl_s >> 16),
		.rcode_high = (uint8_t)(record->ttl_s >> 24),
		.udp_size = record->class,
		.dnssec_ok = (record->ttl_s & 0x8000) != 0,
	};
	return 0;
}

static int message_check_section(struct dns_message *message, enum dns_section section, size_t *at)
{
	message->starts[section] = *at;
	for (unsigned i = 0; i < message->counts[section]; i++) {
		struct dns_record record;
		size_t from = *at;
		int r;

		r = message->tsig_at != 0 ? E_PARSE
					  : message_record_at(message->bytes, at, &record);
		if (r == 0 && record.type == DNS_OPT)
			r = message_take_opt(message, section, &record);
		if (r == 0 && record.type == DNS_TSIG) { /* RFC 8945 section 5.1 */
			r = section == DNS_ADDITIONAL ? 0 : E_PARSE;
			message->tsig_at = from;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int message_check_question(struct dns_message *message, size_t *at)
{
	struct reader reader;
	int r;

	r = dns_name_decode(message->bytes, at, &message->name);
	if (r < 0)
		return r;
	reader = reader_of(span_from(message->bytes, *at));
	message->type = reader_u16(&reader);
	message->class = reader_u16(&reader);
	*at += 4;
	return reader.bad ? E_TRUNCATED : 0;
}

/* The header and the question, of which there may be none when `least` is 0. */
static int message_check_head(struct dns_message *message, unsigned least, size_t *at)
{
	struct reader reader = reader_of(message->bytes);
	uint16_t questions;

	message->id = reader_u16(&reader);
	message->flags = reader_u16(&reader);
	questions = reader_u16(&reader);
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		message->counts[i] = reader_u16(&reader);
	if (reader.bad)
		return E_TRUNCATED;
	if (message->bytes.len > DNS_MESSAGE_MAX || questions < least || questions > 1)
		return E_PARSE;
	return questions != 0 ? message_check_question(message, at) : 0;
}

static int message_unpack(struct span bytes, unsigned least, struct dns_message *ret_message)
{
	struct dns_message message = {.bytes = bytes};
	size_t at = DNS_HEADER_SIZE;
	int r = message_check_head(&message, least, &at);

	for (unsigned i = 0; r == 0 && i < DNS_SECTIONS; i++)
		r = message_check_section(&message, i, &at);
	if (r < 0)
		return r;
	if (at != bytes.len)
		return E_PARSE;
	message.rcode = (uint16_t)((message.flags & 0xf) | message.edns.rcode_high << 4);
	*ret_message = message;
	return 0;
}

int dns_message_decode(struct span bytes, struct dns_message *ret_message)
{
	return message_unpack(bytes, 1, ret_message);
}

int dns_message_decode_later(struct span bytes, struct dns_message *ret_message)
{
	return message_unpack(bytes, 0, ret_message);
}

bool dns_message_answers(
	const struct dns_message *message, uint16_t id, const struct dns_name *name, uint16_t type)
{
	return (message->flags & DNS_FLAG_QR) != 0 && message->id == id &&
	       dns_flags_opcode(message->flags) == DNS_QUERY && message->type == type &&
	       message->class == DNS_IN &&
	       span_equal(dns_name_span(&message->name), dns_name_span(name));
}

int dns_message_next(
	const struct dns_message *message, struct dns_walk *walk, struct dns_record *ret_record)
{
	if (walk->index == message->counts[walk->section])
		return 0;
	if (walk->index == 0)
		walk->at = message->starts[walk->section];
	if (message_record_at(message->bytes, &walk->at, ret_record) < 0)
		return 0; /* cannot be: the decoder has seen all of them */
	walk->index++;
	return 1;
}

int dns_record_ip(const struct dns_record *record, struct ip *ret_ip)
{
	if (record->type == DNS_A && record->rdata.len == 4) {
		struct reader reader = reader_of(record->rdata);

		*ret_ip = ip_from_v4(reader_u32(&reader));
		return 0;
	}
	if (record->type == DNS_AAAA && record->rdata.len == sizeof(ret_ip->b)) {
		memcpy(ret_ip->b, record->rdata.ptr, sizeof(ret_ip->b));
		return 0;
	}
	return E_PARSE;
}

/* A name inside of rdata may point anywhere before itself, but its own octets end with the
 * rdata. */
static int record_name(const struct dns_message *message, const struct dns_record *record,
	size_t *offset, struct dns_name *ret_name)
{
	size_t rdata_end = record->rdata_at + record->rdata.len;
	size_t at = record->rdata_at + *offset;
	struct dns_name name;
	int r;

	r = dns_name_decode(span_first(message->bytes, rdata_end), &at, &name);
	if (r < 0)
		return r;
	*offset = at - record->rdata_at;
	*ret_name = name;
	return 0;
}

int dns_record_target(const struct dns_message *message, const struct dns_record *record,
	struct dns_name *ret_name)
{
	size_t offset = record->type == DNS_MX ? 2 : 0;
	struct dns_name name;
	int r;

	if (record->type != DNS_PTR && record->type != DNS_CNAME && record->type != DNS_NS &&
		record->type != DNS_MX)
		return E_PARSE;
	if (record->rdata.len < offset)
		return E_PARSE;
	r = record_name(message, record, &offset, &name);
	if (r < 0)
		return r;
	if (offset != record->rdata.len)
		return E_PARSE;
	*ret_name = name;
	return 0;
}

int dns_record_text(const struct dns_record *record, struct buf *out)
{
	struct reader reader = reader_of(record->rdata);

	if (record->type != DNS_TXT || record->rdata.len == 0)
		return E_PARSE;
	while (reader.rest.len != 0 && !reader.bad)
		reader_bytes(&reader, reader_u8(&reader));
	if (reader.bad)
		return E_PARSE;
	reader = reader_of(record->rdata);
	while (reader.rest.len != 0)
		buf_append(out, reader_bytes(&reader, reader_u8(&reader)));
	return out->bad ? E_LIMIT : 0;
}

int dns_record_soa(
	const struct dns_message *message, const struct dns_record *record, struct dns_soa *ret_soa)
{
	struct reader reader;
	struct dns_soa soa;
	size_t offset = 0;

	if (record->type != DNS_SOA || record_name(message, record, &offset, &soa.server) < 0 ||
		record_name(message, record, &offset, &soa.mailbox) < 0)
		return E_PARSE;
	reader = reader_of(span_from(record->rdata, offset));
	soa.serial = reader_u32(&reader);
	soa.refresh_s = reader_u32(&reader);
	soa.retry_s = reader_u32(&reader);
	soa.expire_s = reader_u32(&reader);
	soa.minimum_s = reader_u32(&reader);
	if (reader.bad || reader.rest.len != 0)
		return E_PARSE;
	*ret_soa = soa;
	return 0;
}

static void query_encode_opt(struct buf *out, uint16_t udp_size)
{
	buf_append_byte(out, 0); /* the root name */
	buf_append_u16(out, DNS_OPT);
	buf_append_u16(out, udp_size);
	buf_append_u32(out, 0); /* version 0, no flags */
	buf_append_u16(out, 0);
}

void dns_query_encode(
	struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type, uint16_t udp_size)
{
	buf_append_u16(out, id);
	buf_append_u16(out, DNS_FLAG_RD);
	buf_append_u16(out, 1);
	buf_append_u16(out, 0);
	buf_append_u16(out, 0);
	buf_append_u16(out, udp_size != 0);
	buf_append(out, dns_name_span(name));
	buf_append_u16(out, type);
	buf_append_u16(out, DNS_IN);
	if (udp_size != 0)
		query_encode_opt(out, udp_size);
}

int dns_frame_next(struct span input, size_t limit, struct span *ret_message, size_t *ret_used)
{
	struct reader reader = reader_of(input);
	uint16_t len = reader_u16(&reader);
	struct span message = reader_bytes(&reader, len);

	if (len > limit)
		return E_LIMIT;
	if (reader.bad)
		return 0;
	*ret_message = message;
	*ret_used = 2 + (size_t)len;
	return 1;
}
