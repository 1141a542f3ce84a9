/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The main thread's view of what the workers of the dns role do: it adds up what they count and tells the keeper, and takes
 * the samples that they leave in their rings to the query log and to dnstap. Workers never wait for it: what finds no room
 * is dropped and counted. Owner: the role; one thread (workers are opened and closed there too).
 */
#include "dns/tally.h"
#include "loop/loop.h"

struct bus_client;
struct conf;
struct dns_watch;
struct guard_worker;

/* bus: where counts are told, or NULL. */
struct dns_watch *dns_watch_new(struct loop *loop, const struct conf *conf, struct bus_client *bus);
void dns_watch_free(struct dns_watch **watch);

/* A configuration came into force. */
void dns_watch_apply(struct dns_watch *watch, const struct conf *conf);

/* A worker's. Remove takes what is left in it, and its counts stay in the sums. */
void dns_watch_add(struct dns_watch *watch, struct guard_worker *worker);
void dns_watch_remove(struct dns_watch *watch, struct guard_worker *worker);

/* Of all workers, also those that are gone. */
uint64_t dns_watch_sum(const struct dns_watch *watch, enum dns_count count);
