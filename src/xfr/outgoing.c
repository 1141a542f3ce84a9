/* SPDX-License-Identifier: ISC */
#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "xfr/message.h"
#include "xfr/transfer_priv.h"

/*
 * A transfer on its way. Records come one after the other out of a machine of a few states, and are put into messages:
 *
 *   all of it     measure - SOA - fixed - nodes of each mount - SOA
 *   differences   wait - SOA - { SOA before - removed - SOA behind - added } ... - SOA      (RFC 1995 section 4)
 *
 * "wait": the view that was asked may be newer than the journal by the moment that it takes to work the difference out.
 * "measure": whether the zone has too many records is known before the first one is sent.
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
	MEASURED_AT_ONCE = 2000, /* stretches or names: about a millisecond */
	CONDENSED_MAX = 50000,   /* records that are sorted at once */
	RECORDS_EACH = 2,        /* A and TXT ... */
	TIMES_EACH = 2,          /* ... at the apex and below the label of the sublist */
};

struct transfer_flow {
	struct dns_flow flow;
	struct transfer_memory *memory;
	struct shelf_item *table, *view;
	const struct zone *zone;
	struct zone_binding binding;
	size_t records_max;
	uint8_t *bytes; /* the query points into them */
	struct dns_query query;
	struct endpoint client;
	bool is_signed;
	struct tsig_key key; /* a copy: the table whose key it is may be older than the one held */
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
	uint8_t note[MATCH_STRING_MAX]; /* rdata of a fixed record */
	unsigned mount;
	struct zone_walk walk;
	struct zone_node node;
	struct zone_records records;
	size_t records_at;

	/* Differences: the steps of the range, or all of them in one. */
	uint32_t from;
	bool condensed;
	struct journal_range range;
	struct zone_diff all;
	size_t step;
	struct span rest;

	uint64_t sent_records, sent_messages, sent_octets;
};

/* ---- beginning and end ---- */

static void flow_say(const struct transfer_flow *flow, enum log_event_id id, const char *why,
	const char *network)
{
	char zone[DNS_NAME_TEXT_SIZE];
	bool is_all = flow->range.steps == NULL;

	log_event(id, LOG_FIELDS(log_text("zone", dns_name_print(&flow->zone->apex, zone)),
			      log_endpoint("client", flow->client),
			      log_text("kind", is_all ? "axfr" : "ixfr"),
			      log_number("serial", flow->serial), log_number("from", flow->from),
			      log_number("records", (int64_t)flow->sent_records),
			      log_number("messages", (int64_t)flow->sent_messages),
			      log_number("octets", (int64_t)flow->sent_octets),
			      log_text("network", network), log_text("why", why)));
}

static void flow_free(struct dns_flow *base)
{
	struct transfer_flow *flow = CONTAINEROF(base, struct transfer_flow, flow);

	if (flow->state != DONE || flow->held)
		flow_say(flow, EV_TRANSFER_BROKEN, "the connection ended", "");
	transfer_leave(flow->memory);
	transfer_release(flow->memory, &flow->table, &flow->view);
	journal_range_done(&flow->range);
	zone_diff_done(&flow->all);
	buf_done(&flow->soa);
	tsig_key_done(&flow->key);
	mem_free(flow->bytes);
	mem_free(flow);
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

static void measure_add(
	struct transfer_flow *flow, u128 first, u128 last, const struct zone_match *match)
{
	uint64_t width = key_is_v4(first) ? (uint64_t)(last - first) + 1 : 1;
	uint64_t names = width;

	if (!match_names_source(&flow->binding, match) && width > 512)
		names = width / 256 + 512; /* wildcards, and the ends */
	if (flow->measured == 0 || last - first > flow->widest_last - flow->widest_first) {
		flow->widest_first = first;
		flow->widest_last = last;
	}
	flow->measured += names * match->len * RECORDS_EACH * TIMES_EACH;
}

/* 1: there is more. */
static int measure_addresses(struct transfer_flow *flow)
{
	struct zone_match match;
	u128 first, last;

	for (unsigned i = 0; i < MEASURED_AT_ONCE; i++) {
		if (!match_next_ip(&flow->binding, flow->measured_to, flow->zone->all, &first,
			    &last, &match))
			return 0;
		measure_add(flow, first, last, &match);
		if (last == ~(u128)0 || flow->measured > flow->records_max)
			return 0;
		flow->measured_to = last + 1;
	}
	return 1;
}

static int measure_domains(struct transfer_flow *flow)
{
	char next[VIEW_NAME_SIZE];

	for (unsigned i = 0; i < MEASURED_AT_ONCE; i++) {
		if (!match_next_domain(&flow->binding, span_text(flow->measured_name), next))
			return 0;
		strcpy(flow->measured_name, next);
		flow->measured += (uint64_t)RECORDS_EACH * TIMES_EACH;
		if (flow->measured > flow->records_max)
			return 0;
	}
	return 1;
}

/* Nothing was sent yet, so the answer can still be a refusal. */
static int flow_refuse(struct transfer_flow *flow, uint8_t *out, size_t size)
{
	struct prefix widest = prefix_of(key_to_ip(flow->widest_first), 128);
	char network[PREFIX_TEXT_SIZE] = "";
	struct reply reply;
	size_t len;

	while (widest.bits > 0 && key_of_ip(prefix_last(widest)) < flow->widest_last)
		widest = prefix_of(widest.ip, widest.bits - 1U);
	if (flow->zone->holds == LIST_OF_ADDRESSES)
		prefix_print(widest, network);
	flow_say(flow, EV_TRANSFER_TOO_LARGE, "more records than dns.transfer-records", network);
	reply_init(&reply, &flow->query, out, size - tsig_room(&flow->exchange));
	reply.rcode = DNS_REFUSED;
	reply.ede = DNS_EDE_PROHIBITED;
	reply.options.ede_text = span_text("the zone has too many records for a transfer");
	len = reply_finish(&reply);
	if (flow->is_signed)
		len = tsig_sign(&flow->exchange, out, len, size, clock_now_s());
	flow->state = DONE;
	return (int)len;
}

static int flow_measure(struct transfer_flow *flow, uint8_t *out, size_t size)
{
	int r = flow->zone->holds == LIST_OF_ADDRESSES ? measure_addresses(flow)
						       : measure_domains(flow);

	if (flow->measured > flow->records_max)
		return flow_refuse(flow, out, size);
	if (r == 0)
		flow->state = FIRST_SOA;
	return E_AGAIN;
}

/* The next record of the nodes; false: that was all. */
static bool flow_node_record(struct transfer_flow *flow)
{
	while (flow->records_at == flow->records.len) {
		while (!zone_walk_next(&flow->walk, &flow->node)) {
			if (++flow->mount == zone_mounts(flow->zone))
				return false;
			zone_walk_begin(&flow->walk, &flow->binding, flow->mount);
		}
		zone_node_records(&flow->binding, &flow->node, &flow->records);
		flow->records_at = 0;
	}
	flow->record = flow->records.records[flow->records_at++];
	return true;
}

/* ---- differences ---- */

static void flow_take_range(struct transfer_flow *flow, struct zone_journal *journal)
{
	flow->state = MEASURE;
	if (journal == NULL || zone_journal_take(journal, flow->from, &flow->range) < 0)
		return;
	flow->state = FIRST_SOA;
	flow->serial = flow->range.to;
	flow->condensed = flow->range.len > 1 && flow->range.records <= CONDENSED_MAX;
	if (flow->condensed)
		journal_range_condense(&flow->range, &flow->all);
}

static int flow_wait(struct transfer_flow *flow)
{
	struct zone_journal *journal = transfer_journal_find(flow->memory, &flow->zone->apex);
	uint32_t serial = journal != NULL ? zone_journal_serial(journal) : 0;

	if (journal != NULL && serial != 0 && serial_is_before(serial, flow->serial) &&
		clock_monotonic_ms() < flow->until_ms)
		return E_AGAIN;
	flow_take_range(flow, journal);
	return E_AGAIN;
}

static const struct zone_diff *flow_diff(const struct transfer_flow *flow)
{
	return flow->condensed ? &flow->all : journal_step_diff(flow->range.steps[flow->step]);
}

static uint32_t flow_behind(const struct transfer_flow *flow)
{
	return flow->condensed ? flow->range.to : journal_step_to(flow->range.steps[flow->step]);
}

static uint32_t flow_before(const struct transfer_flow *flow)
{
	return flow->step == 0 ? flow->range.from
			       : journal_step_to(flow->range.steps[flow->step - 1]);
}

static enum state flow_next_step(struct transfer_flow *flow)
{
	flow->step = flow->condensed ? flow->range.len : flow->step + 1;
	return flow->step < flow->range.len ? BEFORE : LAST_SOA;
}

/* ---- records ---- */

static void flow_soa(struct transfer_flow *flow, uint32_t serial)
{
	buf_clear(&flow->soa);
	zone_soa_rdata(&flow->binding, serial, &flow->soa);
	flow->record = (struct zone_record){.type = DNS_SOA, .rdata = buf_span(&flow->soa)};
}

static enum state after_first(const struct transfer_flow *flow)
{
	if (flow->range.steps == NULL)
		return FIXED;
	return flow->range.len != 0 ? BEFORE : DONE;
}

/* One turn of the machine: true, flow->record is the next; false, ask again unless it is done. */
static bool flow_turn(struct transfer_flow *flow)
{
	switch (flow->state) {
	case FIRST_SOA:
		flow_soa(flow, flow->serial);
		flow->state = after_first(flow);
		return true;
	case FIXED:
		if (zone_binding_record(&flow->binding, flow->fixed++, flow->note, &flow->record))
			return true;
		zone_walk_begin(&flow->walk, &flow->binding, 0);
		flow->state = NODES;
		return false;
	case NODES:
		if (flow_node_record(flow))
			return true;
		flow->state = LAST_SOA;
		return false;
	case BEFORE:
		flow_soa(flow, flow_before(flow));
		flow->rest = buf_span(&flow_diff(flow)->removed);
		flow->state = REMOVED;
		return true;
	case BEHIND:
		flow_soa(flow, flow_behind(flow));
		flow->rest = buf_span(&flow_diff(flow)->added);
		flow->state = ADDED;
		return true;
	case REMOVED:
	case ADDED:
		if (zone_record_take(&flow->rest, &flow->record))
			return true;
		flow->state = flow->state == REMOVED ? BEHIND : flow_next_step(flow);
		return false;
	case LAST_SOA:
		flow_soa(flow, flow->serial);
		flow->state = DONE;
		return true;
	default:
		return false;
	}
}

static bool flow_record(struct transfer_flow *flow)
{
	while (!flow->held && flow->state != DONE)
		flow->held = flow_turn(flow);
	return flow->held;
}

static int flow_next(struct dns_flow *base, uint8_t *out, size_t size)
{
	struct transfer_flow *flow = CONTAINEROF(base, struct transfer_flow, flow);
	struct xfr_message message;
	size_t len;

	if (flow->binding.view == NULL)
		return E_ABSENT;
	if (flow->state == WAIT)
		return flow_wait(flow);
	if (flow->state == MEASURE)
		return flow_measure(flow, out, size);
	if (!flow_record(flow))
		return 0;
	xfr_message_begin(&message, &flow->query, out, size - tsig_room(&flow->exchange));
	while (flow_record(flow) && xfr_message_put(&message, &flow->record, flow->binding.ttl_s))
		flow->held = false;
	len = xfr_message_end(&message, &flow->query);
	if (flow->is_signed)
		len = tsig_sign(&flow->exchange, out, len, size, clock_now_s());
	flow->sent_records += message.records;
	flow->sent_octets += len;
	flow->sent_messages++;
	if (flow->state == DONE && !flow->held)
		flow_say(flow, EV_TRANSFER_OUT, "", "");
	return (int)len;
}

static const struct dns_flow_calls flow_calls = {.next = flow_next, .free = flow_free};

struct dns_flow *flow_new(const struct transfer_query *asked, const struct dns_job *job)
{
	struct transfer_flow *flow = mem_new(transfer_flow);
	const struct zone_table *table;

	flow->flow.calls = &flow_calls;
	flow->memory = asked->rules->memory;
	transfer_hold(flow->memory, &flow->table, &flow->view);
	table = shelf_object(flow->table);
	flow->zone = table_zone(table, &asked->zone->apex);
	flow->records_max = asked->rules->records_max;
	flow->bytes = mem_copy(job->query.ptr, job->query.len);
	dns_query_decode(span_of(flow->bytes, job->query.len), &flow->query);
	flow->client = job->client;
	flow->is_signed = asked->exchange != NULL;
	tsig_begin(&flow->exchange, NULL);
	if (flow->is_signed) {
		flow->key = *asked->exchange->key;
		flow->exchange = *asked->exchange;
		flow->exchange.key = &flow->key;
	}
	buf_init(&flow->soa, 0);
	zone_diff_init(&flow->all);
	flow->state = DONE;
	if (flow->zone == NULL || shelf_object(flow->view) == NULL)
		return &flow->flow; /* gone with the newest configuration: flow_next ends the connection */
	zone_bind(&flow->binding, table, flow->zone, shelf_object(flow->view));
	flow->serial = view_serial(flow->binding.view);
	flow->state = MEASURE;
	if (flow->query.type == DNS_IXFR && transfer_serial_of(job->query, &flow->from) == 0) {
		flow->until_ms = clock_monotonic_ms() + WAIT_MS;
		flow->state = WAIT;
	}
	return &flow->flow;
}
