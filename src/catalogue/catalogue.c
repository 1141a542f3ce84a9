/* SPDX-License-Identifier: ISC */
#include "catalogue/catalogue.h"

#include "base/macro.h"

/*
 * A reply line has at most 512 octets with its CRLF (RFC 5321 section 4.5.3.1.5). That holds by
 * construction, not by cutting the line: each placeholder has a cap, and a unit test fills every
 * text with the longest values there are. The cut in line_add is the belt to those braces, for a
 * value that is added without a thought about its length.
 */
enum { LINE_MAX_LEN = 510, CAP_OTHERWISE = 32 };

static const struct refusal refusals[REFUSAL_COUNT] = {
#define REFUSAL(id, key, code, enhanced, text) [id] = {key, code, enhanced, text},
#include "catalogue/refusals.def"
#undef REFUSAL
};

static const struct check_words checks[CHECK_COUNT] = {
#define CHECK(id, key, action, weight, title, meaning, remedy) [id] = {key, title, meaning, remedy},
#include "catalogue/checks.def"
#undef CHECK
};

static const struct {
	const char *name;
	size_t cap;
} caps[] = {
	{"dnsbl_name", 40},
	{"dnsbl_url", 120},
	{"domain", 80},
	{"helo", 64},
	{"hostname", 80},
	{"ip", 45},
	{"list", 60},
	{"names", 80},
	{"ptr", 80},
	{"rcpt_domain", 80},
	{"short_reason", 60},
	{"url", 120},
};

const struct refusal *refusal_get(enum refusal_id id)
{
	ASSERT((size_t)id < REFUSAL_COUNT);
	return &refusals[id];
}

int refusal_find(struct span key)
{
	for (int i = 0; i < REFUSAL_COUNT; i++)
		if (span_equal_text(key, refusals[i].key))
			return i;
	return E_ABSENT;
}

const struct check_words *check_words_get(enum check_id id)
{
	ASSERT((size_t)id < CHECK_COUNT);
	return &checks[id];
}

int check_find(struct span key)
{
	for (int i = 0; i < CHECK_COUNT; i++)
		if (span_equal_text(key, checks[i].key))
			return i;
	return E_ABSENT;
}

size_t refusal_cap(struct span placeholder)
{
	for (size_t i = 0; i < COUNTOF(caps); i++)
		if (span_equal_text(placeholder, caps[i].name))
			return caps[i].cap;
	return CAP_OTHERWISE;
}

struct line {
	uint8_t bytes[LINE_MAX_LEN];
	size_t len;
};

static void line_add(struct line *line, struct span s)
{
	for (size_t i = 0; i < s.len && line->len < LINE_MAX_LEN; i++)
		line->bytes[line->len++] = ascii_is_print(s.ptr[i]) ? s.ptr[i] : '?';
}

static struct span value_find(struct span name, const struct refusal_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal_text(name, values[i].name) && values[i].value.len != 0)
			return values[i].value;
	return span_text("?");
}

void refusal_print(
	enum refusal_id id, const struct refusal_value *values, size_t count, struct buf *out)
{
	const struct refusal *refusal = refusal_get(id);
	struct span rest = span_text(refusal->text);
	struct line line = {.len = 0};

	while (rest.len != 0) {
		size_t open = span_find(rest, '{');
		struct span name;

		line_add(&line, span_first(rest, open));
		rest = span_from(rest, open + 1);
		if (rest.len == 0)
			break;
		name = span_split(&rest, '}');
		line_add(&line, span_first(value_find(name, values, count), refusal_cap(name)));
	}
	buf_append_format(out, "%u %s ", refusal->code, refusal->enhanced);
	buf_append(out, span_first(span_of(line.bytes, line.len),
				LINE_MAX_LEN - strlen(refusal->enhanced) - 5));
}
