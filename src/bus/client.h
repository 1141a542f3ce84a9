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
#include "base/shelf.h"
#include "loop/loop.h"

typedef struct Stockade__Put Stockade__Put;
typedef struct Stockade__Query Stockade__Query;
typedef struct Stockade__Answer Stockade__Answer;

struct bus_client;

struct bus_client_settings {
	const char *role;        /* "gate" */
	const char *socket_path; /* <run>/bus/gate.sock */
	const char *lists_path;  /* folder of the snapshots */
	const char *spool_path;  /* file, or NULL for a role that puts nothing */
	size_t spool_limit;      /* bytes */
};

/* shelf: of struct view, made by the caller with view's release; may be NULL for a role that serves no list.
 * on_view: called after a newer view was put on the shelf; may be NULL. */
int bus_client_new(struct loop *loop, const struct bus_client_settings *settings,
	struct shelf *shelf, void (*on_view)(void *arg), void *arg, struct bus_client **ret_client,
	struct fault *why);
void bus_client_free(struct bus_client **client);

/* Copies; the id is filled in when empty. 0, or E_FULL when the spool is at its bound. */
int bus_client_put(struct bus_client *client, Stockade__Put *put);

/* Asks; answer is NULL with E_AWAY or E_TIMEOUT. Called exactly once unless the client is freed before. */
void bus_client_ask(struct bus_client *client, Stockade__Query *query,
	void (*call)(int error, const Stockade__Answer *answer, void *arg), void *arg);

bool bus_client_is_connected(const struct bus_client *client);
size_t bus_client_spooled(
	const struct bus_client *client); /* bytes waiting for an acknowledgement */
