/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/keeper_priv.h"

/*
 * Evidence of the roles: part of the turn's transaction, acknowledged when that is on disk. When the store fails nothing is
 * acknowledged: the roles keep it in their spools and send it again.
 */
struct pending_ack {
	struct connection *connection;
	uint8_t id[MESSAGE_ID_SIZE];
};

enum { ACKS_PER_MESSAGE = 512 };

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
	};
	int r = source_from_wire(wire->source, &incident.source);

	return r < 0 ? r : store_incident_put(store, &incident);
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

/* E_PARSE, E_RANGE: not worth keeping, and never will be: it is acknowledged, lest it comes again for ever. */
static int evidence_write(struct keeper *keeper, const Stockade__Put *put)
{
	int r = transaction_open(keeper);

	if (r < 0)
		return r;
	if (put->what_case == STOCKADE__PUT__WHAT_INCIDENT)
		return incident_store(keeper->guard.store, put->incident);
	return evidence_store(keeper->guard.store, put->evidence, &put->id);
}

static void evidence_await_commit(
	struct transaction *transaction, struct connection *connection, const Stockade__Put *put)
{
	mem_grow(&transaction->acks, &transaction->room, transaction->len + 1,
		sizeof(*transaction->acks));
	transaction->acks[transaction->len].connection = connection;
	memcpy(transaction->acks[transaction->len].id, put->id.data, MESSAGE_ID_SIZE);
	transaction->len++;
}

static void evidence_complain(const struct connection *connection, int error)
{
	log_event(EV_BUS_BAD,
		LOG_FIELDS(log_text("from", bus_sender_name(connection->sender)), log_error(error),
			log_text("reason", "evidence about what is no source")));
}

void evidence_handle(struct connection *connection, const Stockade__Put *put)
{
	struct keeper *keeper = connection->keeper;
	int r;

	if (!store_guard_is_well(&keeper->guard) || put->id.len != MESSAGE_ID_SIZE)
		return;
	r = evidence_write(keeper, put);
	if (r == E_PARSE || r == E_RANGE) {
		evidence_complain(connection, r);
		r = 0;
	}
	if (r < 0) {
		transaction_fail(keeper, r);
		return;
	}
	evidence_await_commit(&keeper->transaction, connection, put);
}

/* Acknowledges the run of entries that starts at `first` and goes to one connection; returns where the next run starts. */
static size_t acks_send(const struct transaction *transaction, size_t first)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Ack ack = STOCKADE__ACK__INIT;
	ProtobufCBinaryData ids[ACKS_PER_MESSAGE];
	struct connection *connection = transaction->acks[first].connection;
	size_t len = 0;

	while (first + len < transaction->len && len < ACKS_PER_MESSAGE &&
		transaction->acks[first + len].connection == connection) {
		ids[len] =
			(ProtobufCBinaryData){MESSAGE_ID_SIZE, transaction->acks[first + len].id};
		len++;
	}
	ack.n_ids = len;
	ack.ids = ids;
	message.kind_case = STOCKADE__MESSAGE__KIND_ACK;
	message.ack = &ack;
	if (connection != NULL)
		connection_send(connection, &message);
	return first + len;
}

void evidence_ack(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->len;)
		i = acks_send(transaction, i);
	transaction->len = 0;
}

void evidence_forget_connection(
	struct transaction *transaction, const struct connection *connection)
{
	for (size_t i = 0; i < transaction->len; i++) {
		if (transaction->acks[i].connection == connection)
			transaction->acks[i].connection = NULL;
	}
}
