/* SPDX-License-Identifier: ISC */
#pragma once
/* What queries for transfers (transfer.c) and the transfers themselves (outgoing.c) share. */
#include "xfr/transfer.h"

/* One more transfer runs; false: too many do. */
bool transfer_enter(struct transfer_memory *memory);
void transfer_leave(struct transfer_memory *memory);

/* Holds on the newest table and view. */
void transfer_hold(struct transfer_memory *memory, struct shelf_item **ret_table,
	struct shelf_item **ret_view);
void transfer_release(
	struct transfer_memory *memory, struct shelf_item **table, struct shelf_item **view);

/* NULL: the zone has none. Any thread. */
struct zone_journal *transfer_journal_find(
	struct transfer_memory *memory, const struct dns_name *apex);

/* The transfer that answers the query, which transfer_enter has let in. */
struct dns_multi *xfr_out_new(
	const struct transfer_query *asked, const struct dns_request *request);
