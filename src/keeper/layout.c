/* SPDX-License-Identifier: ISC */
#include "keeper/layout.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "list/retirement.h"

struct shape_list {
	struct span name;
	struct span *sublists;
	size_t len;
};

struct shape {
	struct arena *arena;
	struct shape_list *lists;
	size_t len;
};

static void shape_add_retirements(struct shape *shape, struct shape_list *list)
{
	list->name = span_text(RETIREMENT_LIST);
	list->len = RETIREMENT_STAGES;
	list->sublists = arena_alloc(shape->arena, list->len * sizeof(struct span));
	for (size_t i = 0; i < list->len; i++)
		list->sublists[i] = span_text(retirement_sublist((enum retirement_stage)i));
}

struct shape *shape_new(const struct conf *conf)
{
	struct shape *shape = mem_new(shape);

	shape->arena = arena_new(0);
	shape->len = conf->lists_len + 1;
	shape->lists = arena_alloc(shape->arena, shape->len * sizeof(*shape->lists));
	shape_add_retirements(shape, &shape->lists[conf->lists_len]);
	for (size_t i = 0; i < conf->lists_len; i++) {
		const struct conf_list *from = &conf->lists[i];
		struct shape_list *list = &shape->lists[i];

		list->name = arena_copy(shape->arena, span_text(from->name));
		list->len = from->sublists_len;
		list->sublists = arena_alloc(shape->arena, list->len * sizeof(struct span));
		for (size_t j = 0; j < list->len; j++)
			list->sublists[j] =
				arena_copy(shape->arena, span_text(from->sublists[j].name));
	}
	return shape;
}

struct shape *shape_copy(const struct shape *from)
{
	struct shape *shape = mem_new(shape);

	shape->arena = arena_new(0);
	shape->len = from->len;
	shape->lists = arena_alloc(shape->arena, from->len * sizeof(*shape->lists));
	for (size_t i = 0; i < from->len; i++) {
		struct shape_list *list = &shape->lists[i];

		*list = from->lists[i];
		list->name = arena_copy(shape->arena, from->lists[i].name);
		list->sublists = arena_alloc(shape->arena, list->len * sizeof(struct span));
		for (size_t j = 0; j < list->len; j++)
			list->sublists[j] = arena_copy(shape->arena, from->lists[i].sublists[j]);
	}
	return shape;
}

void shape_free(struct shape **shape)
{
	struct shape *s = *shape;

	if (s == NULL)
		return;
	arena_free(&s->arena);
	mem_free(s);
	*shape = NULL;
}

bool shape_find(const struct shape *shape, struct span list, struct span sublist, int *ret_list,
	unsigned *ret_sublist)
{
	for (size_t i = 0; i < shape->len; i++) {
		if (!span_equal(shape->lists[i].name, list))
			continue;
		for (size_t j = 0; j < shape->lists[i].len; j++) {
			if (!span_equal(shape->lists[i].sublists[j], sublist))
				continue;
			*ret_list = (int)i;
			*ret_sublist = (unsigned)j;
			return true;
		}
	}
	return false;
}

size_t shape_list_count(const struct shape *shape)
{
	return shape->len;
}

struct span shape_list_name(const struct shape *shape, size_t list)
{
	return shape->lists[list].name;
}

const struct span *shape_sublists(const struct shape *shape, size_t list, size_t *ret_count)
{
	*ret_count = shape->lists[list].len;
	return shape->lists[list].sublists;
}

static bool list_equal(const struct shape_list *a, const struct shape_list *b)
{
	if (!span_equal(a->name, b->name) || a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!span_equal(a->sublists[i], b->sublists[i]))
			return false;
	}
	return true;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!list_equal(&a->lists[i], &b->lists[i]))
			return false;
	}
	return true;
}

static bool list_is_of_view(const struct shape_list *list, const struct view *view, int place)
{
	if (!span_equal(view_list_name(view, place), list->name))
		return false;
	for (size_t j = 0; j < list->len; j++) {
		if (view_sublist_find(view, place, list->sublists[j]) != (int)j)
			return false;
	}
	/* One more in the snapshot has no name here, so it would be found at the next place. */
	return view_sublist_name(view, place, (unsigned)list->len).len == 0;
}

bool shape_is_of_view(const struct shape *shape, const struct view *view)
{
	if (view_list_count(view) != shape->len)
		return false;
	for (size_t i = 0; i < shape->len; i++) {
		if (!list_is_of_view(&shape->lists[i], view, (int)i))
			return false;
	}
	return true;
}
