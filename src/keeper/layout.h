/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The lists and sublists as they are published, in the order of the configuration: a copy that
 * outlives a reload, so that the snapshot thread can read it. Immutable; any thread.
 */
#include "conf/conf.h"
#include "list/view.h"

struct shape;

struct shape *shape_new(const struct conf *conf);
void shape_free(struct shape **shape);
struct shape *shape_copy(const struct shape *shape);

/* The places of a list and one of its sublists; false: not published (any more). */
bool shape_find(const struct shape *shape, struct span list, struct span sublist, int *ret_list,
	unsigned *ret_sublist);
size_t shape_list_count(const struct shape *shape);
struct span shape_list_name(const struct shape *shape, size_t list);
/* The names of its sublists; *ret_count of them. */
const struct span *shape_sublists(const struct shape *shape, size_t list, size_t *ret_count);

bool shape_equal(const struct shape *a, const struct shape *b);
/* Does a snapshot hold just these? */
bool shape_is_of_view(const struct shape *shape, const struct view *view);
