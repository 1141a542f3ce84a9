/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A page of a list in its short form: what listings share once, and behind it only their sources,
 * as many as an answer holds. For whoever wants all of a list. Owner: query.c; one thread.
 */
#include "keeper/message.h"

/* Fills the runs, and says whether there is more behind the number of the last one. E_... of the
 * store. */
int query_runs(
	const struct encoder *encoder, const struct store_select *page, Stockade__Answer *answer);
