/* SPDX-License-Identifier: ISC */
#include "dns/reply.h"

enum { OPT_SIZE = 11, EDE_SIZE = 6, RECORD_FIXED = 12, COPIED_FLAGS = 0x7800 | DNS_FLAG_RD };

void reply_init(struct reply *reply, const struct dns_query *query, uint8_t *out, size_t size)
{
	size_t opt = query->edns.present ? OPT_SIZE + EDE_SIZE : 0;

	reply->out = out;
	reply->limit = (size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX) - opt;
	reply->full = false;
	reply->flags = (uint16_t)(DNS_FLAG_QR | (query->flags & COPIED_FLAGS));
	reply->rcode = DNS_NOERROR;
	reply->ede = 0;
	reply->answers = 0;
	reply->authorities = 0;
	reply->query = query;
	reply->len = DNS_HEADER_SIZE + query->question.len;
	if (query->question.len != 0)
		memcpy(out + DNS_HEADER_SIZE, query->question.ptr, query->question.len);
}

uint8_t *reply_room(struct reply *reply, size_t len)
{
	uint8_t *room = reply->out + reply->len;

	if (len > reply->limit - reply->len) {
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

/* RFC 6891 section 6.1.2; the extended error of RFC 8914 is its only option. */
static void reply_opt(struct reply *reply)
{
	uint8_t *p = reply->out + reply->len;
	size_t options = reply->ede != 0 ? EDE_SIZE : 0;

	p[0] = 0;
	reply_put_u16(p + 1, DNS_OPT);
	reply_put_u16(p + 3, DNS_UDP_SAFE);
	p[5] = (uint8_t)(reply->rcode >> 4);
	p[6] = 0;
	reply_put_u16(p + 7, 0);
	reply_put_u16(p + 9, (unsigned)options);
	if (options != 0) {
		reply_put_u16(p + 11, DNS_OPTION_EDE);
		reply_put_u16(p + 13, 2);
		reply_put_u16(p + 15, reply->ede);
	}
	reply->len += OPT_SIZE + options;
}

/* A truncated response carries no records at all: half of a record set would be believed (RFC 2181 section 9). */
size_t reply_finish(struct reply *reply)
{
	const struct dns_query *query = reply->query;
	uint8_t *out = reply->out;

	if (reply->full) {
		reply->flags |= DNS_FLAG_TC;
		reply->answers = 0;
		reply->authorities = 0;
		reply->len = DNS_HEADER_SIZE + query->question.len;
	}
	if (query->edns.present)
		reply_opt(reply);
	reply_put_u16(out, query->id);
	reply_put_u16(out + 2, reply->flags | (reply->rcode & 0xf));
	reply_put_u16(out + 4, query->question.len != 0);
	reply_put_u16(out + 6, reply->answers);
	reply_put_u16(out + 8, reply->authorities);
	reply_put_u16(out + 10, query->edns.present);
	return reply->len;
}
