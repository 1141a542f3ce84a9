/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One incident per source (ip_source_of), story and hour, so that a flood writes one row and a
 * sender reads one number however often it tries. The story is the rule, its list, the mode and how
 * it ended: what was refused never shares a number with what was let through. The book remembers
 * numbers given out, within a fixed amount of memory; a forgotten one means a second incident for
 * the same trouble, nothing worse. One thread.
 */
#include <stdbool.h>

#include "base/ip.h"

struct incident_book;

enum { INCIDENT_TOLD_SINGLY = 16 };

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

/* Notes one more refusal of a source; story: a number of the caller's for what has to be the same.
 * Whoever gets is_worth tells the keeper now: each of the first INCIDENT_TOLD_SINGLY, which a
 * person may come and ask about; then when the count doubles, or when the last telling is update_s
 * ago. */
struct incident_note incident_book_note(
	struct incident_book *book, struct ip source, uint32_t story, int64_t now_s);
