/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A role's end of the bus. It connects to the keeper, reconnects when the keeper was away, keeps
 * the newest view on the shelf, asks, and hands evidence over so that nothing handed over is lost:
 * a Put is appended to the spool file first and leaves it only when the keeper has acknowledged the
 * commit. A full spool drops and counts. One loop, one thread; the shelf may be read by others.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/shelf.h"
#include "bus/record.h"
#include "loop/loop.h"

struct bus_client;
struct delta;

struct bus_client_settings {
	struct loop *loop;
	const char *role;        /* "gate" */
	const char *socket_path; /* <run>/bus/gate.sock */
	const char *lists_path;  /* folder of the snapshots */
	const char *spool_path;  /* file, or NULL for a role that puts nothing */
	size_t spool_limit;      /* bytes */

	/* What is news (EV_BUS_AWAY, EV_BUS_BACK, EV_SNAPSHOT_ADOPTED, EV_SNAPSHOT_BAD,
	 * EV_SPOOL_FULL): the role passes log_event, a test its own; NULL: silence. */
	void (*log)(enum log_event_id id, const struct log_field *fields);

	/* of struct view, with view's release; NULL for a role that serves no list */
	struct shelf *shelf;
	/* After a newer view was put on the shelf, and when bus_client_is_behind() says something
	 * else than before; NULL: nobody has to know. */
	void (*on_view)(void *arg);
	/* A change to what is served, before it is adopted; a view without one is another state.
	 * NULL: nobody has to know what changed. */
	void (*on_delta)(void *arg, const struct delta *delta);
	/* Another process of the role follows, too, or (others is false) none does any more, and
	 * those that went were told of nothing newer than serial. Before it is called for the first
	 * time that is not known. NULL: nobody has to know. */
	void (*on_beside)(void *arg, bool others, uint32_t serial);
	void *arg;
};

/* Opens the spool, before the jail (E_BUSY, E_DENIED ...); connects in the loop's next turn. */
int bus_client_new(const struct bus_client_settings *settings, struct bus_client **ret_client,
	struct fault *why);
void bus_client_free(struct bus_client **client);

/* Copies. 0, or E_FULL when the spool is at its bound; E_USAGE without a spool; E_LIMIT, E_PARSE of
 * bus/check.h. */
int bus_client_put(struct bus_client *client, const struct bus_incident *incident);

/* Asks; answer is NULL with E_AWAY, E_TIMEOUT (5 s) or E_BUSY (too many questions at once). Called
 * exactly once, never from within bus_client_ask itself, unless the client is freed before. */
void bus_client_ask(
	struct bus_client *client, const struct bus_query *query, bus_answer_call *call, void *arg);

/* A part of a feed's change set, in the same way; the answer to its end may take minutes. */
void bus_client_feed(struct bus_client *client, const struct bus_feed_part *part,
	bus_answer_call *call, void *arg);

/* What the keeper shall show of our surroundings. Copies; sent again after each reconnection, and
 * not at all when it is what was reported before. E_LIMIT, E_PARSE of bus/check.h. */
int bus_client_report(struct bus_client *client, const struct bus_health *health);

bool bus_client_is_connected(const struct bus_client *client);
/* The keeper has said what it will bring us to, and that is not served yet. */
bool bus_client_is_behind(const struct bus_client *client);
size_t bus_client_spooled(
	const struct bus_client *client); /* bytes waiting for an acknowledgement */
