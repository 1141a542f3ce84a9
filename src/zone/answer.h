/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Answers strangers' queries from the zones of a configuration and a view of the lists. Pure:
 * octets in, octets out; no clock, no socket, no allocation, no lock. One thread for each service.
 */
#include "zone/rules.h"

struct guard_worker;
struct view;

/* Rules and a view brought together: which list of the view a zone serves, and which of its
 * sublists has which code. A worker makes a new one when either changed. Rules and view have to
 * live longer. */
struct zone_service;

/* view may be NULL: there is no list yet, and every query is answered SERVFAIL. worker: what the
 * guard remembers between queries (guard.h); NULL: nothing is guarded. */
struct zone_service *zone_service_new(
	const struct dns_rules *rules, const struct view *view, struct guard_worker *worker);
void zone_service_free(struct zone_service **service);

/* Answers a batch: all queries of it are read and what they ask for is fetched from memory
 * together, then each is answered. Sets out_len or multi of every request. */
void zone_answer_requests(const struct zone_service *service, struct dns_request *requests,
	size_t requests_len, struct dns_now now);
