/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What one worker thread of the dns role answers from: its hold on the newest table of zones and the newest view, and the
 * service made of the two. Owner: the worker (init/done); one thread. The shelves are shared.
 */
#include "base/shelf.h"
#include "zone/answer.h"

struct dns_desk {
	struct shelf *tables; /* of struct zone_table; has one from the start */
	struct shelf *views;  /* of struct view; may be empty for now */
	struct shelf_item *table;
	struct shelf_item *view;
	struct zone_service *service;
};

void dns_desk_init(struct dns_desk *desk, struct shelf *tables, struct shelf *views);
void dns_desk_done(struct dns_desk *desk);

/* The newest; two atomic loads when nothing changed. Valid until the next call. */
const struct zone_service *dns_desk_service(struct dns_desk *desk);
