/* SPDX-License-Identifier: ISC */
#include "base/suggest.h"

#include <stdio.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Changes that turn a into b, swapped neighbours counting as one (optimal string alignment). */
static unsigned distance(struct span a, struct span b)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *now = rows[i % 3], *above = rows[(i - 1) % 3],
			 *above2 = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = ascii_lower(a.ptr[i - 1]) == ascii_lower(b.ptr[j - 1]);

			now[j] = least(least(above[j], now[j - 1]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
				a.ptr[i - 2] == b.ptr[j - 1])
				now[j] = least(now[j], above2[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

void suggest_offer(struct suggest *suggest, struct span name)
{
	unsigned changes;

	if (suggest->word.len > SUGGEST_WORD_MAX || name.len > SUGGEST_WORD_MAX)
		return;
	changes = distance(suggest->word, name);
	if (changes > 1 + name.len / 4 || changes >= name.len ||
		(suggest->best.len != 0 && changes >= suggest->distance))
		return;
	suggest->best = name;
	suggest->distance = changes;
}

const char *suggest_hint(struct suggest *suggest)
{
	if (suggest->best.len == 0)
		return "";
	snprintf(suggest->hint, sizeof(suggest->hint), "; did you mean '%.*s'?",
		(int)suggest->best.len, (const char *)suggest->best.ptr);
	return suggest->hint;
}
