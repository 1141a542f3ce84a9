/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is published, and who is told: snapshots, the deltas behind them, and the serial that never
 * goes back. What is done when, and why, stands in publisher_state.c; here it meets the store, the
 * files and the connections.
 *
 * Owner: keeper.c; the loop's thread. It calls nobody above but by publisher_calls.
 */
#include "keeper/change.h"
#include "keeper/publisher_state.h"
#include "keeper/store_guard.h"

struct publisher;
struct stream;

/* One role that follows, a member of its connection, which sets `name` and `stream`; the rest is
 * zeroed. */
struct publisher_follower {
	struct follower_state state;
	const char *name;
	struct stream *stream; /* NULL: it is gone */
};

struct publisher_greeting {
	uint32_t serial;
	bool unreadable; /* what was sent behind that */
};

/* How the sources of a change come to answer anew. */
enum served { SERVED_BY_DELTA, SERVED_BY_SNAPSHOT };
enum publish_when {
	PUBLISH_NOW,
	PUBLISH_LATER, /* more of an import comes: no snapshot is asked for yet */
};

/* Inside of `served` publisher_turn() and publisher_follower_gone() may be called. */
struct publisher_calls {
	/* Followers serve more than before, or a snapshot is out: answers that wait may be due. */
	void (*served)(void *arg);
	/* Before the store is written to: what was begun is committed, published and acknowledged,
	 * which may close connections: publisher_follower_gone() may be called. */
	void (*commit_pending)(void *arg);
	/* Files wait for the end of an import. */
	bool (*import_goes_on)(void *arg);
};

/* The calls are copied. */
struct publisher *publisher_new(
	struct store_guard *guard, const struct publisher_calls *calls, void *arg);
void publisher_free(struct publisher **publisher);

/* Before the jail closes. Finds the newest snapshot that can be read; without a store it is what
 * will be served. */
int publisher_start(struct publisher *publisher, struct fault *why);
/* Anything was ever published here. */
bool publisher_has_past(const struct publisher *publisher);
/* Makes the serial go on from the newest one anybody has seen, and catches up. < 0: the store
 * cannot be used. */
int publisher_store_opened(struct publisher *publisher);
/* The configuration of the guard is another. */
void publisher_reload(struct publisher *publisher);

/* 0, or E_FULL with words: snapshots fail, and no more deltas can be kept. */
int publisher_may_change(const struct publisher *publisher, struct fault *why);
/* Within the transaction: gives the change its serial and notes its sources. */
int publisher_number(
	struct publisher *publisher, const struct change *change, uint32_t *ret_serial);
/* After the commit: tells the followers, by delta or by asking for a snapshot. */
enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when);

/* Looks soon whether a snapshot is needed: each tick, and when an import has ended. */
void publisher_turn(struct publisher *publisher);
/* A step of forgetting what snapshots have made superfluous. */
void publisher_forget(struct publisher *publisher);

/* It says what it serves; 0: it needs everything. It may be gone when this returns. */
void publisher_follower_greeted(struct publisher *publisher, struct publisher_follower *follower,
	const struct publisher_greeting *greeting);
/* Its connection takes more. */
void publisher_follower_drained(struct publisher *publisher, struct publisher_follower *follower);
/* Before its stream goes; also when it never greeted. */
void publisher_follower_gone(struct publisher *publisher, struct publisher_follower *follower);

/* What followers are brought to, what the file below holds; 0: nothing. */
uint32_t publisher_serial(const struct publisher *publisher);
uint32_t publisher_snapshot_serial(const struct publisher *publisher);
/* A snapshot of this serial, or a newer one, shows all that was SERVED_BY_SNAPSHOT until now. */
uint32_t publisher_gap_serial(const struct publisher *publisher);
bool publisher_all_serve(const struct publisher *publisher, uint32_t serial);
