/* SPDX-License-Identifier: ISC */
#include "http/head.h"

#include <string.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "http/escape.h"

enum { HOST_MAX = 255 };

struct head_state {
	struct http_head head;
	const struct http_limits *limits;
	size_t fields;
	bool has_host, host_in_target, has_length, has_body;
	bool is_1_1, close, keep_alive;
};

/* RFC 9110 section 5.6.2 */
static bool is_token(struct span s)
{
	return s.len != 0 && span_is_word(s, "!#$%&'*+-.^_`|~");
}

/* One line without its CRLF. 1, 0: more needed, E_PARSE: a CR or LF that stands alone. */
static int line_take(struct span *rest, struct span *ret_line)
{
	size_t end = span_find(*rest, '\n');

	if (end == rest->len) /* a CR may only be the last byte so far */
		return span_find(*rest, '\r') + 1 < rest->len ? E_PARSE : 0;
	if (end == 0 || span_find(*rest, '\r') != end - 1)
		return E_PARSE;
	*ret_line = span_first(*rest, end - 1);
	*rest = span_from(*rest, end + 1);
	return 1;
}

/* A name, an address, "[::1]", with or without a port; nothing a log or a link stumbles over. */
static bool host_is_good(struct span s)
{
	return s.len != 0 && s.len <= HOST_MAX && span_is_word(s, "-._:[]");
}

/* "http://HOST/PATH": a server takes it as well, and HOST instead of the field of that name (RFC
 * 9112 section 3.2.2). What is left is the path, which may be empty. 1: it was that form. */
static int absolute_take(struct span *s, struct head_state *state)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t end;

	for (size_t i = 0; i < COUNTOF(schemes); i++) {
		if (!span_has_prefix_nocase(*s, schemes[i]))
			continue;
		*s = span_from(*s, strlen(schemes[i]));
		end = span_find(*s, '/');
		if (!host_is_good(span_first(*s, end)))
			return E_PARSE;
		state->head.host = span_first(*s, end);
		state->host_in_target = true;
		*s = end < s->len ? span_from(*s, end) : span_text("/");
		return 1;
	}
	return 0;
}

/* origin-form and absolute-form (RFC 9112 section 3.2): the others are for proxies. */
static int target_parse(struct span s, struct head_state *state)
{
	if (s.len > state->limits->target)
		return E_RANGE;
	if (absolute_take(&s, state) < 0 || s.len == 0 || s.ptr[0] != '/')
		return E_PARSE;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '#' || s.ptr[i] == '\\')
			return E_PARSE;
	state->head.query = s;
	state->head.path = span_split(&state->head.query, '?');
	return 0;
}

static enum http_method method_of(struct span word)
{
	if (span_equal_text(word, "GET"))
		return HTTP_GET;
	return span_equal_text(word, "HEAD") ? HTTP_HEAD : HTTP_OTHER;
}

static int request_line_parse(struct span line, struct head_state *state)
{
	struct span method = span_split(&line, ' '), target = span_split(&line, ' ');

	if (!is_token(method))
		return E_PARSE;
	state->head.method = method_of(method);
	state->is_1_1 = span_equal_text(line, "HTTP/1.1");
	if (!state->is_1_1 && !span_equal_text(line, "HTTP/1.0"))
		return line.len == 8 && memcmp(line.ptr, "HTTP/", 5) == 0 ? E_VERSION : E_PARSE;
	return target_parse(target, state);
}

/* "close" or "keep-alive" among the words of Connection. */
static void connection_parse(struct span value, struct head_state *state)
{
	while (value.len != 0) {
		struct span word = span_trim(span_split(&value, ','));

		if (span_equal_nocase(word, span_text("close")))
			state->close = true;
		else if (span_equal_nocase(word, span_text("keep-alive")))
			state->keep_alive = true;
	}
}

static int length_parse(struct span value, struct head_state *state)
{
	uint64_t length;

	if (state->has_length || span_parse_u64(value, UINT64_MAX, &length) < 0)
		return E_PARSE;
	state->has_length = true;
	state->has_body |= length != 0;
	return 0;
}

static int field_parse(struct span line, struct head_state *state)
{
	size_t colon = span_find(line, ':');
	struct span name = span_first(line, colon);
	struct span value = span_trim(span_from(line, colon + 1));

	if (++state->fields > state->limits->fields)
		return E_LIMIT;
	/* A folded line starts with a blank and a blank before the colon ends the name: neither is
	 * a token. */
	if (colon == line.len || !is_token(name) || !span_is_clean(value))
		return E_PARSE;
	if (span_equal_nocase(name, span_text("content-length")))
		return length_parse(value, state);
	if (span_equal_nocase(name, span_text("host"))) {
		if (state->has_host || !host_is_good(value))
			return E_PARSE;
		state->has_host = true;
		if (!state->host_in_target)
			state->head.host = value;
	} else if (span_equal_nocase(name, span_text("transfer-encoding")))
		state->has_body = true;
	else if (span_equal_nocase(name, span_text("connection")))
		connection_parse(value, state);
	else if (span_equal_nocase(name, span_text("if-none-match")))
		state->head.if_none_match = value;
	else if (span_equal_nocase(name, span_text("x-forwarded-for")))
		state->head.forwarded_for = value;
	return 0;
}

static int head_judge(struct head_state *state)
{
	if (state->is_1_1 && !state->has_host)
		return E_PARSE;
	if (state->has_body && state->head.method != HTTP_OTHER)
		return E_DENIED;
	/* The body of a method that nobody takes is not read: the connection ends then. */
	state->head.keep_alive =
		!state->close && !state->has_body && (state->is_1_1 || state->keep_alive);
	return 1;
}

static int head_lines(struct span *rest, struct head_state *state)
{
	struct span line;
	int r = line_take(rest, &line);

	if (r > 0 && line.len == 0) /* one empty line may come first (RFC 9112 section 2.2) */
		r = line_take(rest, &line);
	/* What no end of a line was seen of may already be too long to ever become good. */
	if (r <= 0)
		return r == 0 && rest->len > state->limits->target + 32 ? E_RANGE : r;
	r = request_line_parse(line, state);
	while (r >= 0) {
		r = line_take(rest, &line);
		if (r <= 0)
			return r;
		if (line.len == 0)
			return head_judge(state);
		r = field_parse(line, state);
	}
	return r;
}

int http_head_parse(struct span input, const struct http_limits *limits, struct http_head *ret_head,
	size_t *ret_used)
{
	struct span rest = span_first(input, limits->head);
	struct head_state state = {.limits = limits};
	int r = head_lines(&rest, &state);

	if (r == 0 && input.len >= limits->head)
		return E_LIMIT;
	if (r > 0) {
		*ret_head = state.head;
		*ret_used = (size_t)(rest.ptr - input.ptr);
	}
	return r;
}

void http_head_peek(struct span input, struct http_head *ret_head)
{
	struct span line;

	if (span_equal_text(span_first(input, 2), "\r\n"))
		input = span_from(input, 2);
	line = span_split(&input, '\r');
	*ret_head = (struct http_head){.method = method_of(span_split(&line, ' '))};
	ret_head->path = span_split(&line, ' ');
}

unsigned http_head_status(int error)
{
	switch (error) {
	case E_LIMIT:
		return 431;
	case E_RANGE:
		return 414;
	case E_VERSION:
		return 505;
	case E_DENIED:
		return 413;
	default:
		return 400;
	}
}

static bool has_dot_segment(struct span path)
{
	while (path.len != 0) {
		struct span segment = span_split(&path, '/');

		if (span_equal_text(segment, ".") || span_equal_text(segment, ".."))
			return true;
	}
	return false;
}

int http_path_decode(struct span path, struct buf *out)
{
	size_t before = buf_len(out);
	struct span decoded;
	int r = unescape_url(path, false, out);

	if (r < 0)
		return r;
	decoded = span_from(buf_span(out), before);
	return utf8_is_text(decoded) && !has_dot_segment(decoded) ? 0 : E_PARSE;
}

int http_query_get(struct span query, const char *name, struct buf *out)
{
	while (query.len != 0) {
		struct span value = span_split(&query, '&'), key = span_split(&value, '=');
		size_t before = buf_len(out);

		if (!span_equal_text(key, name))
			continue;
		if (unescape_url(value, true, out) < 0)
			return E_PARSE;
		return utf8_is_text(span_from(buf_span(out), before)) ? 0 : E_PARSE;
	}
	return E_ABSENT;
}
