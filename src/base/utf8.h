/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * UTF-8 (RFC 3629): the shortest form only, no surrogates, nothing above U+10FFFF. Pure; any
 * thread.
 */
#include "base/span.h"

enum { UTF8_NONE = 0xffffffff };

/* The character at the start of s, which is not empty, and its length; UTF8_NONE and 1 when none
 * starts there. */
uint32_t utf8_first(struct span s, size_t *ret_len);

/* Its length alone; 0 when none starts there. */
size_t utf8_length(struct span s);

bool utf8_is_valid(struct span s);

/* Valid and without control characters (C0, DEL, C1): what may be stored, logged and shown. */
bool utf8_is_text(struct span s);

/* The start of s, at most so many octets: whole characters, up to the first that is none. */
struct span utf8_cut(struct span s, size_t most);
