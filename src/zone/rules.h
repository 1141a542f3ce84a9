/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What one configuration means for answering: its zones, who may ask how much, who may fetch all of
 * a zone. One object, so that no query meets the zones of one configuration and the rules of
 * another. Immutable; owner: whoever made it, in the dns role the shelf (dnsd/rules.h). Any number
 * of threads may read.
 */
#include "dns/reply.h"
#include "dns/request.h"
#include "dns/tsig.h"
#include "zone/table.h"

struct guard;
struct zone_transfers;

/* A query for all of a zone, or one that was signed. */
struct zone_transfer_query {
	const struct zone *zone;
	uint32_t serial; /* of the view that answers; 0: there is none */
	const struct dns_query *query;
	const struct tsig_exchange *exchange; /* NULL: not signed */
	struct dns_request *request;
};

/* This folder finds zones and answers what is asked of one name; who sends a whole zone
 * (xfr/transfer.h) is called. */
struct zone_transfer_calls {
	/* AXFR or IXFR at an apex, the exchange verified: request->multi is the answer, or reply
	 * says what. */
	void (*answer)(const struct zone_transfers *transfers,
		const struct zone_transfer_query *query, struct reply *reply);
	/* The signature is not good, as exchange->error says. */
	void (*on_bad_signature)(
		const struct zone_transfers *transfers, const struct zone_transfer_query *query);
};

struct zone_transfers {
	const struct zone_transfer_calls *calls;
	struct tsig_keys keys; /* which secondaries may sign with */
};

struct dns_rules {
	struct zone_table *table;
	struct guard *guard;              /* NULL: everybody may ask everything */
	struct zone_transfers *transfers; /* NULL: nobody may transfer, and no signature is known */
};
