/* SPDX-License-Identifier: ISC */
#include "keeper/change.h"

#include <string.h>

static void change_grow(struct change *change)
{
	size_t room = change->room != 0 ? change->room * 2 : 16;
	struct changed_source *sources = arena_alloc(change->arena, room * sizeof(*sources));

	if (change->len != 0)
		memcpy(sources, change->sources, change->len * sizeof(*sources));
	change->sources = sources;
	change->room = room;
}

/* Several rows of one source usually come one behind the other. */
static bool change_ends_with(
	const struct change *change, struct span list, const struct source *source)
{
	const struct changed_source *last =
		change->len != 0 ? &change->sources[change->len - 1] : NULL;

	return last != NULL && span_equal(last->list, list) && source_equal(&last->source, source);
}

void change_touch(struct change *change, struct span list, const struct source *source)
{
	if (change->all || change_ends_with(change, list, source))
		return;
	if (change->len == CHANGED_MAX) {
		change->all = true;
		return;
	}
	if (change->len == change->room)
		change_grow(change);
	change->sources[change->len++] =
		(struct changed_source){arena_copy(change->arena, list), *source};
}

void change_add(struct change *change, struct span list, const struct source *source)
{
	change->rows++;
	change_touch(change, list, source);
}

void change_join(struct change *change, const struct change *from)
{
	change->all = change->all || from->all;
	for (size_t i = 0; i < from->len && !change->all; i++)
		change_touch(change, from->sources[i].list, &from->sources[i].source);
	change->rows += from->rows;
}
