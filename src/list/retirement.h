/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Whether a list is going to end, or has (RFC 6471 section 3.4). That is published as lists are: in
 * a list of its own, which every snapshot holds beside the configured ones, under a name no
 * configured list can have. So it comes to all servers with the serial, is kept when the keeper is
 * away, has author and reason, and is undone like any change.
 *
 * The entry of a list is a name that is no domain ("main.retired"); its reason begins with the time
 * from which on the list may be emptied, as in "2027-01-01 00:00 we close". Pure; any thread.
 */
#include "base/clock.h"
#include "list/source.h"
#include "list/view.h"

#define RETIREMENT_LIST "%retired"

enum retirement_stage {
	RETIREMENT_ANNOUNCED, /* nothing new is listed; listings go on and expire */
	RETIREMENT_ENDED,     /* nothing is listed, the test entries neither */
	RETIREMENT_STAGES
};

/* What an operator orders; as in bus/stockade.proto. */
enum retirement_step { RETIREMENT_ANNOUNCE, RETIREMENT_EMPTY, RETIREMENT_BACK };

const char *retirement_sublist(enum retirement_stage stage);

/* Where the list's own entry stands. */
void retirement_source(struct span list, struct source *ret_source);

enum { RETIREMENT_WHEN = 16 }; /* "2027-01-01 00:00" */

struct retirement {
	bool is_announced, is_ended;
	struct span words; /* of the announcement, from the time on; lives as long as the view */
};

/* view may be NULL: neither. */
struct retirement retirement_of(const struct view *view, struct span list);
