/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Values of list/ as they travel: sources and deltas. What comes in is checked for meaning here
 * (host bits, the one canonical form of a domain), since check.c knows only shapes. Pure; any
 * thread.
 */
#include "base/arena.h"
#include "list/delta.h"
#include "list/source.h"

typedef struct Stockade__Source Stockade__Source;
typedef struct Stockade__Delta Stockade__Delta;

struct ProtobufCMessageDescriptor;

/* A message without values. */
void *message_new(const struct ProtobufCMessageDescriptor *descriptor, struct arena *arena);

/* E_PARSE: no address and no domain, both, host bits set, or a domain not in canonical form. NULL
 * is E_PARSE too. */
int source_from_wire(const Stockade__Source *wire, struct source *ret_source);

/* The two forms of it. */
int net_from_octets(struct prefix octets, struct source *ret_source);
int domain_from_text(const char *domain, struct source *ret_source);

/* The wire form points into *source, which has to outlive it. */
void source_to_wire(const struct source *source, Stockade__Source *ret_wire);

/* Strings are borrowed from the message, arrays live in the arena. E_PARSE, E_RANGE. */
int delta_from_wire(const Stockade__Delta *wire, struct arena *arena, struct delta *ret_delta);

/* As bytes, in the arena, for frame_append_delta(). */
struct span delta_pack(const struct delta *delta, struct arena *arena);
