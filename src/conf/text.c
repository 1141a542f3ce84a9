/* SPDX-License-Identifier: ISC */
#include "conf/text.h"

#include "base/macro.h"

static const struct {
	const char *word;
	enum text_kind kind;
} words[] = {
	{"reason", TEXT_REASON},
	{"url", TEXT_URL},
	{"list", TEXT_LIST},
	{"sublist", TEXT_SUBLIST},
	{"code", TEXT_CODE},
};

/* "${word}", of which *rest begins with the brace. */
static int text_word(struct span *rest, struct text_part *ret_part, struct fault *why)
{
	struct span behind = span_from(*rest, 1);
	struct span word = span_split(&behind, '}');

	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (!span_equal_text(word, words[i].word) || 1 + word.len == rest->len)
			continue;
		ret_part->kind = words[i].kind;
		*rest = behind;
		return 1;
	}
	return fault_set(why, E_PARSE,
		"'${%.*s}' stands for nothing here: there are ${reason}, ${url}, ${list}, ${sublist}, ${code}, $ and $$",
		(int)(word.len < 40 ? word.len : 40), (const char *)word.ptr);
}

int text_part_next(struct span *rest, struct text_part *ret_part, struct fault *why)
{
	struct text_part part = {.kind = TEXT_PLAIN};
	size_t dollar = span_find(*rest, '$');
	int r = 1;

	if (rest->len == 0)
		return 0;
	if (dollar != 0) {
		part.plain = span_first(*rest, dollar);
		*rest = span_from(*rest, dollar);
	} else if (rest->len > 1 && rest->ptr[1] == '$') {
		part.plain = span_first(*rest, 1);
		*rest = span_from(*rest, 2);
	} else {
		part.kind = TEXT_SOURCE;
		*rest = span_from(*rest, 1);
		if (rest->len != 0 && rest->ptr[0] == '{')
			r = text_word(rest, &part, why);
	}
	if (r > 0)
		*ret_part = part;
	return r;
}
