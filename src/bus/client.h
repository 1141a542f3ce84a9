/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A role's end of the bus. It connects to the keeper, reconnects when the keeper was away, keeps the newest view on the
 * shelf, asks, and hands evidence over so that nothing handed over is lost: a Put is appended to the spool file first and
 * leaves it only when the keeper has acknowledged the commit. A full spool drops and counts. One loop, one thread;
 * the shelf may be read by others.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "base/shelf.h"
#include "loop/loop.h"

typedef struct Stockade__Put Stockade__Put;
typedef struct Stockade__Query Stockade__Query;
typedef struct Stockade__Answer Stockade__Answer;
typedef struct Stockade__Feed Stockade__Feed;
typedef struct Stockade__Health Stockade__Health;

struct bus_client;
struct delta;

struct bus_client_settings {
	const char *role;        /* "gate" */
	const char *socket_path; /* <run>/bus/gate.sock */
	const char *lists_path;  /* folder of the snapshots */
	const char *spool_path;  /* file, or NULL for a role that puts nothing */
	size_t spool_limit;      /* bytes */

	/* What is news (EV_BUS_AWAY, EV_BUS_BACK, EV_SNAPSHOT_ADOPTED, EV_SNAPSHOT_BAD, EV_SPOOL_FULL): the role passes
	 * log_event, a test its own; NULL: silence. */
	void (*log)(enum log_event_id id, const struct log_field *fields);

	/* Each change before it is adopted, with the arg of on_view; NULL: nobody has to know what changed. */
	void (*on_delta)(void *arg, const struct delta *delta);
};

/* shelf: of struct view, made by the caller with view's release; may be NULL for a role that serves no list.
 * on_view: called after a newer view was put on the shelf; may be NULL. The spool is opened here, before the jail; the
 * first connection is tried in the loop's next turn. E_BUSY, E_DENIED ... of the spool. */
int bus_client_new(struct loop *loop, const struct bus_client_settings *settings,
	struct shelf *shelf, void (*on_view)(void *arg), void *arg, struct bus_client **ret_client,
	struct fault *why);
void bus_client_free(struct bus_client **client);

/* Copies; the id is filled in when empty. 0, or E_FULL when the spool is at its bound; E_USAGE without a spool. */
int bus_client_put(struct bus_client *client, Stockade__Put *put);

typedef void bus_client_call(int error, const Stockade__Answer *answer, void *arg);

/* Asks; answer is NULL with E_AWAY, E_TIMEOUT (5 s) or E_BUSY (too many questions at once). Called exactly once, never from
 * within bus_client_ask itself, unless the client is freed before. The tag of the query is set here. */
void bus_client_ask(
	struct bus_client *client, Stockade__Query *query, bus_client_call *call, void *arg);

/* A part of a feed's change set, in the same way; the answer to its end may take minutes. */
void bus_client_feed(
	struct bus_client *client, Stockade__Feed *feed, bus_client_call *call, void *arg);

/* What the keeper shall show of our surroundings. Copies; said again after each reconnection, and not at all when it is what
 * was said before. E_LIMIT, E_PARSE of bus/check.h. */
int bus_client_tell(struct bus_client *client, const Stockade__Health *health);

bool bus_client_is_connected(const struct bus_client *client);
size_t bus_client_spooled(
	const struct bus_client *client); /* bytes waiting for an acknowledgement */
uint64_t bus_client_dropped(const struct bus_client *client); /* puts lost to a full spool */
