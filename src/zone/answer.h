/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Answers a stranger's query from a table of zones and a view of the lists. Pure: octets in, octets out; no clock, no
 * socket, no allocation, no lock. Any thread.
 */
#include "dns/request.h"
#include "zone/table.h"

/* A table and a view brought together: which list of the view a zone serves, and which of its sublists has which code.
 * A worker makes a new one when either changed. Table and view have to live longer. */
struct zone_service;
struct guard_worker;

/* view may be NULL: there is no list yet, and every query is answered SERVFAIL. */
struct zone_service *zone_service_new(const struct zone_table *table, const struct view *view);
void zone_service_free(struct zone_service **service);

/* Answers a batch: all queries of it are read and what they ask for is fetched from memory together, then each is answered.
 * Sets out_len of every request. worker: what the guard of the table remembers between queries (zone/guard.h); NULL: there is no
 * guard. */
void zone_answer_requests(const struct zone_service *service, struct guard_worker *worker,
	struct dns_request *requests, size_t requests_len, struct dns_now now);

/* One alone, without a guard: the length of the response in out, which has room for DNS_ANSWER_UDP_MAX or DNS_ANSWER_TCP_MAX octets; 0: no response is due (it is
 * a response itself, or has no whole header). query and out may not overlap. */
size_t zone_answer(const struct zone_service *service, struct span query,
	enum dns_transport transport, int64_t now_s, uint8_t *out);
