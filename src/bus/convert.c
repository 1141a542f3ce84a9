/* SPDX-License-Identifier: ISC */
#include "bus/convert.h"

#include "stockade.pb-c.h"

void *message_new(const ProtobufCMessageDescriptor *descriptor, struct arena *arena)
{
	void *message = arena_alloc(arena, descriptor->sizeof_message);

	protobuf_c_message_init(descriptor, message);
	return message;
}

int net_from_octets(struct prefix octets, struct source *ret_source)
{
	if (octets.bits > 128 ||
		(octets.bits < 128 && !prefix_equal(octets, prefix_of(octets.ip, octets.bits))))
		return E_PARSE; /* host bits */
	ret_source->kind = SOURCE_NET;
	ret_source->net = octets;
	return 0;
}

int domain_from_text(const char *domain, struct source *ret_source)
{
	struct source source;

	if (source_parse(span_text(domain), &source, NULL) < 0 || source.kind != SOURCE_DOMAIN ||
		strcmp(source.domain, domain) != 0)
		return E_PARSE;
	*ret_source = source;
	return 0;
}

int source_from_wire(const Stockade__Source *wire, struct source *ret_source)
{
	struct prefix octets;

	if (wire == NULL)
		return E_PARSE;
	if (wire->address.len != sizeof(octets.ip))
		return wire->address.len != 0 || wire->bits != 0
			       ? E_PARSE
			       : domain_from_text(wire->domain, ret_source);
	if (wire->domain[0] != '\0' || wire->bits > 128)
		return E_PARSE;
	memcpy(octets.ip.b, wire->address.data, sizeof(octets.ip.b));
	octets.bits = (uint8_t)wire->bits;
	*ret_source = (struct source){.kind = SOURCE_NET};
	return net_from_octets(octets, ret_source);
}

void source_to_wire(const struct source *source, Stockade__Source *ret_wire)
{
	stockade__source__init(ret_wire);
	if (source->kind == SOURCE_DOMAIN) {
		ret_wire->domain = (char *)source->domain; /* protobuf-c does not write there */
		return;
	}
	ret_wire->address.data = (uint8_t *)source->net.ip.b;
	ret_wire->address.len = sizeof(source->net.ip.b);
	ret_wire->bits = source->net.bits;
}

static int hits_from_wire(
	const Stockade__Piece *wire, struct arena *arena, struct delta_piece *piece)
{
	struct hit *hits = arena_alloc(arena, wire->n_hits * sizeof(*hits));

	for (size_t i = 0; i < wire->n_hits; i++) {
		const Stockade__Hit *hit = wire->hits[i];

		if (hit->sublist >= SUBLISTS_MAX)
			return E_RANGE;
		hits[i] = (struct hit){.sublist = (uint8_t)hit->sublist,
			.until_s = hit->until_s,
			.reason = span_text(hit->reason)};
	}
	piece->hits = hits;
	piece->hits_len = (uint32_t)wire->n_hits;
	return 0;
}

int delta_from_wire(const Stockade__Delta *wire, struct arena *arena, struct delta *ret_delta)
{
	struct delta_piece *pieces = arena_alloc(arena, wire->n_pieces * sizeof(*pieces));

	for (size_t i = 0; i < wire->n_pieces; i++) {
		int r = source_from_wire(wire->pieces[i]->source, &pieces[i].source);

		if (r >= 0)
			r = hits_from_wire(wire->pieces[i], arena, &pieces[i]);
		if (r < 0)
			return r;
		pieces[i].list = span_text(wire->pieces[i]->list);
	}
	*ret_delta = (struct delta){.from_serial = wire->from_serial,
		.to_serial = wire->to_serial,
		.partial = wire->partial,
		.pieces_len = wire->n_pieces,
		.pieces = pieces};
	return 0;
}

static Stockade__Piece *piece_to_wire(const struct delta_piece *piece, struct arena *arena)
{
	Stockade__Piece *wire = message_new(&stockade__piece__descriptor, arena);

	wire->list = arena_string(arena, piece->list);
	wire->source = arena_alloc(arena, sizeof(*wire->source));
	source_to_wire(&piece->source, wire->source);
	wire->n_hits = piece->hits_len;
	wire->hits = arena_alloc(arena, piece->hits_len * sizeof(Stockade__Hit *));
	for (size_t i = 0; i < piece->hits_len; i++) {
		Stockade__Hit *hit = message_new(&stockade__hit__descriptor, arena);

		hit->sublist = piece->hits[i].sublist;
		hit->until_s = piece->hits[i].until_s;
		hit->reason = arena_string(arena, piece->hits[i].reason);
		wire->hits[i] = hit;
	}
	return wire;
}

static Stockade__Delta *delta_to_wire(const struct delta *delta, struct arena *arena)
{
	Stockade__Delta *wire = message_new(&stockade__delta__descriptor, arena);

	wire->from_serial = delta->from_serial;
	wire->to_serial = delta->to_serial;
	wire->partial = delta->partial;
	wire->n_pieces = delta->pieces_len;
	wire->pieces = arena_alloc(arena, delta->pieces_len * sizeof(Stockade__Piece *));
	for (size_t i = 0; i < delta->pieces_len; i++)
		wire->pieces[i] = piece_to_wire(&delta->pieces[i], arena);
	return wire;
}

struct span delta_pack(const struct delta *delta, struct arena *arena)
{
	const Stockade__Delta *wire = delta_to_wire(delta, arena);
	uint8_t *packed = arena_alloc(arena, stockade__delta__get_packed_size(wire) + 1);

	return span_of(packed, stockade__delta__pack(wire, packed));
}
