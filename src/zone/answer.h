/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Answers a stranger's query from a table of zones and a view of the lists. Pure: octets in, octets out; no clock, no
 * socket, no allocation, no lock. Any thread.
 */
#include "zone/table.h"

/* A table and a view brought together: which list of the view a zone serves, and which of its sublists has which code.
 * A worker makes a new one when either changed. Table and view have to live longer. */
struct zone_service;

/* view may be NULL: there is no list yet, and every query is answered SERVFAIL. */
struct zone_service *zone_service_new(const struct zone_table *table, const struct view *view);
void zone_service_free(struct zone_service **service);

enum zone_transport { ZONE_UDP, ZONE_TCP };

/* Any response over TCP fits: 32 TXT records of 255 octets, and the rest. */
enum { ZONE_UDP_MAX = DNS_UDP_SAFE, ZONE_TCP_MAX = 16384 };

/* The length of the response in out, which has room for ZONE_UDP_MAX or ZONE_TCP_MAX octets; 0: no response is due (it is
 * a response itself, or has no whole header). query and out may not overlap. */
size_t zone_answer(const struct zone_service *service, struct span query,
	enum zone_transport transport, int64_t now_s, uint8_t *out);

/* Whether a datagram from this port may be answered: not those of the chatter services (echo, chargen ...), which would
 * answer the answer for ever, and not port 0. */
bool zone_answers_port(uint16_t port);
