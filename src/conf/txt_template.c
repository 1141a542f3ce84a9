/* SPDX-License-Identifier: ISC */
#include "conf/txt_template.h"

#include "base/macro.h"

static const struct {
	const char *word;
	enum txt_kind kind;
} words[] = {
	{"reason", TXT_REASON},
	{"url", TXT_URL},
	{"list", TXT_LIST},
	{"sublist", TXT_SUBLIST},
	{"code", TXT_CODE},
};

/* "${word}", of which *rest begins with the brace. */
static int txt_word(struct span *rest, struct txt_part *ret_part, struct fault *why)
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

int txt_part_next(struct span *rest, struct txt_part *ret_part, struct fault *why)
{
	struct txt_part part = {.kind = TXT_PLAIN};
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
		part.kind = TXT_SOURCE;
		*rest = span_from(*rest, 1);
		if (rest->len != 0 && rest->ptr[0] == '{')
			r = txt_word(rest, &part, why);
	}
	if (r > 0)
		*ret_part = part;
	return r;
}
