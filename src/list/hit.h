/* SPDX-License-Identifier: ISC */
#pragma once
/* What one sublist answers, and how many lists and sublists there can be. Values; the reason is
 * borrowed. */
#include "base/span.h"

enum { SUBLISTS_MAX = 32, LISTS_MAX = 64 };

struct hit {
	uint8_t sublist;    /* its index in the list; bit 1 << index in masks */
	int64_t until_s;    /* 0: until somebody ends it */
	struct span reason; /* a few words: "3 trap hits"; lives as long as what it was found in */
};

/* The answers of several sublists, ascending by sublist. */
struct hits {
	size_t len;
	struct hit items[SUBLISTS_MAX];
};
