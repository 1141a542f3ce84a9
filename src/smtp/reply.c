/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

enum { LINE_OCTETS = 512 }; /* with the code, the separator and CRLF; RFC 5321 section 4.5.3.1.5 */

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

/* One line without its end. 1: it was the last one; 0: more follow. */
static int reply_add_line(struct smtp_reply_parser *parser, struct span line)
{
	unsigned code = reply_line_code(line);

	if (code == 0 || (parser->lines != 0 && code != parser->code))
		return E_PARSE;
	if (parser->lines == parser->limits->reply_lines)
		return E_LIMIT;
	parser->code = code;
	parser->lines++;
	for (size_t i = 4; i < line.len; i++)
		buf_append_byte(&parser->text, ascii_is_print(line.ptr[i]) ? line.ptr[i] : '?');
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

struct span smtp_reply_line(struct span *text)
{
	return span_split(text, '\n');
}

void smtp_reply_print(const struct smtp_reply *reply, struct buf *out)
{
	struct span text = reply->text;

	for (size_t i = 1; i <= reply->lines_len; i++) {
		struct span line = span_first(smtp_reply_line(&text), LINE_OCTETS - 6);

		buf_append_format(out, "%03u%c", reply->code, i == reply->lines_len ? ' ' : '-');
		buf_append(out, line);
		buf_append_text(out, "\r\n");
	}
}
