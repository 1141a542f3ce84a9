/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The one writer of listings: whoever lists or delists anything (an operator, a feed, the clock;
 * later a policy that judges evidence) does it through here, so that each row has its event in the
 * audit trail, its evidence, and its part in the change that is published. A listing is never
 * rewritten: to extend or change one ends it and adds another, so that the history shows both and
 * an event is undone by ending what it added and adding again what it ended.
 *
 *	struct listing_writer writer = {.store = ..., .change = ..., .author = ..., .now_s = ...,
 *		.event = {.verb = span_text("add"), .subject = ..., .reason = ...}};
 *
 *	listing_enter(&writer, &row, &evidence);
 *	listings_end(&writer, &select, &ending);
 *
 * Event and evidence are written before the first row that needs them.
 *
 * Within a write transaction; one thread. Memory is bounded however many rows a query finds, and so
 * is the time for each.
 */
#include "conf/conf.h"
#include "keeper/change.h"
#include "store/store.h"

struct listing_writer {
	struct store *store;
	struct change *change; /* what is published of it */
	struct span author;
	int64_t now_s;
	/* Its part of the trail. id 0: not written yet; verb empty: there is none, as for what
	 * ends by itself. */
	struct store_event event;
};

/* What to do when the sublist holds the source already. */
enum listing_if_held { LISTING_REPLACE, LISTING_LEAVE };

struct listing_row {
	struct span list;
	struct span sublist;
	const struct source *source;
	const struct conf_policy *policy; /* by whose criterion */
	struct span reason;
	int64_t until_s; /* 0: until review */
	bool excluded;
	enum listing_if_held if_held;
	/* Of an import: what is there and only ends at another time is noted here, not replaced. */
	struct renewing *renewing;
};

enum listing_entered { LISTING_HELD, LISTING_ADDED, LISTING_REPLACED, LISTING_RENEWED };

/* Which of the listings that a query finds end, and why. */
struct listing_ending {
	struct span reason;
	/* 1: this one, 0: not, < 0: fail with that. NULL: all. Writes nothing. */
	store_listing_call *choose;
	void *arg;
	enum {
		ENDED_NOW,
		ENDED_WHEN_DUE
	} at; /* when due: at until_s, whenever that is written down */
};

/* Writes the event now, though no row may need it. */
int listing_event(struct listing_writer *writer);

/* An enum listing_entered. evidence id 0: it is written with the first row that rests on it, and
 * then has its number. */
int listing_enter(struct listing_writer *writer, const struct listing_row *row,
	struct store_evidence *evidence);
/* Ends one that is known already: of the row, its list, source and the reason of the end. */
int listing_end(struct listing_writer *writer, uint64_t id, const struct listing_row *row);
/* Ends what `select` finds: all of it, or with a limit that many, but 256 at most in one call. Its
 * after_id is the writer's. */
int listings_end(struct listing_writer *writer, const struct store_select *select,
	const struct listing_ending *ending);
/* Ends groups as a whole: as many as select->limit says of those that it finds (store_groups). 1:
 * there may be more. */
int listing_groups_end(struct listing_writer *writer, const struct store_select *select,
	const struct listing_ending *ending);

/* ---- many networks ---- */

/* What an import carries from one of its parts to the next. */
struct listing_import {
	struct store_evidence evidence;
	uint64_t group;
};

struct listing_nets {
	const struct prefix *nets; /* ascending, as store_nets says */
	size_t len;
	uint32_t replaced; /* out */
};

/* As listing_enter, with LISTING_REPLACE, for each of them; row->renewing is needed. */
int listing_enter_nets(struct listing_writer *writer, const struct listing_row *row,
	struct listing_nets *nets, struct listing_import *import);

/* In the transaction that met them: what is in `renewing` gets its new end when the import is over,
 * by steps. */
int listings_note_renewing(struct listing_writer *writer, const struct renewing *renewing);
/* Such a step. 1: there may be more. */
int listings_renew(struct listing_writer *writer, struct store_renewing *at);

/* ---- the state before an event ---- */

struct listing_restoring {
	uint64_t event;
	uint64_t after_id;      /* 0 at first */
	uint64_t after_renewal; /* 0 at first */
	/* 1: it may be listed, 0: it may not, and is left out; < 0: fail with that. */
	store_listing_call *may_list;
	void *arg;
};

/* A step of it: what the event ended is in force again, unless its time is over, it may not be
 * listed, or the sublist holds the source anew. 1: there may be more. */
int listings_restore(struct listing_writer *writer, struct listing_restoring *restoring);
/* A step of it: what got its present end by the event has the one before. 1: there may be more. */
int listings_renew_back(struct listing_writer *writer, struct listing_restoring *restoring);
