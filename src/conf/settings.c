/* SPDX-License-Identifier: ISC */
#include "conf/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "conf/conf.h"

#define OF(type, name) (ptrdiff_t) offsetof(struct type, name)
#define YEARS          INT64_C(31536000) /* 365 days each; no duration is longer than 100 */

const struct setting settings[] = {
#define SETTING(path_, type_, owner, member_, initial_, sentence_, ...) \
	{.path = path_,                                                 \
		.type = SETTING_##type_,                                \
		.member = OF(owner, member_),                           \
		.initial = initial_,                                    \
		.sentence = sentence_,                                  \
		__VA_ARGS__},
#include "conf/settings.def"
#undef SETTING
};
const size_t settings_len = COUNTOF(settings);

/* FLAGS fill bools that stand one after the other. */
_Static_assert(
	offsetof(struct conf_list, never_own) == offsetof(struct conf_list, never_special_use) + 1,
	"FLAGS");
_Static_assert(offsetof(struct conf_policy, takes_feed) ==
		       offsetof(struct conf_policy, takes_operator) + 1,
	"FLAGS");
_Static_assert(
	offsetof(struct conf_dnsbl, skips_clean) == offsetof(struct conf_dnsbl, skips_listed) + 1 &&
		offsetof(struct conf_dnsbl, skips_nobody) ==
			offsetof(struct conf_dnsbl, skips_listed) + 2,
	"FLAGS");
/* WORD fills enums as ints. */
_Static_assert(sizeof(enum action) == sizeof(int) && sizeof(enum mode) == sizeof(int), "WORD");

const char *setting_type_words(enum setting_type type)
{
	static const char *const words[] = {
#define SETTING_TYPE(name, text) text,
		SETTING_TYPES
#undef SETTING_TYPE
	};

	return words[type];
}

bool setting_has_range(enum setting_type type)
{
	return type == SETTING_NUMBER || type == SETTING_PERCENT || type == SETTING_SECONDS ||
	       type == SETTING_MILLISECONDS || type == SETTING_LASTS || type == SETTING_SIZE;
}

const char *setting_print_quantity(
	const struct setting *row, int64_t value, char text[DURATION_TEXT_SIZE])
{
	switch (row->type) {
	case SETTING_SECONDS:
	case SETTING_LASTS:
		return duration_print(value * 1000, text);
	case SETTING_MILLISECONDS:
		return duration_print(value, text);
	case SETTING_SIZE:
		return size_print((uint64_t)value, text);
	default:
		snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%s", value,
			row->type == SETTING_PERCENT ? "%" : "");
		return text;
	}
}

const struct setting *setting_find(const char *prefix, struct span key)
{
	size_t prefix_len = strlen(prefix);

	for (size_t i = 0; i < settings_len; i++) {
		const char *path = settings[i].path;

		if (strncmp(path, prefix, prefix_len) == 0 &&
			span_equal_text(key, path + prefix_len))
			return &settings[i];
	}
	return NULL;
}

/* Rows of one key stand together, so looking at the row before tells whether a key was given
 * already. */
static bool row_repeats_key(const struct setting *row, size_t len)
{
	const char *before = row == settings ? "" : row[-1].path;

	return strncmp(before, row->path, len) == 0 && (before[len] == '.' || before[len] == '\0');
}

bool setting_next(const char *prefix, size_t *at, struct span *ret_key)
{
	size_t prefix_len = strlen(prefix);

	while (*at < settings_len) {
		const struct setting *row = &settings[(*at)++];
		struct span rest, key;

		if (strncmp(row->path, prefix, prefix_len) != 0)
			continue;
		rest = span_text(row->path + prefix_len);
		key = span_split(&rest, '.');
		if (key.ptr[key.len - 1] == ']' || span_equal_text(key, "NAME") ||
			row_repeats_key(row, prefix_len + key.len))
			continue;
		*ret_key = key;
		return true;
	}
	return false;
}
