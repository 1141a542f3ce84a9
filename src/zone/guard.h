/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who may ask how much. Three things by how long they live:
 *
 *   struct guard         the rules of one configuration, the files it names among them; immutable; hangs at the table of zones
 *   struct guard_state  what outlives a configuration: counts of quotas, the random secret of cookies; all threads share it
 *   struct guard_worker    one worker's own: buckets of the rate limit, counts, samples on their way to whoever watches
 *
 * A query meets them three times (struct guard_query): guard_begin before anything else, guard_admit when its zone is known,
 * guard_end when the answer stands. Pure: the time is an argument; no allocation, no lock, no system call.
 */
#include "base/ring.h"
#include "conf/conf.h"
#include "dns/access_keys.h"
#include "dns/cookie.h"
#include "dns/counters.h"
#include "dns/reply.h"
#include "dns/request.h"

struct guard;
struct guard_state;
struct zone_table;

struct guard_state *guard_state_new(void);
void guard_state_free(struct guard_state **state);

/* Reads the files of keys and secrets. E_CONFIG with "file:line:column: error: ..." in *why; E_DENIED when a file can be
 * read by everybody. state has to live longer. */
int guard_new(const struct conf *conf, const struct zone_table *table, struct guard_state *state,
	struct guard **ret_guard, struct fault *why);
void guard_free(struct guard **guard);

/* workers: among so many a rate limit is divided. */
struct guard_worker *guard_worker_new(unsigned workers);
void guard_worker_free(struct guard_worker **worker);

/* Any thread may read the one and be the reader of the other. */
const struct dns_counters *guard_worker_counters(const struct guard_worker *worker);
struct ring *guard_worker_samples(struct guard_worker *worker);

/* ---- one query ---- */

enum { GUARD_NO_ZONE = -1, GUARD_UNREAD = -2 };

struct guard_query {
	const struct guard *guard; /* NULL: everything passes */
	struct guard_worker *worker;
	const struct dns_request *request;
	const struct dns_query *dns;
	struct dns_now now;
	const struct access_key *key;
	unsigned key_labels; /* labels before the apex that are the key: 0 or 1 */
	int zone; /* in the table; GUARD_NO_ZONE; GUARD_UNREAD before it was looked for */
	bool exempt;
	bool proven; /* the address is not forged: TCP, or a good cookie */
	bool sent_cookie;
	enum dns_count counted;
	uint8_t cookie[DNS_COOKIE_SIZE];
};

/* A query was read; rcode as dns_query_decode says, not negative. guard and worker may be NULL, both. */
void guard_open(struct guard_query *query, const struct guard *guard, struct guard_worker *worker,
	const struct dns_request *request, const struct dns_query *dns, struct dns_now now);

/* The zone of its name was looked for: takes a key out of the name. */
void guard_find_key(struct guard_query *query, int zone);

/* The options of the answer. False: the answer is complete, as reply says. */
bool guard_begin(struct guard_query *query, struct reply *reply);

/* False: refused, as reply says. */
bool guard_admit(struct guard_query *query, struct reply *reply);

/* Finishes the reply; the length of the answer, 0: none is sent. */
size_t guard_end(struct guard_query *query, struct reply *reply);

/* An answer of many messages was begun, or none is due. */
void guard_count(struct guard_query *query, enum dns_count count);

/* ---- samples ---- */

/* A record of the ring, followed by the name of the key, the query, and the answer. A key's octets are overwritten. */
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
