/* SPDX-License-Identifier: ISC */
#include "keeper/message.h"

#include "bus/convert.h"

enum { EVIDENCE_SHOWN = 64 };

static Stockade__Source *source_encode(struct arena *arena, const struct source *source)
{
	struct source *copy = arena_alloc(arena, sizeof(*copy));
	Stockade__Source *wire = arena_alloc(arena, sizeof(*wire));

	*copy = *source;
	source_to_wire(copy, wire);
	return wire;
}

/* The code that a sublist answers with, as the configuration has it now. */
static char *listing_code(
	const struct conf *conf, struct arena *arena, const struct store_listing *listing)
{
	const struct conf_list *list = conf_list_find(conf, listing->list);

	for (size_t i = 0; list != NULL && list->zone != NULL && i < list->sublists_len; i++) {
		char text[IP_TEXT_SIZE];

		if (span_equal_text(listing->sublist, list->sublists[i].name))
			return arena_copy_string(arena, ip_print(list->sublists[i].code, text));
	}
	return (char *)"";
}

static void listing_encode_evidence(const struct encoder *encoder, Stockade__Listing *wire)
{
	size_t count = EVIDENCE_SHOWN;

	wire->evidence = arena_alloc(encoder->arena, count * sizeof(*wire->evidence));
	if (store_listing_evidence(encoder->store, wire->id, wire->evidence, &count) < 0)
		count = 0;
	wire->n_evidence = count;
}

Stockade__Listing *listing_encode(
	const struct encoder *encoder, const struct store_listing *listing)
{
	struct arena *arena = encoder->arena;
	Stockade__Listing *wire = arena_alloc(arena, sizeof(*wire));

	stockade__listing__init(wire);
	wire->id = listing->id;
	wire->list = arena_string(arena, listing->list);
	wire->sublist = arena_string(arena, listing->sublist);
	wire->source = source_encode(arena, &listing->source);
	wire->since_s = listing->since_s;
	wire->until_s = listing->until_s;
	wire->policy = arena_string(arena, listing->policy);
	wire->policy_version = listing->policy_version;
	wire->reason = arena_string(arena, listing->reason);
	wire->incident = listing->incident;
	wire->ended_s = listing->ended_s;
	wire->ended_reason = arena_string(arena, listing->ended_reason);
	wire->excluded = listing->excluded;
	wire->code = listing_code(encoder->conf, arena, listing);
	if (encoder->is_private) {
		wire->author = arena_string(arena, listing->author);
		wire->ended_by = arena_string(arena, listing->ended_by);
	}
	listing_encode_evidence(encoder, wire);
	return wire;
}

struct span checks_encode(struct arena *arena, const Stockade__Incident *incident)
{
	Stockade__Incident only = STOCKADE__INCIDENT__INIT;
	uint8_t *bytes;
	size_t len;

	only.n_checks = incident->n_checks;
	only.checks = incident->checks;
	len = stockade__incident__get_packed_size(&only);
	bytes = arena_alloc(arena, len + 1);
	stockade__incident__pack(&only, bytes);
	return span_of(bytes, len);
}

static void *arena_get(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void arena_keep(void *arena, void *block)
{
	(void)arena;
	(void)block;
}

static void checks_decode(struct arena *arena, struct span bytes, Stockade__Incident *wire)
{
	ProtobufCAllocator allocator = {arena_get, arena_keep, arena};
	Stockade__Incident *only = stockade__incident__unpack(&allocator, bytes.len, bytes.ptr);

	if (only == NULL)
		return; /* damaged: the rest of the row is still worth showing */
	wire->n_checks = only->n_checks;
	wire->checks = only->checks;
}

Stockade__Incident *incident_encode(
	const struct encoder *encoder, const struct store_incident *incident)
{
	struct arena *arena = encoder->arena;
	Stockade__Incident *wire = arena_alloc(arena, sizeof(*wire));

	stockade__incident__init(wire);
	wire->number = incident->number;
	wire->source = source_encode(arena, &incident->source);
	wire->first_s = incident->first_s;
	wire->last_s = incident->last_s;
	wire->count = incident->count;
	wire->rule = arena_string(arena, incident->rule);
	wire->mode = arena_string(arena, incident->mode);
	wire->host = arena_string(arena, incident->host);
	wire->code = incident->code;
	wire->text = arena_string(arena, incident->text);
	wire->helo = arena_string(arena, incident->helo);
	wire->ptr = arena_string(arena, incident->ptr);
	wire->list = arena_string(arena, incident->list);
	if (encoder->is_private) {
		wire->sender = arena_string(arena, incident->sender);
		wire->recipient = arena_string(arena, incident->recipient);
	}
	checks_decode(arena, incident->checks, wire);
	return wire;
}

Stockade__Event *event_encode(const struct encoder *encoder, const struct store_event *event)
{
	struct arena *arena = encoder->arena;
	Stockade__Event *wire = arena_alloc(arena, sizeof(*wire));

	stockade__event__init(wire);
	wire->id = event->id;
	wire->time_s = event->time_s;
	wire->author = arena_string(arena, event->author);
	wire->verb = arena_string(arena, event->verb);
	wire->subject = arena_string(arena, event->subject);
	wire->reason = arena_string(arena, event->reason);
	wire->undoes = event->undoes;
	wire->undone = event->undone;
	wire->serial = event->serial;
	return wire;
}
