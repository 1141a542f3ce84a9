/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is kept: listings with their evidence, incidents, the audit trail, and the serial of the
 * published state. Only the keeper opens it. Written for several keepers on one store: nothing is
 * true only in memory, numbers are given out by the store, the same message put twice is one row,
 * and who changes something does so inside a write transaction.
 *
 * Owner: whoever opened it; one thread per store. The snapshot thread opens a reader of its own.
 * Errors: E_BUSY (locked by another process), E_FULL (disk), E_DENIED (read-only), E_CORRUPT, E_IO,
 * E_ABSENT, E_VERSION (made by a newer program). After an error inside a transaction only
 * store_rollback is useful.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "list/source.h"
#include "store/renewing.h"

struct store;

/* The schema is brought up to date: at its begin, each few seconds, and at its end. A large store
 * takes minutes. Not of one that is made. */
struct store_migration {
	enum { MIGRATION_BEGUN, MIGRATION_GOES_ON, MIGRATION_DONE } state;
	unsigned from, to, at; /* versions of the schema */
	int64_t took_ms;
};

struct store_opening {
	const char *url; /* as conf/stores.def has it */
	bool create;     /* make it when it is absent */
	void (*migrating)(
		const struct store_migration *migration, void *arg); /* NULL: nobody hears */
	void *arg;
};

/* Brings an older schema up to date. E_CONFIG; E_ABSENT. */
int store_open(const struct store_opening *opening, struct store **ret_store, struct fault *why);
/* Read-only, for a second thread or a tool. */
int store_open_reader(const char *url, struct store **ret_store, struct fault *why);
void store_free(struct store **store);

/* A copy of one state of the store in a file that is not there yet, while others write. */
int store_backup(const char *url, const char *path, struct fault *why);
/* A copy of that file in the place of the store, whoever has it open: a keeper finds it replaced.
 * What was there stands beside it then, with ".before" behind the name. A file that is no store, or
 * damaged, changes nothing. */
int store_restore(const char *url, const char *path, struct fault *why);
/* When it was opened, the log of another store lay beside it, and was moved away. */
bool store_log_was_moved(const struct store *store);

/* The last failure, for people; empty before the first. */
const char *store_error_text(const struct store *store);
/* Where it is and how large, for status. */
void store_describe(struct store *store, char *text, size_t size);

/* E_CORRUPT: what was opened was replaced or removed under us; open it again. */
int store_check(struct store *store);

/* A write transaction (readers: a read transaction, one state of everything), after a check. What
 * is committed is durable. */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/*
 * A commit is durable when it returns, but it may leave work for a later one (SQLite: the log has
 * to get into the file). While somebody reads one state for long that work piles up, and a single
 * commit would have all of it to do. So whoever reads for long lets commits put it off, and does it
 * himself at the end.
 */
void store_sync_defer(struct store *store);
void store_sync_resume(struct store *store);
/* Does that work now, beside those who commit, who do not wait for it. Opens the store for itself,
 * so it may run in any thread. */
int store_sync(const char *url, struct fault *why);

/* Many questions about one state: saves a lock for each. Nothing may be written between. */
int store_read_begin(struct store *store);
void store_read_end(struct store *store);

/* Within a write transaction: what comes after a savepoint can be taken back alone, one at a time.
 * After the rollback the transaction goes on as if it had not been; E_...: it cannot, all is to be
 * rolled back. */
int store_savepoint(struct store *store);
int store_savepoint_release(struct store *store);
int store_savepoint_rollback(struct store *store);

/* Is it there and can it be written? Writes one row. */
int store_probe(struct store *store, int64_t now_s);

/* ---- the serial ---- */

int store_serial(struct store *store, uint32_t *ret_serial);
int store_serial_set(struct store *store, uint32_t serial);

/* The change that serial stands for was of this source; NULL: everything may differ. */
int store_change_add(
	struct store *store, uint32_t serial, struct span list, const struct source *source);
/* Calls each for the changes behind `after` (circular order), source NULL for "everything"; each
 * returns < 0 to end it. */
int store_changes(struct store *store, uint32_t after,
	int (*each)(struct span list, const struct source *source, void *arg), void *arg);
/* Forgets changes up to and including serial, about `limit` rows of them in one transaction of its
 * own; the number forgotten, 0 when there are none. */
int store_changes_drop(struct store *store, uint32_t serial, uint32_t limit);

/* ---- listings ---- */

struct store_listing {
	uint64_t id;
	struct span list, sublist;
	struct source source;
	int64_t since_s;
	int64_t until_s; /* 0: until review */
	struct span policy;
	uint32_t policy_version;
	struct span criterion; /* of the policy; only when adding */
	struct span reason;
	uint64_t incident;
	struct span author;
	bool excluded;
	uint64_t added_event;
	int64_t ended_s; /* 0: in force */
	struct span ended_by, ended_reason;
	uint64_t ended_event;
	uint64_t evidence; /* what it rests on; read only */
};

/* Spans live until `each` returns. Each returns 0 to go on, 1 to stop, < 0 to fail with that. */
typedef int store_listing_call(const struct store_listing *listing, void *arg);

/* 1: added, *ret_id is its number; 0: this sublist holds the source already, nothing happened. */
int store_listing_add(struct store *store, const struct store_listing *listing, uint64_t evidence,
	uint64_t *ret_id);
struct store_ending {
	int64_t at_s;
	struct span by, reason;
	uint64_t event; /* 0: no operator did */
};

/* Ends one that is in force. */
int store_listing_end(struct store *store, uint64_t id, const struct store_ending *ending);
/* In force again, with the same evidence, by the event. 0: the sublist holds the source meanwhile,
 * or the event listed it again before and somebody ended that: an undo that goes on after a break.
 */
int store_listing_again(struct store *store, const struct store_listing *listing, int64_t now_s,
	uint64_t event, uint64_t *ret_id);

enum store_which {
	STORE_AT,       /* in force, of source itself */
	STORE_FEED,     /* in force, of the feed whose author is `list`: "feed:NAME" */
	STORE_COVERING, /* in force, covering source or equal to it; list may be empty for all */
	STORE_WITHIN,   /* in force, inside source, source itself left out */
	STORE_ENDED,    /* no longer in force, of source itself or within it; the latest first */
	STORE_ENDED_COVERING, /* no longer in force, covering source, source itself left out */
	STORE_PAGE,           /* in force, of list, behind after_id */
	STORE_ADDED,          /* added by event, in force, behind after_id, in order of number */
	STORE_REMOVED,        /* ended by event, behind after_id, in order of number */
	STORE_EXPIRED,        /* in force although until_s <= time_s; the earliest first */
};

struct store_select {
	enum store_which which;
	struct span list;
	const struct source *source;
	uint64_t event, after_id;
	int64_t time_s;
	uint32_t limit; /* 0: none */
	/* STORE_COVERING, STORE_ENDED and STORE_ENDED_COVERING: of each key so many rows are read
	 * at most, of one source the last that were added, whether they have ended or not, of a
	 * network those of its last addresses; 0: all */
	uint32_t look;
};

int store_listings(struct store *store, const struct store_select *select, store_listing_call *each,
	void *arg);

/* All that are in force, in no order, for a snapshot: of each only list, sublist, source, until_s,
 * reason and excluded. The spans of list and sublist stay the same, pointers too, while rows of one
 * sublist follow each other. */
int store_listings_all(struct store *store, store_listing_call *each, void *arg);

/* The earliest until_s in force; 0: nothing expires. */
int store_listing_next_end(struct store *store, int64_t *ret_until_s);

/* How many of a list are in force. */
int store_list_count(struct store *store, struct span list, uint64_t *ret_count);

/* How many of a sublist are in force, have no end, and began at since_s or before. */
struct store_review {
	struct span list, sublist;
	int64_t since_s;
};

int store_review_count(struct store *store, const struct store_review *review, uint64_t *ret_count);

/* ---- many listings at once ---- */

/* Networks in ascending order of their octets, then bits, for listings that share all else. */
struct store_nets {
	const struct prefix *nets;
	size_t len;
	uint64_t evidence; /* when adding */
};

enum store_held {
	STORE_FREE,
	STORE_HELD,           /* just like this */
	STORE_HELD_UNTIL,     /* with another end */
	STORE_HELD_OTHERWISE, /* for another reason, or the one excludes */
};

struct store_holding {
	uint64_t id; /* 0: none */
	enum store_held held;
};

/* What the sublist of `listing` holds of them, in force; one for each. A network that comes twice
 * is STORE_HELD the second time. */
int store_nets_held(struct store *store, const struct store_listing *listing,
	const struct store_nets *nets, struct store_holding *ret_holdings);
/* Adds them all, which are STORE_FREE. *group: 0, or what the part of an import before this one
 * left there. */
int store_nets_add(struct store *store, const struct store_listing *listing,
	const struct store_nets *nets, uint64_t *group);

/* Listings that were entered together and share all but their source: what happens to all of them
 * costs one row. The number of its group is the number of a listing divided by 2^24. */
struct store_group {
	uint64_t id;
	int64_t slot;
	struct span list;
	int64_t until_s;
	uint64_t listings;
};

uint64_t store_group_of(uint64_t listing);

typedef int store_group_call(const struct store_group *group, void *arg);

/* Those in force that STORE_FEED, STORE_PAGE (all of list), STORE_ADDED or STORE_EXPIRED find. */
int store_groups(
	struct store *store, const struct store_select *select, store_group_call *each, void *arg);
/* Of each listing only list, id and source. */
int store_group_listings(
	struct store *store, const struct store_group *group, store_listing_call *each, void *arg);
int store_group_end(
	struct store *store, const struct store_group *group, const struct store_ending *ending);

/* Another end for all of a group. */
struct store_renewal {
	uint64_t group;
	uint64_t event;
	int64_t until_s;
};

int store_group_renew(struct store *store, const struct store_renewal *renewal);

/* Another end for listings that an import met, once it is over. The transaction that met them notes
 * them; the notes follow the listings and go with their end, so that nothing else gets it. */
int store_renewing_note(struct store *store, uint64_t event, const struct renewing *renewing);

struct store_renewing {
	uint64_t event;
	uint64_t renewed; /* out: how many got their new end by this step */
	/* The store's, 0 at first: where it is. */
	int64_t until_s;
	uint64_t group, after_id, twin, moved;
	bool moves_noted;
};

/* Gives some of what the event has noted its new end: a few hundred rows. 1: there may be more. */
int store_renew_step(struct store *store, struct store_renewing *at);

/* Groups in force, behind after_id, that got their present end by select->event; until_s is the one
 * before. */
int store_renewals(
	struct store *store, const struct store_select *select, store_group_call *each, void *arg);

/* ---- feeds: lists of other operators ---- */

enum store_feed_state {
	STORE_FEED_TAKEN,
	STORE_FEED_PURGED,  /* an operator ended all of it and takes no more */
	STORE_FEED_REFUSED, /* the change to refused_serial was not taken */
};

struct store_feed {
	struct span name;
	/* Of the foreign zone, as it was taken over; means nothing while rules is 0. */
	uint32_t serial;
	uint64_t rules; /* how answers became entries; 0: nothing was taken over */
	enum store_feed_state state;
	bool accepts; /* an operator will have the next change, whatever its size */
	uint32_t refused_serial;
	int64_t success_s, changed_s;
	struct span error;
	int64_t error_s;
};

typedef int store_feed_call(const struct store_feed *feed, void *arg);

/* Replaces what was known of the feed of this name. */
int store_feed_put(struct store *store, const struct store_feed *feed);
/* name empty: all, by name. Each returns as a store_listing_call does. */
int store_feeds(struct store *store, struct span name, store_feed_call *each, void *arg);
/* How many listings of the author 'feed:NAME' are in force. */
int store_feed_count(struct store *store, struct span author, uint64_t *ret_count);

/* ---- evidence ---- */

struct store_evidence {
	uint64_t id;
	struct span message; /* id of the bus message; empty for the keeper's own */
	struct span kind;
	const struct source *source; /* NULL: of an import as a whole */
	int64_t time_s;
	struct span sensor;
	int32_t weight;
	struct span note;
};

/* 1: a new row; 0: this message was there. */
int store_evidence_add(
	struct store *store, const struct store_evidence *evidence, uint64_t *ret_id);

/* ---- incidents ---- */

struct store_incident {
	uint64_t number;
	struct source source;
	int64_t first_s, last_s;
	uint32_t count;
	struct span rule, mode, host;
	uint32_t code;
	struct span text;
	struct span helo, ptr, sender, recipient, list;
	struct span checks;    /* packed; the store does not look inside */
	struct span sightings; /* the last ones, packed likewise */
};

typedef int store_incident_call(const struct store_incident *incident, void *arg);

/* 1: a new row; 0: the number was there, and nothing changed. */
int store_incident_put(struct store *store, const struct store_incident *incident);
/* Of the same number again: sightings are replaced, count and last_s raised and never lowered, so
 * that repeating is harmless. */
int store_incident_raise(struct store *store, const struct store_incident *incident);
int store_incident_get(
	struct store *store, uint64_t number, store_incident_call *each, void *arg); /* E_ABSENT */
/* The earliest last_s that is kept; 0: nothing is. */
int store_incident_oldest(struct store *store, int64_t *ret_last_s);
/* Of the source and within it, the latest first. */
int store_incidents_of(struct store *store, const struct source *source, uint32_t limit,
	store_incident_call *each, void *arg);

/* ---- the audit trail ---- */

struct store_event {
	uint64_t id;
	int64_t time_s;
	struct span author, verb, subject, reason;
	uint64_t undoes; /* 0: nothing */
	uint32_t serial;
	bool undone; /* read only */
};

typedef int store_event_call(const struct store_event *event, void *arg);

/* E_EXISTS: that event was undone before. The row is chained to the one before by its hash. */
int store_event_add(struct store *store, const struct store_event *event, uint64_t *ret_id);
int store_event_get(struct store *store, uint64_t id, store_event_call *each, void *arg);
/* source NULL: the latest of all. */
int store_events_of(struct store *store, const struct source *source, uint32_t limit,
	store_event_call *each, void *arg);
/* Of the networks and domains around source, itself left out: the latest `limit` of each, in no
 * order together, and an event of several comes several times. */
int store_events_covering(struct store *store, const struct source *source, uint32_t limit,
	store_event_call *each, void *arg);
/* Whether steps of the event are to be done yet. */
int store_event_unfinished(struct store *store, uint64_t id, bool unfinished);
/* 1: the first behind `after` that is unfinished; 0: none. */
int store_unfinished(struct store *store, uint64_t after, uint64_t *ret_id);
/* 1: it is, 0. */
int store_event_is_unfinished(struct store *store, uint64_t id);

enum { CHAIN_SIZE = 32 };

struct store_chain {
	/* The first event, or a later one when nothing is known of what was before that. 0: no such
	 * event was met. */
	uint64_t from;
	uint64_t to;              /* the last one that follows; 0: none was met */
	uint8_t hash[CHAIN_SIZE]; /* of that */
	uint64_t bad; /* the first that was changed, or before which one was removed; 0: none */
};

/* Follows the chain over `limit` events at most behind one that was reached before, 0: from the
 * start. 1: there may be more, 0: all were seen, or one is bad. */
int store_events_verify(
	struct store *store, uint64_t after, uint32_t limit, struct store_chain *ret_chain);

/* ---- counts and retention ---- */

int store_counts(struct store *store, uint64_t *ret_incidents, uint64_t *ret_evidence);

struct store_keep {
	int64_t incidents_before_s; /* and evidence no listing needs */
	int64_t audit_before_s;     /* events, and listings that ended */
	uint64_t incidents_max;     /* and evidence; the oldest go first */
	uint32_t limit;             /* rows of each kind in one step */
};

/* One small step, in a transaction of its own; the number of rows deleted. */
int store_drop_old(struct store *store, const struct store_keep *keep);

/* ---- the disk ---- */

/* Puts room aside on the disk for what has to go on when it is full; again is the same. E_FULL. */
int store_reserve(struct store *store);
/* Gives it back. */
void store_reserve_use(struct store *store);
/* How long the log is that has to get into the file (store_sync_defer), in octets. */
int64_t store_log_size(struct store *store);
