/* SPDX-License-Identifier: ISC */
#include "policy/retirement.h"

#include "base/text.h"

enum { DAY_S = 86400, NOTICE_LEAST_DAYS = 30, NOTICE_MOST_DAYS = 3650 };

const struct conf_policy retirement_policy = {.name = "retirement",
	.version = 1,
	.text = "A named operator ends the list, for a written reason."};

void retirement_note(struct retirement_state *state, struct span sublist, struct span reason,
	uint64_t added_event)
{
	for (int stage = 0; stage < RETIREMENT_STAGES; stage++) {
		if (!span_equal_text(sublist, retirement_sublist((enum retirement_stage)stage)))
			continue;
		state->is_at[stage] = true;
		state->event[stage] = added_event;
		if (stage == RETIREMENT_ANNOUNCED)
			text_format(state->when, sizeof(state->when), "%.*s", (int)reason.len,
				(const char *)reason.ptr);
	}
}

int retirement_may_list(const struct retirement_state *state, struct span list, struct fault *why)
{
	if (!state->is_at[RETIREMENT_ANNOUNCED] && !state->is_at[RETIREMENT_ENDED])
		return 0;
	return fault_set(why, E_DENIED,
		"the list '%.*s' %s: it takes nothing new (`stockade list retire %.*s --undo` takes that back)",
		(int)list.len, (const char *)list.ptr,
		state->is_at[RETIREMENT_ENDED] ? "has ended" : "is going to end", (int)list.len,
		(const char *)list.ptr);
}

int retirement_may_announce(const struct retirement_state *state,
	const struct retirement_order *order, char ret_when[CLOCK_TEXT_SIZE], struct fault *why)
{
	if (state->is_at[RETIREMENT_ANNOUNCED])
		return fault_set(why, E_CONFLICT, "'%s' was announced to end at %s already",
			order->list, state->when);
	if (order->notice_s < (int64_t)NOTICE_LEAST_DAYS * DAY_S && !order->skip_notice)
		return fault_set(why, E_DENIED,
			"users of a list have to hear of its end a month before or longer (RFC 6471 section 3.4); "
			"--skip-notice if it cannot be helped");
	if (order->notice_s < 0 || order->notice_s > (int64_t)NOTICE_MOST_DAYS * DAY_S)
		return fault_set(why, E_RANGE,
			"the end of a list is announced at most %d days ahead", NOTICE_MOST_DAYS);
	clock_print_minute(order->now_s + order->notice_s, ret_when);
	return 0;
}

/* Times are written so that they compare as texts. */
int retirement_may_empty(const struct retirement_state *state, const struct retirement_order *order,
	struct fault *why)
{
	char now[CLOCK_TEXT_SIZE];

	if (state->is_at[RETIREMENT_ENDED])
		return fault_set(why, E_CONFLICT, "'%s' has ended already", order->list);
	if (order->skip_notice)
		return 0;
	if (!state->is_at[RETIREMENT_ANNOUNCED])
		return fault_set(why, E_DENIED,
			"the end of '%s' was not announced yet: `stockade list retire %s` comes first, a month before "
			"(RFC 6471 section 3.4)",
			order->list, order->list);
	if (strcmp(clock_print_minute(order->now_s, now), state->when) < 0)
		return fault_set(why, E_DENIED,
			"'%s' was announced to end at %s UTC, which is still to come", order->list,
			state->when);
	return 0;
}

int retirement_last(const struct retirement_state *state, const char *list, uint64_t *ret_event,
	struct fault *why)
{
	int stage = state->is_at[RETIREMENT_ENDED] ? RETIREMENT_ENDED : RETIREMENT_ANNOUNCED;

	if (!state->is_at[stage])
		return fault_set(why, E_ABSENT, "no end of '%s' was announced", list);
	*ret_event = state->event[stage];
	return 0;
}
