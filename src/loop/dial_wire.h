/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a process that may not connect says to the one that connects for it, and hears from it. Both
 * know the same targets; a request names them by number and never by address. So the most that
 * whoever took the first one over can ask for is what the configuration names.
 *
 * Request: 1 to DIALS_PER_REQUEST numbers, two octets each, high one first. Reply: for each of them
 * in order one octet, 0 with a descriptor (loop/rights.h), or what failed (E_..., its sign
 * changed). One request is under way at a time. Pure; any thread.
 */
#include "base/ip.h"
#include "base/span.h"

enum {
	DIALS_PER_REQUEST = 32,
	DIAL_NUMBER_SIZE = 2,
	DIAL_REQUEST_SIZE = DIALS_PER_REQUEST * DIAL_NUMBER_SIZE,
};

enum dial_kind { DIAL_TCP, DIAL_UDP, DIAL_UNIX };

struct dial_target {
	enum dial_kind kind;
	struct endpoint endpoint; /* DIAL_TCP, DIAL_UDP */
	const char *path;         /* DIAL_UNIX */
};

struct dial_targets {
	size_t len;
	struct dial_target *items; /* their paths are owned, too */
};

void dial_targets_free(struct dial_targets **targets);

/* Its number; E_DENIED: it is none of them. */
int dial_targets_find(const struct dial_targets *targets, const struct dial_target *target);

struct dial_request {
	size_t len;
	uint16_t numbers[DIALS_PER_REQUEST];
};

/* Of numbers below targets_len. E_PARSE: anything else. */
int dial_request_read(struct span bytes, size_t targets_len, struct dial_request *ret_request);
/* Into bytes[DIAL_REQUEST_SIZE]; their count. */
size_t dial_request_print(const struct dial_request *request, uint8_t *bytes);
