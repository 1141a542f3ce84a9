/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What transfers share and what outlives a configuration: the journals of the zones, how many
 * transfers run, when a refusal was logged. Owner: the dns role. All threads share it: a lock of
 * the list of journals is held for as long as it takes to find one. Transfers begin and end in the
 * one thread that answers by TCP.
 */
#include "base/ip.h"
#include "xfr/journal.h"
#include "xfr/shelves.h"

struct transfer_state;

/* The shelves live longer. */
struct transfer_state *transfer_state_new(const struct dns_shelves *shelves);
/* After the last transfer. */
void transfer_state_free(struct transfer_state **state);

const struct dns_shelves *transfer_shelves(const struct transfer_state *state);

/* The journal of a zone, made when there is none yet. The main thread. */
struct zone_journal *transfer_journal(struct transfer_state *state, const struct dns_name *apex);
/* NULL: the zone has none. */
struct zone_journal *transfer_journal_find(
	struct transfer_state *state, const struct dns_name *apex);

/* All that they hold is forgotten, also that of zones which nobody serves any more. */
void transfer_journals_forget(struct transfer_state *state);

/* One more transfer runs; false: too many do, of all or of the client's network (ip_network_of). */
bool transfer_enter(struct transfer_state *state, struct ip client);
void transfer_leave(struct transfer_state *state, struct ip client);

/* Whether a refusal may be logged now: strangers write no more than a line a second. */
bool transfer_may_log(struct transfer_state *state);
