/* SPDX-License-Identifier: ISC */
#include "base/obj.h"

#include <stdio.h>
#include <stdlib.h>

static const char *obj_name(uint32_t magic)
{
	switch (magic) {
#define MAGIC(type, number)      \
	case (uint32_t)(number): \
		return #type;
#include "base/magic.def"
#undef MAGIC
	default:
		return "freed memory or no object";
	}
}

void *obj_check(void *object, uint32_t magic)
{
	uint32_t found = object != NULL ? *(uint32_t *)object : 0;

	if (object != NULL && found == magic)
		return object;
	fprintf(stderr, "expected a %s, found %s (0x%08x)\n", obj_name(magic),
		object != NULL ? obj_name(found) : "NULL", found);
	abort();
}
