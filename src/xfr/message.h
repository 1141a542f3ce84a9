/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One message of a zone transfer while it is written: header, the question, and records as long as they fit, their owners
 * compressed (RFC 5936 section 3.4, RFC 1035 section 4.1.4). Pure; one thread.
 */
#include "dns/query.h"
#include "zone/record.h"

enum { SHEET_LABELS_MAX = DNS_LABELS_MAX };

struct sheet {
	uint8_t *out;
	size_t len;
	size_t limit; /* of records: room for the signature is taken off already */
	unsigned records;
	/* The owner before, which the next one may end like: its labels, where each begins, and where that is in the message. */
	size_t owner_len;
	unsigned labels;
	uint8_t owner[DNS_NAME_MAX];
	uint8_t starts[SHEET_LABELS_MAX + 1];
	uint16_t places[SHEET_LABELS_MAX + 1];
};

/* query: what is answered; its name is the apex, to which all owners point. */
void sheet_begin(struct sheet *sheet, const struct dns_query *query, uint8_t *out, size_t size);
/* False: it does not fit any more. */
bool sheet_put(struct sheet *sheet, const struct zone_record *record, uint32_t ttl_s);
/* The header; the length of the message. */
size_t sheet_end(struct sheet *sheet, const struct dns_query *query);
