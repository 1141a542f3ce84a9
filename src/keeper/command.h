/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What operators change. A command is an item of its turn's transaction: the event, its evidence,
 * the listings, the serial and the sources to be repainted are there together or not at all. Then
 * it is published, and only then answered. Each verb is a row of the table in keeper/command.c and
 * a function in a file of its own; all else is the frame around it. Who may send commands at all is
 * in bus/rights.c.
 */
#include "keeper/connection.h"
#include "keeper/listing_writer.h"
#include "keeper/parts.h"
#include "keeper/transaction.h"

/* What an import carries from one of its parts to the next. */
struct command_import {
	bool goes_on;   /* more is to come */
	uint64_t event; /* 0: nothing was changed yet */
	int64_t began_s;
	int64_t at_ms; /* when its last part came */
	struct listing_import listings;
};

/* A command at work; it lies in its arena, as all that it answers. What would hold up others for
 * long is done in steps, each a transaction: run->next is the next one, NULL when all is done. An
 * event whose steps are not done stands in the store as unfinished, so that they are gone on with
 * after whatever happens. */
struct command_run {
	uint32_t magic;
	const struct keeper_parts *parts;
	const struct command_kind *kind;
	struct connection *connection; /* a reference: it may be gone when we finish; NULL: none */
	const Stockade__Command *command; /* only until kind->run has returned */
	struct arena *arena;
	struct transaction_item item;
	struct listing_writer writer;
	Stockade__Answer *answer;
	bool is_kept; /* although no listing changed */
	enum command_mode { COMMAND_WHOLE, COMMAND_PART_OF_IMPORT, COMMAND_DRY_RUN } mode;
	int (*next)(struct command_run *run);
	struct span packed; /* the command, should it have to be tried again on a full disk */
	bool frees;
	bool is_unfinished; /* a step was committed, and another is to come */
	bool is_counting;   /* the steps write nothing yet */
	bool answers_now;   /* although not everybody serves it */
	struct command_run *behind;
	/* Of a change set of a feed; let_go before the arena goes. */
	void *own;
	void (*let_go)(struct command_run *run);
	/* Of an import: its state, and what that was before this part. */
	struct command_import *import;
	uint64_t import_evidence;
	uint64_t import_group;
	bool ends_import;        /* whose parts before this one were published later: now */
	bool import_has_changed; /* by one of those */
	bool import_is_broken;   /* nobody waits for the rest of it */
	struct store_renewing renewing;
	struct command_undoing {
		struct listing_restoring restoring;
		bool is_of_end; /* the end of a list is taken back */
		uint32_t left_out;
		struct fault why_left_out; /* the first */
	} undoing;
};

struct command_kind {
	Stockade__Command__WhatCase what;
	const char *name;
	/* Within the transaction; < 0: as transaction_item.run says. */
	int (*run)(struct command_run *run);
	/* Few enough sources to share a delta with other commands; NULL: never. */
	bool (*is_small)(const Stockade__Command *command);
	/* It frees somebody: goes on when the disk is full. NULL: never. */
	bool (*frees)(const Stockade__Command *command);
};

/* The row of the table; one that refuses for what is not in it. */
const struct command_kind *command_kind_of(Stockade__Command__WhatCase what);

void command_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Command *command);
/* The connection of an import that was going on is gone: what it committed is published. */
void command_import_broken(const struct keeper_parts *parts, struct connection *connection);
/* Files wait for the end of an import, unless nothing comes from it any more. */
bool command_import_goes_on(const struct keeper_parts *parts);

/* Those whose steps are not done. They go on between other commands, and at `resume` those begin
 * again that the store has as unfinished and nobody is at work on. */
struct command_queue *command_queue_new(const struct keeper_parts *parts);
void command_queue_free(struct command_queue **queue);
void command_queue_resume(struct command_queue *queue);
/* Steps of that author wait. */
bool command_queue_has(const struct command_queue *queue, struct span author);

/* Work in steps that is no command of an operator: an item for transaction_run_alone(), of which
 * the caller sets `next`, the writer's author and event, connection and tag. It goes with its
 * answer. */
struct command_run *command_run_new(
	const struct keeper_parts *parts, struct arena *arena, const struct command_kind *kind);

/* The steps of what an event undoes, of a feed's purge, of a list's end, of the end of an import,
 * of a change set that is lost: from the row of the event. */
int command_undo_next(struct command_run *run);
int command_purge_next(struct command_run *run);
int command_empty_next(struct command_run *run);
int command_renew_next(struct command_run *run);
int command_feed_next(struct command_run *run);

/* The verbs. */
int command_add(struct command_run *run);
int command_remove(struct command_run *run);
int command_undo(struct command_run *run);
int command_retire(struct command_run *run);
int command_feed(struct command_run *run);

/* Takes the event back: of a command of its own, or of a step of a list's end. */
int undo_event(struct command_run *run, uint64_t event);
void command_import_free(struct command_import **import);
/* The operator's word is the evidence (policy "entered by a named operator with a written
 * reason"). */
struct store_evidence operator_evidence(
	const struct listing_writer *writer, const struct source *source);
