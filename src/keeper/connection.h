/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Connections of roles and operators, and the answers that wait until a change is served. Who
 * speaks is known by the socket; what it may say is in bus/rights.c; anything else closes the
 * connection. Greetings and health are taken here, all other messages go to whoever made it.
 *
 * Owner: keeper.c; one thread. A closed connection lives as long as somebody holds a reference, and
 * at least until the loop comes round; nothing is sent to it.
 */
#include "bus/rights.h"
#include "keeper/publisher.h"
#include "loop/stream.h"
#include "process/role.h"
#include "stockade.pb-c.h"

enum { AUTHOR_SIZE = 192 };

struct arena;
struct connections;

struct connection {
	uint32_t magic;
	unsigned references;
	struct connections *all;
	const struct connection_calls *calls;
	struct connection *next;
	struct stream *stream; /* NULL: closed */
	enum bus_sender sender;
	char author[AUTHOR_SIZE];           /* control: the user on the other side */
	struct publisher_follower follower; /* of a role that serves lists */
	bool follows;                       /* it has greeted */
	Stockade__Health *health;           /* what it said of its surroundings; NULL: nothing */

	/* keeper/command.c: an import goes on (ListAdd.more); NULL: none. Goes with the connection.
	 */
	struct command_import *import;
	/* keeper/feed_staging.c: a change set that is being taken in; NULL: none */
	struct feed_staging *feed;
};

struct connection_calls {
	/* One that its sender may send; freed afterwards. */
	void (*message)(struct connection *connection, const Stockade__Message *message, void *arg);
	/* Nothing more comes: what goes on with it ends. */
	void (*closed)(struct connection *connection, void *arg);
	/* Nobody holds it any more: what hangs on it goes. Perhaps after connections_free. */
	void (*released)(struct connection *connection);
};

/* The calls live for ever. */
struct connections *connections_new(struct loop *loop, struct publisher *publisher,
	const struct connection_calls *calls, void *arg);
void connections_free(struct connections **connections);
/* On the sockets of the roles that this machine has, and on the operators'. */
void connections_listen(struct connections *connections, const struct role_context *context);
/* Those that are open; the next by ->next. */
struct connection *connections_first(const struct connections *connections);

struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection **connection);

/* Sending may close the connection. */
void connection_send(struct connection *connection, const Stockade__Message *message);
void connection_answer(struct connection *connection, Stockade__Answer *answer);

/* A change is to be served by every follower when whoever asked for it hears that it is done. */
enum reply_when { REPLY_NOW, REPLY_WHEN_SERVED, REPLY_AFTER_SNAPSHOT };

/* The answer lies in the arena, which is taken over. */
void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when);
/* More is served than before: answers that wait may go. */
void connections_answer_pending(struct connections *connections);
