/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A transfer on its way: it holds one table and one view until it ends, so that the zone that is
 * sent is that of one serial, whatever is adopted meanwhile. Owner: the TCP thread, which asks for
 * one message after the other (struct dns_multi).
 */
#include "xfr/state.h"
#include "zone/rules.h"

/* The transfer that answers the query, which transfer_enter has let in. from: for IXFR, the serial
 * that the client has; records_max: of a zone with more the transfer is refused. */
struct dns_multi *xfr_out_new(struct transfer_state *state, const struct zone_transfer_query *asked,
	uint32_t from, size_t records_max);
