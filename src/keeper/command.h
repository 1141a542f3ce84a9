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

/* A command at work; it lies in its arena, as all that it answers. */
struct command_run {
	uint32_t magic;
	const struct keeper_parts *parts;
	const struct command_kind *kind;
	struct connection *connection;    /* a reference: it may be gone when we finish */
	const Stockade__Command *command; /* only until kind->run has returned */
	struct arena *arena;
	struct transaction_item item;
	struct listing_writer writer;
	Stockade__Answer *answer;
	bool is_kept; /* although no listing changed */
	enum command_mode { COMMAND_WHOLE, COMMAND_PART_OF_IMPORT, COMMAND_DRY_RUN } mode;
};

struct command_kind {
	Stockade__Command__WhatCase what;
	const char *name;
	/* Within the transaction; < 0: as transaction_item.run says. */
	int (*run)(struct command_run *run);
	/* Few enough sources to share a delta with other commands; NULL: never. */
	bool (*is_small)(const Stockade__Command *command);
};

/* The row of the table; one that refuses for what is not in it. */
const struct command_kind *command_kind_of(Stockade__Command__WhatCase what);

void command_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Command *command);
/* The connection of an import that was going on is gone: what it committed is published. */
void command_import_broken(const struct keeper_parts *parts, struct connection *connection);
/* Files wait for the end of an import, unless nothing comes from it any more. */
bool command_import_goes_on(const struct keeper_parts *parts);

/* The verbs. */
int command_add(struct command_run *run);
int command_remove(struct command_run *run);
int command_undo(struct command_run *run);
int command_retire(struct command_run *run);
int command_feed(struct command_run *run);

/* Takes the event back: of a command of its own, or of a step of a list's end. */
int undo_event(struct command_run *run, uint64_t event);
/* E_DENIED with words: the list is going to end or has ended, and takes nothing new. */
int retirement_refuses(const struct store_guard *guard, struct span list, struct fault *why);
/* The operator's word is the evidence (policy "entered by a named operator with a written
 * reason"). */
struct store_evidence operator_evidence(
	const struct listing_writer *writer, const struct source *source);
