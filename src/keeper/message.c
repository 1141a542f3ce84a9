/* SPDX-License-Identifier: ISC */
#include "keeper/message.h"

#include "base/utf8.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "bus/record.h"

static Stockade__Source *source_encode(struct arena *arena, const struct source *source)
{
	struct source *copy = arena_alloc(arena, sizeof(*copy));
	Stockade__Source *wire = arena_alloc(arena, sizeof(*wire));

	*copy = *source;
	source_to_wire(copy, wire);
	return wire;
}

/* Older programs cut words within a character: such a row would cost whoever asks its connection.
 */
static char *words_encode(struct arena *arena, struct span words)
{
	return arena_string(arena, utf8_cut(words, MESSAGE_TEXT_MAX));
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
	wire->reason = words_encode(arena, listing->reason);
	wire->incident = listing->incident;
	wire->ended_s = listing->ended_s;
	wire->ended_reason = words_encode(arena, listing->ended_reason);
	wire->excluded = listing->excluded;
	wire->code = listing_code(encoder->conf, arena, listing);
	if (encoder->is_private) {
		wire->author = words_encode(arena, listing->author);
		wire->ended_by = words_encode(arena, listing->ended_by);
	}
	wire->n_evidence = 1;
	wire->evidence = arena_alloc(arena, sizeof(*wire->evidence));
	wire->evidence[0] = listing->evidence;
	return wire;
}

/* Part of an incident, as an incident that holds nothing else. */
static struct span part_pack(struct arena *arena, const Stockade__Incident *part)
{
	size_t len = stockade__incident__get_packed_size(part);
	uint8_t *bytes = arena_alloc(arena, len + 1);

	stockade__incident__pack(part, bytes);
	return span_of(bytes, len);
}

struct span checks_encode(struct arena *arena, const Stockade__Incident *incident)
{
	Stockade__Incident part = STOCKADE__INCIDENT__INIT;

	part.n_checks = incident->n_checks;
	part.checks = incident->checks;
	return part_pack(arena, &part);
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

/* NULL: damaged; the rest of the row is still worth showing. */
static Stockade__Incident *part_unpack(struct arena *arena, struct span bytes)
{
	ProtobufCAllocator allocator = {arena_get, arena_keep, arena};

	return stockade__incident__unpack(&allocator, bytes.len, bytes.ptr);
}

static void checks_decode(struct arena *arena, struct span bytes, Stockade__Incident *wire)
{
	Stockade__Incident *part = part_unpack(arena, bytes);

	if (part == NULL)
		return;
	wire->n_checks = part->n_checks;
	wire->checks = part->checks;
}

static Stockade__Sighting *sighting_new(struct arena *arena)
{
	Stockade__Sighting *sighting = arena_alloc(arena, sizeof(*sighting));

	stockade__sighting__init(sighting);
	return sighting;
}

/* What a row from before sightings were kept tells of its one mail. */
static Stockade__Sighting *sighting_of_row(struct arena *arena, const struct store_incident *row)
{
	Stockade__Sighting *sighting = sighting_new(arena);

	sighting->time_s = row->first_s;
	sighting->helo = arena_string(arena, row->helo);
	sighting->sender = arena_string(arena, row->sender);
	sighting->recipient = arena_string(arena, row->recipient);
	return sighting;
}

/* With room for one more behind them. */
static size_t sightings_decode(
	struct arena *arena, const struct store_incident *row, Stockade__Sighting ***ret_sightings)
{
	const Stockade__Incident *part = part_unpack(arena, row->sightings);
	size_t n = part != NULL ? part->n_sightings : 0;
	Stockade__Sighting **all = arena_alloc(arena, (n + 2) * sizeof(Stockade__Sighting *));

	for (size_t i = 0; i < n; i++)
		all[i] = part->sightings[i];
	if (n == 0)
		all[n++] = sighting_of_row(arena, row);
	*ret_sightings = all;
	return n;
}

static bool sighting_is(const Stockade__Sighting *a, const Stockade__Sighting *b)
{
	return a->time_s == b->time_s && strcmp(a->helo, b->helo) == 0 &&
	       strcmp(a->sender, b->sender) == 0 && strcmp(a->recipient, b->recipient) == 0;
}

struct span sightings_add(
	struct arena *arena, const struct store_incident *row, const Stockade__Incident *seen)
{
	Stockade__Incident part = STOCKADE__INCIDENT__INIT;
	Stockade__Sighting *last = sighting_new(arena), **all = &last;
	size_t n = row != NULL ? sightings_decode(arena, row, &all) : 0;

	last->time_s = seen->last_s;
	last->helo = seen->helo;
	last->sender = seen->sender;
	last->recipient = seen->recipient;
	if (n == 0 || !sighting_is(all[n - 1], last))
		all[n++] = last;
	part.n_sightings = n < BUS_SIGHTINGS_MAX ? n : BUS_SIGHTINGS_MAX;
	part.sightings = all + n - part.n_sightings;
	return part_pack(arena, &part);
}

static void incident_encode_sightings(const struct encoder *encoder,
	const struct store_incident *incident, Stockade__Incident *wire)
{
	wire->n_sightings = sightings_decode(encoder->arena, incident, &wire->sightings);
	for (size_t i = 0; i < wire->n_sightings && !encoder->is_private; i++)
		wire->sightings[i]->sender = wire->sightings[i]->recipient =
			(char *)protobuf_c_empty_string;
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
	incident_encode_sightings(encoder, incident, wire);
	return wire;
}

Stockade__Event *event_encode(const struct encoder *encoder, const struct store_event *event)
{
	struct arena *arena = encoder->arena;
	Stockade__Event *wire = arena_alloc(arena, sizeof(*wire));

	stockade__event__init(wire);
	wire->id = event->id;
	wire->time_s = event->time_s;
	wire->author = words_encode(arena, event->author);
	wire->verb = arena_string(arena, event->verb);
	wire->subject = words_encode(arena, event->subject);
	wire->reason = words_encode(arena, event->reason);
	wire->undoes = event->undoes;
	wire->undone = event->undone;
	wire->serial = event->serial;
	return wire;
}
