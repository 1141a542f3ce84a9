/* SPDX-License-Identifier: ISC */
#include "rbldata/slots.h"

#include "base/err.h"
#include "base/mem.h"

enum { FIRST_SIZE = 64 };

int64_t rbl_slots_find(const struct rbl_slots *slots, const struct rbl_sought *sought)
{
	size_t mask = slots->size - 1;

	for (size_t at = sought->hash & mask; slots->size != 0 && slots->items[at].number != 0;
		at = (at + 1) & mask) {
		const struct rbl_slot *slot = &slots->items[at];

		if (slot->hash == (uint32_t)sought->hash &&
			sought->is_it(sought->arg, slot->number - 1))
			return slot->number - 1;
	}
	return E_ABSENT;
}

static void slots_put(struct rbl_slots *slots, struct rbl_slot slot)
{
	size_t at = slot.hash & (slots->size - 1);

	while (slots->items[at].number != 0)
		at = (at + 1) & (slots->size - 1);
	slots->items[at] = slot;
	slots->used++;
}

static int slots_grow(struct rbl_slots *slots)
{
	struct rbl_slots larger = {.size = slots->size != 0 ? slots->size * 2 : FIRST_SIZE};

	if (slots->used * 2 < slots->size)
		return 0;
	larger.items = mem_alloc_array_try(larger.size, sizeof(*larger.items));
	if (larger.items == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < slots->size; i++) {
		if (slots->items[i].number != 0)
			slots_put(&larger, slots->items[i]);
	}
	mem_free(slots->items);
	*slots = larger;
	return 0;
}

int rbl_slots_add(struct rbl_slots *slots, uint64_t hash, uint32_t number)
{
	int r = slots_grow(slots);

	if (r == 0)
		slots_put(slots, (struct rbl_slot){number + 1, (uint32_t)hash});
	return r;
}
