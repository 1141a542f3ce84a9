/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>

#include "spf/zone.h"

/*
 * The published test suite of RFC 7208, kept as facts in rfc7208.cases: all of it.
 */
enum { CASES = 203, WORDS_MAX = 8 };

struct scene {
	struct arena *arena;
	struct zone *zone;
	unsigned cases, wrong;
};

/* A word, or text in quotes with \DDD. */
static struct span take_word(struct scene *scene, struct span *line)
{
	bool quoted = line->len != 0 && line->ptr[0] == '"';
	struct span raw, word;
	uint8_t *out = arena_alloc(scene->arena, line->len + 1);
	size_t len = 0;

	if (!quoted)
		return span_split(line, ' ');
	*line = span_from(*line, 1);
	raw = span_split(line, '"');
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] != '\\') {
			out[len++] = raw.ptr[i];
			continue;
		}
		out[len++] = (uint8_t)(100 * (raw.ptr[i + 1] - '0') + 10 * (raw.ptr[i + 2] - '0') +
				       (raw.ptr[i + 3] - '0'));
		i += 3;
	}
	*line = span_from(*line, line->len != 0); /* the blank behind it */
	word = span_of(out, len);
	return word;
}

static bool is_one_of(struct span wanted, const char *name)
{
	while (wanted.len != 0) {
		if (span_equal_text(span_split(&wanted, '|'), name))
			return true;
	}
	return false;
}

static bool explains(const struct spf_outcome *outcome, struct span wanted)
{
	if (span_equal_text(wanted, "DEFAULT"))
		return outcome->explanation.len == 0;
	return span_equal(outcome->explanation, wanted);
}

/* NAME CLIENT HELO SENDER RESULT [EXPLANATION] */
static void play_case(struct scene *scene, const struct span word[WORDS_MAX], size_t words_len)
{
	struct spf_request request = {
		.helo = word[2], .sender = word[3], .receiver = span_text("mx.receiver.test")};
	struct spf_outcome outcome;

	assert_int_equal(ip_parse(word[1], &request.client), 0);
	zone_evaluate(scene->zone, &request, scene->arena, &outcome);
	scene->cases++;
	if (is_one_of(word[4], spf_result_name(outcome.result)) &&
		(words_len < 6 || explains(&outcome, word[5])))
		return;
	scene->wrong++;
	print_error("%.*s: %s \"%.*s\", not %.*s \"%.*s\"\n", (int)word[0].len,
		(const char *)word[0].ptr, spf_result_name(outcome.result),
		(int)outcome.explanation.len, (const char *)outcome.explanation.ptr,
		(int)word[4].len, (const char *)word[4].ptr, (int)word[5].len,
		(const char *)word[5].ptr);
}

/* A scenario has its cases behind its records. */
static void play_line(struct scene *scene, struct span line)
{
	struct span word[WORDS_MAX] = {{NULL, 0}};
	struct span verb = span_split(&line, ' ');
	size_t len = 0;

	while (line.len != 0 && len < WORDS_MAX)
		word[len++] = take_word(scene, &line);
	if (span_equal_text(verb, "scenario"))
		scene->zone->len = 0;
	else if (span_equal_text(verb, "dns"))
		zone_add(scene->zone, word[0], word[1], word[2]);
	else if (span_equal_text(verb, "case"))
		play_case(scene, word, len);
}

static void the_published_suite_passes_in_full(void **state)
{
	struct scene scene = {.arena = arena_new(0), .zone = mem_new(zone)};
	FILE *file = fopen("spf/rfc7208.cases", "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	(void)state;
	assert_non_null(file);
	while ((len = getline(&line, &size, file)) > 0)
		play_line(&scene, arena_copy(scene.arena, span_of(line, (size_t)len - 1)));
	free(line);
	fclose(file);
	mem_free(scene.zone);
	arena_free(&scene.arena);
	assert_int_equal(scene.cases, CASES);
	assert_int_equal(scene.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_suite_passes_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
