/* SPDX-License-Identifier: ISC */
#include "dns/reply.h"

enum {
	OPT_SIZE = 11,
	OPTION_SIZE = 4, /* without its content */
	EDE_SIZE = OPTION_SIZE + 2,
	RECORD_FIXED = 12,
	OPCODE_BITS = 0x7800,
	EDNS_DO = 0x8000,
};

/* Of an operation that nobody here knows, no bit of the query means anything that could come back
 * but the operation itself (RFC 8906 section 8.1.4). */
static uint16_t flags_copied(const struct dns_query *query)
{
	unsigned copied = dns_flags_opcode(query->flags) == DNS_QUERY ? DNS_FLAG_RD : OPCODE_BITS;

	return (uint16_t)(query->flags & copied);
}

size_t reply_limit(const struct dns_query *query, enum dns_transport transport)
{
	if (transport == DNS_TCP)
		return DNS_ANSWER_TCP_MAX;
	if (!query->edns.present || query->edns.udp_size < DNS_UDP_PLAIN)
		return DNS_UDP_PLAIN;
	return query->edns.udp_size < DNS_ANSWER_UDP_MAX ? query->edns.udp_size
							 : DNS_ANSWER_UDP_MAX;
}

void reply_init(struct reply *reply, const struct dns_query *query, uint8_t *out, size_t size)
{
	size_t opt = query->edns.present ? OPT_SIZE + EDE_SIZE : 0;

	reply->out = out;
	reply->size = size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX;
	reply->limit = reply->size - opt;
	reply->full = false;
	reply->flags = (uint16_t)(DNS_FLAG_QR | flags_copied(query));
	reply->rcode = DNS_NOERROR;
	reply->ede = 0;
	reply->options = (struct reply_options){.keepalive_ds = 0};
	reply->answers = 0;
	reply->authorities = 0;
	reply->additionals = 0;
	reply->query = query;
	reply->len = DNS_HEADER_SIZE + query->question.len;
	if (query->question.len != 0)
		memcpy(out + DNS_HEADER_SIZE, query->question.ptr, query->question.len);
}

static size_t option_size(struct span content)
{
	return content.len != 0 ? OPTION_SIZE + content.len : 0;
}

static size_t options_size(const struct reply_options *options)
{
	return option_size(options->nsid) + option_size(options->cookie) +
	       (options->keepalive_ds != 0 ? OPTION_SIZE + 2 : 0);
}

void reply_reserve_options(struct reply *reply)
{
	struct reply_options *options = &reply->options;
	size_t room = reply->limit > reply->len ? reply->limit - reply->len : 0;

	if (!reply->query->edns.present)
		return;
	if (options_size(options) > room) /* a signature takes much of a small datagram */
		options->nsid.len = 0;
	if (options_size(options) > room)
		*options = (struct reply_options){.ede_text = options->ede_text};
	reply->limit -= options_size(options);
}

uint8_t *reply_room(struct reply *reply, size_t len)
{
	uint8_t *room = reply->out + reply->len;

	if (reply->len + len > reply->limit) {
		reply->full = true;
		return NULL;
	}
	reply->len += len;
	return room;
}

uint8_t *reply_record(
	struct reply *reply, size_t name_at, uint16_t type, uint32_t ttl_s, size_t rdata_len)
{
	uint8_t *room = reply_room(reply, RECORD_FIXED + rdata_len);

	if (room == NULL)
		return NULL;
	reply_put_u16(room, 0xc000 | (unsigned)name_at);
	reply_put_u16(room + 2, type);
	reply_put_u16(room + 4, DNS_IN);
	reply_put_u32(room + 6, ttl_s);
	reply_put_u16(room + 10, (unsigned)rdata_len);
	return room + RECORD_FIXED;
}

bool reply_has_room(const struct reply *reply, size_t rdata_len)
{
	return reply->len + RECORD_FIXED + rdata_len <= reply->limit;
}

static uint8_t *option_begin(uint8_t *at, uint16_t option, size_t len)
{
	reply_put_u16(at, option);
	reply_put_u16(at + 2, (unsigned)len);
	return at + OPTION_SIZE;
}

static uint8_t *option_put(uint8_t *at, uint16_t option, struct span content)
{
	if (content.len == 0)
		return at;
	at = option_begin(at, option, content.len);
	memcpy(at, content.ptr, content.len);
	return at + content.len;
}

/* RFC 8914 section 2. */
static uint8_t *option_put_ede(const struct reply *reply, uint8_t *at)
{
	struct span text = reply->options.ede_text;

	if (reply->ede == 0)
		return at;
	if (text.len + EDE_SIZE > reply->size - (size_t)(at - reply->out))
		text.len = 0;
	at = option_begin(at, DNS_OPTION_EDE, 2 + text.len);
	reply_put_u16(at, reply->ede);
	if (text.len != 0)
		memcpy(at + 2, text.ptr, text.len);
	return at + 2 + text.len;
}

/* RFC 6891 section 6.1.2. DO comes back as it was sent (RFC 3225 section 3); other flags nobody
 * knows. */
static void reply_opt(struct reply *reply)
{
	const struct reply_options *options = &reply->options;
	uint8_t *p = reply->out + reply->len;
	uint8_t *at = p + OPT_SIZE;

	at = option_put(at, DNS_OPTION_NSID, options->nsid);
	at = option_put(at, DNS_OPTION_COOKIE, options->cookie);
	if (options->keepalive_ds != 0) {
		at = option_begin(at, DNS_OPTION_KEEPALIVE, 2);
		reply_put_u16(at, options->keepalive_ds);
		at += 2;
	}
	at = option_put_ede(reply, at);
	p[0] = 0;
	reply_put_u16(p + 1, DNS_OPT);
	reply_put_u16(p + 3, DNS_UDP_SAFE);
	p[5] = (uint8_t)(reply->rcode >> 4);
	p[6] = 0;
	reply_put_u16(p + 7, reply->query->edns.dnssec_ok ? EDNS_DO : 0);
	reply_put_u16(p + 9, (unsigned)(at - p - OPT_SIZE));
	reply->len = (size_t)(at - reply->out);
}

void reply_empty(struct reply *reply)
{
	reply->answers = 0;
	reply->authorities = 0;
	reply->additionals = 0;
	reply->ede = 0;
	reply->len = DNS_HEADER_SIZE + reply->query->question.len;
}

/* A truncated response carries no records at all: half of a record set would be believed (RFC 2181
 * section 9). */
size_t reply_finish(struct reply *reply)
{
	const struct dns_query *query = reply->query;
	uint8_t *out = reply->out;

	if (reply->full) {
		reply->flags |= DNS_FLAG_TC;
		reply_empty(reply);
	}
	if (query->edns.present)
		reply_opt(reply);
	reply_put_u16(out, query->id);
	reply_put_u16(out + 2, reply->flags | (reply->rcode & 0xf));
	reply_put_u16(out + 4, query->question.len != 0);
	reply_put_u16(out + 6, reply->answers);
	reply_put_u16(out + 8, reply->authorities);
	reply_put_u16(out + 10, reply->additionals + (query->edns.present ? 1U : 0U));
	return reply->len;
}
