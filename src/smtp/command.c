/* SPDX-License-Identifier: ISC */
#include "smtp/command.h"

#include "base/macro.h"

struct verb_row {
	const char *name;
	enum smtp_verb verb;
};

static const struct verb_row verbs[] = {
	{"HELO", SMTP_HELO},
	{"EHLO", SMTP_EHLO},
	{"MAIL", SMTP_MAIL},
	{"RCPT", SMTP_RCPT},
	{"DATA", SMTP_DATA},
	{"RSET", SMTP_RSET},
	{"NOOP", SMTP_NOOP},
	{"QUIT", SMTP_QUIT},
	{"VRFY", SMTP_VRFY},
	{"HELP", SMTP_HELP},
	{"EXPN", SMTP_EXPN},
	{"AUTH", SMTP_AUTH},
	{"STARTTLS", SMTP_STARTTLS},
	{"ETRN", SMTP_ETRN},
	{"BDAT", SMTP_BDAT},
	{"XCLIENT", SMTP_XCLIENT},
	{"XFORWARD", SMTP_XCLIENT},
	/* What web browsers and proxies' victims send; nobody who means mail does. */
	{"GET", SMTP_FOREIGN},
	{"POST", SMTP_FOREIGN},
	{"PUT", SMTP_FOREIGN},
	{"HEAD", SMTP_FOREIGN},
	{"OPTIONS", SMTP_FOREIGN},
	{"CONNECT", SMTP_FOREIGN},
	{"PRI", SMTP_FOREIGN},
	/* A PROXY header from who may not send one; from listed peers it was read before. */
	{"PROXY", SMTP_FOREIGN},
};

void smtp_parser_init(struct smtp_parser *parser, const struct smtp_limits *limits)
{
	*parser = (struct smtp_parser){.line_limit = limits->line};
}

const char *smtp_verb_name(enum smtp_verb verb)
{
	for (size_t i = 0; i < COUNTOF(verbs); i++) {
		if (verbs[i].verb == verb)
			return verbs[i].name;
	}
	return "that command";
}

int smtp_chunk_parse(struct span params, uint64_t *ret_octets, bool *ret_last)
{
	struct span rest = params, octets = span_split(&rest, ' ');
	bool last = span_equal_nocase(span_trim(rest), span_text("LAST"));

	if ((rest.len != 0 && !last) || span_parse_u64(octets, INT64_MAX, ret_octets) < 0)
		return E_PARSE;
	*ret_last = last;
	return 0;
}

/* "Subject: x": a message instead of a dialogue. "MAIL FROM:<a>" has a blank before its colon. */
static bool command_is_header(struct span name)
{
	if (name.len < 2 || name.ptr[name.len - 1] != ':')
		return false;
	for (size_t i = 0; i + 1 < name.len; i++) {
		if (!ascii_is_alpha(name.ptr[i]) && name.ptr[i] != '-')
			return false;
	}
	return true;
}

static enum smtp_verb command_verb(struct span line, struct span name)
{
	/* The first bytes of a TLS handshake record: version 3.x. */
	bool is_tls = line.len >= 2 && line.ptr[0] == 0x16 && line.ptr[1] == 0x03;

	for (size_t i = 0; i < COUNTOF(verbs); i++)
		if (span_equal_nocase(name, span_text(verbs[i].name)))
			return verbs[i].verb;
	return is_tls || command_is_header(name) ? SMTP_FOREIGN : SMTP_UNKNOWN;
}

static struct span command_name(struct span line)
{
	struct span name = {.ptr = line.ptr};

	while (name.len < line.len && line.ptr[name.len] != ' ' && line.ptr[name.len] != '\t')
		name.len++;
	return name;
}

static void command_parse(struct span line, struct smtp_command *ret_command)
{
	struct span name;

	if (line.len != 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	name = command_name(line);
	*ret_command = (struct smtp_command){
		.verb = command_verb(line, name),
		.name = name,
		.params = span_trim(span_from(line, name.len)),
		.unclean = !span_is_clean(line),
	};
}

/* Whose rest is skipped: nothing but its verb is known. */
static int command_is_too_long(struct span line, struct smtp_command *ret_command)
{
	struct span name = command_name(line);

	*ret_command = (struct smtp_command){.verb = command_verb(line, name), .name = name};
	return E_LIMIT;
}

int smtp_parser_next(struct smtp_parser *parser, struct span input,
	struct smtp_command *ret_command, size_t *ret_used)
{
	size_t end = span_find(input, '\n');

	*ret_used = 0;
	if (parser->skipping) {
		parser->skipping = end == input.len;
		*ret_used = parser->skipping ? end : end + 1;
		if (parser->skipping)
			return 0;
		input = span_from(input, *ret_used);
		end = span_find(input, '\n');
	}
	if (end == input.len) {
		if (input.len <= parser->line_limit)
			return 0;
		parser->skipping = true; /* it cannot become a command any more */
		*ret_used += end;
		return command_is_too_long(input, ret_command);
	}
	*ret_used += end + 1;
	if (end + 1 > parser->line_limit)
		return command_is_too_long(input, ret_command);
	command_parse(span_first(input, end), ret_command);
	return 1;
}
