/* SPDX-License-Identifier: ISC */
#include "smtp/xclient.h"

#include "base/macro.h"

/* With the other attributes these stay below the 512 octets that the protocol allows a command. */
enum { NAME_OCTETS = 240, HELO_OCTETS = 100 };

/* ADDR last: the server asks by address who may use XCLIENT, and may ask again while it reads. */
static const struct attribute_row {
	const char *name;
	enum smtp_xclient_attribute attribute;
} rows[] = {
	{"HELO", SMTP_XCLIENT_HELO},
	{"PROTO", SMTP_XCLIENT_PROTO},
	{"DESTADDR", SMTP_XCLIENT_DESTADDR},
	{"DESTPORT", SMTP_XCLIENT_DESTPORT},
	{"NAME", SMTP_XCLIENT_NAME},
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

/* What is longer as xtext names nothing: the server decides without it. */
static void print_bounded(struct span s, size_t limit, struct buf *out)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++)
		len += is_xtext(s.ptr[i]) ? 1 : 3;
	if (len == 0 || len > limit)
		buf_append_text(out, "[UNAVAILABLE]");
	else
		smtp_xtext_print(s, out);
}

static void print_ip(struct ip ip, struct buf *out)
{
	char text[IP_TEXT_SIZE];

	if (!ip_is_v4(ip))
		buf_append_text(out, "IPV6:");
	buf_append_text(out, ip_print(ip, text));
}

static void print_name(const struct smtp_client *client, struct buf *out)
{
	if (client->name_state == SMTP_NAME_TEMPORARY)
		buf_append_text(out, "[TEMPUNAVAIL]");
	else if (client->name_state == SMTP_NAME_NONE)
		buf_append_text(out, "[UNAVAILABLE]");
	else
		print_bounded(client->name, NAME_OCTETS, out);
}

static void print_value(
	const struct smtp_client *client, enum smtp_xclient_attribute attribute, struct buf *out)
{
	switch (attribute) {
	case SMTP_XCLIENT_NAME:
		print_name(client, out);
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
		print_bounded(client->helo, HELO_OCTETS, out);
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
	buf_append_text(out, "XCLIENT");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if ((attributes & rows[i].attribute) == 0)
			continue;
		buf_append_format(out, " %s=", rows[i].name);
		print_value(client, rows[i].attribute, out);
	}
}
