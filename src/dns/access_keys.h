/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Keys that clients write into the names they ask: "2.0.0.127.KEY.bl.example.org". A file of them,
 * one a line:
 *
 *   KEY NAME QUOTA       KEY: 16 to 63 of a-z, 0-9 and "-"; NAME: whose it is, for logs; QUOTA:
 *                        queries in a period, or "-"
 *
 * A key is a secret: it is compared in constant time, and no error or log quotes it. Immutable
 * after reading; any thread.
 */
#include "base/err.h"
#include "base/span.h"

enum { ACCESS_KEY_MIN = 16, ACCESS_KEY_MAX = 63, ACCESS_NAME_MAX = 64, ACCESS_KEYS_MAX = 1000000 };

struct access_key {
	uint32_t quota; /* UINT32_MAX: none */
	uint8_t key_len;
	uint8_t name_len;
	uint8_t key[ACCESS_KEY_MAX];
	uint8_t name[ACCESS_NAME_MAX];
};

struct access_keys;

/* E_PARSE, E_EXISTS (given twice), E_LIMIT with "line:column: ..." in *why. */
int access_keys_parse(struct span text, struct access_keys **ret_keys, struct fault *why);
void access_keys_free(struct access_keys **keys);

size_t access_keys_count(const struct access_keys *keys);

/* label: in lower case. NULL: no such key. */
const struct access_key *access_keys_find(const struct access_keys *keys, struct span label);
