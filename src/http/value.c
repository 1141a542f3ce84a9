/* SPDX-License-Identifier: ISC */
#include "http/value.h"

#include "base/macro.h"

enum value_kind { VALUE_TEXT, VALUE_FLAG, VALUE_MAP, VALUE_LIST };

/* Maps hold about a dozen names: a chain, the newest first, is quicker to build than any table. */
struct value {
	enum value_kind kind;
	const char *name;
	struct span text;
	bool flag;
	struct value *first, *last, *next;
};

struct value *value_new(struct arena *arena)
{
	struct value *value = arena_alloc(arena, sizeof(*value));

	value->kind = VALUE_MAP;
	return value;
}

static struct value *map_add(
	struct arena *arena, struct value *map, const char *name, enum value_kind kind)
{
	struct value *value = arena_alloc(arena, sizeof(*value));

	ASSERT(map->kind == VALUE_MAP);
	value->kind = kind;
	value->name = name;
	value->next = map->first;
	map->first = value;
	return value;
}

void value_set(struct arena *arena, struct value *map, const char *name, struct span text)
{
	map_add(arena, map, name, VALUE_TEXT)->text = text;
}

void value_set_text(struct arena *arena, struct value *map, const char *name, const char *text)
{
	value_set(arena, map, name, span_text(text));
}

void value_set_flag(struct arena *arena, struct value *map, const char *name, bool flag)
{
	map_add(arena, map, name, VALUE_FLAG)->flag = flag;
}

struct value *value_set_map(struct arena *arena, struct value *map, const char *name)
{
	return map_add(arena, map, name, VALUE_MAP);
}

struct value *value_set_list(struct arena *arena, struct value *map, const char *name)
{
	return map_add(arena, map, name, VALUE_LIST);
}

struct value *value_list_add(struct arena *arena, struct value *list)
{
	struct value *item = value_new(arena);

	ASSERT(list->kind == VALUE_LIST);
	if (list->last != NULL)
		list->last->next = item;
	else
		list->first = item;
	list->last = item;
	return item;
}

static const struct value *map_find(const struct value *map, struct span name)
{
	for (const struct value *v = map->first; v != NULL; v = v->next)
		if (span_equal_text(name, v->name))
			return v;
	return NULL;
}

const struct value *value_get(const struct value *map, struct span name)
{
	const struct value *value = map;

	while (value != NULL && name.len != 0) {
		struct span part = span_split(&name, '.');

		value = value->kind == VALUE_MAP ? map_find(value, part) : NULL;
	}
	return value;
}

bool value_is_true(const struct value *value)
{
	if (value == NULL)
		return false;
	switch (value->kind) {
	case VALUE_TEXT:
		return value->text.len != 0;
	case VALUE_FLAG:
		return value->flag;
	case VALUE_LIST:
		return value->first != NULL;
	case VALUE_MAP:
		return true;
	}
	return false;
}

bool value_is_list(const struct value *value)
{
	return value->kind == VALUE_LIST;
}

const struct value *value_first(const struct value *list)
{
	return list->first;
}

const struct value *value_next(const struct value *item)
{
	return item->next;
}

struct span value_text(const struct value *value)
{
	return value->kind == VALUE_TEXT ? value->text : (struct span){NULL, 0};
}
