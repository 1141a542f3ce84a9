/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"

enum { FIRST_BLOCK = 2048, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	_Alignas(ALIGNMENT) uint8_t bytes[];
};

struct arena {
	struct arena_block *blocks; /* the newest first; the oldest is kept on reset */
	size_t limit, used;
};

struct arena *arena_new(size_t limit)
{
	struct arena *arena = mem_new(arena);

	arena->limit = limit;
	return arena;
}

static void arena_drop(struct arena *arena, struct arena_block *keep)
{
	while (arena->blocks != NULL && arena->blocks != keep) {
		struct arena_block *next = arena->blocks->next;

		mem_free(arena->blocks);
		arena->blocks = next;
	}
}

void arena_free(struct arena **arena)
{
	if (*arena == NULL)
		return;
	arena_drop(*arena, NULL);
	mem_free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *oldest = arena->blocks;

	while (oldest != NULL && oldest->next != NULL)
		oldest = oldest->next;
	arena_drop(arena, oldest);
	if (oldest != NULL) {
		memset(oldest->bytes, 0, oldest->used);
		oldest->used = 0;
	}
	arena->used = 0;
}

void *arena_alloc_try(struct arena *arena, size_t size)
{
	size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	struct arena_block *block = arena->blocks;
	void *ptr;

	if (rounded < size || (arena->limit != 0 && rounded > arena->limit - arena->used))
		return NULL;
	if (block == NULL || rounded > block->size - block->used) {
		size_t wanted = block != NULL ? block->size * 2 : FIRST_BLOCK;

		wanted = rounded > wanted ? rounded : wanted;
		block = mem_alloc(sizeof(*block) + wanted);
		block->size = wanted;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	ptr = block->bytes + block->used;
	block->used += rounded;
	arena->used += rounded;
	return ptr;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *ptr = arena_alloc_try(arena, size);

	ASSERT(ptr != NULL);
	return ptr;
}

struct span arena_copy(struct arena *arena, struct span s)
{
	uint8_t *copy = arena_alloc(arena, s.len + 1);

	if (s.len != 0)
		memcpy(copy, s.ptr, s.len);
	return span_of(copy, s.len);
}

char *arena_string(struct arena *arena, struct span s)
{
	return (char *)arena_copy(arena, s).ptr;
}

char *arena_copy_string(struct arena *arena, const char *string)
{
	return arena_string(arena, span_text(string));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ASSERT(n >= 0);
	text = arena_alloc(arena, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}
