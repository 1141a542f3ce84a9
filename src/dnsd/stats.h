/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The main thread's view of what the workers of the dns role do: it adds up what they count and
 * tells the keeper, and takes the samples that they leave in their rings to the query log and to
 * dnstap. Workers never wait for it: what finds no room is dropped and counted. Owner: the role;
 * one thread (workers are opened and closed there too).
 */
#include "dns/counters.h"
#include "loop/loop.h"

struct bus_client;
struct conf;
struct dnsd_stats;
struct guard_worker;

/* bus: where counts are told, or NULL. */
struct dnsd_stats *dnsd_stats_new(
	struct loop *loop, const struct conf *conf, struct bus_client *bus);
void dnsd_stats_free(struct dnsd_stats **stats);

/* The bus is about to go: counts are told no more. */
void dnsd_stats_leave_bus(struct dnsd_stats *stats);

/* A configuration came into force. */
void dnsd_stats_apply(struct dnsd_stats *stats, const struct conf *conf);

/* A worker's. Remove takes what is left in it, and its counts stay in the sums. */
void dnsd_stats_add(struct dnsd_stats *stats, struct guard_worker *worker);
void dnsd_stats_remove(struct dnsd_stats *stats, struct guard_worker *worker);

/* Of all workers, also those that are gone. */
uint64_t dnsd_stats_sum(const struct dnsd_stats *stats, enum dns_count count);
