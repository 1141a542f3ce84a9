/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "dns/name.h"

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define LABEL_61 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1"

struct text_case {
	const char *text;
	int result;
	const char *printed;
};

static const struct text_case text_cases[] = {
	{"example.org", 0, "example.org"},
	{"example.org.", 0, "example.org"},
	{".", 0, "."},
	{"MX1.Example.ORG", 0, "MX1.Example.ORG"},
	{"a\\.b.example", 0, "a\\.b.example"},
	{"a\\\\b.example", 0, "a\\\\b.example"},
	{"a\\010b.example", 0, "a\\010b.example"},
	{"a b.example", 0, "a\\032b.example"},
	{"\\255.example", 0, "\\255.example"},
	{LABEL_63 ".example", 0, LABEL_63 ".example"},
	{LABEL_63 "x.example", E_LIMIT, NULL},
	{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61, 0,
		LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61},
	{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61 "x", E_LIMIT, NULL},
	{"", E_PARSE, NULL},
	{"..", E_PARSE, NULL},
	{".example", E_PARSE, NULL},
	{"a..example", E_PARSE, NULL},
	{"a.example..", E_PARSE, NULL},
	{"a\\", E_PARSE, NULL},
	{"a\\25", E_PARSE, NULL},
	{"a\\256", E_PARSE, NULL},
	{"a\\2x6", E_PARSE, NULL},
};

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static void names_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(text_cases); i++) {
		char text[DNS_NAME_TEXT_SIZE];
		struct dns_name name;

		assert_int_equal(
			dns_name_parse(span_text(text_cases[i].text), &name), text_cases[i].result);
		if (text_cases[i].result == 0)
			assert_string_equal(dns_name_print(&name, text), text_cases[i].printed);
	}
}

static void the_longest_printed_name_fits(void **state)
{
	uint8_t message[DNS_NAME_MAX] = {0};
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name name;
	size_t at = 0;

	(void)state;
	memset(message, 0xff, sizeof(message) - 1);
	message[0] = 63;
	message[64] = 63;
	message[128] = 63;
	message[192] = 61;
	message[254] = 0;
	assert_int_equal(dns_name_decode(span_of(message, sizeof(message)), &at, &name), 0);
	assert_int_equal(name.len, 255);
	assert_int_equal(strlen(dns_name_print(&name, text)), 250 * 4 + 3);
}

static void names_compare_without_case_and_by_label(void **state)
{
	struct dns_name zone = name_of("bl.example.org");
	struct dns_name root = name_of(".");
	struct dns_name name;

	(void)state;
	name = name_of("BL.Example.Org");
	assert_true(dns_name_equal(&name, &zone));
	assert_true(dns_name_is_below(&name, &zone));
	name = name_of("2.0.0.127.bl.example.org");
	assert_false(dns_name_equal(&name, &zone));
	assert_true(dns_name_is_below(&name, &zone));
	assert_true(dns_name_is_below(&name, &root));
	assert_false(dns_name_is_below(&zone, &name));
	assert_int_equal(dns_name_label_count(&name), 7);
	assert_int_equal(dns_name_label_count(&root), 0);
	name = name_of("xbl.example.org");
	assert_false(dns_name_is_below(&name, &zone));
	name = name_of("a\\.bl.example.org");
	assert_false(dns_name_is_below(&name, &zone));
}

static void names_join_up_to_the_limit(void **state)
{
	struct dns_name longest = name_of(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61);
	struct dns_name zone = name_of("bl.example.org");
	struct dns_name host = name_of("ns1");
	struct dns_name root = name_of(".");
	struct dns_name joined;
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	assert_int_equal(dns_name_join(&host, &zone, &joined), 0);
	assert_string_equal(dns_name_print(&joined, text), "ns1.bl.example.org");
	assert_int_equal(dns_name_join(&longest, &root, &joined), 0);
	assert_true(dns_name_equal(&longest, &joined));
	assert_int_equal(dns_name_join(&longest, &host, &joined), E_LIMIT);
}

static void addresses_reverse(void **state)
{
	struct dns_name zone = name_of("bl.example.org");
	struct dns_name name;
	char text[DNS_NAME_TEXT_SIZE];
	struct ip ip;

	(void)state;
	assert_int_equal(ip_parse(span_text("192.0.2.109"), &ip), 0);
	assert_int_equal(dns_name_reverse(ip, &zone, &name), 0);
	assert_string_equal(dns_name_print(&name, text), "109.2.0.192.bl.example.org");
	assert_int_equal(ip_parse(span_text("2001:db8:1:2:3:4:567:89ab"), &ip), 0);
	assert_int_equal(dns_name_reverse(ip, &zone, &name), 0);
	assert_string_equal(dns_name_print(&name, text),
		"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org");
}

static void case_mixes_by_the_bits(void **state)
{
	struct dns_name name = name_of("example.ORG");
	uint8_t bits[DNS_MIX_SIZE] = {0x06, 0x02}; /* octets 1, 2 and 9: 'e', 'x' and 'O' */
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	dns_name_mix_case(&name, bits);
	assert_string_equal(dns_name_print(&name, text), "EXample.oRG");
	memset(bits, 0xff, sizeof(bits));
	dns_name_mix_case(&name, bits);
	assert_string_equal(dns_name_print(&name, text), "exAMPLE.Org");
}

struct wire_case {
	const char *what;
	const char *bytes;
	size_t len;
	size_t at;
	int result;
	size_t at_after;
	const char *printed;
};

#define BYTES(text) (text), sizeof(text) - 1

static const struct wire_case wire_cases[] = {
	{"plain", BYTES("\1a\2bc\0"), 0, 0, 6, "a.bc"},
	{"pointer back", BYTES("\1a\0\1b\xc0\0!"), 3, 0, 7, "b.a"},
	{"pointer alone", BYTES("\1a\0\xc0\0"), 3, 0, 5, "a"},
	{"pointer to a pointer", BYTES("\1a\0\xc0\0\xc0\3"), 5, 0, 7, "a"},
	{"pointer to itself", BYTES("\xc0\0"), 0, E_PARSE, 0, NULL},
	{"pointer to its own label", BYTES("\1a\xc0\0"), 0, E_PARSE, 0, NULL},
	{"two pointers in a ring", BYTES("\xc0\2\xc0\0"), 0, E_PARSE, 0, NULL},
	{"ring, from the second", BYTES("\xc0\2\xc0\0"), 2, E_PARSE, 0, NULL},
	{"pointer forward", BYTES("\xc0\4!!\1a\0"), 0, E_PARSE, 0, NULL},
	{"pointer beyond the end", BYTES("\1a\0\xff\xff"), 3, E_PARSE, 0, NULL},
	{"half a pointer", BYTES("\1a\0\xc0"), 3, E_PARSE, 0, NULL},
	{"label type 01", BYTES("\x40\0"), 0, E_PARSE, 0, NULL},
	{"label type 10", BYTES("\x80\0"), 0, E_PARSE, 0, NULL},
	{"label cut", BYTES("\5ab"), 0, E_PARSE, 0, NULL},
	{"no root", BYTES("\1a"), 0, E_PARSE, 0, NULL},
	{"nothing", BYTES(""), 0, E_PARSE, 0, NULL},
	{"beyond the message", BYTES("\0"), 7, E_PARSE, 0, NULL},
};

static void wire_names_decode_or_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(wire_cases); i++) {
		const struct wire_case *c = &wire_cases[i];
		char text[DNS_NAME_TEXT_SIZE];
		struct dns_name name;
		size_t at = c->at;

		if (dns_name_decode(span_of(c->bytes, c->len), &at, &name) != c->result)
			fail_msg("%s", c->what);
		if (c->result < 0)
			continue;
		assert_int_equal(at, c->at_after);
		assert_string_equal(dns_name_print(&name, text), c->printed);
	}
}

/* Label, pointer, label, pointer ...: each jump goes back, and the name grows beyond 255 octets. */
static void a_name_that_grows_by_pointers_is_cut(void **state)
{
	uint8_t message[40 * 15] = {0};
	struct dns_name name;
	size_t at;

	(void)state;
	for (size_t i = 1; i < 40; i++) {
		message[i * 15] = 12;
		memset(message + i * 15 + 1, 'a', 12);
		message[i * 15 + 13] = (uint8_t)(0xc0 | (i - 1) * 15 >> 8);
		message[i * 15 + 14] = (uint8_t)((i - 1) * 15);
	}
	at = 19 * 15;
	assert_int_equal(dns_name_decode(span_of(message, sizeof(message)), &at, &name), 0);
	assert_int_equal(name.len, 19 * 13 + 1);
	at = 20 * 15;
	assert_int_equal(dns_name_decode(span_of(message, sizeof(message)), &at, &name), E_LIMIT);
}

static void long_chains_of_bare_pointers_are_cut(void **state)
{
	uint8_t message[2 + 2 * 64] = {0};
	struct dns_name name;
	size_t at;

	(void)state;
	for (size_t i = 1; i <= 64; i++) {
		message[i * 2] = 0xc0;
		message[i * 2 + 1] = (uint8_t)(i * 2 - 2);
	}
	at = 2 * 32;
	assert_int_equal(dns_name_decode(span_of(message, sizeof(message)), &at, &name), 0);
	at = 2 * 33;
	assert_int_equal(dns_name_decode(span_of(message, sizeof(message)), &at, &name), E_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_parse_and_print),
		cmocka_unit_test(the_longest_printed_name_fits),
		cmocka_unit_test(names_compare_without_case_and_by_label),
		cmocka_unit_test(names_join_up_to_the_limit),
		cmocka_unit_test(addresses_reverse),
		cmocka_unit_test(case_mixes_by_the_bits),
		cmocka_unit_test(wire_names_decode_or_fail),
		cmocka_unit_test(a_name_that_grows_by_pointers_is_cut),
		cmocka_unit_test(long_chains_of_bare_pointers_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
