/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Objects that travel through void pointers (callbacks) carry a magic number as their first member.
 * OBJ(type, p) stops the process, naming both types, when p is NULL, freed or something else: at
 * the door, not forty calls later.
 */
#include <stdint.h>

enum magic {
#define MAGIC(type, number) MAGIC_##type = (int)(number),
#include "base/magic.def"
#undef MAGIC
};

#define OBJ(type, p) ((struct type *)obj_check((p), (uint32_t)MAGIC_##type))

void *obj_check(void *object, uint32_t magic);
