/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The public pages: from a model (portal/model.h) to HTML. Pure functions of their arguments; texts
 * of strangers are escaped by the template engine and by nothing else. Owner of the set: the
 * portal; immutable, any thread.
 *
 * Each function appends a whole page to *out. They return 0, or E_LIMIT when the page outgrows the
 * limit of *out; a page is never sent in part.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "portal/model.h"
#include "portal/trouble.h"

struct page_set;

/* What every page needs beside its model. */
struct page_context {
	const struct page_set *set;
	struct arena *arena;
	const struct conf *conf;
	int64_t now_s;
};

/* Compiles the templates of the program; E_PARSE with words. */
int page_set_new(struct page_set **ret_set, struct fault *why);
void page_set_free(struct page_set **set);

int page_home(const struct page_context *context, struct buf *out);
int page_incident(
	const struct page_context *context, const struct model_incident *model, struct buf *out);
int page_source(
	const struct page_context *context, const struct model_source *model, struct buf *out);
int page_policy(const struct page_context *context, struct buf *out);
int page_help(const struct page_context *context, struct buf *out);
int page_print_error(
	const struct page_context *context, const struct trouble *trouble, struct buf *out);

/* "style.css", "favicon.svg". E_ABSENT. */
int page_file(const char *name, struct span *ret_bytes);

/* A subject as the end of a link: %XX where needed, but for the slash of a network. */
const char *page_path(struct arena *arena, struct span subject);

/* The address of an incident or source for people: portal-url and the subject. */
const char *page_url(const struct conf *conf, struct arena *arena, struct span subject);

/* The name asked by DNS: "9.100.51.198.bl.example.org", "bad.example.dbl..."; "" for a network. */
const char *page_dns_name(struct arena *arena, const struct source *source, const char *zone);

/* Whether a published list goes by this policy: allowances concern nobody outside. */
bool page_shows_policy(const struct conf *conf, const struct conf_policy *policy);
