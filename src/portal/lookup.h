/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What somebody typed into the look-up field, or put behind /why/: an incident number, an address,
 * a network or a domain, with the decoration people copy along (a whole link, brackets, a full
 * stop). Pure; any thread.
 */
#include "base/arena.h"
#include "list/source.h"

enum lookup_kind { LOOKUP_INCIDENT, LOOKUP_SOURCE };

struct lookup {
	enum lookup_kind kind;
	uint64_t incident;
	struct source source;
};

/* E_CHECKSUM: an incident number with a mistyped character; E_TRUNCATED: letters and digits like
 * one, but not twelve; E_ABSENT: nothing was typed; E_RANGE: a network with host bits, or an
 * address out of range; E_LIMIT: a network too wide for strangers; E_PARSE: none of these. */
int lookup_parse(struct span typed, struct lookup *ret_lookup);
/* The same for a source, as it is. E_RANGE, E_LIMIT, E_PARSE. */
int lookup_parse_source(struct span typed, struct source *ret_source);

/* What to do about such an error: one plain sentence. */
const char *lookup_advice(int error);

/* The canonical form, for links: "7K3M-9QXT-2FHH", "198.51.100.9". */
const char *lookup_print(const struct lookup *lookup, struct arena *arena);
