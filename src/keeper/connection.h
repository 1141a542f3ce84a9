/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Connections of roles and operators, and the answers that wait until a change is served
 * everywhere.
 *
 * Owner: the keeper; one thread. A connection that is closed lives until the loop comes round: its
 * callback may be running.
 */
#include "bus/rights.h"
#include "keeper/publisher.h"
#include "loop/stream.h"
#include "stockade.pb-c.h"

enum { AUTHOR_SIZE = 192 };

struct arena;
struct keeper;

/* One connection. Roles that serve lists are followers. */
struct connection {
	uint32_t magic;
	struct keeper *keeper;
	struct connection *next;
	struct stream *stream;
	enum bus_sender sender;
	char author[AUTHOR_SIZE];           /* control: the user on the other side */
	struct publisher_follower follower; /* of a role that serves lists */
	bool imports;                       /* an import goes on (ListAdd.more) */
	uint64_t import_event;              /* of it; 0: nothing was changed yet */
	int64_t import_ms;                  /* when its last part came */
	struct feed_staging *feed;          /* a change set that is being taken in; NULL: none */
	Stockade__Health *health;           /* what it said of its surroundings; NULL: nothing */
	unsigned references;
	bool dead; /* closed: nothing is sent any more */
};

struct connections {
	struct connection *first;
};

/* An answer that waits until the change is served everywhere. */
struct pending_answer {
	struct pending_answer *next;
	struct connection *connection;
	Stockade__Answer *answer; /* in the arena */
	struct arena *arena;
	uint32_t snapshot; /* a snapshot at least this new has to be out first; 0: none */
	uint32_t serial;   /* then all followers have to serve this */
	int64_t at_ms;     /* not later than this, once the snapshot is out */
};

struct listener {
	struct keeper *keeper;
	enum bus_sender sender;
	int fd;
	struct watch *watch;
};

void connections_open(struct keeper *keeper);
void connections_close(struct keeper *keeper);
void connection_send(struct connection *connection, const Stockade__Message *message);
void connection_answer(struct connection *connection, Stockade__Answer *answer);
struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection **connection);

/* When an answer may be given: a change is to be served by every follower when whoever asked for
 * it hears that it is done. */
enum reply_when { REPLY_NOW, REPLY_WHEN_SERVED, REPLY_AFTER_SNAPSHOT };

/* The answer lies in the arena, which is taken over. */
void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when);
void connections_answer_pending(struct keeper *keeper);
