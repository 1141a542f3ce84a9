/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What roles and operators ask: answers of bounded length, from the store alone; what the asker may
 * see depends on its socket.
 */
#include "base/arena.h"
#include "keeper/connection.h"
#include "keeper/parts.h"

void query_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Query *query);

/* keeper/query_feeds.c: the feeds that are configured or were. */
int query_feeds(const struct keeper_parts *parts, struct arena *arena, Stockade__Answer *answer);
