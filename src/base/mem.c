/* SPDX-License-Identifier: ISC */
#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/macro.h"

/*
 * A freed block keeps a byte pattern instead of its last content, so that a read after free shows
 * nonsense at once and gives no secret away. Large blocks go back to the system anyway; only their
 * beginning is worth the time.
 */
enum { POISON = 0xdb, POISON_BYTES = 4096, ARRAY_FIRST = 16 };

static size_t fail_in;

void mem_fail_after(size_t count)
{
	fail_in = count;
}

static int mem_should_fail(void)
{
	if (fail_in == 0)
		return 0;
	fail_in--;
	return fail_in == 0;
}

_Noreturn static void mem_exhausted(size_t size)
{
	fprintf(stderr, "out of memory: %zu bytes wanted\n", size);
	abort();
}

void *mem_alloc(size_t size)
{
	void *block = calloc(1, size != 0 ? size : 1);

	if (block == NULL)
		mem_exhausted(size);
	return block;
}

void *mem_alloc_array(size_t count, size_t size)
{
	void *block = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

	if (block == NULL)
		mem_exhausted(count);
	return block;
}

void *mem_alloc_array_try(size_t count, size_t size)
{
	if (mem_should_fail())
		return NULL;
	return calloc(count != 0 ? count : 1, size != 0 ? size : 1);
}

static void *resize(void *block, size_t size)
{
	return realloc(block, size != 0 ? size : 1);
}

void *mem_resize(void *block, size_t size)
{
	void *moved = resize(block, size);

	if (moved == NULL)
		mem_exhausted(size);
	return moved;
}

/* The pointer at `array` may be of any object type: it is read and written by its octets. */
static int array_resize(void *array, size_t *room, size_t wanted, size_t size)
{
	void *block, *moved;
	size_t bytes;

	if (__builtin_mul_overflow(wanted, size, &bytes))
		return E_NOMEM;
	memcpy(&block, array, sizeof(block));
	moved = resize(block, bytes);
	if (moved == NULL)
		return E_NOMEM;
	memcpy(array, &moved, sizeof(moved));
	*room = wanted;
	return 0; /* cppcheck-suppress memleak ; *array holds it */
}

static size_t array_larger(size_t room, size_t wanted)
{
	size_t larger = room != 0 ? room + room / 2 : ARRAY_FIRST;

	return larger > wanted ? larger : wanted;
}

int mem_grow_more(void *array, size_t *room, size_t wanted, size_t size)
{
	if (mem_should_fail())
		return E_NOMEM;
	return array_resize(array, room, array_larger(*room, wanted), size);
}

void mem_grow(void *array, size_t *room, size_t wanted, size_t size)
{
	if (wanted > *room && array_resize(array, room, array_larger(*room, wanted), size) < 0)
		mem_exhausted(wanted);
}

void mem_shrink(void *array, size_t *room, size_t len, size_t size)
{
	if (len != 0 && len < *room)
		array_resize(array, room, len, size);
}

void mem_free(void *block)
{
	size_t size;

	if (block == NULL)
		return;
	size = malloc_usable_size(block);
	memset(block, POISON, size < POISON_BYTES ? size : POISON_BYTES);
	/* Or the compiler drops a store before free. */
	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}

void *mem_copy(const void *bytes, size_t size)
{
	void *block = mem_alloc(size);

	if (size != 0)
		memcpy(block, bytes, size);
	return block;
}

char *mem_copy_string(const char *string)
{
	return mem_copy(string, strlen(string) + 1);
}

_Noreturn void assert_failed(const char *fact, const char *file, int line)
{
	fprintf(stderr, "%s:%d: this should hold: %s\n", file, line, fact);
	abort();
}
