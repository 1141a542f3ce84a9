/* SPDX-License-Identifier: ISC */
#include "store/sql.h"

#include "base/macro.h"
#include "base/mem.h"
#include "store/store_priv.h"

struct sql {
	struct store *store;
	void *handle; /* the backend's, once it is prepared */
	bool started;
	int error; /* it could not be prepared */
	int parameters;
	struct key keys[2]; /* what was added may be gone when it is run */
};

static const char *const texts[] = {
#define QUERY(name, sql) [name] = sql,
#include "store/queries.def"
#undef QUERY
};

struct sql *statements_new(void)
{
	return mem_alloc_array(QUERY_COUNT, sizeof(struct sql));
}

void statements_free(struct store *store)
{
	for (size_t i = 0; store->statements != NULL && i < QUERY_COUNT; i++) {
		if (store->statements[i].handle != NULL)
			store->ops->discard(store->statements[i].handle);
	}
	mem_free(store->statements);
	store->statements = NULL;
}

struct sql *sql_start(struct store *store, enum query query)
{
	struct sql *sql = &store->statements[query];

	ASSERT(!sql->started);
	sql->store = store;
	sql->started = true;
	sql->parameters = 0;
	sql->error = 0;
	if (sql->handle == NULL)
		sql->error = store->ops->prepare(store, texts[query], &sql->handle);
	return sql;
}

void sql_free(struct sql **sql)
{
	struct sql *s = *sql;

	if (s == NULL)
		return;
	if (s->handle != NULL)
		s->store->ops->reset(s->handle);
	s->started = false;
	*sql = NULL;
}

/* ---- parameters ---- */

void sql_add_int(struct sql *sql, int64_t value)
{
	sql->parameters++;
	if (sql->error == 0)
		sql->store->ops->bind_int(sql->handle, sql->parameters, value);
}

void sql_add_id(struct sql *sql, uint64_t id)
{
	sql_add_int(sql, (int64_t)id);
}

void sql_add_id_or_null(struct sql *sql, uint64_t id)
{
	if (id != 0)
		sql_add_id(sql, id);
	else
		sql_add_null(sql);
}

void sql_add_text(struct sql *sql, struct span text)
{
	sql->parameters++;
	if (sql->error == 0)
		sql->store->ops->bind_text(sql->handle, sql->parameters, text);
}

void sql_add_blob(struct sql *sql, struct span bytes)
{
	sql->parameters++;
	if (sql->error == 0)
		sql->store->ops->bind_blob(sql->handle, sql->parameters, bytes);
}

void sql_add_null(struct sql *sql)
{
	sql->parameters++;
}

void sql_add_key(struct sql *sql, const struct key *key)
{
	sql->keys[0] = *key;
	sql_add_blob(sql, span_of(sql->keys[0].bytes, key->len));
	sql_add_int(sql, key->bits);
}

void sql_add_source(struct sql *sql, const struct source *source)
{
	struct key key;

	if (source == NULL) {
		sql->parameters += 2;
		return;
	}
	key = key_of(source);
	sql_add_key(sql, &key);
}

void sql_add_range(struct sql *sql, const struct key_bounds *range)
{
	sql->keys[0] = range->first;
	sql->keys[1] = range->last;
	sql_add_blob(sql, span_of(sql->keys[0].bytes, range->first.len));
	sql_add_blob(sql, span_of(sql->keys[1].bytes, range->last.len));
	sql_add_int(sql, range->bits_min);
	sql_add_int(sql, range->bits_max);
}

/* For a domain, itself and what is within are two ranges: this one holds both. */
void sql_add_about(struct sql *sql, const struct source *source, uint32_t limit)
{
	struct key key = key_of(source);
	struct key_bounds range = {key, key, KEY_BELOW, KEY_NAME};

	if (source->kind == SOURCE_NET)
		key_within(source, &range);
	sql_add_range(sql, &range);
	sql_add_limit(sql, limit);
}

void sql_add_ending(struct sql *sql, const struct store_ending *ending)
{
	sql_add_int(sql, ending->at_s);
	sql_add_text(sql, ending->by);
	sql_add_text(sql, ending->reason);
	sql_add_id_or_null(sql, ending->event);
}

void sql_add_limit(struct sql *sql, uint32_t limit)
{
	sql_add_int(sql, limit != 0 ? (int64_t)limit : -1);
}

/* ---- running ---- */

int sql_next(struct sql *sql)
{
	return sql->error < 0 ? sql->error : sql->store->ops->step(sql->store, sql->handle);
}

int sql_run(struct sql *sql)
{
	int r = sql_next(sql);

	return r < 0 ? r : 0;
}

int64_t sql_update(struct sql *sql)
{
	int r = sql_next(sql);

	return r < 0 ? r : sql->store->ops->changed(sql->store);
}

int sql_insert(struct sql *sql, int64_t *ret_id)
{
	int64_t changed = sql_update(sql);

	if (changed <= 0)
		return (int)changed;
	*ret_id = sql->store->ops->inserted(sql->store);
	return 1;
}

int sql_number(struct sql *sql, int64_t *ret_value)
{
	int r = sql_next(sql);

	if (r > 0)
		*ret_value = sql_int(sql, 0);
	return r;
}

int sql_count(struct sql *sql, uint64_t *ret_count)
{
	int r = sql_next(sql);

	if (r < 0)
		return r;
	*ret_count = r > 0 ? sql_id(sql, 0) : 0;
	return 0;
}

/* ---- columns ---- */

int64_t sql_int(const struct sql *sql, int column)
{
	return sql->store->ops->column_int(sql->handle, column);
}

uint32_t sql_u32(const struct sql *sql, int column)
{
	return (uint32_t)sql_int(sql, column);
}

uint64_t sql_id(const struct sql *sql, int column)
{
	return (uint64_t)sql_int(sql, column);
}

struct span sql_span(const struct sql *sql, int column)
{
	return sql->store->ops->column_span(sql->handle, column);
}

int sql_source(const struct sql *sql, int column, struct source *ret_source)
{
	return key_to_source(sql_span(sql, column), (int)sql_int(sql, column + 1), ret_source);
}
