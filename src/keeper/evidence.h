/* SPDX-License-Identifier: ISC */
#pragma once
/* Evidence of the roles: kept with the turn's transaction, and acknowledged when that is on disk. */
#include "keeper/connection.h"
#include "keeper/transaction.h"

void evidence_handle(struct connection *connection, const Stockade__Put *put);
void evidence_ack(struct transaction *transaction);
void evidence_forget_connection(
	struct transaction *transaction, const struct connection *connection);
