/* SPDX-License-Identifier: ISC */
#include "store/renewing_rows.h"

#include <string.h>

#include "base/macro.h"
#include "store/listing_id.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* ---- a row ---- */

static void page_take(const struct sql *sql, int column, struct renewing_page *page)
{
	struct span bits = sql_span(sql, column);

	memcpy(page->bits, bits.ptr, bits.len < sizeof(page->bits) ? bits.len : sizeof(page->bits));
}

int renewing_row_read(struct store *store, const struct renewing_key *key, uint64_t number,
	struct renewing_page *ret_page)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWING_GET);
	int r;

	sql_add_id(sql, number);
	sql_add_id(sql, key->event);
	sql_add_int(sql, key->until_s);
	r = sql_next(sql);
	if (r < 0)
		return r;
	*ret_page = (struct renewing_page){.number = number};
	if (r > 0)
		page_take(sql, 0, ret_page);
	return r;
}

static int row_write(
	struct store *store, const struct renewing_key *key, const struct renewing_page *page)
{
	bool is_empty = renewing_page_count(page) == 0;
	AUTO(sql) *sql = sql_start(store, is_empty ? Q_RENEWING_DROP : Q_RENEWING_PUT);

	sql_add_id(sql, page->number);
	sql_add_id(sql, key->event);
	sql_add_int(sql, key->until_s);
	if (!is_empty)
		sql_add_blob(sql, span_of(page->bits, sizeof(page->bits)));
	return sql_run(sql);
}

static int row_join(
	struct store *store, const struct renewing_key *key, const struct renewing_page *page)
{
	struct renewing_page row;
	int r = renewing_row_read(store, key, page->number, &row);

	if (r < 0)
		return r;
	renewing_page_join(&row, page);
	return row_write(store, key, &row);
}

int store_renewing_note(struct store *store, uint64_t event, const struct renewing *renewing)
{
	struct renewing_key key = {event, renewing->until_s};
	int r = 0;

	for (size_t i = 0; i < renewing->room && r >= 0; i++) {
		if (renewing->pages[i].number != 0)
			r = row_join(store, &key, &renewing->pages[i]);
	}
	store->renewing = RENEWING_SOME;
	return r;
}

/* ---- of an event ---- */

int renewing_row_first(struct store *store, struct renewing_key *key, int64_t *ret_group)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWING_FIRST);
	int r;

	sql_add_id(sql, key->event);
	r = sql_next(sql);
	if (r <= 0)
		return r;
	key->until_s = sql_int(sql, 0);
	*ret_group = sql_int(sql, 1);
	return 1;
}

int renewing_rows_count(
	struct store *store, const struct renewing_key *key, int64_t group, uint64_t *ret_count)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWING_OF_GROUP);
	uint64_t count = 0;
	int r;

	sql_add_id(sql, key->event);
	sql_add_int(sql, key->until_s);
	sql_add_int(sql, group);
	while ((r = sql_next(sql)) > 0) {
		struct renewing_page page = {.number = 0};

		page_take(sql, 0, &page);
		count += renewing_page_count(&page);
	}
	if (r == 0)
		*ret_count = count;
	return r;
}

int renewing_rows_done(struct store *store, const struct renewing_key *key, int64_t group)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWING_DONE);

	sql_add_id(sql, key->event);
	sql_add_int(sql, key->until_s);
	sql_add_int(sql, group);
	return sql_run(sql);
}

/* ---- where listings go ---- */

/* Whether anything is noted at all: looked up once in a transaction. */
static int any_noted(struct store *store)
{
	AUTO(sql) *sql = NULL;
	int r;

	if (store->renewing != RENEWING_UNKNOWN)
		return store->renewing == RENEWING_SOME;
	sql = sql_start(store, Q_RENEWING_ANY);
	r = sql_next(sql);
	if (r >= 0)
		store->renewing = r > 0 ? RENEWING_SOME : RENEWING_NONE;
	return r;
}

/* The next that has noted something of the page, behind `key`: 1, 0. */
static int next_of_page(struct store *store, struct renewing_page *page, struct renewing_key *key)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWING_OF_PAGE);
	int r;

	sql_add_id(sql, page->number);
	sql_add_id(sql, key->event);
	sql_add_int(sql, key->until_s);
	r = sql_next(sql);
	if (r <= 0)
		return r;
	*key = (struct renewing_key){sql_id(sql, 0), sql_int(sql, 1)};
	page_take(sql, 2, page);
	return 1;
}

static bool is_renewed(const struct renewing_move *move, const struct renewing_key *key)
{
	return move->renewed != NULL && move->renewed->event == key->event &&
	       move->renewed->until_s == key->until_s;
}

static int bit_move(struct store *store, const struct renewing_move *move,
	const struct renewing_key *key, struct renewing_page *page)
{
	struct renewing_page to = {.number = renewing_page_of(move->to)};
	int r;

	if (!renewing_page_has(page, move->id))
		return 0;
	renewing_page_set(page, move->id, false);
	r = row_write(store, key, page);
	if (r < 0 || move->to == 0 || is_renewed(move, key))
		return r;
	renewing_page_set(&to, move->to, true);
	return row_join(store, key, &to);
}

int renewing_rows_move(struct store *store, const struct renewing_move *move)
{
	struct renewing_page page = {.number = renewing_page_of(move->id)};
	struct renewing_key key = {0, 0};
	int r = any_noted(store);

	if (r <= 0)
		return r;
	while ((r = next_of_page(store, &page, &key)) > 0) {
		r = bit_move(store, move, &key, &page);
		if (r < 0)
			break;
	}
	return r;
}

int renewing_rows_end(struct store *store, int64_t group)
{
	AUTO(sql) *sql = NULL;
	int r = any_noted(store);

	if (r <= 0)
		return r;
	sql = sql_start(store, Q_RENEWING_END);
	sql_add_int(sql, group);
	return sql_run(sql);
}
