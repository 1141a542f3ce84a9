/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "keeper/keeper_priv.h"
#include "list/retirement.h"

/*
 * The end of a list, in steps that nobody takes by accident (RFC 6471 section 3.4): announced, at least a month before;
 * emptied, not before the time that was announced. Each step is an event and is undone as one. An emptied list answers for
 * nothing, least of all for everything.
 */
enum { NOTICE_LEAST_S = 30 * 86400, WORDS_SIZE = 512 };

struct retiring {
	bool is_at[RETIREMENT_STAGES];
	uint64_t event[RETIREMENT_STAGES];
	char when[RETIREMENT_WHEN + 1]; /* of the announcement */
};

static int retiring_found(const struct store_listing *listing, void *arg)
{
	struct retiring *retiring = arg;

	for (int stage = 0; stage < RETIREMENT_STAGES; stage++) {
		if (!span_equal_text(
			    listing->sublist, retirement_sublist((enum retirement_stage)stage)))
			continue;
		retiring->is_at[stage] = true;
		retiring->event[stage] = listing->added_event;
		if (stage == RETIREMENT_ANNOUNCED)
			snprintf(retiring->when, sizeof(retiring->when), "%.*s",
				(int)listing->reason.len, (const char *)listing->reason.ptr);
	}
	return 0;
}

static int retiring_read(struct keeper *keeper, struct span list, struct retiring *retiring)
{
	struct source source;
	struct store_select select = {
		.which = STORE_COVERING, .list = span_text(RETIREMENT_LIST), .source = &source};
	int r;

	*retiring = (struct retiring){.when = ""};
	retirement_source(list, &source);
	r = store_listings(keeper->guard.store, &select, retiring_found, retiring);
	return r < 0 ? r : 0;
}

int retire_refuses(struct keeper *keeper, struct span list, struct fault *why)
{
	struct retiring retiring;
	int r = retiring_read(keeper, list, &retiring);

	if (r < 0 || (!retiring.is_at[RETIREMENT_ANNOUNCED] && !retiring.is_at[RETIREMENT_ENDED]))
		return r;
	return fault_set(why, E_DENIED,
		"the list '%.*s' %s: it takes nothing new (`stockade list retire %.*s --undo` takes that back)",
		(int)list.len, (const char *)list.ptr,
		retiring.is_at[RETIREMENT_ENDED] ? "has ended" : "is going to end", (int)list.len,
		(const char *)list.ptr);
}

/* ---- steps ---- */

/* The entry by which servers know. */
static int retire_put(
	struct command_run *run, const char *list, enum retirement_stage stage, struct span words)
{
	struct source source;
	struct store_evidence evidence = {.kind = span_text("operator"),
		.source = &source,
		.time_s = run->now_s,
		.sensor = span_text(run->author),
		.weight = 1,
		.note = run->reason};
	struct store_listing listing = {.list = span_text(RETIREMENT_LIST),
		.sublist = span_text(retirement_sublist(stage)),
		.since_s = run->now_s,
		.policy = span_text("retirement"),
		.policy_version = 1,
		.criterion = span_text("A named operator ends the list, for a written reason."),
		.reason = words,
		.author = span_text(run->author),
		.added_event = run->event};
	uint64_t number;
	uint64_t id;
	int r;

	retirement_source(span_text(list), &source);
	listing.source = source;
	r = store_evidence_add(run->keeper->guard.store, &evidence, &number);
	if (r >= 0)
		r = store_listing_add(run->keeper->guard.store, &listing, number, &id);
	if (r > 0)
		change_add(&run->change, listing.list, &source);
	return r < 0 ? r : 0;
}

static int retire_announce(
	struct command_run *run, const struct conf_list *list, const struct retiring *retiring)
{
	const Stockade__ListRetire *wire = run->command->retire;
	char when[CLOCK_TEXT_SIZE];
	char words[WORDS_SIZE];
	int r;

	if (retiring->is_at[RETIREMENT_ANNOUNCED])
		return fault_set(&run->why, E_CONFLICT, "'%s' was announced to end at %s already",
			list->name, retiring->when);
	if (wire->notice_s < NOTICE_LEAST_S && !wire->skip_notice)
		return fault_set(&run->why, E_DENIED,
			"users of a list have to hear of its end a month before or longer (RFC 6471 section 3.4); "
			"--skip-notice if it cannot be helped");
	if (wire->notice_s < 0 || wire->notice_s > INT64_C(10) * 365 * 86400)
		return fault_set(&run->why, E_RANGE, "that is no time of notice");
	clock_print_minute(run->now_s + wire->notice_s, when);
	snprintf(words, sizeof(words), "%s %.*s", when, (int)run->reason.len,
		(const char *)run->reason.ptr);
	r = command_event(run, "retire", list->name, 0);
	if (r >= 0)
		r = retire_put(run, list->name, RETIREMENT_ANNOUNCED, span_text(words));
	if (r < 0)
		return r;
	run->answer->text = arena_format(run->change.arena,
		"'%s' is announced to end at %s UTC: its zone says so, nothing new is taken, listings expire",
		list->name, when);
	return 0;
}

/* Times are written so that they compare as texts. */
static int retire_check_time(
	struct command_run *run, const struct conf_list *list, const struct retiring *retiring)
{
	char now[CLOCK_TEXT_SIZE];

	if (retiring->is_at[RETIREMENT_ENDED])
		return fault_set(&run->why, E_CONFLICT, "'%s' has ended already", list->name);
	if (run->command->retire->skip_notice)
		return 0;
	if (!retiring->is_at[RETIREMENT_ANNOUNCED])
		return fault_set(&run->why, E_DENIED,
			"the end of '%s' was not announced yet: `stockade list retire %s` comes first, a month before "
			"(RFC 6471 section 3.4)",
			list->name, list->name);
	if (strcmp(clock_print_minute(run->now_s, now), retiring->when) < 0)
		return fault_set(&run->why, E_DENIED,
			"'%s' was announced to end at %s UTC, which is still to come", list->name,
			retiring->when);
	return 0;
}

static int retire_empty(
	struct command_run *run, const struct conf_list *list, const struct retiring *retiring)
{
	int64_t ended;
	int r = retire_check_time(run, list, retiring);

	if (r >= 0)
		r = command_event(run, "empty", list->name, 0);
	if (r >= 0)
		r = retire_put(run, list->name, RETIREMENT_ENDED, run->reason);
	if (r < 0)
		return r;
	ended = store_list_end(run->keeper->guard.store, span_text(list->name), run->now_s,
		span_text(run->author), run->reason, run->event);
	if (ended < 0)
		return (int)ended;
	run->change.all = true;
	run->change.rows += (uint32_t)ended;
	run->answer->text = arena_format(run->change.arena,
		"'%s' is empty (%lld listing%s ended) and answers for nothing, test entries included",
		list->name, (long long)ended, ended == 1 ? "" : "s");
	return 0;
}

static int retire_back(
	struct command_run *run, const struct conf_list *list, const struct retiring *retiring)
{
	int stage = retiring->is_at[RETIREMENT_ENDED] ? RETIREMENT_ENDED : RETIREMENT_ANNOUNCED;

	if (!retiring->is_at[stage])
		return fault_set(&run->why, E_ABSENT, "no end of '%s' was announced", list->name);
	run->undoes = retiring->event[stage];
	return command_undo(run);
}

int command_retire(struct command_run *run)
{
	const Stockade__ListRetire *wire = run->command->retire;
	const struct conf_list *list =
		conf_list_find(run->keeper->guard.conf, span_text(wire->list));
	struct retiring retiring;
	int r;

	if (list == NULL || list->zone == NULL)
		return fault_set(
			&run->why, E_ABSENT, "there is no published list '%.64s'", wire->list);
	r = retiring_read(run->keeper, span_text(list->name), &retiring);
	if (r < 0)
		return r;
	switch (wire->step) {
	case RETIREMENT_ANNOUNCE:
		return retire_announce(run, list, &retiring);
	case RETIREMENT_EMPTY:
		return retire_empty(run, list, &retiring);
	case RETIREMENT_BACK:
		return retire_back(run, list, &retiring);
	default:
		return fault_set(&run->why, E_USAGE, "the command is none");
	}
}
