/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/macro.h"
#include "store/chain.h"
#include "store/sql.h"
#include "store/words.h"

/* The audit trail: each event carries a hash of itself and of the one before it. */

struct link_hash {
	uint8_t bytes[CHAIN_SIZE];
	size_t len; /* 0: before the first */
};

static void link_hash_set(struct link_hash *hash, struct span stored)
{
	hash->len = stored.len < CHAIN_SIZE ? stored.len : CHAIN_SIZE;
	memcpy(hash->bytes, stored.ptr, hash->len);
}

static void event_read(const struct sql *sql, struct store_event *event)
{
	*event = (struct store_event){
		.id = sql_id(sql, 0),
		.time_s = sql_int(sql, 1),
		.author = sql_span(sql, 2),
		.verb = sql_span(sql, 3),
		.subject = sql_span(sql, 4),
		.reason = sql_span(sql, 5),
		.undoes = sql_id(sql, 6),
		.serial = sql_u32(sql, 7),
		.undone = sql_int(sql, 9) != 0,
	};
}

/* The number and hash of the last event; 0 before the first. */
static int event_last(struct store *store, uint64_t *ret_id, struct link_hash *ret_hash)
{
	AUTO(sql) *sql = sql_start(store, Q_EVENT_LAST);
	int r;

	sql_add_limit(sql, 1);
	r = sql_next(sql);
	if (r < 0)
		return r;
	*ret_id = r > 0 ? sql_id(sql, 0) : 0;
	ret_hash->len = 0;
	if (r > 0)
		link_hash_set(ret_hash, sql_span(sql, 8));
	return 0;
}

static int event_insert(struct store *store, const struct store_event *event, struct span hash)
{
	AUTO(sql) *sql = sql_start(store, Q_EVENT_ADD);

	sql_add_id(sql, event->id);
	sql_add_int(sql, event->time_s);
	sql_add_text(sql, event->author);
	sql_add_text(sql, event->verb);
	sql_add_text(sql, event->subject);
	sql_add_text(sql, event->reason);
	sql_add_id_or_null(sql, event->undoes);
	sql_add_int(sql, event->serial);
	sql_add_blob(sql, hash);
	return (int)sql_update(sql);
}

int store_event_add(struct store *store, const struct store_event *event, uint64_t *ret_id)
{
	struct link_hash before;
	uint8_t hash[CHAIN_SIZE];
	struct store_event row = *event;
	int r = words_check(event->subject);

	if (r >= 0)
		r = words_check(event->reason);
	if (r >= 0)
		r = event_last(store, &row.id, &before);
	if (r < 0)
		return r;
	row.id++;
	chain_hash(span_of(before.bytes, before.len), &row, hash);
	r = event_insert(store, &row, span_of(hash, sizeof(hash)));
	if (r <= 0)
		return r < 0 ? r : E_EXISTS;
	*ret_id = row.id;
	return 0;
}

int store_event_get(struct store *store, uint64_t id, store_event_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_EVENT_GET);
	struct store_event event;
	int r;

	sql_add_id(sql, id);
	r = sql_next(sql);
	if (r <= 0)
		return r < 0 ? r : E_ABSENT;
	event_read(sql, &event);
	return each(&event, arg);
}

static int events_each(struct sql *sql, store_event_call *each, void *arg)
{
	int r = 0;

	while (r == 0 && (r = sql_next(sql)) > 0) {
		struct store_event event;

		event_read(sql, &event);
		r = each(&event, arg);
	}
	return r;
}

int store_events_of(struct store *store, const struct source *source, uint32_t limit,
	store_event_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, source != NULL ? Q_EVENTS_OF : Q_EVENT_LAST);

	if (source != NULL)
		sql_add_about(sql, source, limit);
	else
		sql_add_limit(sql, limit);
	return events_each(sql, each, arg);
}

int store_events_covering(struct store *store, const struct source *source, uint32_t limit,
	store_event_call *each, void *arg)
{
	struct key key, own = key_of(source);
	int r = 0;

	for (unsigned step = 0; r == 0 && key_covering(source, step, &key); step++) {
		AUTO(sql) *sql = NULL;

		if (key.bits == own.bits && key.len == own.len)
			continue;
		sql = sql_start(store, Q_EVENTS_AT);
		sql_add_key(sql, &key);
		sql_add_limit(sql, limit);
		r = events_each(sql, each, arg);
	}
	return r;
}

int store_event_unfinished(struct store *store, uint64_t id, bool unfinished)
{
	AUTO(sql) *sql = sql_start(store, unfinished ? Q_UNFINISHED_ADD : Q_UNFINISHED_DROP);

	sql_add_id(sql, id);
	return sql_run(sql);
}

int store_unfinished(struct store *store, uint64_t after, uint64_t *ret_id)
{
	AUTO(sql) *sql = sql_start(store, Q_UNFINISHED);
	int64_t id = 0;
	int r;

	sql_add_id(sql, after);
	r = sql_number(sql, &id);
	if (r > 0)
		*ret_id = (uint64_t)id;
	return r;
}

int store_event_is_unfinished(struct store *store, uint64_t id)
{
	AUTO(sql) *sql = sql_start(store, Q_UNFINISHED_GET);

	sql_add_id(sql, id);
	return sql_next(sql);
}

struct chain_walk {
	struct store_chain *chain;
	struct link_hash before;
};

/* Whether an event follows the one before, or the hash of one that was too old to keep. */
static bool event_follows(
	const struct sql *sql, const struct store_event *event, struct chain_walk *walk)
{
	struct span before = span_of(walk->before.bytes, walk->before.len);
	uint8_t hash[CHAIN_SIZE];

	if (event->id != walk->chain->to + 1) {
		before = sql_span(sql, 10);
		if (before.len == 1) /* schema/005_chain.sql */
			walk->chain->from = event->id;
		if (before.len != CHAIN_SIZE)
			return before.len == 1;
	}
	chain_hash(before, event, hash);
	return span_equal(sql_span(sql, 8), span_of(hash, sizeof(hash)));
}

static int chain_step(const struct sql *sql, uint64_t after, struct chain_walk *walk)
{
	struct store_event event;

	event_read(sql, &event);
	if (after == 0 && walk->chain->from == 0)
		walk->chain->from = event.id;
	if (event.id != after && !event_follows(sql, &event, walk)) {
		walk->chain->bad = event.id;
		return 1;
	}
	link_hash_set(&walk->before, sql_span(sql, 8));
	walk->chain->to = event.id;
	return 0;
}

int store_events_verify(
	struct store *store, uint64_t after, uint32_t limit, struct store_chain *ret_chain)
{
	AUTO(sql) *sql = sql_start(store, Q_EVENTS_FROM);
	struct store_chain chain = {.from = 0};
	struct chain_walk walk = {.chain = &chain};
	uint32_t left = limit + 1; /* with the one before */
	int r;

	sql_add_id(sql, after);
	sql_add_limit(sql, left);
	while ((r = sql_next(sql)) > 0 && chain_step(sql, after, &walk) == 0)
		left--;
	if (r < 0)
		return r;
	memcpy(chain.hash, walk.before.bytes, walk.before.len);
	*ret_chain = chain;
	return chain.bad == 0 && left == 0;
}
