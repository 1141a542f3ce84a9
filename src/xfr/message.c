/* SPDX-License-Identifier: ISC */
#include "xfr/message.h"

#include "dns/reply.h"

enum { POINTER = 0xc000, RECORD_FIXED = 10, OPT_SIZE = 11 };

void xfr_message_begin(
	struct xfr_message *message, const struct dns_query *query, uint8_t *out, size_t size)
{
	message->out = out;
	message->limit = size - (query->edns.present ? OPT_SIZE : 0);
	message->records = 0;
	message->owner_len = 0;
	message->labels = 0;
	memcpy(out + DNS_HEADER_SIZE, query->question.ptr, query->question.len);
	message->len = DNS_HEADER_SIZE + query->question.len;
}

/* An owner taken apart. */
struct labels {
	unsigned len;
	uint8_t starts[DNS_LABELS_MAX + 1];
};

static void labels_of(struct span owner, struct labels *labels)
{
	size_t at = 0;

	for (labels->len = 0; at < owner.len; labels->len++) {
		labels->starts[labels->len] = (uint8_t)at;
		at += 1 + (size_t)owner.ptr[at];
	}
}

/* How many labels at the end both have in common. */
static unsigned common_labels(
	const struct xfr_message *message, struct span owner, const struct labels *labels)
{
	unsigned common = 0;

	while (common < labels->len && common < message->labels) {
		const uint8_t *a = owner.ptr + labels->starts[labels->len - 1 - common];
		const uint8_t *b = message->owner + message->starts[message->labels - 1 - common];

		if (a[0] != b[0] || memcmp(a + 1, b + 1, a[0]) != 0)
			break;
		common++;
	}
	return common;
}

/* Labels as they are, and then a pointer to the rest: in the owner before, or the apex in the
 * question. */
static void message_put_owner(struct xfr_message *message, struct span owner)
{
	struct labels labels;
	uint16_t offsets[DNS_LABELS_MAX + 1];
	unsigned common, own;
	size_t literal;

	labels_of(owner, &labels);
	common = common_labels(message, owner, &labels);
	own = labels.len - common;
	literal = common != 0 ? labels.starts[own] : owner.len;
	for (unsigned i = 0; i < own; i++)
		offsets[i] = (uint16_t)(message->len + labels.starts[i]);
	for (unsigned i = 0; i < common; i++)
		offsets[own + i] = message->offsets[message->labels - common + i];
	if (literal != 0)
		memcpy(message->out + message->len, owner.ptr, literal);
	message->len += literal;
	reply_put_u16(message->out + message->len,
		POINTER | (unsigned)(common != 0 ? offsets[own] : DNS_HEADER_SIZE));
	message->len += 2;
	message->labels = labels.len;
	memcpy(message->starts, labels.starts, labels.len);
	memcpy(message->offsets, offsets, labels.len * sizeof(offsets[0]));
	if (owner.len != 0)
		memcpy(message->owner, owner.ptr, owner.len);
}

bool xfr_message_put(struct xfr_message *message, const struct zone_record *record, uint32_t ttl_s)
{
	uint8_t *p;

	if (record->owner.len + 2 + RECORD_FIXED + record->rdata.len >
		message->limit - message->len)
		return false;
	message_put_owner(message, record->owner);
	p = message->out + message->len;
	reply_put_u16(p, record->type);
	reply_put_u16(p + 2, DNS_IN);
	reply_put_u32(p + 4, ttl_s);
	reply_put_u16(p + 8, (unsigned)record->rdata.len);
	memcpy(p + RECORD_FIXED, record->rdata.ptr, record->rdata.len);
	message->len += RECORD_FIXED + record->rdata.len;
	message->records++;
	return true;
}

/* RFC 6891 section 6.1.1: who asks with one gets one. */
static void message_put_opt(struct xfr_message *message)
{
	uint8_t *p = message->out + message->len;

	memset(p, 0, OPT_SIZE);
	reply_put_u16(p + 1, DNS_OPT);
	reply_put_u16(p + 3, DNS_UDP_SAFE);
	message->len += OPT_SIZE;
}

size_t xfr_message_end(struct xfr_message *message, const struct dns_query *query)
{
	uint8_t *out = message->out;

	reply_put_u16(out, query->id);
	reply_put_u16(out + 2, DNS_FLAG_QR | DNS_FLAG_AA | (query->flags & DNS_FLAG_RD));
	reply_put_u16(out + 4, 1);
	reply_put_u16(out + 6, message->records);
	reply_put_u16(out + 8, 0);
	reply_put_u16(out + 10, query->edns.present);
	if (query->edns.present)
		message_put_opt(message);
	return message->len;
}
