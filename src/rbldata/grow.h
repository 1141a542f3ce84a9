/* SPDX-License-Identifier: ISC */
#pragma once
/* Arrays that grow by half while a file is read. */
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

/* Room for `wanted` items in the array that *array points to. E_NOMEM. */
static inline int rbl_grow(void *array, size_t wanted, size_t *size, size_t item_size)
{
	size_t larger = *size != 0 ? *size + *size / 2 : 64;
	void *items;

	if (wanted <= *size)
		return 0;
	if (larger < wanted)
		larger = wanted;
	memcpy(&items, array, sizeof(items));
	items = mem_resize_try(items, larger * item_size);
	if (items == NULL)
		return E_NOMEM;
	memcpy(array, &items, sizeof(items));
	*size = larger;
	return 0;
}

/* Gives back what is not used. */
static inline void rbl_shrink(void *array, size_t len, size_t *size, size_t item_size)
{
	void *items;

	memcpy(&items, array, sizeof(items));
	if (items == NULL || len == *size || len == 0)
		return;
	items = mem_resize_try(items, len * item_size);
	if (items == NULL)
		return;
	memcpy(array, &items, sizeof(items));
	*size = len;
}
