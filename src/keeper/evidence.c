/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/keeper.h"

/*
 * Evidence of the roles: part of the turn's transaction, acknowledged when that is on disk. When the store fails nothing is
 * acknowledged: the roles keep it in their spools and send it again.
 */
struct put_ack {
	struct link *link;
	uint8_t id[MESSAGE_ID_SIZE];
};

enum { ACKS_PER_MESSAGE = 512 };

static int put_incident(struct store *store, const Stockade__Incident *wire)
{
	AUTO(arena) *arena = arena_new(0);
	struct store_incident incident = {
		.number = wire->number,
		.first_s = wire->first_s,
		.last_s = wire->last_s,
		.count = wire->count,
		.rule = span_text(wire->rule),
		.mode = span_text(wire->mode),
		.host = span_text(wire->host),
		.code = wire->code,
		.text = span_text(wire->text),
		.helo = span_text(wire->helo),
		.ptr = span_text(wire->ptr),
		.sender = span_text(wire->sender),
		.recipient = span_text(wire->recipient),
		.list = span_text(wire->list),
		.checks = wire_pack_checks(arena, wire),
	};
	int r = source_from_wire(wire->source, &incident.source);

	return r < 0 ? r : store_incident_put(store, &incident);
}

static int put_evidence(
	struct store *store, const Stockade__Evidence *wire, const ProtobufCBinaryData *id)
{
	struct source source;
	struct store_evidence evidence = {
		.message = span_of(id->data, id->len),
		.kind = span_text(wire->kind),
		.source = &source,
		.time_s = wire->time_s,
		.sensor = span_text(wire->sensor),
		.weight = wire->weight,
		.note = span_text(wire->note),
	};
	uint64_t number;
	int r = source_from_wire(wire->source, &source);

	return r < 0 ? r : store_evidence_add(store, &evidence, &number);
}

/* E_PARSE, E_RANGE: not worth keeping, and never will be: it is acknowledged, lest it comes again for ever. */
static int put_store(struct keeper *keeper, const Stockade__Put *put)
{
	int r = batch_open(keeper);

	if (r < 0)
		return r;
	if (put->what_case == STOCKADE__PUT__WHAT_INCIDENT)
		return put_incident(keeper->store, put->incident);
	return put_evidence(keeper->store, put->evidence, &put->id);
}

static void put_note(struct batch *batch, struct link *link, const Stockade__Put *put)
{
	if (batch->len == batch->room) {
		batch->room = batch->room != 0 ? batch->room * 2 : 64;
		batch->acks = mem_resize(batch->acks, batch->room * sizeof(*batch->acks));
	}
	batch->acks[batch->len].link = link;
	memcpy(batch->acks[batch->len].id, put->id.data, MESSAGE_ID_SIZE);
	batch->len++;
}

static void put_complain(const struct link *link, int error)
{
	log_event(EV_BUS_BAD,
		LOG_FIELDS(log_text("from", bus_sender_name(link->sender)), log_error(error),
			log_text("reason", "evidence about what is no source")));
}

void put_handle(struct link *link, const Stockade__Put *put)
{
	struct keeper *keeper = link->keeper;
	int r;

	if (keeper->store == NULL || keeper->store_bad || put->id.len != MESSAGE_ID_SIZE)
		return;
	r = put_store(keeper, put);
	if (r == E_PARSE || r == E_RANGE) {
		put_complain(link, r);
		r = 0;
	}
	if (r < 0) {
		batch_fail(keeper, r);
		return;
	}
	put_note(&keeper->batch, link, put);
}

/* Acknowledges the run of entries that starts at `first` and goes to one link; returns where the next run starts. */
static size_t acks_send(const struct batch *batch, size_t first)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Ack ack = STOCKADE__ACK__INIT;
	ProtobufCBinaryData ids[ACKS_PER_MESSAGE];
	struct link *link = batch->acks[first].link;
	size_t len = 0;

	while (first + len < batch->len && len < ACKS_PER_MESSAGE &&
		batch->acks[first + len].link == link) {
		ids[len] = (ProtobufCBinaryData){MESSAGE_ID_SIZE, batch->acks[first + len].id};
		len++;
	}
	ack.n_ids = len;
	ack.ids = ids;
	message.kind_case = STOCKADE__MESSAGE__KIND_ACK;
	message.ack = &ack;
	if (link != NULL)
		link_send(link, &message);
	return first + len;
}

void put_acknowledge(struct batch *batch)
{
	for (size_t i = 0; i < batch->len;)
		i = acks_send(batch, i);
	batch->len = 0;
}

void put_forget_link(struct batch *batch, const struct link *link)
{
	for (size_t i = 0; i < batch->len; i++) {
		if (batch->acks[i].link == link)
			batch->acks[i].link = NULL;
	}
}
