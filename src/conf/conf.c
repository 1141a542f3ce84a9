/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "conf/load.h"
#include "conf/sealed.h"
#include "conf/secrets.h"
#include "conf/sources.h"

/* The conf is the first member: users see it, the reference count is ours. */
struct conf_owner {
	struct conf conf;
	atomic_uint refs;
	struct arena *arena;
};

static struct conf_owner *conf_owner(const struct conf *conf)
{
	return CONTAINEROF(conf, struct conf_owner, conf);
}

const struct conf *conf_ref(const struct conf *conf)
{
	if (conf->is_counted)
		atomic_fetch_add_explicit(&conf_owner(conf)->refs, 1, memory_order_relaxed);
	return conf;
}

void conf_unref(const struct conf **conf)
{
	const struct conf *held = TAKE(*conf);
	struct conf_owner *owner;
	if (held == NULL || !held->is_counted)
		return;
	owner = conf_owner(held);
	if (atomic_fetch_sub_explicit(&owner->refs, 1, memory_order_acq_rel) != 1)
		return;
	secrets_done(&owner->conf);
	sealed_unmap(&owner->conf);
	arena_free(&owner->arena);
	mem_free(owner);
}

void conf_free(struct conf **conf)
{
	const struct conf *held = TAKE(*conf);

	conf_unref(&held);
}

static struct conf *conf_new(const char *path, int64_t now_s)
{
	struct conf_owner *owner = mem_new(conf_owner);

	atomic_init(&owner->refs, 1);
	owner->arena = arena_new(0);
	owner->conf.file = path != NULL ? arena_copy_string(owner->arena, path) : NULL;
	owner->conf.loaded_s = now_s;
	owner->conf.is_counted = true;
	return &owner->conf;
}

/* ---- loading ---- */

/* One tree of all sources, and from it the conf; the diagnostics say what is wrong. */
static int load_sources(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	AUTO(arena) *scratch = arena_new(0);
	struct conf_tree *root = NULL;
	int r = 0;

	for (size_t i = 0; i < conf->sources_len; i++) {
		struct conf_tree *tree = NULL;
		int one;

		diagnostics_add_source(loader->diagnostics, &conf->sources[i]);
		one = tree_parse(&conf->sources[i], loader->diagnostics, scratch, &tree);
		if (one < 0 && i == 0)
			return one;
		if (one < 0)
			r = E_CONFIG;
		else if (i == 0)
			root = tree;
		else
			tree_merge(root, tree, loader->diagnostics);
	}
	if (r < 0)
		return r;
	loader->root = root;
	conf_fill(loader);
	conf_complete(loader);
	conf_check_all(loader);
	return loader->diagnostics->report->errors_len == 0 ? 0 : E_CONFIG;
}

/* The last step of each way: sources became part of loader->conf with result r. */
static int load_end(struct loader *loader, int r)
{
	if (r >= 0)
		r = load_sources(loader);
	diagnostics_sort(loader->diagnostics);
	return r >= 0 || r == E_ABSENT ? r : E_CONFIG;
}

int conf_load(const char *path, int64_t now_s, struct conf **ret_conf, struct conf_report *report)
{
	AUTO(conf) *conf = conf_new(path, now_s);
	struct diagnostics diagnostics;
	struct loader loader = {conf, conf_owner(conf)->arena, &diagnostics, NULL};
	int r;

	diagnostics_init(&diagnostics, report);
	r = load_end(&loader, sources_read(&loader, path));
	if (r == 0)
		*ret_conf = TAKE(conf);
	return r;
}

int conf_load_text(const struct conf_source *source, int64_t now_s, struct conf **ret_conf,
	struct conf_report *report)
{
	AUTO(conf) *conf = conf_new(source->file, now_s);
	struct arena *arena = conf_owner(conf)->arena;
	struct diagnostics diagnostics;
	struct loader loader = {conf, arena, &diagnostics, NULL};
	int r;

	diagnostics_init(&diagnostics, report);
	conf->sources = arena_alloc(arena, sizeof(*conf->sources));
	conf->sources[0] = (struct conf_source){conf->file, arena_copy(arena, source->text)};
	conf->sources_len = 1;
	r = load_end(&loader, 0);
	if (r == 0)
		*ret_conf = TAKE(conf);
	return r;
}

int conf_load_sealed(int fd, int64_t now_s, struct conf **ret_conf, struct conf_report *report)
{
	AUTO(conf) *conf = conf_new(NULL, now_s);
	struct diagnostics diagnostics;
	struct loader loader = {conf, conf_owner(conf)->arena, &diagnostics, NULL};
	int r;

	diagnostics_init(&diagnostics, report);
	r = load_end(&loader, sealed_read(&loader, fd));
	if (r == 0)
		*ret_conf = TAKE(conf);
	return r;
}

/* ---- finding in it ---- */

const struct conf_list *conf_list_find(const struct conf *conf, struct span name)
{
	for (size_t i = 0; i < conf->lists_len; i++) {
		if (span_equal_text(name, conf->lists[i].name))
			return &conf->lists[i];
	}
	return NULL;
}

const struct conf_check *conf_check_find(const struct conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->checks_len; i++) {
		if (strcmp(conf->checks[i].key, key) == 0)
			return &conf->checks[i];
	}
	return NULL;
}

const struct conf_key *conf_key_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->keys_len; i++) {
		if (strcmp(conf->keys[i].name, name) == 0)
			return &conf->keys[i];
	}
	return NULL;
}

const struct conf_policy *conf_policy_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->policies_len; i++) {
		if (strcmp(conf->policies[i].name, name) == 0)
			return &conf->policies[i];
	}
	return NULL;
}

const struct conf_feed *conf_feed_find(const struct conf *conf, struct span name)
{
	for (size_t i = 0; i < conf->feeds_len; i++) {
		if (span_equal_text(name, conf->feeds[i].name))
			return &conf->feeds[i];
	}
	return NULL;
}

const char *mode_name(enum mode mode)
{
	static const char *const names[] = {"observe", "tag", "enforce"};

	return (size_t)mode < COUNTOF(names) ? names[mode] : "?";
}

const char *action_name(enum action action)
{
	static const char *const names[] = {
		"off", "tag", "score", "reject", "allow", "defer", "greylist"};

	return (size_t)action < COUNTOF(names) ? names[action] : "?";
}
