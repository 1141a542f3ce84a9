/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One incident per source, reason and hour, so that a flood writes one row and a sender reads one
 * number however often it tries. The book remembers numbers given out, within a fixed amount of
 * memory; a forgotten one means a second incident for the same trouble, nothing worse. One thread.
 */
#include <stdbool.h>

#include "base/ip.h"

struct incident_book;

struct incident_note {
	uint64_t number;
	int64_t first_s;
	int64_t last_s;
	uint32_t count;
	bool is_new;   /* told the keeper nothing yet */
	bool is_worth; /* new, or grown enough to be told again */
};

struct incident_book *incident_book_new(size_t entries, int64_t lasts_s, int64_t update_s);
void incident_book_free(struct incident_book **book);

/* Notes one more refusal of a source for a reason (a small number of the caller's). Whoever gets
 * is_worth tells the keeper now; a count is told when it doubles, or when the last telling is
 * update_s ago. */
struct incident_note incident_book_note(
	struct incident_book *book, struct ip source, uint32_t reason, int64_t now_s);
