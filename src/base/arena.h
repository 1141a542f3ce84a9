/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A region of memory for everything that lives exactly as long as one query, session, page or file.
 * There is no way to free a part; arena_reset drops all of it and keeps the first block for reuse.
 * Owner: whoever made it; one thread.
 */
#include <stddef.h>

#include "base/span.h"

struct arena;

/* limit: bytes in all, 0 for none; beyond it arena_alloc aborts and arena_alloc_try gives NULL. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena **arena);
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any object. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_alloc_try(struct arena *arena, size_t size);

struct span arena_copy(struct arena *arena, struct span s);

/* With a NUL behind it, for libraries. Bytes behind an embedded NUL are lost: check before. */
char *arena_string(struct arena *arena, struct span s);
char *arena_copy_string(struct arena *arena, const char *string);
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
