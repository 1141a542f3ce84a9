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
void feed_row_set_error(struct feed_row *row, const char *text, int64_t now_s);

/* "feed:NAME" */
const char *feed_author(const char *name, char author[FEED_AUTHOR_SIZE]);
