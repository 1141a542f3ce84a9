/* SPDX-License-Identifier: ISC */
#include "rbldata/rbl_template.h"

struct expansion {
	uint8_t *out;
	size_t len;
	bool cut;
};

static void add(struct expansion *expansion, struct span s)
{
	size_t room = RBL_TEXT_MAX - expansion->len;

	if (s.len > room) {
		s.len = room;
		expansion->cut = true;
	}
	if (s.len != 0)
		memcpy(expansion->out + expansion->len, s.ptr, s.len);
	expansion->len += s.len;
}

/* What stands for the dollar sign at the beginning of rest; *ret_len: how much of rest it takes. */
static struct span dollar(const struct rbl_texts *texts, struct span rest, struct span entry_text,
	struct span subject, size_t *ret_len)
{
	uint8_t next = rest.len > 1 ? rest.ptr[1] : 0;

	*ret_len = 2;
	if (next == '$')
		return span_first(rest, 1);
	if (next == '=')
		return entry_text;
	if (ascii_is_digit(next)) {
		struct span variable = texts->variable[next - '0'];

		return variable.ptr != NULL ? variable : span_first(rest, 2);
	}
	*ret_len = 1;
	return subject;
}

size_t rbl_text_expand(const struct rbl_texts *texts, struct span text, struct span subject,
	uint8_t out[RBL_TEXT_MAX], bool *ret_cut)
{
	struct expansion expansion = {.out = out};
	struct span rest = text, entry_text = text;

	if (text.len != 0 && text.ptr[0] == '=') {
		rest = entry_text = span_from(text, 1);
	} else if (texts->base.len != 0) {
		rest = texts->base;
		entry_text = text.len != 0 ? text : subject;
	}
	while (rest.len != 0 && expansion.len < RBL_TEXT_MAX) {
		size_t plain = span_find(rest, '$'), taken;

		add(&expansion, span_first(rest, plain));
		rest = span_from(rest, plain);
		if (rest.len == 0)
			break;
		add(&expansion, dollar(texts, rest, entry_text, subject, &taken));
		rest = span_from(rest, taken);
	}
	if (rest.len != 0)
		expansion.cut = true;
	if (ret_cut != NULL)
		*ret_cut = expansion.cut;
	return expansion.len;
}
