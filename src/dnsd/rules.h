/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * From a configuration to what the dns role answers by (zone/rules.h), and the shelves on which
 * that and the views stand. Main thread.
 */
#include "xfr/shelves.h"
#include "xfr/transfer.h"

/* Reads the keys and the files of the guard that the configuration names. E_CONFIG, E_DENIED, with
 * words. transfers: NULL, and nobody may transfer; else it lives longer. */
int dns_rules_new(const struct conf *conf, struct transfer_state *transfers,
	struct dns_rules **ret_rules, struct fault *why);
void dns_rules_free(struct dns_rules **rules);

/* Empty shelves, which free what nobody holds any more. */
void dns_shelves_init(struct dns_shelves *shelves);
void dns_shelves_done(struct dns_shelves *shelves);
