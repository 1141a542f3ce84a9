/* SPDX-License-Identifier: ISC */
#pragma once
/* Names as rbldnsd's files write them, as keys (sets/names.h) and back. Pure; any thread. */
#include "rbldata/address.h"
#include "sets/names.h"

enum { RBL_NAME_LABELS = 128 };

/* What an entry of a name covers: "x" itself, "*.x" what is below, ".x" both. */
enum rbl_covers { RBL_COVERS_SELF = 1, RBL_COVERS_BELOW = 2 };

/* A name up to a blank, in rbldnsd's reading: "\." and "\065" escape, empty labels are passed over.
 * In wire form with the root label; its length (1: the root), or E_PARSE. */
enum { RBL_NAME_SIZE = 255 };
int rbl_name_read(struct rbl_cursor *cursor, uint8_t wire[RBL_NAME_SIZE]);

/* The key of a name in wire form (sets/names.h), lower case; its length; E_PARSE: it has a NUL. */
int rbl_name_key(struct span wire, uint8_t key[NAME_KEY_SIZE]);

/* The name of a key as text: "bad\.name.example"; its length. */
enum { RBL_NAME_TEXT_SIZE = 4 * NAME_KEY_SIZE };
size_t rbl_key_print(struct span key, char text[RBL_NAME_TEXT_SIZE]);
