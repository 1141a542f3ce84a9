/* SPDX-License-Identifier: ISC */
#include "smtp/xclient.h"

#include "base/macro.h"

/* Together with the other attributes these stay below the 512 octets that the protocol allows a
 * command. */
enum { NAME_OCTETS = 240, HELO_OCTETS = 100 };

/* HELO and PROTO first, ADDR last: the server asks by address who may use XCLIENT, and may ask
 * again while it reads. */
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

void smtp_xtext_print(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = s.ptr[i];

		if (byte > ' ' && byte < 0x7f && byte != '+' && byte != '=')
			buf_append_byte(out, byte);
		else
			buf_append_format(out, "+%02X", (unsigned)byte);
	}
}

static size_t xtext_length(struct span s)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = s.ptr[i];

		len += byte > ' ' && byte < 0x7f && byte != '+' && byte != '=' ? 1 : 3;
	}
	return len;
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
	else if (client->name_state == SMTP_NAME_NONE || client->name.len == 0 ||
		 xtext_length(client->name) > NAME_OCTETS)
		buf_append_text(out, "[UNAVAILABLE]");
	else
		smtp_xtext_print(client->name, out);
}

/* A HELO name that long names nothing; the server hears it in our EHLO's place and decides without
 * it. */
static void print_helo(const struct smtp_client *client, struct buf *out)
{
	if (client->helo.len == 0 || xtext_length(client->helo) > HELO_OCTETS)
		buf_append_text(out, "[UNAVAILABLE]");
	else
		smtp_xtext_print(client->helo, out);
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
		print_helo(client, out);
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
