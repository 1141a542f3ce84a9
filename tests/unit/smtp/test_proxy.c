/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "smtp/proxy.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text)                                       \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

struct row {
	struct span input;
	int result;
	const char *source; /* NULL: none */
	enum proxy_client client;
};

static const struct row rows[] = {
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 25\r\n"), 1, "192.0.2.1:1025"},
	{BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1025 25\r\n"), 1, "[2001:db8::1]:1025"},
	{BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1025 25\r\n"), 1, "192.0.2.1:1025"},
	{BYTES("PROXY UNKNOWN\r\n"), 1, NULL, PROXY_CLIENT_UNNAMED},
	{BYTES("PROXY UNKNOWN ff::1 junk 1 2\r\n"), 1, NULL, PROXY_CLIENT_UNNAMED},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 25\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 65536\r\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025\r\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 25 \r\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 25 x\r\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 2001:db8::1 192.0.2.2 1025 25\r\n"), E_PARSE, NULL},
	{BYTES("PROXY  TCP4 192.0.2.1 192.0.2.2 1025 25\r\n"), E_PARSE, NULL},
	{BYTES("PROXY UDP4 192.0.2.1 192.0.2.2 1025 25\r\n"), E_PARSE, NULL},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1025 25 01234567890123456789012345678901234567890123"
	       "4567890123456789012345678901234567890123456789\r\n"),
		E_LIMIT, NULL},
	{BYTES("EHLO mail.example.org\r\n"), E_PARSE, NULL},
	{BYTES(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\1\0\x19"), 1, "192.0.2.1:1025"},
	{BYTES(V2 "\x21\x11\0\x0f\xc0\0\2\1\xc0\0\2\2\4\1\0\x19\x04\0\0"), 1, "192.0.2.1:1025"},
	{BYTES(V2 "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		  "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\4\1\0\x19"),
		1, "[2001:db8::1]:1025"},
	{BYTES(V2 "\x20\0\0\0"), 1, NULL, PROXY_CLIENT_NONE},
	{BYTES(V2 "\x20\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\1\0\x19"), 1, NULL, PROXY_CLIENT_NONE},
	{BYTES(V2 "\x21\0\0\0"), 1, NULL, PROXY_CLIENT_UNNAMED},
	{BYTES(V2 "\x21\x31\0\0"), 1, NULL, PROXY_CLIENT_UNNAMED},
	{BYTES(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\2\4\1\0"), E_PARSE, NULL},
	{BYTES(V2 "\x31\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\1\0\x19"), E_PARSE, NULL},
	{BYTES(V2 "\x22\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\1\0\x19"), E_PARSE, NULL},
	{BYTES(V2 "\x21\x11\xff\xff"), E_LIMIT, NULL},
	{BYTES("\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\1\0\x19"), E_PARSE, NULL},
};

static void check(const struct row *row, struct span input)
{
	struct proxy_header header;
	char text[ENDPOINT_TEXT_SIZE];
	size_t used = 0;
	int r = proxy_header_read(input, &header, &used);

	assert_int_equal(r, row->result);
	if (r != 1)
		return;
	assert_int_equal(used, row->input.len);
	assert_int_equal(header.client, row->client);
	if (row->source != NULL)
		assert_string_equal(endpoint_print(header.source, text), row->source);
}

static void headers_are_read_whole_and_with_bytes_behind_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		uint8_t more[512];

		check(&rows[i], rows[i].input);
		memcpy(more, rows[i].input.ptr, rows[i].input.len);
		memset(more + rows[i].input.len, 'E', 20);
		check(&rows[i], span_of(more, rows[i].input.len + 20));
	}
}

static void the_start_of_a_header_asks_for_more_or_fails(void **state)
{
	struct proxy_header header;
	size_t used;

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (rows[i].result != 1)
			continue;
		for (size_t len = 0; len < rows[i].input.len; len++)
			assert_int_equal(
				proxy_header_read(span_first(rows[i].input, len), &header, &used),
				0);
	}
}

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint = {0};

	assert_int_equal(endpoint_parse(span_text(text), &endpoint, NULL), 0);
	return endpoint;
}

static void assert_round_trip(const char *source, const char *destination,
	void (*print)(struct endpoint, struct endpoint, struct buf *))
{
	struct proxy_header header;
	char text[ENDPOINT_TEXT_SIZE];
	struct buf out;
	size_t used;

	buf_init(&out, 0);
	print(endpoint_of(source), endpoint_of(destination), &out);
	assert_int_equal(proxy_header_read(buf_span(&out), &header, &used), 1);
	assert_int_equal(used, buf_len(&out));
	assert_int_equal(header.client, PROXY_CLIENT_NAMED);
	assert_string_equal(endpoint_print(header.source, text), source);
	assert_string_equal(endpoint_print(header.destination, text), destination);
	buf_done(&out);
}

static void what_is_printed_reads_back(void **state)
{
	(void)state;
	assert_round_trip("192.0.2.1:1025", "192.0.2.2:25", proxy_v1_print);
	assert_round_trip("192.0.2.1:1025", "192.0.2.2:25", proxy_v2_print);
	assert_round_trip("[2001:db8::1]:1025", "[2001:db8::2]:25", proxy_v1_print);
	assert_round_trip("[2001:db8::1]:1025", "[2001:db8::2]:25", proxy_v2_print);
	assert_round_trip("192.0.2.1:1025", "[2001:db8::2]:25", proxy_v1_print);
	assert_round_trip("[2001:db8::1]:1025", "192.0.2.2:25", proxy_v1_print);
	assert_round_trip("192.0.2.1:1025", "[2001:db8::2]:25", proxy_v2_print);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_whole_and_with_bytes_behind_them),
		cmocka_unit_test(the_start_of_a_header_asks_for_more_or_fails),
		cmocka_unit_test(what_is_printed_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
