/* SPDX-License-Identifier: ISC */
#pragma once
/* What operators change, and the frame around each command. */
#include "keeper/connection.h"
#include "keeper/transaction.h"

void command_handle(struct connection *connection, const Stockade__Command *command);
/* The connection of an import that was going on is gone: what it committed is published. */
void command_import_broken(struct connection *connection);
/* Ends what is due. */
void command_expire(struct keeper *keeper);

/* A command at work; it lies in the arena of its change. */
struct command_run {
	struct command_run *next;
	struct keeper *keeper;
	struct connection *connection;    /* NULL: it is gone */
	const Stockade__Command *command; /* only until the transaction has its part */
	const char *verb;
	const char *author;
	struct span reason;
	int64_t now_s;
	struct change change;
	uint32_t serial;
	uint64_t event;
	uint64_t undoes; /* command_undo: the event to be taken back */
	bool keeps;      /* to be committed although no listing changed */
	Stockade__Answer *answer;
	struct fault why;
	int error;
	bool more; /* an import goes on */
	bool dry_run;
};

/* The transaction is committed and published, under the serial of the run, or has failed with its error. */
void command_finish(struct command_run *run);

int command_event(struct command_run *run, const char *verb, const char *subject, uint64_t undoes);
int command_add(struct command_run *run);
int command_remove(struct command_run *run);
int command_undo(struct command_run *run);
int command_retire(struct command_run *run);
/* E_DENIED with words: the list is going to end or has ended, and takes nothing new. */
int retire_refuses(struct keeper *keeper, struct span list, struct fault *why);
int command_feed(struct command_run *run);
