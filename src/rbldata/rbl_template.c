/* SPDX-License-Identifier: ISC */
#include "rbldata/rbl_template.h"

/* What an entry brings to the template. */
struct entry_texts {
	const struct rbl_texts *texts;
	struct span text, subject;
};

static void add(struct rbl_txt *txt, struct span s)
{
	size_t room = RBL_TEXT_MAX - (size_t)txt->rdata[0];

	if (s.len > room) {
		s.len = room;
		txt->is_cut = true;
	}
	if (s.len != 0)
		memcpy(txt->rdata + 1 + txt->rdata[0], s.ptr, s.len);
	txt->rdata[0] = (uint8_t)(txt->rdata[0] + s.len);
}

/* What stands for the dollar sign at the beginning of rest; *ret_len: how much of rest it takes. */
static struct span dollar(const struct entry_texts *entry, struct span rest, size_t *ret_len)
{
	uint8_t next = rest.len > 1 ? rest.ptr[1] : 0;

	*ret_len = 2;
	if (next == '$')
		return span_first(rest, 1);
	if (next == '=')
		return entry->text;
	if (ascii_is_digit(next)) {
		struct span variable = entry->texts->variable[next - '0'];

		return variable.ptr != NULL ? variable : span_first(rest, 2);
	}
	*ret_len = 1;
	return entry->subject;
}

void rbl_txt_expand(const struct rbl_texts *texts, struct span text, struct span subject,
	struct rbl_txt *ret_txt)
{
	struct entry_texts entry = {texts, text, subject};
	struct span rest = text;

	ret_txt->rdata[0] = 0;
	ret_txt->is_cut = false;
	if (text.len != 0 && text.ptr[0] == '=') {
		rest = entry.text = span_from(text, 1);
	} else if (texts->base.len != 0) {
		rest = texts->base;
		entry.text = text.len != 0 ? text : subject;
	}
	while (rest.len != 0 && ret_txt->rdata[0] < RBL_TEXT_MAX) {
		size_t plain = span_find(rest, '$'), taken;

		add(ret_txt, span_first(rest, plain));
		rest = span_from(rest, plain);
		if (rest.len == 0)
			break;
		add(ret_txt, dollar(&entry, rest, &taken));
		rest = span_from(rest, taken);
	}
	if (rest.len != 0)
		ret_txt->is_cut = true;
}
