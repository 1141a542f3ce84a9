/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Memory. mem_new and friends never return NULL: they abort, and the supervisor restarts the role
 * in milliseconds. Sizes that come from outside are compared with a limit before they reach this
 * file; bulk loading uses the _try forms. Freed blocks are poisoned in release builds too. Any
 * thread.
 */
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory; aborts when there is none. */
void *mem_alloc(size_t size);
void *mem_alloc_array(size_t count, size_t size);

/* The same, NULL when there is none or count * size overflows. */
void *mem_alloc_array_try(size_t count, size_t size);

/* Grows or shrinks; new bytes are not zeroed. */
void *mem_resize(void *block, size_t size);

int mem_grow_more(void *array, size_t *room, size_t wanted, size_t size);

/*
 * A growing array: *array (a pointer of any type, given by its address) has room for *room items of
 * that size, and for `wanted` afterwards. It grows by half, so that adding one by one stays cheap.
 * _try: E_NOMEM, and nothing has changed.
 *
 *	mem_grow(&list->items, &list->room, list->len + 1, sizeof(*list->items));
 */
void mem_grow(void *array, size_t *room, size_t wanted, size_t size);

static inline int mem_grow_try(void *array, size_t *room, size_t wanted, size_t size)
{
	return wanted <= *room ? 0 : mem_grow_more(array, room, wanted, size);
}

/* Gives back the room behind len items, when that can be done. */
void mem_shrink(void *array, size_t *room, size_t len, size_t size);

/* Poisons and frees; NULL is fine. */
void mem_free(void *block);

/* Copies; the string form ends with NUL. */
void *mem_copy(const void *bytes, size_t size);
char *mem_copy_string(const char *string);

/* Makes the Nth allocation of a _try form from now on fail, once (tests); 0 switches it off. */
void mem_fail_after(size_t count);

#define mem_new(type) ((struct type *)mem_alloc(sizeof(struct type)))
