/* SPDX-License-Identifier: ISC */
#pragma once
/* What roles and operators ask: answers of bounded length, from the store alone. */
#include "keeper/connection.h"

void query_handle(struct connection *connection, const Stockade__Query *query);
