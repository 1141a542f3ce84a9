/* SPDX-License-Identifier: ISC */
#include "rbldnsd/query_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/reader.h"

/* A wire name of 255 octets as text is at most four times as long. */
_Static_assert(RBL_QUERY_LINE_MAX >= 4 * DNS_NAME_MAX + IP_TEXT_SIZE + 96, "room for a line");

enum { NAME_SIZE = 16, META_FIRST = 250 };

static const char *type_print(unsigned type, char text[NAME_SIZE])
{
	static const char *const names[] = {NULL, "A", "NS", "MD", "MF", "CNAME", "SOA", "MB", "MG",
		"MR", "NULL", "WKS", "PTR", "HINFO", "MINFO", "MX", "TXT", "RP", "AFSDB", "X25",
		"ISDN", "RT", "NSAP", "NSAP_PTR", "SIG", "KEY", "PX", "GPOS", "AAAA", "LOC", "NXT",
		"EID", "NIMLOC", "SRV", "ATMA", "NAPTR", "KX", "CERT", "A6", "DNAME", "SINK",
		"OPT"};
	static const char *const meta[] = {"TSIG", "IXFR", "AXFR", "MAILB", "MAILA", "ANY"};

	if (type > 0 && type < COUNTOF(names))
		return names[type];
	if (type >= META_FIRST && type - META_FIRST < COUNTOF(meta))
		return meta[type - META_FIRST];
	snprintf(text, NAME_SIZE, "type%u", type);
	return text;
}

static const char *class_print(unsigned class, char text[NAME_SIZE])
{
	switch (class) {
	case DNS_IN:
		return "IN";
	case DNS_CH:
		return "CH";
	case 4:
		return "HS";
	case 255:
		return "ANY";
	}
	snprintf(text, NAME_SIZE, "class%u", class);
	return text;
}

static const char *rcode_print(unsigned rcode, char text[NAME_SIZE])
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMPL", "REFUSED"};

	if (rcode < COUNTOF(names))
		return names[rcode];
	snprintf(text, NAME_SIZE, "rcode%u", rcode);
	return text;
}

static size_t octet_print(uint8_t octet, char *text)
{
	if (octet <= 0x20 || octet >= 0x7f)
		return (size_t)sprintf(text, "\\%03u", octet);
	if (strchr("\".;\\@$", octet) != NULL) {
		text[0] = '\\';
		text[1] = (char)octet;
		return 2;
	}
	text[0] = (char)octet;
	return 1;
}

/* The name of the question, which was checked before; its length, 0 when it is none. */
static size_t name_print(struct reader *reader, char *text)
{
	size_t len = 0;
	uint8_t label_len;

	while ((label_len = reader_u8(reader)) != 0 && !reader->bad) {
		struct span label = reader_bytes(reader, label_len);

		if (len != 0)
			text[len++] = '.';
		if (label_len > DNS_LABEL_MAX || len + 4 * label.len > 4 * DNS_NAME_MAX)
			return 0;
		for (size_t i = 0; i < label.len; i++)
			len += octet_print(label.ptr[i], text + len);
	}
	if (len == 0)
		text[len++] = '.';
	return reader->bad ? 0 : len;
}

size_t rbl_query_line(
	const struct dns_request *request, int64_t now_s, char text[RBL_QUERY_LINE_MAX])
{
	struct reader reader = reader_of(span_from(request->query, DNS_HEADER_SIZE));
	char client[IP_TEXT_SIZE], type[NAME_SIZE], class[NAME_SIZE], rcode[NAME_SIZE];
	const uint8_t *out = request->out;
	uint16_t type_number, class_number;
	size_t len, name_len;

	if (request->out_len < DNS_HEADER_SIZE || out[5] == 0)
		return 0; /* no question */
	len = (size_t)sprintf(text, "%" PRId64 " %s ", now_s, ip_print(request->client.ip, client));
	name_len = name_print(&reader, text + len);
	type_number = reader_u16(&reader);
	class_number = reader_u16(&reader);
	if (name_len == 0 || reader.bad)
		return 0;
	len += name_len;
	len += (size_t)sprintf(text + len, " %s %s: %s/%u/%zu\n", type_print(type_number, type),
		class_print(class_number, class), rcode_print(out[3] & 0xf, rcode),
		(unsigned)out[6] << 8 | out[7], request->out_len);
	return len;
}
