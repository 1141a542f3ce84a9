/* SPDX-License-Identifier: ISC */
#include "conf/settings.h"

#include "base/macro.h"
#include "conf/conf.h"

#define OF(type, name) (ptrdiff_t) offsetof(struct type, name)

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
