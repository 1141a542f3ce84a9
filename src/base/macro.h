/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The six macros of the house. None hides control flow; a seventh should remove a class of defects,
 * not some typing.
 */
#include <stddef.h>

/* A local owner: type_free(&variable) runs at the end of the scope.   AUTO(file) *f = NULL; */
#define AUTO(type) __attribute__((cleanup(type##_free))) struct type

/* Hands an owned pointer on and leaves NULL behind; p is read twice. */
#define TAKE(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define COUNTOF(array) (sizeof(array) / sizeof((array)[0]))

#define CONTAINEROF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Stops the process, in release builds too, when a fact the code relies on is false. */
#define ASSERT(fact) ((fact) ? (void)0 : assert_failed(#fact, __FILE__, __LINE__))

/* OBJ(type, p) stands in base/obj.h. */

_Noreturn void assert_failed(const char *fact, const char *file, int line);
