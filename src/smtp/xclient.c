/* SPDX-License-Identifier: ISC */
#include "smtp/xclient.h"

#include "base/macro.h"

/* What the names and HELO may take of the 512 octets that the protocol allows a command. All else
 * takes 177 at most, and two values that do not fit any more 13 each, for [UNAVAILABLE]. */
enum { VALUES_OCTETS = 305 };

/* HELO behind the names, which the server cannot ask for. ADDR last: it asks by address who may use
 * XCLIENT, and may ask again while it reads. */
static const struct attribute_row {
	const char *name;
	enum smtp_xclient_attribute attribute;
} rows[] = {
	{"PROTO", SMTP_XCLIENT_PROTO},
	{"DESTADDR", SMTP_XCLIENT_DESTADDR},
	{"DESTPORT", SMTP_XCLIENT_DESTPORT},
	{"NAME", SMTP_XCLIENT_NAME},
	{"REVERSE_NAME", SMTP_XCLIENT_REVERSE_NAME},
	{"HELO", SMTP_XCLIENT_HELO},
	{"PORT", SMTP_XCLIENT_PORT},
	{"ADDR", SMTP_XCLIENT_ADDR},
};

unsigned smtp_xclient_attributes(struct span words)
{
	unsigned attributes = 0;

	while (words.len != 0) {
		struct span word = span_trim(span_split(&words, ' '));

		for (size_t i = 0; i < COUNTOF(rows); i++) {
			if (span_equal_nocase(word, span_text(rows[i].name)))
				attributes |= rows[i].attribute;
		}
	}
	return attributes;
}

static bool is_xtext(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f && byte != '+' && byte != '=';
}

void smtp_xtext_print(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_xtext(s.ptr[i]))
			buf_append_byte(out, s.ptr[i]);
		else
			buf_append_format(out, "+%02X", (unsigned)s.ptr[i]);
	}
}

/* A value that is not there, which may be one too many for its octets: see VALUES_OCTETS. */
static void print_absent(const char *word, size_t *room, struct buf *out)
{
	size_t len = strlen(word);

	buf_append_text(out, word);
	*room -= len < *room ? len : *room;
}

/* *room: what this value and those behind it may take. */
static void print_bounded(struct span s, size_t *room, struct buf *out)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++)
		len += is_xtext(s.ptr[i]) ? 1 : 3;
	if (len == 0 || len > *room) {
		print_absent("[UNAVAILABLE]", room, out);
		return;
	}
	smtp_xtext_print(s, out);
	*room -= len;
}

static void print_ip(struct ip ip, struct buf *out)
{
	char text[IP_TEXT_SIZE];

	if (!ip_is_v4(ip))
		buf_append_text(out, "IPV6:");
	buf_append_text(out, ip_print(ip, text));
}

static void print_name(enum smtp_name_state state, struct span name, size_t *room, struct buf *out)
{
	if (state == SMTP_NAME_TEMPORARY)
		print_absent("[TEMPUNAVAIL]", room, out);
	else
		print_bounded(state == SMTP_NAME_KNOWN ? name : (struct span){0}, room, out);
}

static void print_value(const struct smtp_client *client, enum smtp_xclient_attribute attribute,
	size_t *room, struct buf *out)
{
	switch (attribute) {
	case SMTP_XCLIENT_NAME:
		print_name(client->name_state, client->name, room, out);
		break;
	case SMTP_XCLIENT_REVERSE_NAME:
		print_name(client->reverse_state, client->reverse_name, room, out);
		break;
	case SMTP_XCLIENT_ADDR:
		print_ip(client->source.ip, out);
		break;
	case SMTP_XCLIENT_PORT:
		buf_append_format(out, "%u", (unsigned)client->source.port);
		break;
	case SMTP_XCLIENT_PROTO:
		buf_append_text(out, client->extended ? "ESMTP" : "SMTP");
		break;
	case SMTP_XCLIENT_HELO:
		print_bounded(client->helo, room, out);
		break;
	case SMTP_XCLIENT_DESTADDR:
		print_ip(client->destination.ip, out);
		break;
	case SMTP_XCLIENT_DESTPORT:
		buf_append_format(out, "%u", (unsigned)client->destination.port);
		break;
	}
}

void smtp_xclient_print(const struct smtp_client *client, unsigned attributes, struct buf *out)
{
	size_t room = VALUES_OCTETS;

	buf_append_text(out, "XCLIENT");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if ((attributes & rows[i].attribute) == 0)
			continue;
		buf_append_format(out, " %s=", rows[i].name);
		print_value(client, rows[i].attribute, &room, out);
	}
}
