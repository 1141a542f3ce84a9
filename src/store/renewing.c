/* SPDX-License-Identifier: ISC */
#include "store/renewing.h"

#include <string.h>

#include "base/mem.h"
#include "store/store.h"

enum { ROOM_FIRST = 16 };

static size_t place_of(const struct renewing *renewing, uint64_t id)
{
	size_t at = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (renewing->room - 1);

	while (renewing->groups[at].id != 0 && renewing->groups[at].id != id)
		at = (at + 1) & (renewing->room - 1);
	return at;
}

static void renewing_grow(struct renewing *renewing)
{
	struct renewing old = *renewing;

	renewing->room = old.room != 0 ? old.room * 2 : ROOM_FIRST;
	renewing->groups = mem_alloc_array(renewing->room, sizeof(*renewing->groups));
	for (size_t i = 0; i < old.room; i++) {
		if (old.groups[i].id != 0)
			renewing->groups[place_of(renewing, old.groups[i].id)] = old.groups[i];
	}
	mem_free(old.groups);
}

static struct renewing_group *group_of(struct renewing *renewing, uint64_t id)
{
	struct renewing_group *group;

	if (renewing->len * 2 >= renewing->room)
		renewing_grow(renewing);
	group = &renewing->groups[place_of(renewing, id)];
	renewing->len += group->id == 0;
	group->id = id;
	return group;
}

void renewing_add(struct renewing *renewing, uint64_t id)
{
	struct renewing_group *group = group_of(renewing, store_group_of(id));
	uint64_t within = store_within_group(id);

	if (within / 64 >= group->words) {
		size_t words = (size_t)(within / 64 + 1) * 2;
		uint64_t *seen = mem_alloc_array(words, sizeof(*seen));

		if (group->words != 0)
			memcpy(seen, group->seen, group->words * sizeof(*seen));
		mem_free(group->seen);
		group->seen = seen;
		group->words = words;
	}
	group->count += (group->seen[within / 64] >> within % 64 & 1) == 0;
	group->seen[within / 64] |= UINT64_C(1) << within % 64;
}

void renewing_clear(struct renewing *renewing)
{
	for (size_t i = 0; i < renewing->room; i++)
		mem_free(renewing->groups[i].seen);
	mem_free(renewing->groups);
	*renewing = (struct renewing){.len = 0};
}
