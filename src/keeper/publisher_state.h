/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is published and who is told, as a machine: publisher_step() takes one event and says what
 * is to be done about it. It touches no store, file, connection or clock; publisher.c does, and the
 * simulation in tests/sim in its place.
 *
 * Actions are done in their order. One that asks for something (see there) stands last, and its
 * result is the next event. A keeper may end between any two actions: what has to survive that is
 * in the store and in the file `serial`.
 *
 * Owner: the publisher, or a test. A zeroed state is a new one. Pure; one thread.
 */
#include <stdbool.h>

#include "list/delta_log.h"

enum {
	LOG_RANGES = 200000, /* over the snapshot, before a new one is written */
	LOG_DELTAS = 50000,
	LOG_RANGES_MAX = 1000000, /* when none can be written: no more changes are taken */
	/* Sooner or later each change is in a file, for roles that start while the keeper is
	 * away: */
	SNAPSHOT_REST_MS = 5000,   /* between two files, at least */
	SNAPSHOT_REST_FACTOR = 20, /* and this many times what the last one took */
	SNAPSHOT_RETRY_MS = 5000,
	FILE_WHOLE_MS = 5000,  /* a file that was found whole is not looked at again */
	REPORT_REST_MS = 1000, /* but for who cannot read it, once in this time */
};

/* A role that follows. Zeroed until its first greeting. */
struct follower_state {
	struct follower_state *next;
	bool joined;
	bool waits;      /* for a file that can be read; it gets nothing until then */
	bool unreadable; /* it joined with that: a file, or a delta */
	uint32_t serves; /* what it says it serves; 0: nothing */
	uint32_t sent;   /* what it will serve when it has read all we sent */
};

/* What the store holds and only a coming snapshot will show. */
enum publisher_gap {
	GAP_NONE,
	GAP_CHANGES,    /* some changes; deltas of others go on, on top of what is published */
	GAP_EVERYTHING, /* the lists are others, or the store is: no delta fits before the file */
};

enum snapshot_writing {
	WRITING_NOTHING,
	WRITING,
	WRITING_IN_VAIN, /* its number, its lists or the file below turned out to be wrong */
};

struct publisher_state {
	uint32_t serial;          /* what followers are brought to; 0: nothing */
	uint32_t snapshot_serial; /* of the file below the log; 0: none */
	struct delta_log log;
	enum publisher_gap gap;
	bool gap_is_numbered; /* a file of gap_serial, or newer, shows all of it */
	/* Of the last gap, also when it is closed. Not numbered: its number will be newer. */
	uint32_t gap_serial;
	/* The newest change of the gap that is not of an import which goes on; 0: none. */
	uint32_t gap_others;
	uint32_t whole_from;    /* older numbers may have been served without what a gap held */
	uint32_t told_serial;   /* as the file `serial` has it: the last that anybody was told */
	uint32_t told_snapshot; /* and the file that was below */
	enum snapshot_writing writing;
	int64_t retry_at_ms;    /* after a failure */
	int64_t rest_until_ms;  /* no new file just because there are deltas */
	int64_t whole_until_ms; /* the file was found whole just now */
	int64_t report_at_ms;   /* from then on a follower that cannot read it is heard */
	uint32_t forget; /* changes up to this one are in two files, their rows may go; 0: none */
	unsigned jumps;  /* ahead to the serial of a follower, since the start */
	struct follower_state *followers;
};

/* ---- what is to be done ---- */

enum publisher_action_kind {
	DO_WRITE_SERIAL,  /* state.told_serial and told_snapshot into the file `serial` */
	DO_GREET,         /* tell follower that it will be at `serial` */
	DO_SEND_SNAPSHOT, /* the file's name; `serial`: it slides below what is served, 0: anew */
	DO_SEND_DELTAS,   /* what publisher_next_delta() gives, while the connection takes it */
	DO_SERVED,        /* answers that wait may be due */
	DO_REMOVE_FILES,  /* those before the one before `serial` */
	DO_DISCARD_FILE,  /* `serial`: nobody was told of it */
	DO_LOG_JUMP,      /* follower is ahead, at `serial`, and is believed */
	/* These have a result, and stand last: */
	DO_WRITE_SNAPSHOT, /* of the store as it is now; later EVENT_SNAPSHOT_WRITTEN or _FAILED */
	DO_NUMBER,         /* a transaction with the next serial; EVENT_NUMBERED, _NOT_NUMBERED */
	DO_COLLECT,    /* the changes since the file, for one delta to `serial`; EVENT_COLLECTED */
	DO_ENCODE,     /* the change as a delta to `serial`; EVENT_ENCODED, EVENT_TOO_LARGE */
	DO_CHECK_FILE, /* can the published file be read? EVENT_FILE_WHOLE, EVENT_FILE_DAMAGED */
	DO_FORGET,     /* a step of it, up to `serial`; EVENT_FORGOTTEN when nothing is left */
};

/* What a fresh number is for. */
enum number_reason {
	NUMBER_GAP, /* the state of the store; notes that everything may differ */
	/* The state that file `serial` and the log lead to; notes nothing. Its delta is partial. */
	NUMBER_SNAPSHOT,
};

struct publisher_action {
	enum publisher_action_kind kind;
	enum number_reason reason;
	struct follower_state *follower;
	uint32_t serial;
};

struct publisher_actions {
	struct publisher_action *list;
	size_t len;
	size_t room;
};

/* ---- what happened ---- */

enum publisher_event_kind {
	EVENT_STARTED,          /* serial: the newest file, 0: none; told_serial, told_snapshot */
	EVENT_STORE_OPENED,     /* serial: the store's; layout_fits: the file holds today's lists */
	EVENT_CHANGED,          /* serial: committed under it; all, later */
	EVENT_GREETED,          /* follower says that it serves serial; 0: it needs everything;
				   unreadable: it cannot go on with what was sent behind that */
	EVENT_DRAINED,          /* the connection of follower takes more */
	EVENT_SNAPSHOT_WRITTEN, /* serial, took_ms */
	EVENT_SNAPSHOT_FAILED,
	EVENT_LAYOUT_CHANGED, /* by a reload */
	EVENT_TIME_PASSED,    /* or an import has ended */
	EVENT_FORGET_DUE,
	/* results: */
	EVENT_NUMBERED, /* serial; delta: a partial one without pieces, for NUMBER_SNAPSHOT */
	EVENT_NOT_NUMBERED,
	EVENT_COLLECTED, /* all */
	EVENT_ENCODED,   /* delta */
	EVENT_TOO_LARGE,
	EVENT_FILE_WHOLE,
	EVENT_FILE_DAMAGED,
	EVENT_FORGOTTEN,
};

struct publisher_event {
	enum publisher_event_kind kind;
	int64_t now_ms;
	int64_t now_s;
	bool has_store;
	bool importing; /* an import goes on: the end of it asks for the snapshot it needs */
	bool unreadable;
	struct follower_state *follower;
	uint32_t serial;
	uint32_t told_serial;
	uint32_t told_snapshot;
	bool layout_fits;
	bool all;   /* too much to name: everything may differ */
	bool later; /* more of an import comes */
	int64_t took_ms;
	struct logged_delta delta;     /* is taken over */
	struct publisher_action asked; /* what this is the result of */
};

/* Appends to actions what is to be done. */
void publisher_step(struct publisher_state *state, const struct publisher_event *event,
	struct publisher_actions *actions);
void publisher_state_done(struct publisher_state *state);
void publisher_actions_done(struct publisher_actions *actions);

/* The next delta that follower lacks, which then counts as sent, from *ret_from on; NULL: none. */
const struct logged_delta *publisher_next_delta(
	const struct publisher_state *state, struct follower_state *follower, uint32_t *ret_from);
/* Takes the follower off, at any time; one that never joined, too. */
void publisher_remove_follower(struct publisher_state *state, struct follower_state *follower);

/* The number of the next change, for a store that says `stored`. */
uint32_t publisher_next_serial(const struct publisher_state *state, uint32_t stored);
/* With that number the store has to note that everything may differ, whatever the change is. */
bool publisher_notes_everything(const struct publisher_state *state);
/* Everybody serves serial, or something newer. */
bool publisher_state_all_serve(const struct publisher_state *state, uint32_t serial);
