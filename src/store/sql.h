/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One statement of queries.def on its way: parameters in their order, then rows, and at the end of
 * the scope it is given back.
 *
 *	AUTO(sql) *sql = sql_start(store, Q_FEED_COUNT);
 *
 *	sql_add_text(sql, author);
 *	return sql_number(sql, &count);
 *
 * A statement that cannot be prepared fails when it is run: one judgement for the whole. Spans that
 * are added have to live until then. Each statement exists once for a store and is prepared when it
 * is first used: it is not started again before it was given back. Threads: as store.h says.
 */
#include "store/key.h"

struct store;
struct store_ending;
struct sql;

enum query {
#define QUERY(name, sql) name,
#include "store/queries.def"
#undef QUERY
	QUERY_COUNT
};

/* The statements of a store; they go before its connection does. */
struct sql *statements_new(void);
void statements_free(struct store *store);

struct sql *sql_start(struct store *store, enum query query);
void sql_free(struct sql **sql);

void sql_add_int(struct sql *sql, int64_t value);
void sql_add_id(struct sql *sql, uint64_t id);
/* 0 is NULL. */
void sql_add_id_or_null(struct sql *sql, uint64_t id);
void sql_add_text(struct sql *sql, struct span text);
void sql_add_blob(struct sql *sql, struct span bytes);
void sql_add_null(struct sql *sql);
/* Two parameters: bytes and bits. source NULL: both are NULL. */
void sql_add_source(struct sql *sql, const struct source *source);
void sql_add_key(struct sql *sql, const struct key *key);
/* Four: from, to, and the same for bits. */
void sql_add_range(struct sql *sql, const struct key_bounds *range);
/* Five: source and what is within it, then the number of rows. */
void sql_add_about(struct sql *sql, const struct source *source, uint32_t limit);
/* Four: when, by whom, why, by which event. */
void sql_add_ending(struct sql *sql, const struct store_ending *ending);
/* A number of rows, 0 for all. */
void sql_add_limit(struct sql *sql, uint32_t limit);

/* 1: a row, 0: no more, E_.... */
int sql_next(struct sql *sql);
/* Without rows: 0 or E_...; the number of rows changed; 1 with the id of the new row, 0: none. */
int sql_run(struct sql *sql);
int64_t sql_update(struct sql *sql);
int sql_insert(struct sql *sql, int64_t *ret_id);
/* The first column of the first row: 1, 0 when there is none, E_.... */
int sql_number(struct sql *sql, int64_t *ret_value);
/* For a statement that counts: 0 or E_.... */
int sql_count(struct sql *sql, uint64_t *ret_count);

/* Columns of the row, from 0. NULL is 0 and empty; spans live until the next row. */
int64_t sql_int(const struct sql *sql, int column);
uint32_t sql_u32(const struct sql *sql, int column);
uint64_t sql_id(const struct sql *sql, int column);
struct span sql_span(const struct sql *sql, int column);
/* Two columns. E_CORRUPT. */
int sql_source(const struct sql *sql, int column, struct source *ret_source);
