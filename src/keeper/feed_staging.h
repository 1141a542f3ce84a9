/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Lists of other operators. The courier reads the strangers' zone and sends what became of it in
 * parts; nothing of it is done before it is whole. The courier may have been taken over by that
 * zone, so everything is checked here again against the keeper's own configuration: which list and
 * sublists, how many entries, what is never listed, how much may change.
 *
 * The listings of a feed are those by the author "feed:NAME", in sublists that nobody else fills.
 * So a feed cannot touch what operators entered, and can be taken away as one thing.
 *
 * A staging is its connection's; one thread. keeper/feed_commit.h makes a transaction of it.
 */
#include "conf/conf.h"
#include "keeper/connection.h"
#include "keeper/parts.h"
#include "list/view.h"
#include "policy/feed_compare.h"

/* A change set that is being taken in. */
struct feed_staging {
	char name[40];
	bool whole;
	bool expired;
	bool repeated; /* it was taken already */
	uint32_t from_serial;
	uint32_t to_serial;
	size_t sublists_len;
	unsigned sublists[SUBLISTS_MAX]; /* positions in the list, by bit */
	const struct conf *conf;         /* that these positions are of */
	struct arena *arena;             /* of texts of the entries */
	struct feed_item *entries;
	size_t len;
	size_t room;
};

/* What is done with a change set that is whole (keeper/feed_commit.h), the connection's. 0: it is
 * taken over, and the question of that tag will be answered. < 0 without a text: the store failed.
 */
typedef int feed_commit_call(const struct keeper_parts *parts, struct connection *connection,
	uint64_t tag, struct fault *ret_text);

/* A part of a change set; answered at once, but for the last. */
void feed_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Feed *message, feed_commit_call *commit);
/* The connection's staging, if any. */
void feed_forget(struct connection *connection);
void feed_staging_free(struct feed_staging **staging);
