/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Listings that an import met and that only end at another time: a bit for each, in pages, as the
 * store keeps them until the import is over (schema/006_renewing.sql). Pure memory; owner: whoever
 * notes them; one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RENEWING_PAGE_SHIFT = 12, RENEWING_PAGE_BYTES = (1 << RENEWING_PAGE_SHIFT) / 8 };

struct renewing_page {
	uint64_t number; /* of its listings, divided by 4096; 0: none */
	uint8_t bits[RENEWING_PAGE_BYTES];
};

struct renewing {
	struct renewing_page *pages; /* a table by number */
	size_t len;
	size_t room;
	int64_t until_s; /* their new end */
};

/* The listing of this number; again is the same. */
void renewing_add(struct renewing *renewing, uint64_t id);
void renewing_clear(struct renewing *renewing);

uint64_t renewing_page_of(uint64_t id);
/* The listing has to be one of the page. */
bool renewing_page_has(const struct renewing_page *page, uint64_t id);
void renewing_page_set(struct renewing_page *page, uint64_t id, bool value);
void renewing_page_join(struct renewing_page *page, const struct renewing_page *other);
uint64_t renewing_page_count(const struct renewing_page *page);
