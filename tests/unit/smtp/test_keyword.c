/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "smtp/keyword.h"
#include "smtp/xclient.h"

static struct smtp_offer offer_of(const char *text, size_t lines)
{
	struct smtp_reply reply = {.code = 250, .lines_len = lines, .text = span_text(text)};
	struct smtp_offer offer;

	smtp_offer_parse(&reply, &offer);
	return offer;
}

static void a_backend_says_what_it_can(void **state)
{
	struct smtp_offer offer =
		offer_of("SIZE\nsize 1000\n8BITMIME\nAUTH PLAIN\nXCLIENT NAME ADDR BOGUS\n", 5);

	(void)state;
	assert_int_equal(offer.keywords, SMTP_SIZE | SMTP_8BITMIME); /* line 1 is a name */
	assert_int_equal(offer.size, 1000);
	assert_int_equal(offer.xclient, SMTP_XCLIENT_NAME | SMTP_XCLIENT_ADDR);
}

static void clients_are_promised_what_both_can(void **state)
{
	struct smtp_offer backend =
		offer_of("mx\nPIPELINING\nSIZE 1000\nSTARTTLS\nCHUNKING\nDSN\nAUTH PLAIN\n", 7);
	struct smtp_offer offer = smtp_offer_intersect(&backend, 500);
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	smtp_offer_print(&offer, "mx1.example.org", &out);
	assert_string_equal(buf_cstr(&out),
		"250-mx1.example.org\r\n250-PIPELINING\r\n250-SIZE 500\r\n"
		"250-DSN\r\n250 CHUNKING\r\n");
	assert_int_equal(smtp_offer_intersect(&backend, 0).size, 1000);
	assert_int_equal(smtp_offer_intersect(&backend, 2000).size, 1000);
	buf_clear(&out);
	offer.keywords = 0;
	smtp_offer_print(&offer, "mx1.example.org", &out);
	assert_string_equal(buf_cstr(&out), "250 mx1.example.org\r\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_says_what_it_can),
		cmocka_unit_test(clients_are_promised_what_both_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
