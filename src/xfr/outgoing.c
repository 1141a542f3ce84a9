/* SPDX-License-Identifier: ISC */
#include "xfr/outgoing.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "dns/reply.h"
#include "xfr/message.h"

/*
 * A transfer on its way. The TCP thread asks for one message after the other, and may send other
 * answers in between; so the records come out of a machine that stops anywhere:
 *
 *   all of it     MEASURE - FIRST_SOA - FIXED - NODES of each subtree - LAST_SOA
 *   differences   WAIT - MEASURE - FIRST_SOA - { BEFORE - REMOVED - BEHIND - ADDED } ...
 *                 - LAST_SOA (RFC 1995 section 4)
 *
 * Each turn (xfr_out_turn) gives one record or moves to the next state. A record that does not fit
 * the message is held for the next one. WAIT and MEASURE send nothing: they work for a millisecond
 * and ask to be called again (E_AGAIN).
 *
 * WAIT: threads answer from a view as soon as it stands on the shelf, the main thread works out
 * afterwards what it changed in the records. Say the secondary has serial 5 and asks when view 8 is
 * a moment old; the journal knows 5..6 and 6..7:
 *
 *   the journal reaches 8 in time   5..6, 6..7 and 7..8, as one difference if not too many:
 *                                   SOA 8, SOA 5, removed, SOA 8, added, SOA 8
 *   it does not                     the same to 7; the next NOTIFY brings the rest
 *   it has a gap behind 5           all of the zone, with serial 8, as for AXFR
 *   it is long, and the zone not    all of the zone (RFC 1995 section 5)
 *   the secondary is up to date     one SOA
 *
 * MEASURE: whether the zone has more records than dns.transfer-records is known before the first
 * one is sent, while the answer can still be a refusal; and whether it has fewer than differences
 * that are long. It is an estimate from ranges and names, costs no walk, and ends when the answer
 * is known.
 *
 * The zone, the view and the key stay those of the beginning, whatever the configuration and the
 * lists do meanwhile.
 */
enum state {
	WAIT,
	MEASURE,
	FIRST_SOA,
	FIXED,
	NODES,
	BEFORE,
	REMOVED,
	BEHIND,
	ADDED,
	LAST_SOA,
	DONE
};

enum {
	WAIT_MS = 2000,
	MEASURED_AT_ONCE = 2000, /* ranges or names: about a millisecond */
	CONDENSED_MAX = 50000,   /* records that are sorted at once, and always sent */
	RECORDS_EACH = 2,        /* A and TXT */
	TESTS_EACH = 4,          /* addresses of a sublist's test entries, in both forms */
	BLOCK = 256,             /* addresses below one wildcard */
};

struct xfr_out {
	struct dns_multi multi;
	struct transfer_state *shared;
	struct shelf_item *rules, *view;
	const struct zone *zone;
	struct zone_binding binding;
	size_t records_max;
	uint8_t *bytes; /* the query points into them */
	struct dns_query query;
	struct endpoint client;
	bool is_signed;
	struct tsig_key key;
	struct tsig_exchange exchange;

	enum state state;
	int64_t until_ms;
	uint32_t serial; /* what the client has then */
	bool held;       /* record did not fit the last message */
	struct zone_record record;
	struct buf soa;

	/* All of it. */
	u128 measured_to;
	char measured_name[VIEW_NAME_SIZE];
	uint64_t measured;
	u128 widest_first, widest_last;
	size_t fixed;
	uint8_t string[MATCH_STRING_MAX]; /* rdata of a fixed record */
	unsigned subtree;
	struct zone_walk walk;
	struct zone_node node;
	struct zone_records records;
	size_t records_at;

	/* Differences: the steps of the range, or all of them in one. */
	uint32_t from;
	bool condensed;
	struct journal_range range;
	struct zone_diff all;
	struct journal_step step;
	struct span rest; /* records of it */

	uint64_t sent_records, sent_messages, sent_octets;
};

/* ---- beginning and end ---- */

static bool xfr_out_has_differences(const struct xfr_out *xfr)
{
	return xfr->range.blocks != NULL;
}

static void xfr_out_log(
	const struct xfr_out *xfr, enum log_event_id id, const char *why, const char *network)
{
	char zone[DNS_NAME_TEXT_SIZE];
	bool is_all = !xfr_out_has_differences(xfr);

	log_event(id, LOG_FIELDS(log_text("zone", dns_name_print(&xfr->zone->apex, zone)),
			      log_endpoint("client", xfr->client),
			      log_text("kind", is_all ? "axfr" : "ixfr"),
			      log_number("serial", xfr->serial), log_number("from", xfr->from),
			      log_number("records", (int64_t)xfr->sent_records),
			      log_number("messages", (int64_t)xfr->sent_messages),
			      log_number("octets", (int64_t)xfr->sent_octets),
			      log_text("network", network), log_text("why", why)));
}

static void xfr_out_free(struct dns_multi *base)
{
	struct xfr_out *xfr = CONTAINEROF(base, struct xfr_out, multi);

	if (xfr->state != DONE || xfr->held)
		xfr_out_log(xfr, EV_TRANSFER_BROKEN, "the connection ended", "");
	transfer_leave(xfr->shared, xfr->client.ip);
	if (xfr->rules != NULL)
		shelf_release(transfer_shelves(xfr->shared)->rules, &xfr->rules);
	if (xfr->view != NULL)
		shelf_release(transfer_shelves(xfr->shared)->views, &xfr->view);
	journal_range_done(&xfr->range);
	zone_diff_done(&xfr->all);
	buf_done(&xfr->soa);
	tsig_key_done(&xfr->key);
	mem_free(xfr->bytes);
	mem_free(xfr);
}

/* The zone in the table that is held now, which may be a newer one. */
static const struct zone *table_zone(const struct zone_table *table, const struct dns_name *apex)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		if (dns_name_equal(&table->zones[i].apex, apex))
			return &table->zones[i];
	}
	return NULL;
}

/* ---- all of the zone ---- */

/* Of one sublist at one name: at the apex, below its label, and below that of its list. */
static uint64_t measure_of_name(const struct xfr_out *xfr)
{
	return RECORDS_EACH * (xfr->zone->is_combined ? 3 : 2);
}

/* What the zone has whatever is listed. */
static void measure_begin(struct xfr_out *xfr)
{
	bool of_addresses = xfr->zone->holds == LIST_OF_ADDRESSES;

	while (zone_binding_record(&xfr->binding, (size_t)xfr->measured, xfr->string, &xfr->record))
		xfr->measured++;
	xfr->measured +=
		xfr->zone->sublists_len * (of_addresses ? TESTS_EACH : 1) * measure_of_name(xfr);
}

/* Whole blocks are wildcards, what is left at the ends are names. */
static uint64_t measure_names(const struct xfr_out *xfr, const struct match_range *range)
{
	uint64_t first = (uint64_t)range->first, last = (uint64_t)range->last;
	uint64_t blocks_from = (first + BLOCK - 1) / BLOCK, blocks_to = (last + 1) / BLOCK;

	if (!key_is_v4(range->first))
		return 1;
	if (blocks_from >= blocks_to || match_names_source(&xfr->binding, &range->match))
		return last - first + 1;
	return blocks_from * BLOCK - first + (blocks_to - blocks_from) +
	       (last + 1 - blocks_to * BLOCK);
}

static void measure_add(struct xfr_out *xfr, const struct match_range *range)
{
	u128 first = range->first, last = range->last;

	if (last - first >= xfr->widest_last - xfr->widest_first) {
		xfr->widest_first = first;
		xfr->widest_last = last;
	}
	xfr->measured += measure_names(xfr, range) * range->match.len * measure_of_name(xfr);
}

/* Too much for all of it, or no less than the differences. */
static bool measure_is_enough(const struct xfr_out *xfr)
{
	return xfr->measured > xfr->records_max ||
	       (xfr_out_has_differences(xfr) && (xfr->range.records <= CONDENSED_MAX ||
							xfr->range.records <= xfr->measured));
}

/* 1: there is more. */
static int measure_addresses(struct xfr_out *xfr)
{
	struct match_range range;

	for (unsigned i = 0; i < MEASURED_AT_ONCE; i++) {
		if (!match_next_ip(&xfr->binding, xfr->measured_to, xfr->zone->all, &range))
			return 0;
		measure_add(xfr, &range);
		if (range.last == ~(u128)0 || measure_is_enough(xfr))
			return 0;
		xfr->measured_to = range.last + 1;
	}
	return 1;
}

static int measure_domains(struct xfr_out *xfr)
{
	char next[VIEW_NAME_SIZE];

	for (unsigned i = 0; i < MEASURED_AT_ONCE; i++) {
		if (!match_next_domain(&xfr->binding, span_text(xfr->measured_name), next))
			return 0;
		strcpy(xfr->measured_name, next);
		xfr->measured += measure_of_name(xfr);
		if (measure_is_enough(xfr))
			return 0;
	}
	return 1;
}

/* Nothing was sent yet, so the answer can still be a refusal. */
static int xfr_out_refuse(struct xfr_out *xfr, uint8_t *out, size_t size)
{
	struct prefix widest = prefix_of(key_to_ip(xfr->widest_first), 128);
	char network[PREFIX_TEXT_SIZE] = "";
	struct reply reply;
	size_t len;

	while (widest.bits > 0 && key_of_ip(prefix_last(widest)) < xfr->widest_last)
		widest = prefix_of(widest.ip, widest.bits - 1U);
	if (xfr->zone->holds == LIST_OF_ADDRESSES)
		prefix_print(widest, network);
	xfr_out_log(xfr, EV_TRANSFER_TOO_LARGE, "more records than dns.transfer-records", network);
	reply_init(&reply, &xfr->query, out, size - tsig_room(&xfr->exchange));
	reply.rcode = DNS_REFUSED;
	reply.ede = DNS_EDE_PROHIBITED;
	reply.options.ede_text = span_text("the zone has too many records for a transfer");
	len = reply_finish(&reply);
	if (xfr->is_signed)
		len = tsig_sign(
			&xfr->exchange, &(struct tsig_message){out, len, size}, clock_now_s());
	xfr->state = DONE;
	return (int)len;
}

static int xfr_out_measure(struct xfr_out *xfr, uint8_t *out, size_t size)
{
	int r;

	if (xfr->measured == 0)
		measure_begin(xfr);
	r = xfr->zone->holds == LIST_OF_ADDRESSES ? measure_addresses(xfr) : measure_domains(xfr);
	if (!measure_is_enough(xfr)) {
		if (r != 0)
			return E_AGAIN;
		journal_range_done(&xfr->range); /* the zone is shorter */
	} else if (!xfr_out_has_differences(xfr)) {
		return xfr_out_refuse(xfr, out, size);
	} else {
		xfr->serial = xfr->range.to;
	}
	xfr->state = FIRST_SOA;
	return E_AGAIN;
}

/* The next record of the nodes; false: that was all. */
static bool xfr_out_node_record(struct xfr_out *xfr)
{
	while (xfr->records_at == xfr->records.len) {
		while (!zone_walk_next(&xfr->walk, &xfr->node)) {
			if (++xfr->subtree == zone_subtrees(xfr->zone))
				return false;
			zone_walk_begin(&xfr->walk, &xfr->binding, xfr->subtree);
		}
		zone_node_records(&xfr->binding, &xfr->node, &xfr->records);
		xfr->records_at = 0;
	}
	xfr->record = xfr->records.records[xfr->records_at++];
	return true;
}

/* ---- differences ---- */

static void xfr_out_take_range(struct xfr_out *xfr, struct zone_journal *journal)
{
	xfr->state = MEASURE;
	if (journal == NULL || zone_journal_take(journal, xfr->from, &xfr->range) < 0)
		return;
	xfr->condensed = xfr->range.len > 1 && xfr->range.records <= CONDENSED_MAX;
	if (xfr->condensed)
		journal_range_condense(&xfr->range, &xfr->all);
}

static int xfr_out_wait(struct xfr_out *xfr)
{
	struct zone_journal *journal = transfer_journal_find(xfr->shared, &xfr->zone->apex);
	uint32_t serial = journal != NULL ? zone_journal_serial(journal) : 0;

	if (journal != NULL && serial != 0 && serial_is_before(serial, xfr->serial) &&
		clock_monotonic_ms() < xfr->until_ms)
		return E_AGAIN;
	xfr_out_take_range(xfr, journal);
	return E_AGAIN;
}

/* The next difference; behind the last comes the end. */
static enum state xfr_out_next_step(struct xfr_out *xfr)
{
	if (!xfr->condensed)
		return journal_range_next(&xfr->range, &xfr->step) ? BEFORE : LAST_SOA;
	if (xfr->step.to == xfr->range.to)
		return LAST_SOA;
	xfr->step = (struct journal_step){xfr->range.from, xfr->range.to,
		buf_span(&xfr->all.removed), buf_span(&xfr->all.added)};
	return BEFORE;
}

/* ---- records ---- */

static void xfr_out_soa(struct xfr_out *xfr, uint32_t serial)
{
	buf_clear(&xfr->soa);
	zone_soa_rdata(&xfr->binding, serial, &xfr->soa);
	xfr->record = (struct zone_record){.type = DNS_SOA, .rdata = buf_span(&xfr->soa)};
}

static enum state after_first(struct xfr_out *xfr)
{
	if (!xfr_out_has_differences(xfr))
		return FIXED;
	return xfr->range.len != 0 ? xfr_out_next_step(xfr) : DONE;
}

/* One turn of the machine: true, xfr->record is the next; false, ask again unless it is done. */
static bool xfr_out_turn(struct xfr_out *xfr)
{
	switch (xfr->state) {
	case FIRST_SOA:
		xfr_out_soa(xfr, xfr->serial);
		xfr->state = after_first(xfr);
		return true;
	case FIXED:
		if (zone_binding_record(&xfr->binding, xfr->fixed++, xfr->string, &xfr->record))
			return true;
		zone_walk_begin(&xfr->walk, &xfr->binding, 0);
		xfr->state = NODES;
		return false;
	case NODES:
		if (xfr_out_node_record(xfr))
			return true;
		xfr->state = LAST_SOA;
		return false;
	case BEFORE:
		xfr_out_soa(xfr, xfr->step.from);
		xfr->rest = xfr->step.removed;
		xfr->state = REMOVED;
		return true;
	case BEHIND:
		xfr_out_soa(xfr, xfr->step.to);
		xfr->rest = xfr->step.added;
		xfr->state = ADDED;
		return true;
	case REMOVED:
	case ADDED:
		if (zone_record_take(&xfr->rest, &xfr->record))
			return true;
		xfr->state = xfr->state == REMOVED ? BEHIND : xfr_out_next_step(xfr);
		return false;
	case LAST_SOA:
		xfr_out_soa(xfr, xfr->serial);
		xfr->state = DONE;
		return true;
	default:
		return false;
	}
}

static bool xfr_out_record(struct xfr_out *xfr)
{
	while (!xfr->held && xfr->state != DONE)
		xfr->held = xfr_out_turn(xfr);
	return xfr->held;
}

static int xfr_out_next(struct dns_multi *base, uint8_t *out, size_t size)
{
	struct xfr_out *xfr = CONTAINEROF(base, struct xfr_out, multi);
	struct xfr_message message;
	size_t len;

	if (xfr->binding.view == NULL)
		return E_ABSENT;
	if (xfr->state == WAIT)
		return xfr_out_wait(xfr);
	if (xfr->state == MEASURE)
		return xfr_out_measure(xfr, out, size);
	if (!xfr_out_record(xfr))
		return 0;
	xfr_message_begin(&message, &xfr->query, out, size - tsig_room(&xfr->exchange));
	while (xfr_out_record(xfr) && xfr_message_put(&message, &xfr->record, xfr->binding.ttl_s))
		xfr->held = false;
	len = xfr_message_end(&message, &xfr->query);
	if (xfr->is_signed)
		len = tsig_sign(
			&xfr->exchange, &(struct tsig_message){out, len, size}, clock_now_s());
	xfr->sent_records += message.records;
	xfr->sent_octets += len;
	xfr->sent_messages++;
	if (xfr->state == DONE && !xfr->held)
		xfr_out_log(xfr, EV_TRANSFER_OUT, "", "");
	return (int)len;
}

static const struct dns_multi_calls xfr_out_calls = {.next = xfr_out_next, .free = xfr_out_free};

/* The key is copied: the rules whose key it is may be older than those held. */
static void xfr_out_copy_query(struct xfr_out *xfr, const struct zone_transfer_query *asked)
{
	xfr->bytes = mem_copy(asked->request->query.ptr, asked->request->query.len);
	dns_query_decode(span_of(xfr->bytes, asked->request->query.len), &xfr->query);
	xfr->client = asked->request->client;
	xfr->is_signed = asked->exchange != NULL;
	tsig_begin(&xfr->exchange, NULL);
	if (xfr->is_signed) {
		xfr->key = *asked->exchange->key;
		xfr->exchange = *asked->exchange;
		xfr->exchange.key = &xfr->key;
	}
}

/* The zone as it is now. When it went with the newest configuration there is none, and the
 * connection ends. The view first: newer rules may go with an older serial, which the journal
 * doubts then, and never older rules with a serial that it knows by newer ones. */
static void xfr_out_bind(struct xfr_out *xfr, const struct dns_name *apex)
{
	const struct dns_shelves *shelves = transfer_shelves(xfr->shared);
	const struct dns_rules *rules;

	shelf_refresh(shelves->views, &xfr->view);
	shelf_refresh(shelves->rules, &xfr->rules);
	rules = shelf_object(xfr->rules);
	xfr->zone = table_zone(rules->table, apex);
	xfr->state = DONE;
	if (xfr->zone == NULL || shelf_object(xfr->view) == NULL)
		return;
	zone_bind(&xfr->binding, rules->table, xfr->zone, shelf_object(xfr->view));
	xfr->serial = view_serial(xfr->binding.view);
	xfr->state = MEASURE;
	if (xfr->query.type == DNS_IXFR) {
		xfr->until_ms = clock_monotonic_ms() + WAIT_MS;
		xfr->state = WAIT;
	}
}

struct dns_multi *xfr_out_new(struct transfer_state *state, const struct zone_transfer_query *asked,
	uint32_t from, size_t records_max)
{
	struct xfr_out *xfr = mem_new(xfr_out);

	xfr->multi.calls = &xfr_out_calls;
	xfr->shared = state;
	xfr->from = from;
	xfr->records_max = records_max;
	buf_init(&xfr->soa, 0);
	zone_diff_init(&xfr->all);
	xfr_out_copy_query(xfr, asked);
	xfr_out_bind(xfr, &asked->zone->apex);
	return &xfr->multi;
}
