/* SPDX-License-Identifier: ISC */
#include "keeper/evidence.h"

#include <string.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/message.h"

struct pending_ack {
	struct connection *connection; /* a reference */
	uint8_t id[MESSAGE_ID_SIZE];
};

struct evidence {
	uint32_t magic;
	struct store_guard *guard;
	struct transaction *transaction;
	struct transaction_item item; /* in the transaction while there are acks */
	struct pending_ack *acks;
	size_t len;
	size_t room;
};

enum { ACKS_PER_MESSAGE = 512 };

struct raising {
	struct arena *arena;
	const Stockade__Incident *wire;
	struct span sightings;
};

static int raising_on_row(const struct store_incident *row, void *arg)
{
	struct raising *raising = arg;

	raising->sightings = sightings_add(raising->arena, row, raising->wire);
	return 0;
}

static int incident_raise(struct store *store, struct store_incident *incident,
	const Stockade__Incident *wire, struct arena *arena)
{
	struct raising raising = {.arena = arena, .wire = wire};
	int r = store_incident_get(store, incident->number, raising_on_row, &raising);

	incident->sightings = raising.sightings;
	return r < 0 ? r : store_incident_raise(store, incident);
}

static int incident_store(struct store *store, const Stockade__Incident *wire)
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
		.checks = checks_encode(arena, wire),
		.sightings = sightings_add(arena, NULL, wire),
	};
	int r = source_from_wire(wire->source, &incident.source);

	r = r < 0 ? r : store_incident_put(store, &incident);
	return r != 0 ? r : incident_raise(store, &incident, wire, arena);
}

static int evidence_store(
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

static int evidence_write(struct evidence *evidence, const Stockade__Put *put)
{
	int r = transaction_open(evidence->transaction);

	if (r < 0)
		return r;
	if (put->what_case == STOCKADE__PUT__WHAT_INCIDENT)
		return incident_store(evidence->guard->store, put->incident);
	return evidence_store(evidence->guard->store, put->evidence, &put->id);
}

static void evidence_await_commit(
	struct evidence *evidence, struct connection *connection, const Stockade__Put *put)
{
	struct pending_ack *ack;

	mem_grow(&evidence->acks, &evidence->room, evidence->len + 1, sizeof(*evidence->acks));
	if (evidence->len == 0)
		transaction_await(evidence->transaction, &evidence->item);
	ack = &evidence->acks[evidence->len++];
	ack->connection = connection_ref(connection);
	memcpy(ack->id, put->id.data, MESSAGE_ID_SIZE);
}

static void evidence_complain(const struct connection *connection, int error)
{
	log_event(EV_BUS_BAD,
		LOG_FIELDS(log_text("from", bus_sender_name(connection->sender)), log_error(error),
			log_text("why",
				"evidence about something that is not an address, network or domain")));
}

void evidence_handle(
	struct evidence *evidence, struct connection *connection, const Stockade__Put *put)
{
	struct fault why;
	int r;

	if (!store_guard_is_well(evidence->guard) ||
		store_guard_takes_bulk(evidence->guard, &why) < 0 || put->id.len != MESSAGE_ID_SIZE)
		return;
	r = evidence_write(evidence, put);
	if (r == E_PARSE || r == E_RANGE) {
		/* Not worth keeping, and never will be: it is acknowledged, lest it comes again
		 * for ever. */
		evidence_complain(connection, r);
		r = 0;
	}
	if (r < 0)
		transaction_fail(evidence->transaction, r);
	else
		evidence_await_commit(evidence, connection, put);
}

/* ---- acknowledging ---- */

/* The acks that follow each other and go to one connection, from the first on; how many. */
static size_t acks_send(const struct pending_ack *acks, size_t len)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Ack ack = STOCKADE__ACK__INIT;
	ProtobufCBinaryData ids[ACKS_PER_MESSAGE];
	size_t count = 0;

	while (count < len && count < ACKS_PER_MESSAGE &&
		acks[count].connection == acks[0].connection) {
		ids[count] = (ProtobufCBinaryData){MESSAGE_ID_SIZE, (uint8_t *)acks[count].id};
		count++;
	}
	ack.n_ids = count;
	ack.ids = ids;
	message.kind_case = STOCKADE__MESSAGE__KIND_ACK;
	message.ack = &ack;
	connection_send(acks[0].connection, &message);
	return count;
}

static void evidence_on_finish(const struct transaction_result *result, void *arg)
{
	struct evidence *evidence = OBJ(evidence, arg);
	size_t len = evidence->len;

	if (result->error == 0) {
		for (size_t i = 0; i < len;)
			i += acks_send(evidence->acks + i, len - i);
	}
	evidence->len = 0;
	for (size_t i = 0; i < len; i++)
		connection_unref(&evidence->acks[i].connection);
}

struct evidence *evidence_new(struct store_guard *guard, struct transaction *transaction)
{
	struct evidence *evidence = mem_new(evidence);

	*evidence = (struct evidence){.magic = (uint32_t)MAGIC_evidence,
		.guard = guard,
		.transaction = transaction,
		.item = {.finish = evidence_on_finish, .arg = evidence}};
	return evidence;
}

void evidence_free(struct evidence **evidence)
{
	struct evidence *e = *evidence;

	if (e == NULL)
		return;
	mem_free(e->acks);
	e->magic = 0;
	mem_free(e);
	*evidence = NULL;
}
