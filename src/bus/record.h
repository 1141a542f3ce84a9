/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What roles and operators say to the keeper and hear from it, as plain values: nobody outside of
 * this folder and the keeper's own message files has to know how it travels. Texts end with a NUL
 * and are never NULL in what comes in; in what goes out NULL is the empty text. What goes out is
 * borrowed for the call. What comes in belongs to its bus_answer. Pure; any thread.
 */
#include "list/retirement.h"
#include "list/source.h"

/* ---- what a role reports ---- */

struct bus_check {
	const char *key;
	const char *found;   /* what was seen, in a few words */
	const char *outcome; /* pass, fail, unknown, skipped */
	const char *action;
	int32_t weight;
	bool decided;
};

/* One mail of an incident. */
struct bus_sighting {
	int64_t time_s;
	const char *helo;
	const char *sender, *recipient; /* operators only */
};

enum { BUS_SIGHTINGS_MAX = 5 };

/* One refusal (or would-be refusal) that a person can look up, with its repetitions. */
struct bus_incident {
	uint64_t number;
	const struct source *source; /* NULL: what came makes no sense */
	int64_t first_s, last_s;
	uint32_t count, code;
	const char *rule, *mode, *host;
	const char *text; /* the reply as the client saw it */
	const char *helo, *ptr, *list;
	const char *sender, *recipient; /* operators only */
	size_t checks_len;
	const struct bus_check *checks;
	size_t sightings_len; /* the last ones, the oldest first; the keeper's to tell */
	const struct bus_sighting *sightings;
};

/* How something is that a role depends on. */
struct bus_condition {
	const char *kind; /* resolver, backend, tls, dnsbl, feed */
	const char *name;
	bool well;
	const char *text;
	int64_t since_s; /* of this state; 0: since the role started */
};

struct bus_counter {
	const char *name;
	uint64_t value; /* since the role started */
};

/* All of it, each time; it replaces what was said before. */
struct bus_health {
	size_t conditions_len, counters_len;
	const struct bus_condition *conditions;
	const struct bus_counter *counters;
};

/* ---- a feed's change set, in parts ---- */

struct bus_feed_begin {
	bool whole; /* the entries are all there are; otherwise what changed between the serials */
	bool expired; /* nobody confirmed the zone for as long as its SOA allows */
	uint32_t from_serial, to_serial;
	uint64_t rules;      /* stands for how answers become entries */
	size_t sublists_len; /* what the bits of the masks mean */
	const char *const *sublists;
};

/* What holds for a source now; both masks 0: nothing. */
struct bus_feed_entry {
	struct source source;
	uint32_t listed, excluded;
	const char *reason;
};

struct bus_feed_part {
	const char *feed;
	enum { BUS_FEED_BEGIN, BUS_FEED_ENTRIES, BUS_FEED_END } what;
	const struct bus_feed_begin *begin;
	const struct bus_feed_entry *entries;
	size_t entries_len;
	uint64_t sent; /* at the end: parts may not get lost */
};

/* ---- questions and commands ---- */

struct bus_query {
	enum bus_query_what {
		BUS_QUERY_INCIDENT,
		BUS_QUERY_SOURCE,  /* everything public about it */
		BUS_QUERY_HISTORY, /* events, evidence and ended listings too */
		BUS_QUERY_LISTINGS,
		BUS_QUERY_STATUS,
		BUS_QUERY_FEEDS,
		BUS_QUERY_VERIFY /* the chain of the audit trail, behind after_id */
	} what;
	uint64_t incident;
	const struct source *source; /* not NULL with BUS_QUERY_SOURCE and BUS_QUERY_HISTORY */
	const char *list;            /* a page of it, behind after_id */
	uint64_t after_id;
	uint32_t limit;
	bool runs; /* the page has runs, as many as fit */
};

struct bus_sources {
	const char *list, *sublist;
	const struct source *sources;
	size_t len;
};

struct bus_list_add {
	int64_t until_s;
	const char *origin; /* of an import: file or feed name */
	bool excluded;
	bool more;                 /* an import goes on: this part is published with the last one */
	const struct prefix *nets; /* besides the sources, MESSAGE_NETS_MAX at most */
	size_t nets_len;
};

struct bus_list_retire {
	const char *list;
	enum retirement_step step;
	int64_t notice_s;
	bool skip_notice;
};

struct bus_command {
	const char *author, *reason;
	bool dry_run;
	enum {
		BUS_COMMAND_ADD,
		BUS_COMMAND_REMOVE,
		BUS_COMMAND_UNDO,
		BUS_COMMAND_FEED_PURGE,
		BUS_COMMAND_FEED_ACCEPT,
		BUS_COMMAND_RETIRE
	} what;
	struct bus_sources sources; /* add, remove */
	struct bus_list_add add;
	uint64_t undo; /* event id */
	const char *feed;
	struct bus_list_retire retire;
};

/* ---- answers ---- */

struct bus_listing {
	uint64_t id;
	const char *list, *sublist, *code;
	const struct source *source; /* NULL: what came makes no sense */
	int64_t since_s, until_s;    /* until 0: until review */
	const char *policy;
	uint32_t policy_version;
	const char *reason, *author;
	uint64_t incident;
	int64_t ended_s; /* 0: in force */
	const char *ended_by, *ended_reason;
	size_t evidence_len;
	const uint64_t *evidence;
	bool excluded;
};

/* Listings that share all but number and source. */
struct bus_run {
	struct bus_listing shared; /* without source; the number of the last one */
	size_t nets_len, domains_len;
	const struct prefix *nets;
	char *const *domains;
};

struct bus_event {
	uint64_t id;
	int64_t time_s;
	const char *author, *verb, *subject, *reason;
	uint64_t undoes;
	bool undone;
	uint32_t serial;
};

struct bus_feed_status {
	const char *name;
	const char *list;  /* empty: no longer in the configuration */
	uint32_t serial;   /* of the foreign zone; 0: nothing was taken yet, or it was purged */
	uint64_t entries;  /* listings in force */
	int64_t success_s; /* it was confirmed or changed last; 0: never */
	int64_t changed_s;
	const char *state; /* taken, purged, refused */
	const char *error; /* empty: all is well */
	int64_t error_s;
};

/* A part of the audit trail's chain that was verified; as struct store_chain. */
struct bus_chain {
	uint64_t from, to, bad;
	const char *hash; /* in hexadecimal digits */
};

struct bus_list_status {
	const char *name, *zone;
	uint64_t listings, review;
};

struct bus_role_status {
	const char *role;
	uint32_t serial;
	bool connected;
	bool follows; /* it serves the lists */
	size_t counters_len;
	const struct bus_counter *counters;
};

struct bus_status {
	uint32_t serial;
	const char *store; /* what it is, where, and how large, for people */
	bool store_ok;
	uint64_t incidents, evidence;
	int64_t started_s;
	size_t lists_len, roles_len, conditions_len;
	const struct bus_list_status *lists;
	const struct bus_role_status *roles;
	const struct bus_condition *conditions;
};

struct bus_answer {
	struct arena *arena; /* it lies in it, as do its arrays */
	void *message;       /* to whose texts it points */
	int error;           /* an E_ of base/errors.def; 0 for success */
	const char *text;    /* for a person */
	uint64_t event;
	uint32_t serial, changed;
	bool more;
	size_t listings_len, runs_len, incidents_len, events_len, feeds_len;
	const struct bus_listing *listings;
	const struct bus_run *runs;
	const struct bus_incident *incidents;
	const struct bus_event *events;
	const struct bus_feed_status *feeds;
	const struct bus_status *status; /* NULL: there is none */
	const struct bus_chain *chain;   /* likewise */
};

void bus_answer_free(struct bus_answer **answer);

/* The source of a listing of a run, its networks first. E_PARSE: it makes no sense; E_ABSENT: the
 * run has no more. */
int bus_run_source(const struct bus_run *run, size_t index, struct source *ret_source);

/* error: 0, an E_ of the keeper, or why there is no answer, which then is NULL. The answer lives
 * until the call returns. */
typedef void bus_answer_call(int error, const struct bus_answer *answer, void *arg);
