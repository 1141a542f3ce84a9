/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a page or an answer of the API tells, as plain values: made from the served view (what is
 * listed now), the keeper's answer (since when, why, what happened) and the configuration (whose
 * words). From here on nobody knows of messages or snapshots, so that pages are pure functions of
 * these structs.
 *
 * Privacy is decided here, once: senders, recipients and trap addresses never enter a model; by
 * address only public state does (lists with a zone), never an incident number, which is the proof
 * of standing.
 *
 * Everything lives in the arena that was given. A model_source points into the configuration as
 * well: it is made and shown in one go, and not kept while somebody is asked. One thread.
 */
#include "base/arena.h"
#include "bus/record.h"
#include "catalogue/catalogue.h"
#include "conf/conf.h"
#include "list/source.h"
#include "list/view.h"

enum { MODEL_LISTINGS_MAX = 64, MODEL_HISTORY_MAX = 20, MODEL_CHECKS_MAX = 64 };
enum { MODEL_SIGHTINGS_MAX = BUS_SIGHTINGS_MAX };

struct model_listing {
	const struct conf_list *list;
	const struct conf_sublist *sublist;
	const struct conf_policy *policy; /* NULL when the configuration knows it no more */
	int64_t since_s;                  /* 0: not known just now */
	int64_t until_s;                  /* 0: until somebody ends it */
	int64_t ended_s;                  /* history: when */
	struct span reason;               /* a few words, as published in DNS */
	/* The network or domain around the source that is listed; empty: the source itself, or not
	 * known just now. */
	struct span entry;
	bool in_part; /* of a network: not known to hold all of it */
};

struct model_source {
	struct source source;
	struct span text;
	bool is_net;   /* a network: "listed" means that it is, or addresses in it are */
	bool complete; /* the keeper was asked; else dates and history are missing */
	uint32_t serial;
	size_t listings_len; /* 0: not listed */
	struct model_listing listings[MODEL_LISTINGS_MAX];
	size_t history_len;
	struct model_listing history[MODEL_HISTORY_MAX];
};

enum model_outcome { MODEL_PASS, MODEL_FAIL, MODEL_UNKNOWN, MODEL_SKIPPED };

/* "pass", "fail", "unknown", "skipped". */
const char *model_outcome_name(enum model_outcome outcome);

struct model_check {
	struct span key, title, meaning, found;
	enum model_outcome outcome;
	bool decided;
};

struct model_sighting {
	int64_t time_s;
	struct span helo; /* empty when it would tell whom the mail was for */
};

struct model_incident {
	uint64_t number;
	int64_t first_s, last_s;
	uint64_t count;
	struct span rule;
	const struct check_words *words; /* NULL: a rule without words of its own */
	struct span mode;
	bool refused;   /* false: observed or tagged only */
	bool temporary; /* 4xx */
	unsigned code;
	struct span host;
	struct span reply;     /* empty when it would tell whom the mail was for */
	struct span helo, ptr; /* of the last mail */
	struct span list;      /* the list that decided, if one did */
	size_t checks_len;
	struct model_check checks[MODEL_CHECKS_MAX];
	size_t sightings_len; /* the last ones, the newest first */
	struct model_sighting sightings[MODEL_SIGHTINGS_MAX];
	bool has_about;
	struct source about;
	/* what holds now; set by the caller, NULL when there is none */
	const struct model_source *source;
};

/* What the view says about a source. */
struct model_source *model_source_new(struct arena *arena, const struct conf *conf,
	const struct view *view, const struct source *source);

/* Adds dates, policies and history from the keeper's answer about that source. */
void model_source_fill(struct model_source *model, struct arena *arena, const struct conf *conf,
	const struct bus_answer *answer);

/* From the keeper's answer about an incident; E_ABSENT when it holds none. */
int model_incident_new(
	struct arena *arena, const struct bus_answer *answer, struct model_incident **ret_model);
