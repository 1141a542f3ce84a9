/* SPDX-License-Identifier: ISC */
#include <sodium.h>

#include "base/macro.h"
#include "conf/store_url.h"
#include "store/listing_group.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* Opening by the kind of URL. What a backend is stands in ops.h. */

static const struct store_ops *const backends[] = {
#define STORE(backend, form) &backend##_ops,
#include "conf/stores.def"
#undef STORE
};

static int backend_of(const char *url, const struct store_ops **ret_ops, struct fault *why)
{
	int kind = store_url_kind(span_text(url));

	if (kind < 0)
		return fault_set(
			why, E_CONFIG, "store '%s' is not of the form %s", url, store_url_forms);
	*ret_ops = backends[kind];
	return 0;
}

static int store_open_as(const struct store_opening *opening, enum store_access access,
	struct store **ret_store, struct fault *why)
{
	const struct store_ops *ops = NULL;
	struct store *store = NULL;
	int r = backend_of(opening->url, &ops, why);

	if (r < 0)
		return r;
	if (sodium_init() < 0)
		return fault_set(why, E_SYSTEM, "no source of random numbers");
	r = ops->open(opening, access, &store, why);
	if (r < 0)
		return r;
	store->ops = ops;
	store->reader = access == STORE_READ;
	store->statements = statements_new();
	*ret_store = store;
	return 0;
}

int store_open(const struct store_opening *opening, struct store **ret_store, struct fault *why)
{
	return store_open_as(opening, opening->create ? STORE_CREATE : STORE_WRITE, ret_store, why);
}

int store_open_reader(const char *url, struct store **ret_store, struct fault *why)
{
	return store_open_as(&(struct store_opening){.url = url}, STORE_READ, ret_store, why);
}

void store_free(struct store **store)
{
	if (*store == NULL)
		return;
	statements_free(*store);
	groups_done(*store);
	(*store)->ops->close(*store);
	*store = NULL;
}

int store_backup(const char *url, const char *path, struct fault *why)
{
	const struct store_ops *ops = NULL;
	int r = backend_of(url, &ops, why);

	return r < 0 ? r : ops->backup(url, path, why);
}

int store_restore(const char *url, const char *path, struct fault *why)
{
	const struct store_ops *ops = NULL;
	int r = backend_of(url, &ops, why);

	return r < 0 ? r : ops->restore(url, path, why);
}

bool store_log_was_moved(const struct store *store)
{
	return store->log_was_moved;
}

const char *store_error_text(const struct store *store)
{
	return store->error_text;
}

void store_describe(struct store *store, char *text, size_t size)
{
	store->ops->describe(store, text, size);
}

void store_sync_defer(struct store *store)
{
	store->ops->sync_defer(store, true);
}

void store_sync_resume(struct store *store)
{
	store->ops->sync_defer(store, false);
}

int store_sync(const char *url, struct fault *why)
{
	const struct store_ops *ops = NULL;
	int r = backend_of(url, &ops, why);

	return r < 0 ? r : ops->sync(url, why);
}

int store_reserve(struct store *store)
{
	return store->ops->reserve(store);
}

void store_reserve_use(struct store *store)
{
	store->ops->reserve_use(store);
}

int64_t store_log_size(struct store *store)
{
	return store->ops->log_size(store);
}
