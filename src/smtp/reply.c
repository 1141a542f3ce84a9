/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include <stdio.h>

#include "base/utf8.h"

/* Of a line without the code, its separator and CRLF (RFC 5321 section 4.5.3.1.5); "5.999.999". */
enum { TEXT_OCTETS = 512 - 6, ENHANCED_OCTETS = 9 };

void smtp_reply_parser_init(struct smtp_reply_parser *parser, const struct smtp_limits *limits)
{
	*parser = (struct smtp_reply_parser){.limits = limits};
	buf_init(&parser->text, limits->reply_line * limits->reply_lines);
}

void smtp_reply_parser_done(struct smtp_reply_parser *parser)
{
	buf_done(&parser->text);
}

/* The code of "250-text", "250 text", "250"; 0 when it is not one. */
static unsigned reply_line_code(struct span line)
{
	unsigned code = 0;

	if (line.len < 3 || (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-'))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (!ascii_is_digit(line.ptr[i]))
			return 0;
		code = code * 10 + (unsigned)(line.ptr[i] - '0');
	}
	return code >= 200 && code < 600 ? code : 0;
}

/* Control characters but tabs, and what is not UTF-8, become '?', octet by octet. */
static void reply_add_text(struct smtp_reply_parser *parser, struct span text)
{
	while (text.len != 0) {
		size_t len;
		bool is_text;

		utf8_first(text, &len);
		is_text = text.ptr[0] == '\t' || utf8_is_text(span_first(text, len));
		for (size_t i = 0; i < len; i++)
			buf_append_byte(&parser->text, is_text ? text.ptr[i] : '?');
		text = span_from(text, len);
	}
}

/* One line without its end. 1: it was the last one; 0: more follow. Lines of one reply may differ
 * in their codes, when a filter behind the server wrote some of them: the last one counts, as for
 * Postfix and Sendmail as clients. */
static int reply_add_line(struct smtp_reply_parser *parser, struct span line)
{
	unsigned code = reply_line_code(line);

	if (code == 0)
		return E_PARSE;
	if (parser->lines == parser->limits->reply_lines)
		return E_LIMIT;
	parser->code = code;
	parser->lines++;
	reply_add_text(parser, span_from(line, 4));
	buf_append_byte(&parser->text, '\n');
	return line.len > 3 && line.ptr[3] == '-' ? 0 : 1;
}

int smtp_reply_next(struct smtp_reply_parser *parser, struct span input,
	struct smtp_reply *ret_reply, size_t *ret_used)
{
	size_t used = 0;

	if (parser->lines == 0) /* the text of a finished reply lives until the next call */
		buf_clear(&parser->text);
	for (;;) {
		struct span rest = span_from(input, used);
		size_t end = parser->scanned + span_find(span_from(rest, parser->scanned), '\n');
		struct span line = span_first(rest, end);
		int r;

		if (end > parser->limits->reply_line)
			return E_LIMIT;
		if (end >= rest.len) {
			parser->scanned = rest.len;
			*ret_used = used;
			return 0;
		}
		parser->scanned = 0;
		used += end + 1;
		if (line.len != 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		r = reply_add_line(parser, line);
		if (r < 0)
			return r;
		if (r == 1)
			break;
	}
	*ret_reply = (struct smtp_reply){
		.code = parser->code, .lines_len = parser->lines, .text = buf_span(&parser->text)};
	*ret_used = used;
	parser->lines = 0;
	return 1;
}

/* "5.7.1" (RFC 3463 section 2). */
static bool is_enhanced(struct span code)
{
	bool fits = code.len <= ENHANCED_OCTETS;
	uint64_t number;

	for (int part = 0; part < 3; part++)
		if (span_parse_u64(span_split(&code, '.'), 999, &number) < 0)
			return false;
	return fits && code.len == 0;
}

struct span smtp_reply_enhanced(const struct smtp_reply *reply)
{
	struct span text = reply->text, line = smtp_reply_line(&text);
	struct span code = span_split(&line, ' ');
	bool is_code = is_enhanced(code) && code.ptr[0] == '0' + reply->code / 100;

	return is_code ? code : (struct span){0};
}

const char *smtp_reply_show(const struct smtp_reply *reply, char text[SMTP_REPLY_TEXT_SIZE])
{
	struct span lines = reply->text, line = smtp_reply_line(&lines);

	snprintf(text, SMTP_REPLY_TEXT_SIZE, "%03u %.*s", reply->code, (int)line.len,
		(const char *)line.ptr);
	return text;
}

struct span smtp_reply_line(struct span *text)
{
	return span_split(text, '\n');
}

/* The length of "5.7.1 " at the start of a text; 0: there is none. */
static size_t text_enhanced_length(struct span text)
{
	struct span rest = text, code = span_split(&rest, ' ');

	return rest.len != 0 && is_enhanced(code) ? code.len + 1 : 0;
}

/* How much of a text fits into `room` octets: up to a blank if there is one, never a part of a
 * character. */
static size_t text_fold(struct span text, size_t room)
{
	size_t end = room;

	if (text.len <= room)
		return text.len;
	while (end > 0 && text.ptr[end] != ' ')
		end--;
	if (end > 0)
		return end;
	for (end = room; (text.ptr[end] & 0xc0) == 0x80;)
		end--;
	return end;
}

/* One line of the backend's as one or more of ours. Each has the enhanced code (RFC 2034 section
 * 4). */
static void reply_print_line(unsigned code, bool is_last, struct span text, struct buf *out)
{
	struct span enhanced = span_first(text, text_enhanced_length(text));
	bool more = true;

	text = span_from(text, enhanced.len);
	while (more) {
		size_t len = text_fold(text, TEXT_OCTETS - enhanced.len);

		more = len < text.len;
		buf_append_format(out, "%03u%c", code, is_last && !more ? ' ' : '-');
		buf_append(out, enhanced);
		buf_append(out, span_first(text, len));
		buf_append_text(out, "\r\n");
		text = span_from(text, more && text.ptr[len] == ' ' ? len + 1 : len);
	}
}

void smtp_reply_print(const struct smtp_reply *reply, struct buf *out)
{
	struct span text = reply->text;

	for (size_t i = 1; i <= reply->lines_len; i++)
		reply_print_line(reply->code, i == reply->lines_len, smtp_reply_line(&text), out);
}
