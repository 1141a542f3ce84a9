/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the files about feeds share: keeper/feed_staging.c takes the parts of a change set in and keeps them until it is whole,
 * keeper/feed_commit.c makes one transaction of it, keeper/command_feed.c is what operators ask and order. Nobody else
 * includes it.
 */
#include "keeper/keeper_priv.h"

enum { FEED_NAME_SIZE = 40, FEED_AUTHOR_SIZE = FEED_NAME_SIZE + 8, FEED_WORDS_SIZE = 512 };

/* One source of a change set: 56 bytes, since a zone may have millions. */
struct feed_item {
	struct ip ip;
	const char *domain; /* NULL: a network; in the arena, as the reason */
	const char *reason;
	uint32_t listed;
	uint32_t excluded;
	uint8_t bits;
};

/* A row of the table `feed`, outliving the statement that read it. */
struct feed_row {
	struct store_feed feed; /* name and error point into this struct */
	bool known;
	char name[FEED_NAME_SIZE];
	char error[FEED_WORDS_SIZE];
};

/* A change set that is being taken in; owner: its connection. */
struct feed_staging {
	char name[FEED_NAME_SIZE];
	bool whole;
	bool expired;
	bool repeated; /* it was taken already */
	uint32_t from_serial;
	uint32_t to_serial;
	size_t sublists_len;
	unsigned sublists[SUBLISTS_MAX]; /* places in the list, by bit */
	const struct conf *conf;         /* that these places are of */
	struct arena *arena;
	struct feed_item *items;
	size_t len;
	size_t room;
};

/* 0: *row filled, perhaps with nothing known. */
int feed_row_read(struct keeper *keeper, struct span name, struct feed_row *row);
/* In a transaction of its own. */
int feed_row_write(struct keeper *keeper, struct feed_row *row);
void feed_row_set_error(struct feed_row *row, const char *words, int64_t now_s);

/* "feed:NAME" */
const char *feed_author(const char *name, char author[FEED_AUTHOR_SIZE]);

/* All of it or nothing: makes the feed's listings what the staging says, and publishes. *words: what was done, or why not.
 * E_LIMIT: too much of it, and remembered as refused. */
int feed_commit(struct connection *connection, const struct conf_feed *feed,
	struct feed_staging *staging, struct feed_row *row, struct fault *words,
	uint32_t *ret_changed);

/* A part of a change set; answered at once. */
void feed_handle(struct connection *connection, const Stockade__Feed *message);
void feed_forget(struct connection *connection);
/* What is known of each feed. */
int feed_ask(struct keeper *keeper, struct arena *arena, Stockade__Answer *answer);
