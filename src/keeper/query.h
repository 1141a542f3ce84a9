/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What roles and operators ask: answers of bounded length, from the store alone; what the asker may
 * see depends on its socket.
 */
#include "keeper/connection.h"
#include "keeper/parts.h"

void query_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Query *query);
