/* SPDX-License-Identifier: ISC */
#include "xfr/message.h"

#include "dns/reply.h"

enum { POINTER = 0xc000, RECORD_FIXED = 10, OPT_SIZE = 11 };

void sheet_begin(struct sheet *sheet, const struct dns_query *query, uint8_t *out, size_t size)
{
	sheet->out = out;
	sheet->limit = size - (query->edns.present ? OPT_SIZE : 0);
	sheet->records = 0;
	sheet->owner_len = 0;
	sheet->labels = 0;
	memcpy(out + DNS_HEADER_SIZE, query->question.ptr, query->question.len);
	sheet->len = DNS_HEADER_SIZE + query->question.len;
}

/* An owner taken apart. */
struct labels {
	unsigned len;
	uint8_t starts[SHEET_LABELS_MAX + 1];
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
	const struct sheet *sheet, struct span owner, const struct labels *labels)
{
	unsigned common = 0;

	while (common < labels->len && common < sheet->labels) {
		const uint8_t *a = owner.ptr + labels->starts[labels->len - 1 - common];
		const uint8_t *b = sheet->owner + sheet->starts[sheet->labels - 1 - common];

		if (a[0] != b[0] || memcmp(a + 1, b + 1, a[0]) != 0)
			break;
		common++;
	}
	return common;
}

/* Labels as they are, and then a pointer to the rest: in the owner before, or the apex in the question. */
static void sheet_put_owner(struct sheet *sheet, struct span owner)
{
	struct labels labels;
	uint16_t places[SHEET_LABELS_MAX + 1];
	unsigned common, own;
	size_t literal;

	labels_of(owner, &labels);
	common = common_labels(sheet, owner, &labels);
	own = labels.len - common;
	literal = common != 0 ? labels.starts[own] : owner.len;
	for (unsigned i = 0; i < own; i++)
		places[i] = (uint16_t)(sheet->len + labels.starts[i]);
	for (unsigned i = 0; i < common; i++)
		places[own + i] = sheet->places[sheet->labels - common + i];
	if (literal != 0)
		memcpy(sheet->out + sheet->len, owner.ptr, literal);
	sheet->len += literal;
	reply_put_u16(sheet->out + sheet->len,
		POINTER | (unsigned)(common != 0 ? places[own] : DNS_HEADER_SIZE));
	sheet->len += 2;
	sheet->labels = labels.len;
	memcpy(sheet->starts, labels.starts, labels.len);
	memcpy(sheet->places, places, labels.len * sizeof(places[0]));
	if (owner.len != 0)
		memcpy(sheet->owner, owner.ptr, owner.len);
}

bool sheet_put(struct sheet *sheet, const struct zone_record *record, uint32_t ttl_s)
{
	uint8_t *p;

	if (record->owner.len + 2 + RECORD_FIXED + record->rdata.len > sheet->limit - sheet->len)
		return false;
	sheet_put_owner(sheet, record->owner);
	p = sheet->out + sheet->len;
	reply_put_u16(p, record->type);
	reply_put_u16(p + 2, DNS_IN);
	reply_put_u32(p + 4, ttl_s);
	reply_put_u16(p + 8, (unsigned)record->rdata.len);
	memcpy(p + RECORD_FIXED, record->rdata.ptr, record->rdata.len);
	sheet->len += RECORD_FIXED + record->rdata.len;
	sheet->records++;
	return true;
}

/* RFC 6891 section 6.1.1: who asks with one gets one. */
static void sheet_put_opt(struct sheet *sheet)
{
	uint8_t *p = sheet->out + sheet->len;

	memset(p, 0, OPT_SIZE);
	reply_put_u16(p + 1, DNS_OPT);
	reply_put_u16(p + 3, DNS_UDP_SAFE);
	sheet->len += OPT_SIZE;
}

size_t sheet_end(struct sheet *sheet, const struct dns_query *query)
{
	uint8_t *out = sheet->out;

	reply_put_u16(out, query->id);
	reply_put_u16(out + 2, DNS_FLAG_QR | DNS_FLAG_AA | (query->flags & DNS_FLAG_RD));
	reply_put_u16(out + 4, 1);
	reply_put_u16(out + 6, sheet->records);
	reply_put_u16(out + 8, 0);
	reply_put_u16(out + 10, query->edns.present);
	if (query->edns.present)
		sheet_put_opt(sheet);
	return sheet->len;
}
