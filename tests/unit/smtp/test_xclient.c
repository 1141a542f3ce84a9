/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "smtp/xclient.h"

static struct smtp_client client_of(const char *address)
{
	struct smtp_client client = {.source = {.port = 1025},
		.name_state = SMTP_NAME_KNOWN,
		.name = span_text("mail.example.org"),
		.helo = span_text("mail.example.org"),
		.extended = true};

	assert_int_equal(ip_parse(span_text(address), &client.source.ip), 0);
	return client;
}

static void assert_printed(const struct smtp_client *client, unsigned attributes, const char *text)
{
	struct buf out;

	buf_init(&out, 0);
	smtp_xclient_print(client, attributes, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_done(&out);
}

enum {
	USUAL = SMTP_XCLIENT_NAME | SMTP_XCLIENT_ADDR | SMTP_XCLIENT_PORT | SMTP_XCLIENT_PROTO |
		SMTP_XCLIENT_HELO
};

static void the_client_is_described_with_its_address_last(void **state)
{
	struct smtp_client client = client_of("192.0.2.1");

	(void)state;
	assert_printed(&client, USUAL,
		"XCLIENT PROTO=ESMTP NAME=mail.example.org HELO=mail.example.org PORT=1025 ADDR=192.0.2.1");
	client = client_of("2001:db8::1");
	assert_printed(&client, SMTP_XCLIENT_ADDR, "XCLIENT ADDR=IPV6:2001:db8::1");
}

static void no_name_and_no_answer_differ(void **state)
{
	struct smtp_client client = client_of("192.0.2.1");

	(void)state;
	client.name_state = SMTP_NAME_NONE;
	assert_printed(&client, SMTP_XCLIENT_NAME, "XCLIENT NAME=[UNAVAILABLE]");
	client.name_state = SMTP_NAME_TEMPORARY;
	assert_printed(&client, SMTP_XCLIENT_NAME, "XCLIENT NAME=[TEMPUNAVAIL]");
}

static void the_reverse_name_is_told_apart(void **state)
{
	enum { BOTH = SMTP_XCLIENT_NAME | SMTP_XCLIENT_REVERSE_NAME };
	struct smtp_client client = client_of("192.0.2.1");

	(void)state;
	assert_printed(&client, BOTH, "XCLIENT NAME=mail.example.org REVERSE_NAME=[UNAVAILABLE]");
	client.name_state = SMTP_NAME_TEMPORARY;
	client.reverse_state = SMTP_NAME_KNOWN;
	client.reverse_name = span_text("other.example.org");
	assert_printed(&client, BOTH, "XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=other.example.org");
	client.reverse_state = SMTP_NAME_TEMPORARY;
	assert_printed(&client, BOTH, "XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=[TEMPUNAVAIL]");
}

static void values_of_strangers_cannot_add_attributes(void **state)
{
	struct smtp_client client = client_of("192.0.2.1");

	(void)state;
	client.helo = span_text("a ADDR=127.0.0.1\r\n+\xff");
	assert_printed(&client, SMTP_XCLIENT_HELO, "XCLIENT HELO=a+20ADDR+3D127.0.0.1+0D+0A+2B+FF");
}

static void the_longest_command_fits_into_512_octets(void **state)
{
	struct smtp_client client = client_of("2001:db8:1111:2222:3333:4444:5555:6666");
	uint8_t name[255];
	struct buf out;

	(void)state;
	client.destination = client.source;
	client.destination.port = client.source.port = 65535;
	memset(name, 'x', sizeof(name));
	client.reverse_state = SMTP_NAME_KNOWN;
	client.name = client.reverse_name = client.helo = span_of(name, 101);
	buf_init(&out, 0);
	smtp_xclient_print(&client, ~0u, &out);
	assert_true(buf_len(&out) <= 510);
	assert_true(span_find_text(buf_span(&out), "UNAVAIL") == buf_len(&out));
	buf_clear(&out);
	client.helo = span_of(name, 104);
	smtp_xclient_print(&client, ~0u, &out);
	assert_true(span_find_text(buf_span(&out), " HELO=[UNAVAILABLE]") != buf_len(&out));
	buf_clear(&out);
	client.name = client.reverse_name = client.helo = span_of(name, sizeof(name));
	smtp_xclient_print(&client, ~0u, &out);
	assert_true(buf_len(&out) <= 510);
	assert_true(span_find_text(buf_span(&out), " NAME=[") == buf_len(&out));
	buf_done(&out);
}

static void attributes_are_read_from_the_keyword(void **state)
{
	(void)state;
	assert_int_equal(smtp_xclient_attributes(span_text("NAME addr  LOGIN DESTPORT")),
		SMTP_XCLIENT_NAME | SMTP_XCLIENT_ADDR | SMTP_XCLIENT_DESTPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_is_described_with_its_address_last),
		cmocka_unit_test(no_name_and_no_answer_differ),
		cmocka_unit_test(the_reverse_name_is_told_apart),
		cmocka_unit_test(values_of_strangers_cannot_add_attributes),
		cmocka_unit_test(the_longest_command_fits_into_512_octets),
		cmocka_unit_test(attributes_are_read_from_the_keyword),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
