/* SPDX-License-Identifier: ISC */
#include "zone/txt_text.h"

/* Of every octet of the longest domain percent-encoded. */
enum { SOURCE_MAX = 3 * 256, REASON_LEAST = 24, PARTS_MAX = 256 };

/* ---- templates ---- */

static void part_settle(struct txt_part *part, const struct zone_template_source *source)
{
	struct span plain = part->plain;

	if (part->kind == TXT_LIST)
		plain = source->list;
	else if (part->kind == TXT_SUBLIST)
		plain = source->sublist;
	else if (part->kind == TXT_CODE)
		plain = source->code;
	else
		return;
	*part = (struct txt_part){TXT_PLAIN, plain};
}

int zone_template_init(struct zone_template *template, const struct zone_template_source *source,
	struct arena *arena, struct fault *why)
{
	struct span text = source->text;
	struct txt_part *parts = arena_alloc(arena, (text.len + 1) * sizeof(*parts));
	size_t len = 0;
	int r;

	while ((r = txt_part_next(&text, &parts[len], why)) > 0) {
		part_settle(&parts[len], source);
		if (parts[len].kind == TXT_PLAIN)
			parts[len].plain = arena_copy(arena, parts[len].plain);
		len++;
	}
	if (r == 0)
		*template = (struct zone_template){len, parts};
	return r;
}

bool zone_template_names_source(const struct zone_template *template)
{
	for (size_t i = 0; i < template->parts_len; i++) {
		if (template->parts[i].kind == TXT_SOURCE || template->parts[i].kind == TXT_URL)
			return true;
	}
	return false;
}

/* ---- texts ---- */

static bool text_is_plain(uint8_t byte)
{
	return ascii_is_alpha(byte) || ascii_is_digit(byte) || byte == '.' || byte == '-' ||
	       byte == '_' || byte == ':';
}

static size_t text_encode(struct span s, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (text_is_plain(s.ptr[i])) {
			out[len++] = (char)s.ptr[i];
			continue;
		}
		out[len++] = '%';
		out[len++] = hex[s.ptr[i] >> 4];
		out[len++] = hex[s.ptr[i] & 0xf];
	}
	return len;
}

/* A network as it is written, and as a look-up takes it: by its first address. */
struct subject_text {
	char source[SOURCE_MAX], page[SOURCE_MAX];
	size_t source_len, page_len;
};

static void subject_print(const struct text_subject *subject, struct subject_text *text)
{
	if (!subject->is_net) {
		text->source_len = text->page_len =
			text_encode(span_first(subject->domain, SOURCE_MAX / 3), text->source);
		memcpy(text->page, text->source, text->source_len);
		return;
	}
	text->page_len = strlen(ip_print(subject->net.ip, text->page));
	if (subject->net.bits == 128)
		text->source_len = strlen(ip_print(subject->net.ip, text->source));
	else
		text->source_len = strlen(prefix_print(subject->net, text->source));
}

/* How long each kind of part is in this text. */
struct text_lengths {
	size_t source, page, reason;
};

static size_t text_len(
	const struct zone_template *template, size_t portal_len, const struct text_lengths *lengths)
{
	size_t len = 0;

	for (size_t i = 0; i < template->parts_len; i++) {
		const struct txt_part *part = &template->parts[i];

		len += part->kind == TXT_PLAIN    ? part->plain.len
		       : part->kind == TXT_SOURCE ? lengths->source
		       : part->kind == TXT_REASON ? lengths->reason
		       : lengths->page != 0       ? portal_len + 1 + lengths->page
						  : portal_len;
	}
	return len;
}

static size_t text_count_reasons(const struct zone_template *template)
{
	size_t count = 0;

	for (size_t i = 0; i < template->parts_len; i++)
		count += template->parts[i].kind == TXT_REASON;
	return count;
}

/* Takes lengths back until the text fits, or nothing more can be taken. */
static void text_fit(
	const struct zone_template *template, size_t portal_len, struct text_lengths *lengths)
{
	size_t reasons = text_count_reasons(template);
	size_t whole = lengths->reason;
	size_t least = whole < REASON_LEAST ? whole : REASON_LEAST;

	for (int attempt = 0; attempt < 2; attempt++) {
		size_t len = text_len(template, portal_len, lengths);
		size_t over = len > ZONE_TEXT_MAX ? len - ZONE_TEXT_MAX : 0;
		size_t each = reasons != 0 ? (over + reasons - 1) / reasons : 0;

		if (over == 0)
			return;
		if (reasons != 0 && whole - least >= each) {
			lengths->reason = whole - each;
			return;
		}
		if (attempt == 0)
			lengths->page = 0;
		else
			lengths->reason = least;
	}
}

static size_t text_put(uint8_t *out, size_t len, struct span s)
{
	s = span_first(s, ZONE_TEXT_MAX - len);
	for (size_t i = 0; i < s.len; i++)
		out[len++] = ascii_is_print(s.ptr[i]) ? s.ptr[i] : '?';
	return len;
}

static size_t text_put_reason(uint8_t *out, size_t len, struct span reason, size_t room)
{
	static const struct span dots = {(const uint8_t *)"...", 3};

	if (reason.len <= room || room <= dots.len)
		return text_put(out, len, span_first(reason, room));
	len = text_put(out, len, span_first(reason, room - dots.len));
	return text_put(out, len, dots);
}

size_t zone_text(const struct zone_template *template, const struct zone_text_values *values,
	uint8_t out[ZONE_TEXT_MAX])
{
	struct subject_text words;
	struct text_lengths lengths;
	size_t len = 0;

	subject_print(&values->subject, &words);
	lengths = (struct text_lengths){words.source_len, words.page_len, values->reason.len};
	text_fit(template, values->portal_url.len, &lengths);
	for (size_t i = 0; i < template->parts_len; i++) {
		const struct txt_part *part = &template->parts[i];

		if (part->kind == TXT_PLAIN) {
			len = text_put(out, len, part->plain);
		} else if (part->kind == TXT_SOURCE) {
			len = text_put(out, len, span_of(words.source, lengths.source));
		} else if (part->kind == TXT_REASON) {
			len = text_put_reason(out, len, values->reason, lengths.reason);
		} else {
			len = text_put(out, len, values->portal_url);
			if (lengths.page != 0) {
				len = text_put(out, len, span_text("/"));
				len = text_put(out, len, span_of(words.page, lengths.page));
			}
		}
	}
	return len;
}
