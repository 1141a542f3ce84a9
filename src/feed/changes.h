/* SPDX-License-Identifier: ISC */
#pragma once
/* What a transfer brings, collected record by record until it is whole, and then made into the next
 * zone in one step. Owner: whoever reads the transfer; one thread. Pure. */
#include "dns/transfer_read.h"
#include "feed/zone.h"

struct feed_changes;

/* entries: how many A records and CNAMEs the next zone may have; memory is bounded in proportion.
 */
struct feed_changes *feed_changes_new(const struct dns_name *zone, size_t entries);
void feed_changes_free(struct feed_changes **changes);

/* A transfer_call. E_LIMIT. */
int feed_changes_take(const struct transfer_record *record, void *changes);

struct feed_transfer {
	enum transfer_style style;
	const struct feed_zone *old; /* NULL: none */
	const struct dns_soa *soa;   /* of the next zone */
};

/* The next zone. style WHOLE: of what was collected alone, `old` does not matter; CHANGES: `old`
 * with the changes made to it in their order. E_CONFLICT: they remove what is not there or add what
 * is, so `old` is not the zone they were made for; E_LIMIT: more entries than allowed. `changes` is
 * used up in either case. */
int feed_changes_make(struct feed_changes *changes, const struct feed_transfer *transfer,
	struct feed_zone **ret_zone, struct fault *why);
