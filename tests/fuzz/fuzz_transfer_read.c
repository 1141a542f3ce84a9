/* SPDX-License-Identifier: ISC */
/* The messages of a zone transfer, each behind its two octets of length as in the stream, and on
 * into a zone and its entries. The first octet chooses AXFR, IXFR, and what they start from. */
#include <stdint.h>

#include "base/macro.h"
#include "conf/code.h"
#include "dns/transfer_read.h"
#include "feed/changes.h"
#include "feed/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 0x4711, ENTRIES = 1000 };

static void derive(const struct feed_zone *zone, bool domains)
{
	struct feed_rule rule = {.sublist = 0};
	struct feed_rules rules = {.domains = domains, .len = 1, .rules = &rule};
	AUTO(feed_set) *set = NULL;

	ASSERT(code_parse(span_text("127.0.0.2-9"), &rule.code, NULL) == 0);
	ASSERT(feed_set_new(zone, &rules, &set) == 0);
	for (size_t i = 0; i < set->len; i++) {
		struct source source;

		feed_entry_source(set, &set->entries[i], &source);
		ASSERT((set->entries[i].listed | set->entries[i].excluded) == 1);
	}
}

/* What went into a file comes out of it. */
static void keep(const struct feed_zone *zone)
{
	AUTO(feed_zone) *again = NULL;
	int64_t confirmed_s = 0;
	struct buf file;

	buf_init(&file, 0);
	feed_zone_encode(zone, 7, &file);
	ASSERT(feed_zone_decode(buf_span(&file), &zone->name, &again, &confirmed_s) == 0);
	ASSERT(span_equal(buf_span(&again->records), buf_span(&zone->records)));
	buf_done(&file);
}

static void finish(const struct transfer_read *transfer, struct feed_changes *changes)
{
	struct dns_soa soa = {.serial = transfer->serial};
	AUTO(feed_zone) *old = feed_zone_new(&transfer->zone, &soa);
	AUTO(feed_zone) *zone = NULL;

	if (transfer->style == TRANSFER_CURRENT ||
		feed_changes_make(changes,
			&(struct feed_transfer){transfer->style, old, &transfer->soa}, &zone,
			NULL) < 0)
		return;
	keep(zone);
	derive(zone, false);
	derive(zone, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transfer_read transfer = {.id = ID, .limits = {.records = 10000, .octets = 1 << 20}};
	AUTO(feed_changes) *changes = NULL;
	struct span rest = span_of(data, size);
	struct span message;
	size_t used;
	int r = 0;

	if (size == 0)
		return 0;
	ASSERT(dns_name_parse(span_text("bl.test"), &transfer.zone) == 0);
	transfer.type = (data[0] & 1) != 0 ? DNS_IXFR : DNS_AXFR;
	transfer.serial = data[0] >> 1;
	changes = feed_changes_new(&transfer.zone, ENTRIES);
	transfer.each = feed_changes_take;
	transfer.arg = changes;
	rest = span_from(rest, 1);
	while (r == 0 && dns_frame_next(rest, DNS_MESSAGE_MAX, &message, &used) > 0) {
		r = transfer_read_message(&transfer, message, 0, NULL);
		rest = span_from(rest, used);
	}
	if (r > 0)
		finish(&transfer, changes);
	return 0;
}
