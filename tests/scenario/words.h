/* SPDX-License-Identifier: ISC */
#pragma once
/* What both players of scenarios share: a line in words, durations, messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/span.h"

enum { WORDS_MAX = 40 };

/* "quoted words" may hold blanks. */
static inline size_t words_split(struct arena *arena, struct span line, char *words[WORDS_MAX])
{
	size_t count = 0;

	while (count < WORDS_MAX) {
		line = span_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			break;
		if (line.ptr[0] == '"') {
			line = span_from(line, 1);
			words[count++] = arena_string(arena, span_split(&line, '"'));
		} else {
			words[count++] = arena_string(arena, span_split(&line, ' '));
		}
	}
	return count;
}

/* "90s", "24m", "1h", "2d", "500ms"; -1: none of these. */
static inline int64_t words_duration_ms(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *unit;
	long long number = strtoll(text, &unit, 10);

	for (size_t i = 0; i < COUNTOF(units); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return number * units[i].ms;
	return -1;
}

static inline int words_find(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}
