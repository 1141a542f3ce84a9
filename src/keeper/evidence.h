/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Evidence of the roles: written with the turn's transaction, acknowledged when that is on disk.
 * When the store fails nothing is acknowledged: the roles keep it in their spools and send it
 * again. All of a turn is one item, and needs no savepoint.
 *
 * Owner: the keeper; one thread.
 */
#include "keeper/connection.h"
#include "keeper/transaction.h"

struct evidence;

struct evidence *evidence_new(struct store_guard *guard, struct transaction *transaction);
void evidence_free(struct evidence **evidence);
void evidence_handle(
	struct evidence *evidence, struct connection *connection, const Stockade__Put *put);
