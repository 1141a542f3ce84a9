/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a backend of the store does: it connects, and it runs the statements of queries.def. What
 * the rows mean is written once, above it, so another backend is one such struct and a row in
 * conf/stores.def; where its SQL has to differ, queries.def gets another column. (Dovecot's lib-sql
 * draws the line in the same place.)
 *
 * A backend embeds struct store (store_priv.h) and gives that away. Whatever fails is an E_... of
 * store.h, and says why in the store's error_text. Threads: as store.h says.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct store;
struct store_opening;

enum store_access {
	STORE_READ,
	STORE_WRITE,
	STORE_CREATE, /* made when it is absent */
};

struct store_ops {
	/* With the schema of this program. On failure nothing is left open. */
	int (*open)(const struct store_opening *opening, enum store_access access,
		struct store **ret_store, struct fault *why);
	/* As store_backup and store_restore. */
	int (*backup)(const char *url, const char *path, struct fault *why);
	int (*restore)(const char *url, const char *path, struct fault *why);
	void (*close)(struct store *store); /* frees it; its statements were discarded */
	void (*describe)(struct store *store, char *text, size_t size);

	/* Before a transaction: E_CORRUPT when this is no longer what was opened. */
	int (*check)(struct store *store);
	/* Ends the transaction, if there still is one. */
	void (*rollback)(struct store *store);
	/* As store_sync_defer and store_sync. A backend whose server sees to it does nothing. */
	void (*sync_defer)(struct store *store, bool deferred);
	int (*sync)(const char *url, struct fault *why);
	/* As store_reserve, store_reserve_use and store_log_size. */
	int (*reserve)(struct store *store);
	void (*reserve_use)(struct store *store);
	int64_t (*log_size)(struct store *store);

	/* A statement of queries.def, from its text; lives until it is discarded. */
	int (*prepare)(struct store *store, const char *sql, void **ret_statement);
	void (*discard)(void *statement);

	/* Parameters count from 1; those not bound are NULL. The bytes live until the reset. */
	void (*bind_int)(void *statement, int parameter, int64_t value);
	void (*bind_text)(void *statement, int parameter, struct span text);
	void (*bind_blob)(void *statement, int parameter, struct span bytes);
	/* 1: a row, 0: no more, which is at once when it gives none. */
	int (*step)(struct store *store, void *statement);
	/* Of the row; columns count from 0. NULL is 0 and empty. Bytes live until the next step. */
	int64_t (*column_int)(void *statement, int column);
	struct span (*column_span)(void *statement, int column);
	/* Ends the run, whether all rows were taken or not, and forgets the parameters. */
	void (*reset)(void *statement);

	/* Of the statement that ran last: how many rows it changed, the id of the row inserted. */
	int64_t (*changed)(struct store *store);
	int64_t (*inserted)(struct store *store);
};

#define STORE(backend, form) extern const struct store_ops backend##_ops;
#include "conf/stores.def"
#undef STORE
