/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "conf/load.h"

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
	atomic_fetch_add_explicit(&conf_owner(conf)->refs, 1, memory_order_relaxed);
	return conf;
}

void conf_unref(const struct conf **conf)
{
	const struct conf *held = TAKE(*conf);
	struct conf_owner *owner;

	if (held == NULL)
		return;
	owner = conf_owner(held);
	if (atomic_fetch_sub_explicit(&owner->refs, 1, memory_order_acq_rel) != 1)
		return;
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
	owner->conf.file = arena_copy_string(owner->arena, path);
	owner->conf.loaded_s = now_s;
	return &owner->conf;
}

/* ---- files ---- */

/* The whole file, at most one byte more than a tree may have: tree_parse says that it is too
 * large. */
static int file_read(const char *path, struct arena *arena, struct span *ret_text)
{
	uint8_t *bytes = arena_alloc(arena, TREE_TEXT_MAX + 1);
	size_t len = 0;
	int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_from_errno(errno);
	while (len < TREE_TEXT_MAX + 1) {
		ssize_t n = read(fd, bytes + len, TREE_TEXT_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = errno == EISDIR ? E_PARSE : err_from_errno(errno);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	if (r < 0)
		return r;
	*ret_text = span_of(bytes, len);
	return 0;
}

/* Reads one file into the tree; the texts live in `scratch`, names of files in the conf. */
static int load_file(
	struct loader *loader, const char *path, struct arena *scratch, struct conf_tree **ret_tree)
{
	struct conf_source source = {.file = arena_copy_string(loader->arena, path)};
	struct conf_location location = {.file = source.file};
	int r = file_read(path, scratch, &source.text);

	if (diagnostics_add_source(loader->diagnostics, &source) < 0) {
		error_at(loader->diagnostics, location, "too many files");
		return E_CONFIG;
	}
	if (r < 0) {
		error_at(loader->diagnostics, location, "cannot be read: %s", err_text(r));
		return r;
	}
	return tree_parse(&source, loader->diagnostics, scratch, ret_tree);
}

/* conf.d/x.yaml beside the file, in the order of their names; all are read even when one is bad. */
static int load_folder(
	struct loader *loader, const char *path, struct arena *scratch, struct conf_tree *root)
{
	const char *slash = strrchr(path, '/');
	char pattern[PATH_MAX];
	glob_t found;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%.*sconf.d/*.yaml",
		slash != NULL ? (int)(slash - path + 1) : 0, path);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct conf_tree *tree = NULL;
		int one = load_file(loader, found.gl_pathv[i], scratch, &tree);

		if (one < 0)
			r = E_CONFIG;
		else
			tree_merge(root, tree, loader->diagnostics);
	}
	globfree(&found);
	return r;
}

/* From the tree to the caller, or to diagnostics. */
static int load_tree(struct loader *loader, const struct conf_tree *root)
{
	loader->root = root;
	conf_fill(loader);
	conf_complete(loader);
	conf_check_all(loader);
	return loader->diagnostics->report->errors_len == 0 ? 0 : E_CONFIG;
}

int conf_load(const char *path, int64_t now_s, struct conf **ret_conf, struct conf_report *report)
{
	AUTO(conf) *conf = conf_new(path, now_s);
	AUTO(arena) *scratch = arena_new(0);
	struct diagnostics diagnostics;
	struct loader loader = {conf, conf_owner(conf)->arena, &diagnostics, NULL};
	struct conf_tree *root = NULL;
	int r;

	diagnostics_init(&diagnostics, report);
	r = load_file(&loader, path, scratch, &root);
	if (r >= 0)
		r = load_folder(&loader, path, scratch, root);
	if (r >= 0)
		r = load_tree(&loader, root);
	diagnostics_sort(&diagnostics);
	if (r < 0)
		return r == E_ABSENT ? E_ABSENT : E_CONFIG;
	*ret_conf = TAKE(conf);
	return 0;
}

int conf_load_text(const struct conf_source *source, int64_t now_s, struct conf **ret_conf,
	struct conf_report *report)
{
	AUTO(conf) *conf = conf_new(source->file, now_s);
	AUTO(arena) *scratch = arena_new(0);
	struct diagnostics diagnostics;
	struct loader loader = {conf, conf_owner(conf)->arena, &diagnostics, NULL};
	const struct conf_source named = {conf->file, source->text};
	struct conf_tree *root = NULL;
	int r;

	diagnostics_init(&diagnostics, report);
	diagnostics_add_source(&diagnostics, &named);
	r = tree_parse(&named, &diagnostics, scratch, &root);
	if (r >= 0)
		r = load_tree(&loader, root);
	diagnostics_sort(&diagnostics);
	if (r < 0)
		return r;
	*ret_conf = TAKE(conf);
	return 0;
}

/* ---- finding in it ---- */

const char *conf_dns_file(const struct conf *conf, size_t n)
{
	if (conf->guard.cookie_secrets != NULL && n-- == 0)
		return conf->guard.cookie_secrets;
	for (size_t i = 0; i < conf->lists_len; i++) {
		if (conf->lists[i].serving.keys != NULL && n-- == 0)
			return conf->lists[i].serving.keys;
	}
	for (size_t i = 0; i < conf->zones_len; i++) {
		if (conf->zones[i].serving.keys != NULL && n-- == 0)
			return conf->zones[i].serving.keys;
	}
	return NULL;
}

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
	static const char *const names[] = {"off", "tag", "score", "reject", "allow"};

	return (size_t)action < COUNTOF(names) ? names[action] : "?";
}
