/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The lists and sublists as they are published, in the order of the configuration: a copy that
 * outlives a reload, so that the snapshot thread can read it. Immutable; any thread.
 */
#include "conf/conf.h"
#include "list/view.h"

struct list_layout;

struct list_layout *layout_new(const struct conf *conf);
void layout_free(struct list_layout **layout);
struct list_layout *layout_copy(const struct list_layout *layout);

/* Where a list and one of its sublists stand. */
struct layout_index {
	int list;
	unsigned sublist;
};

/* False: not published (any more). */
bool layout_find(const struct list_layout *layout, struct span list, struct span sublist,
	struct layout_index *ret_index);
size_t layout_list_count(const struct list_layout *layout);
struct span layout_list_name(const struct list_layout *layout, size_t list);
/* The names of its sublists; *ret_count of them. */
const struct span *layout_sublists(
	const struct list_layout *layout, size_t list, size_t *ret_count);

bool layout_equal(const struct list_layout *a, const struct list_layout *b);
/* Does a snapshot hold just these? */
bool layout_is_of_view(const struct list_layout *layout, const struct view *view);
