/* SPDX-License-Identifier: ISC */
#pragma once
/* What is known of a feed: a row of the table `feed`, outliving the statement that read it. */
#include "store/store.h"

enum { FEED_NAME_SIZE = 40, FEED_AUTHOR_SIZE = FEED_NAME_SIZE + 8, FEED_TEXT_SIZE = 512 };

struct feed_row {
	struct store_feed feed; /* name and error point into this struct */
	bool known;
	char name[FEED_NAME_SIZE];
	char error[FEED_TEXT_SIZE];
};

/* 0: *row filled, perhaps with nothing known. */
int feed_row_read(struct store *store, struct span name, struct feed_row *row);

/* The state that a change set led to. */
struct feed_version {
	uint32_t serial;
	uint64_t rules;
	bool changed; /* anything was listed or ended for it */
};

/* What happens to a feed, as it is then told and kept; store_feed_put writes it. */
void feed_row_take(struct feed_row *row, const struct feed_version *version, int64_t now_s);
/* Its server is silent for too long: that ends its entries, and changes nothing of what an operator
 * has said. */
void feed_row_expire(struct feed_row *row, bool changed, int64_t now_s);
/* A change that was too large stays refused until an operator or the server changes something. */
void feed_row_refuse(struct feed_row *row, uint32_t serial, const char *why, int64_t now_s);
void feed_row_purge(struct feed_row *row, const char *author, int64_t now_s);
void feed_row_accept(struct feed_row *row, int64_t now_s);

/* "feed:NAME" */
const char *feed_author(const char *name, char author[FEED_AUTHOR_SIZE]);
