/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The sections of a file of flat arrays: `image` builds them in memory, `sections` finds them
 * again. Every section begins at a multiple of 64 bytes, so an array of numbers may be read in
 * place and a cache line holds whole groups. Owner: the caller; one thread (image), any thread
 * (sections).
 */
#include "base/err.h"
#include "base/span.h"

enum { SECTION_ALIGN = 64 };

/* bad is sticky: many sections are added and judged once at the end (E_NOMEM). */
struct image {
	uint8_t *bytes;
	size_t len, size;
	bool bad;
};

void image_done(struct image *image);

/* A new zeroed section; NULL: no memory. The pointer is good until the next section is added. */
void *image_room(struct image *image, uint64_t count, size_t size, uint64_t *ret_offset);
/* The same with content; returns its offset. */
uint64_t image_add(struct image *image, const void *items, uint64_t count, size_t size);

/* bad is sticky here too (E_CORRUPT). */
struct sections {
	struct span file; /* at a multiple of 16 bytes in memory */
	bool bad;
};

/* count items of `size` bytes at offset, all inside the file; otherwise NULL, and bad. */
const void *sections_get(struct sections *sections, uint64_t offset, uint64_t count, size_t size);

/* Asks for the cache line at p before it is needed. gcc 12 takes a function that does nothing else
 * for one without any effect and drops the calls to it; the empty statement says otherwise. */
static inline void sections_prefetch(const void *p)
{
	__builtin_prefetch(p);
	__asm__ volatile("" : : "r"(p));
}
