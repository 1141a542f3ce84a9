/* SPDX-License-Identifier: ISC */
#include "keeper/layout.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "list/retirement.h"

struct layout_list {
	struct span name;
	struct span *sublists;
	size_t len;
};

struct list_layout {
	struct arena *arena;
	struct layout_list *lists;
	size_t len;
};

static void layout_add_retirements(struct list_layout *layout, struct layout_list *list)
{
	list->name = span_text(RETIREMENT_LIST);
	list->len = RETIREMENT_STAGES;
	list->sublists = arena_alloc(layout->arena, list->len * sizeof(struct span));
	for (size_t i = 0; i < list->len; i++)
		list->sublists[i] = span_text(retirement_sublist((enum retirement_stage)i));
}

struct list_layout *layout_new(const struct conf *conf)
{
	struct list_layout *layout = mem_new(list_layout);

	layout->arena = arena_new(0);
	layout->len = conf->lists_len + 1;
	layout->lists = arena_alloc(layout->arena, layout->len * sizeof(*layout->lists));
	layout_add_retirements(layout, &layout->lists[conf->lists_len]);
	for (size_t i = 0; i < conf->lists_len; i++) {
		const struct conf_list *from = &conf->lists[i];
		struct layout_list *list = &layout->lists[i];

		list->name = arena_copy(layout->arena, span_text(from->name));
		list->len = from->sublists_len;
		list->sublists = arena_alloc(layout->arena, list->len * sizeof(struct span));
		for (size_t j = 0; j < list->len; j++)
			list->sublists[j] =
				arena_copy(layout->arena, span_text(from->sublists[j].name));
	}
	return layout;
}

struct list_layout *layout_copy(const struct list_layout *from)
{
	struct list_layout *layout = mem_new(list_layout);

	layout->arena = arena_new(0);
	layout->len = from->len;
	layout->lists = arena_alloc(layout->arena, from->len * sizeof(*layout->lists));
	for (size_t i = 0; i < from->len; i++) {
		struct layout_list *list = &layout->lists[i];

		*list = from->lists[i];
		list->name = arena_copy(layout->arena, from->lists[i].name);
		list->sublists = arena_alloc(layout->arena, list->len * sizeof(struct span));
		for (size_t j = 0; j < list->len; j++)
			list->sublists[j] = arena_copy(layout->arena, from->lists[i].sublists[j]);
	}
	return layout;
}

void layout_free(struct list_layout **layout)
{
	struct list_layout *s = *layout;

	if (s == NULL)
		return;
	arena_free(&s->arena);
	mem_free(s);
	*layout = NULL;
}

bool layout_find(const struct list_layout *layout, struct span list, struct span sublist,
	struct layout_index *ret_index)
{
	for (size_t i = 0; i < layout->len; i++) {
		if (!span_equal(layout->lists[i].name, list))
			continue;
		for (size_t j = 0; j < layout->lists[i].len; j++) {
			if (!span_equal(layout->lists[i].sublists[j], sublist))
				continue;
			*ret_index = (struct layout_index){(int)i, (unsigned)j};
			return true;
		}
	}
	return false;
}

size_t layout_list_count(const struct list_layout *layout)
{
	return layout->len;
}

struct span layout_list_name(const struct list_layout *layout, size_t list)
{
	return layout->lists[list].name;
}

const struct span *layout_sublists(const struct list_layout *layout, size_t list, size_t *ret_count)
{
	*ret_count = layout->lists[list].len;
	return layout->lists[list].sublists;
}

static bool list_equal(const struct layout_list *a, const struct layout_list *b)
{
	if (!span_equal(a->name, b->name) || a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!span_equal(a->sublists[i], b->sublists[i]))
			return false;
	}
	return true;
}

bool layout_equal(const struct list_layout *a, const struct list_layout *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!list_equal(&a->lists[i], &b->lists[i]))
			return false;
	}
	return true;
}

static bool list_is_of_view(const struct layout_list *list, const struct view *view, int place)
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

bool layout_is_of_view(const struct list_layout *layout, const struct view *view)
{
	if (view_list_count(view) != layout->len)
		return false;
	for (size_t i = 0; i < layout->len; i++) {
		if (!list_is_of_view(&layout->lists[i], view, (int)i))
			return false;
	}
	return true;
}
