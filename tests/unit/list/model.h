/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A list as the specification says it, slow and obvious: a heap of entries that is searched from
 * end to end for every question. The differential tests compare snapshots and deltas with it.
 */
#include "base/macro.h"
#include "base/mem.h"
#include "list/paint.h"
#include "list/snapshot.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "sets/key.h"

enum { MODEL_ENTRIES = 4096, MODEL_SUBLISTS = 5 };

struct model {
	struct list_entry entries[MODEL_ENTRIES];
	size_t len;
};

static uint64_t random_state = 88172645463325252u;

/* xorshift: the same in every run, so a failure repeats. */
static inline uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % bound;
}

static inline bool model_is_v4(struct prefix net)
{
	return ip_is_v4(net.ip) && net.bits >= IP_V4_BITS;
}

/* How closely the entry names the address or domain: 0 not at all. */
static inline int model_closeness(const struct list_entry *entry, const struct source *asked)
{
	const char *domain = entry->source.domain;
	size_t own = strlen(domain), len = strlen(asked->domain);

	if (entry->source.kind != asked->kind)
		return 0;
	if (asked->kind == SOURCE_NET)
		return model_is_v4(entry->source.net) == ip_is_v4(asked->net.ip) &&
				       prefix_has(entry->source.net, asked->net.ip)
			       ? 1 + entry->source.net.bits
			       : 0;
	if (domain[0] != '.')
		return strcmp(domain, asked->domain) == 0 ? 1000 : 0;
	if (strcmp(domain + 1, asked->domain) == 0)
		return (int)own;
	return len > own && strcmp(asked->domain + len - own, domain) == 0 ? (int)own : 0;
}

static inline bool model_wins(const struct list_entry *a, const struct list_entry *b)
{
	if (a->excluded != b->excluded)
		return a->excluded;
	if (a->until_s != b->until_s)
		return a->until_s == 0 || (b->until_s != 0 && a->until_s > b->until_s);
	return span_compare(a->reason, b->reason) < 0;
}

/* The entry by which a sublist answers; NULL when nothing covers the source. */
static inline const struct list_entry *model_entry(
	const struct model *model, const struct source *asked, unsigned sublist)
{
	const struct list_entry *best = NULL;
	int best_closeness = 0;

	for (size_t i = 0; i < model->len; i++) {
		const struct list_entry *entry = &model->entries[i];
		int closeness = model_closeness(entry, asked);

		if (entry->sublist != sublist || closeness == 0 || closeness < best_closeness)
			continue;
		if (best == NULL || closeness > best_closeness || model_wins(entry, best))
			best = entry;
		best_closeness = closeness;
	}
	return best;
}

static inline uint32_t model_mask(const struct model *model, const struct source *asked)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < MODEL_SUBLISTS; i++) {
		const struct list_entry *entry = model_entry(model, asked, i);

		if (entry != NULL && !entry->excluded)
			mask |= UINT32_C(1) << i;
	}
	return mask;
}

static inline struct source source_of_key(u128 key)
{
	return (struct source){.kind = SOURCE_NET, .net = {key_to_ip(key), 128}};
}

static inline struct source source_of_text(const char *text)
{
	struct source source = {.kind = SOURCE_NET};

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return source;
}

/* The view must answer for the source as the model does, hit by hit. */
static inline void model_check(
	const struct model *model, const struct view *view, int list, const struct source *asked)
{
	struct hits hits = {.len = 77};
	size_t at = 0;
	uint32_t mask = model_mask(model, asked);

	assert_int_equal(view_lookup(view, list, asked, &hits), mask);
	assert_int_equal(hits.len, __builtin_popcount(mask));
	for (unsigned i = 0; i < MODEL_SUBLISTS; i++) {
		const struct list_entry *entry = model_entry(model, asked, i);

		if ((mask >> i & 1) == 0)
			continue;
		assert_int_equal(hits.items[at].sublist, i);
		assert_true(hits.items[at].until_s == entry->until_s);
		assert_true(span_equal(hits.items[at].reason, entry->reason));
		at++;
	}
}

static inline void model_add(struct model *model, struct list_entry entry)
{
	assert_true(model->len < MODEL_ENTRIES);
	model->entries[model->len++] = entry;
}

static inline void model_add_text(
	struct model *model, const char *text, uint8_t sublist, const char *reason, bool excluded)
{
	model_add(model, (struct list_entry){
				 source_of_text(text), sublist, excluded, 1000, span_text(reason)});
}

/* A writer that holds the model as list "main", and another list before it. */
static inline struct snapshot_writer *model_writer(const struct model *model, uint32_t serial)
{
	static const char *const names[MODEL_SUBLISTS] = {
		"trap", "report", "bot", "relay", "manual"};
	struct snapshot_writer *writer = snapshot_writer_new(serial, 1);
	struct span sublists[MODEL_SUBLISTS];
	struct source other = source_of_text("198.51.100.0/24");

	for (unsigned i = 0; i < MODEL_SUBLISTS; i++)
		sublists[i] = span_text(names[i]);
	assert_int_equal(snapshot_writer_add_list(writer, span_text("other"), sublists, 1), 0);
	assert_int_equal(snapshot_writer_add(writer, 0,
				 &(struct list_entry){other, 0, false, 0, span_text("other")}),
		0);
	assert_int_equal(
		snapshot_writer_add_list(writer, span_text("main"), sublists, MODEL_SUBLISTS), 1);
	for (size_t i = 0; i < model->len; i++) {
		const struct list_entry *entry = &model->entries[i];

		assert_int_equal(snapshot_writer_add(writer, 1,
					 &(struct list_entry){entry->source, entry->sublist,
						 entry->excluded, entry->until_s, entry->reason}),
			0);
	}
	return writer;
}

/* A view of a freshly written snapshot; the image has to outlive it. */
static inline struct view *model_view(
	const struct model *model, uint32_t serial, struct image *ret_image)
{
	struct snapshot_writer *writer = model_writer(model, serial);
	struct view *view = NULL;

	assert_int_equal(snapshot_writer_image(writer, ret_image, NULL), 0);
	snapshot_writer_free(&writer);
	assert_int_equal(
		view_open_bytes(span_of(ret_image->bytes, ret_image->len), true, &view, NULL), 0);
	return view;
}
