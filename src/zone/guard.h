/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who may ask how much. Three things by how long they live:
 *
 *   struct guard         the rules of one configuration (guard_rules.h), the files it names among
 *                        them; immutable
 *   struct guard_state   what outlives a configuration: counts of quotas, the random secret of
 *                        cookies; all threads share it
 *   struct guard_worker  one worker's own: buckets of the rate limit, counts, samples on their way
 *                        to whoever watches
 *
 * A query meets them three times (struct guard_query): guard_begin before anything else,
 * guard_admit when its zone is known, guard_end when the answer stands. Pure: the time is an
 * argument; no allocation, no lock, no system call. What threads share are atomic counts
 * (dns/quota.h).
 */
#include "zone/guard_query.h"

struct guard_state *guard_state_new(void);
void guard_state_free(struct guard_state **state);

/* workers: among so many a rate limit is divided. seed: a random number. state has to live
 * longer. */
struct guard_worker *guard_worker_new(struct guard_state *state, unsigned workers, uint32_t seed);
void guard_worker_free(struct guard_worker **worker);

/* Any thread may read the one and be the reader of the other. */
const struct dns_counters *guard_worker_counters(const struct guard_worker *worker);
struct ring *guard_worker_samples(struct guard_worker *worker);

/* ---- one query ---- */

/* A query was read. guard or worker may be NULL: everything passes. */
void guard_open(struct guard_query *query, const struct guard *guard, struct guard_worker *worker);

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
