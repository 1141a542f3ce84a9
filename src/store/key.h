/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A source as the store orders it: bytes and a length, so that covering is a few exact look-ups and
 * containment is one range. schema/001_first.sql says how they look. Pure; any thread.
 */
#include "base/err.h"
#include "base/span.h"
#include "list/source.h"

enum { KEY_BELOW = 254, KEY_NAME = 255 };

struct key {
	uint8_t bytes[DOMAIN_SIZE + 1];
	size_t len;
	int bits;
};

struct key key_of(const struct source *source);
/* E_CORRUPT: no source looks like that. */
int key_to_source(struct span bytes, int bits, struct source *ret_source);

/* Everything below source lies in [first, end) with bits in [bits_min, bits_max], source itself
 * possibly included. False: nothing can be below it (a domain alone). */
struct key_bounds {
	struct key first;
	struct key last; /* inclusive for addresses */
	int bits_min, bits_max;
};
bool key_within(const struct source *source, struct key_bounds *ret_range);

/* The keys that cover source, itself included, the widest first: call with step 0, 1, ... */
bool key_covering(
	const struct source *source, unsigned step, struct key *ret_key); /* until false */
