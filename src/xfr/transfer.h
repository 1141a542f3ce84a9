/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Zone transfers out: AXFR (RFC 5936) and IXFR (RFC 1995), to those the configuration names, signed
 * where it says so. zone/ hands such queries over (zone/rules.h); the answer is a struct dns_multi
 * (outgoing.h).
 */
#include "conf/conf.h"
#include "xfr/state.h"
#include "zone/rules.h"

/* Who may transfer, of one configuration. Immutable. keys: in the order of conf->keys; copied. */
struct zone_transfers *transfer_rules_new(
	const struct conf *conf, const struct tsig_key *keys, struct transfer_state *state);
void transfer_rules_free(struct zone_transfers **transfers);

/* dns.transfer-to, in its order. */
struct transfer_secondary {
	struct endpoint address;
	const struct tsig_key *key; /* NULL: the address is enough */
};

struct transfer_secondaries {
	size_t len;
	struct transfer_secondary *items;
};

/* transfers may be NULL. */
const struct transfer_secondaries *transfer_secondaries(const struct zone_transfers *transfers);

/* The serial of the SOA record in the authority section of an IXFR query, which is what the client
 * has (RFC 1995 section 3). E_PARSE: there is none. */
int transfer_serial_of(struct span query, uint32_t *ret_serial);
