/* SPDX-License-Identifier: ISC */
#include "process/run_state.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/macro.h"

static const char *const first_line = "stockade-run ";
static const char *const version = "1";

/* A number of a row, or several of one name. */
struct run_field {
	const char *key;
	size_t offset, count;
};

static const struct run_field fields_of_run[] = {
	{"pid", offsetof(struct run_state, pid), 1},
	{"since", offsetof(struct run_state, since_s), 1},
	{"written", offsetof(struct run_state, written_ms), 1},
	{NULL, 0, 0},
};

static const struct run_field fields_of_role[] = {
	{"pid", offsetof(struct role_state, pid), 1},
	{"since", offsetof(struct role_state, since_s), 1},
	{"silent", offsetof(struct role_state, silent_s), 1},
	{"deaths", offsetof(struct role_state, deaths.count), 1},
	{"signal", offsetof(struct role_state, deaths.signal), 1},
	{"exit", offsetof(struct role_state, deaths.exit_code), 1},
	{"hung", offsetof(struct role_state, deaths.hung), 1},
	{"recent", offsetof(struct role_state, deaths.recent_s), DEATHS_KEPT},
	{NULL, 0, 0},
};

static const char *const life_names[] = {
	[LIFE_DOWN] = "down",
	[LIFE_STARTING] = "starting",
	[LIFE_READY] = "ready",
	[LIFE_ENDING] = "ending",
};

const char *life_name(enum life life)
{
	return life_names[life];
}

void role_deaths_add(struct role_deaths *deaths, struct role_deaths last)
{
	last.count = deaths->count + 1;
	memcpy(&last.recent_s[1], deaths->recent_s, sizeof(last.recent_s) - sizeof(int64_t));
	*deaths = last;
}

size_t role_deaths_lately(const struct role_deaths *deaths, int64_t now_s)
{
	size_t lately = 0;

	for (size_t i = 0; i < DEATHS_KEPT; i++)
		lately += deaths->recent_s[i] != 0 && now_s - deaths->recent_s[i] < DEATHS_WITHIN_S;
	return lately;
}

bool role_state_is_well(const struct role_state *state, int64_t now_s)
{
	return state->life == LIFE_READY && state->silent_s == 0 &&
	       role_deaths_lately(&state->deaths, now_s) < DEATHS_TOO_MANY;
}

const struct role_state *run_state_find(const struct run_state *state, const char *role)
{
	for (size_t i = 0; i < state->len; i++) {
		if (strcmp(state->roles[i].role, role) == 0)
			return &state->roles[i];
	}
	return NULL;
}

/* ---- as text ---- */

static void fields_print(const struct run_field *fields, const void *row, struct buf *out)
{
	for (; fields->key != NULL; fields++) {
		int64_t numbers[DEATHS_KEPT];

		memcpy(numbers, (const char *)row + fields->offset,
			fields->count * sizeof(numbers[0]));
		for (size_t i = 0; i < fields->count; i++) {
			if (numbers[i] != 0)
				buf_append_format(out, " %s=%" PRId64, fields->key, numbers[i]);
		}
	}
	buf_append_byte(out, '\n');
}

void run_state_print(const struct run_state *state, struct buf *out)
{
	buf_append_format(out, "%s%s\nrun", first_line, version);
	fields_print(fields_of_run, state, out);
	for (size_t i = 0; i < state->len; i++) {
		const struct role_state *role = &state->roles[i];

		buf_append_format(out, "role %s %s", role->role, life_name(role->life));
		fields_print(fields_of_role, role, out);
	}
}

/* The first of a field's numbers that is not there yet; the row was zero. */
static void field_put(const struct run_field *field, int64_t number, void *row)
{
	int64_t numbers[DEATHS_KEPT];
	size_t i = 0;

	memcpy(numbers, (char *)row + field->offset, field->count * sizeof(numbers[0]));
	while (i < field->count && numbers[i] != 0)
		i++;
	if (i == field->count)
		return;
	numbers[i] = number;
	memcpy((char *)row + field->offset, numbers, field->count * sizeof(numbers[0]));
}

static int fields_parse(const struct run_field *fields, struct span words, void *row)
{
	while (!span_is_empty(words)) {
		struct span value = span_split(&words, ' ');
		struct span key = span_split(&value, '=');
		const struct run_field *field = fields;
		uint64_t number;

		while (field->key != NULL && !span_equal_text(key, field->key))
			field++;
		if (field->key == NULL)
			continue; /* of a newer supervisor */
		if (span_parse_u64(value, INT64_MAX, &number) < 0)
			return E_PARSE;
		field_put(field, (int64_t)number, row);
	}
	return 0;
}

static int life_parse(struct span word, enum life *ret_life)
{
	for (size_t i = 0; i < COUNTOF(life_names); i++) {
		if (span_equal_text(word, life_names[i])) {
			*ret_life = (enum life)i;
			return 0;
		}
	}
	return E_PARSE;
}

static int role_parse(struct span words, struct run_state *state)
{
	struct role_state *role = &state->roles[state->len];
	struct span name = span_split(&words, ' ');

	if (state->len == ROLES_MAX || name.len >= sizeof(role->role) ||
		life_parse(span_split(&words, ' '), &role->life) < 0)
		return E_PARSE;
	memcpy(role->role, name.ptr, name.len);
	state->len++;
	return fields_parse(fields_of_role, words, role);
}

static int run_state_parse_line(struct span line, struct run_state *state)
{
	struct span kind = span_split(&line, ' ');

	if (span_equal_text(kind, "run"))
		return fields_parse(fields_of_run, line, state);
	return span_equal_text(kind, "role") ? role_parse(line, state) : 0;
}

int run_state_parse(struct span text, struct run_state *ret_state)
{
	struct run_state state = {.len = 0};
	struct span line = span_split(&text, '\n');
	int r = 0;

	if (!span_equal_text(span_first(line, strlen(first_line)), first_line))
		return E_PARSE;
	if (!span_equal_text(span_from(line, strlen(first_line)), version))
		return E_VERSION;
	while (r == 0 && !span_is_empty(text))
		r = run_state_parse_line(span_split(&text, '\n'), &state);
	if (r == 0)
		*ret_state = state;
	return r;
}
