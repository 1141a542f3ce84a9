/* SPDX-License-Identifier: ISC */
#pragma once
/* Samples of queries on their way to the query log and to dnstap (dnsd/stats.h). Pure. */
#include "base/ip.h"
#include "zone/guard_query.h"

/* A record of the ring, followed by the name of the key, the query, and the answer. A key's octets
 * are overwritten. */
struct guard_sample {
	int64_t time_ms;
	struct endpoint client;
	uint8_t transport;
	bool for_log;
	bool for_tap;
	uint16_t rcode; /* with the part that stands in the OPT record */
	uint8_t key_len;
	uint16_t query_len;
	uint16_t answer_len;
};

/* After the answer stands: puts it on its way to whoever watches, when it is its turn. */
void guard_sample(const struct guard_query *query, uint16_t rcode, size_t answer_len);
