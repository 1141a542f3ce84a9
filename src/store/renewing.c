/* SPDX-License-Identifier: ISC */
#include "store/renewing.h"

#include "base/mem.h"

enum { ROOM_FIRST = 16 };

/* ---- a page ---- */

uint64_t renewing_page_of(uint64_t id)
{
	return id >> RENEWING_PAGE_SHIFT;
}

static size_t octet_of(uint64_t id)
{
	return (size_t)(id / 8 % RENEWING_PAGE_BYTES);
}

static uint8_t mask_of(uint64_t id)
{
	return (uint8_t)(1U << id % 8);
}

bool renewing_page_has(const struct renewing_page *page, uint64_t id)
{
	return (page->bits[octet_of(id)] & mask_of(id)) != 0;
}

void renewing_page_set(struct renewing_page *page, uint64_t id, bool value)
{
	uint8_t *byte = &page->bits[octet_of(id)];

	*byte = (uint8_t)(value ? *byte | mask_of(id) : *byte & ~mask_of(id));
}

void renewing_page_join(struct renewing_page *page, const struct renewing_page *other)
{
	for (size_t i = 0; i < RENEWING_PAGE_BYTES; i++)
		page->bits[i] |= other->bits[i];
}

uint64_t renewing_page_count(const struct renewing_page *page)
{
	uint64_t count = 0;

	for (size_t i = 0; i < RENEWING_PAGE_BYTES; i++)
		count += (uint64_t)__builtin_popcount(page->bits[i]);
	return count;
}

/* ---- many ---- */

static struct renewing_page *place_of(const struct renewing *renewing, uint64_t number)
{
	size_t mask = renewing->room - 1;
	size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;

	while (renewing->pages[at].number != 0 && renewing->pages[at].number != number)
		at = (at + 1) & mask;
	return &renewing->pages[at];
}

static void renewing_grow(struct renewing *renewing)
{
	struct renewing old = *renewing;

	renewing->room = old.room != 0 ? old.room * 2 : ROOM_FIRST;
	renewing->pages = mem_alloc_array(renewing->room, sizeof(*renewing->pages));
	for (size_t i = 0; i < old.room; i++) {
		if (old.pages[i].number != 0)
			*place_of(renewing, old.pages[i].number) = old.pages[i];
	}
	mem_free(old.pages);
}

void renewing_add(struct renewing *renewing, uint64_t id)
{
	struct renewing_page *page;

	if (renewing->len * 2 >= renewing->room)
		renewing_grow(renewing);
	page = place_of(renewing, renewing_page_of(id));
	renewing->len += page->number == 0;
	page->number = renewing_page_of(id);
	renewing_page_set(page, id, true);
}

void renewing_clear(struct renewing *renewing)
{
	mem_free(renewing->pages);
	*renewing = (struct renewing){.len = 0};
}
