/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a template shows: a small tree of texts, flags, maps and lists. It is built for one page in
 * that page's arena, and texts are borrowed: they live at least as long as the tree. One thread.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

struct value;

/* An empty map: what a page starts with. */
struct value *value_new(struct arena *arena);

/* name is kept by reference (a literal); setting a name again makes the newer one win. */
void value_set(struct arena *arena, struct value *map, const char *name, struct span text);
void value_set_text(struct arena *arena, struct value *map, const char *name, const char *text);
void value_set_flag(struct arena *arena, struct value *map, const char *name, bool flag);
struct value *value_set_map(struct arena *arena, struct value *map, const char *name);
struct value *value_set_list(struct arena *arena, struct value *map, const char *name);

/* A new map at the end of a list. */
struct value *value_list_add(struct arena *arena, struct value *list);

/* For the engine. name may have dots: "listing.until". NULL when there is none. */
const struct value *value_get(const struct value *map, struct span name);
/* Mustache truth: a non-empty text, a set flag, a non-empty list, any map. */
bool value_is_true(const struct value *value);
bool value_is_list(const struct value *value);
const struct value *value_first(const struct value *list);
const struct value *value_next(const struct value *item);
struct span value_text(const struct value *value);
