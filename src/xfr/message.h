/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One message of a zone transfer while it is written: header, the question, and records as long as
 * they fit, their owners compressed (RFC 5936 section 3.4, RFC 1035 section 4.1.4). Pure; one
 * thread.
 */
#include "dns/query.h"
#include "zone/record.h"

struct xfr_message {
	uint8_t *out;
	size_t len;
	size_t limit; /* of records: room for the signature is taken off already */
	unsigned records;
	/* The owner before, which the next one may end like: its labels, where each begins, and
	 * where that is in the message. */
	size_t owner_len;
	unsigned labels;
	uint8_t owner[DNS_NAME_MAX];
	uint8_t starts[DNS_LABELS_MAX + 1];
	uint16_t offsets[DNS_LABELS_MAX + 1];
};

/* query: what is answered; its name is the apex, to which all owners point. */
void xfr_message_begin(
	struct xfr_message *message, const struct dns_query *query, uint8_t *out, size_t size);
/* False: it does not fit any more. */
bool xfr_message_put(struct xfr_message *message, const struct zone_record *record, uint32_t ttl_s);
/* The header; the length of the message. */
size_t xfr_message_end(struct xfr_message *message, const struct dns_query *query);
