/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The end of a list, in steps that nobody takes by accident (RFC 6471 section 3.4): announced, at
 * least a month before; emptied, not before the time that was announced. Each step is an event and
 * is undone as one. An emptied list answers for nothing, least of all for everything. How a step is
 * published is in list/retirement.h. Pure; any thread.
 *
 *	2027-01-01  retire --notice 60d     announced; nothing new is listed from now on
 *	2027-02-01  retire --empty          refused: the announced time is still to come
 *	2027-03-02  retire --empty          emptied
 */
#include "conf/conf.h"
#include "list/retirement.h"

/* How far it has come. */
struct retirement_state {
	bool is_at[RETIREMENT_STAGES];
	uint64_t event[RETIREMENT_STAGES]; /* that brought it there */
	char when[RETIREMENT_WHEN + 1];    /* announced, as text: the order of times */
};

/* A step that is asked for. */
struct retirement_order {
	const char *list;
	int64_t now_s;
	int64_t notice_s;
	bool skip_notice;
};

/* The criterion by which the entries of RETIREMENT_LIST stand there. */
extern const struct conf_policy retirement_policy;

/* An entry of the list's own in RETIREMENT_LIST. */
void retirement_note(struct retirement_state *state, struct span sublist, struct span reason,
	uint64_t added_event);

/* Each 0, or refuses with words. E_DENIED: nothing new is listed any more. */
int retirement_may_list(const struct retirement_state *state, struct span list, struct fault *why);
/* E_CONFLICT, E_DENIED, E_RANGE. ret_when: the time to be announced. */
int retirement_may_announce(const struct retirement_state *state,
	const struct retirement_order *order, char ret_when[CLOCK_TEXT_SIZE], struct fault *why);
/* E_CONFLICT, E_DENIED. */
int retirement_may_empty(const struct retirement_state *state, const struct retirement_order *order,
	struct fault *why);
/* The event that is to be undone. E_ABSENT. */
int retirement_last(const struct retirement_state *state, const char *list, uint64_t *ret_event,
	struct fault *why);
