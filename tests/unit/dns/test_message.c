/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/buf.h"
#include "base/macro.h"
#include "base/mem.h"
#include "dns/message.h"

#define BYTES(text) (text), sizeof(text) - 1

/* A response to "a.b A?" with the given counts; sections are appended by the cases. Offset 12: the
 * question's name. */
#define HEADER(answers, authority, additional) \
	"\x12\x34\x81\x80\0\1\0" answers "\0" authority "\0" additional
#define QUESTION_A   "\1a\1b\0\0\1\0\1"
#define ANSWER_A     "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x7f\0\0\2"
#define ANSWER_CNAME "\xc0\x0c\0\5\0\1\0\0\0\x0a\0\4\1c\xc0\x0e"
#define OPT          "\0\0\x29\x04\xd0\0\0\0\0\0\0"

static struct dns_message decode(const char *bytes, size_t len)
{
	struct dns_message message;

	assert_int_equal(dns_message_decode(span_of(bytes, len), &message), 0);
	return message;
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static struct dns_record first_record(const struct dns_message *message, enum dns_section section)
{
	struct dns_walk walk = {.section = section};
	struct dns_record record;

	assert_int_equal(dns_message_next(message, &walk, &record), 1);
	return record;
}

static void a_response_decodes(void **state)
{
	struct dns_message message =
		decode(BYTES(HEADER("\1", "\0", "\1") QUESTION_A ANSWER_A OPT));
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_name name = name_of("a.b");
	struct dns_record record;
	char text[IP_TEXT_SIZE];
	struct ip ip;

	(void)state;
	assert_int_equal(message.rcode, DNS_NOERROR);
	assert_true(message.edns.present);
	assert_int_equal(message.edns.udp_size, 1232);
	assert_int_equal(dns_message_next(&message, &walk, &record), 1);
	assert_true(dns_name_equal(&record.name, &name));
	assert_int_equal(record.ttl_s, 300);
	assert_int_equal(dns_record_ip(&record, &ip), 0);
	assert_string_equal(ip_print(ip, text), "127.0.0.2");
	assert_int_equal(dns_message_next(&message, &walk, &record), 0);
}

static void a_response_has_to_answer_the_question(void **state)
{
	struct dns_message message = decode(BYTES(HEADER("\1", "\0", "\0") QUESTION_A ANSWER_A));
	struct dns_message query = message;
	struct dns_name name = name_of("a.b");
	struct dns_name other_case = name_of("A.b");

	(void)state;
	assert_true(dns_message_answers(&message, 0x1234, &name, DNS_A));
	assert_false(dns_message_answers(&message, 0x1235, &name, DNS_A));
	assert_false(dns_message_answers(&message, 0x1234, &name, DNS_TXT));
	assert_false(dns_message_answers(&message, 0x1234, &other_case, DNS_A));
	query.flags = DNS_FLAG_RD;
	assert_false(dns_message_answers(&query, 0x1234, &name, DNS_A));
}

struct broken_case {
	const char *what;
	const char *bytes;
	size_t len;
	int result;
};

static const struct broken_case broken_cases[] = {
	{"octets behind the end", BYTES(HEADER("\1", "\0", "\0") QUESTION_A ANSWER_A "x"), E_PARSE},
	{"no question", BYTES("\x12\x34\x81\x80\0\0\0\0\0\0\0\0"), E_PARSE},
	{"two questions", BYTES("\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION_A QUESTION_A), E_PARSE},
	{"65535 answers, one there",
		BYTES("\x12\x34\x81\x80\0\1\xff\xff\0\0\0\0" QUESTION_A ANSWER_A), E_PARSE},
	{"rdata runs over the end",
		BYTES(HEADER("\1", "\0", "\0") QUESTION_A
			"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\5\x7f\0\0\2"),
		E_TRUNCATED},
	{"owner points at itself",
		BYTES(HEADER("\1", "\0", "\0") QUESTION_A "\xc0\x15\0\1\0\1\0\0\1\x2c\0\0"),
		E_PARSE},
	{"owner points forward",
		BYTES(HEADER("\1", "\0", "\0") QUESTION_A "\xc0\x20\0\1\0\1\0\0\1\x2c\0\4\1x\0\0"),
		E_PARSE},
	{"owner label of 64",
		BYTES(HEADER("\1", "\0", "\0") QUESTION_A "\x40\0\0\1\0\1\0\0\0\0\0\0"), E_PARSE},
	{"two OPT records", BYTES(HEADER("\0", "\0", "\2") QUESTION_A OPT OPT), E_PARSE},
	{"OPT as an answer", BYTES(HEADER("\1", "\0", "\0") QUESTION_A OPT), E_PARSE},
	{"OPT with a name",
		BYTES(HEADER("\0", "\0", "\1") QUESTION_A "\1x\0\0\x29\x04\xd0\0\0\0\0\0\0"),
		E_PARSE},
};

static void broken_messages_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(broken_cases); i++) {
		const struct broken_case *c = &broken_cases[i];
		struct dns_message message;

		if (dns_message_decode(span_of(c->bytes, c->len), &message) != c->result)
			fail_msg("%s", c->what);
	}
}

/* The copy is exactly as long as the part, so that the sanitizer sees a step too far. */
static void a_message_cut_anywhere_is_refused(void **state)
{
	static const char whole[] = HEADER("\2", "\0", "\1") QUESTION_A ANSWER_CNAME ANSWER_A OPT;
	size_t len = sizeof(whole) - 1;
	struct dns_message message;

	(void)state;
	assert_int_equal(dns_message_decode(span_of(whole, len), &message), 0);
	for (size_t cut = 0; cut < len; cut++) {
		char *part = mem_copy(whole, cut);

		assert_true(dns_message_decode(span_of(part, cut), &message) < 0);
		mem_free(part);
	}
}

static void names_in_rdata_decode(void **state)
{
	struct dns_message message =
		decode(BYTES(HEADER("\1", "\0", "\0") QUESTION_A ANSWER_CNAME));
	struct dns_record record = first_record(&message, DNS_ANSWER);
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name name;

	(void)state;
	assert_int_equal(dns_record_target(&message, &record, &name), 0);
	assert_string_equal(dns_name_print(&name, text), "c.b");

	message = decode(BYTES(HEADER("\1", "\0", "\0") QUESTION_A
		"\xc0\x0c\0\x0f\0\1\0\0\0\x0a\0\6\0\7\1m\xc0\x0e"));
	record = first_record(&message, DNS_ANSWER);
	assert_int_equal(dns_record_target(&message, &record, &name), 0);
	assert_string_equal(dns_name_print(&name, text), "m.b");
}

static const struct broken_case broken_rdata_cases[] = {
	{"A of 3 octets", BYTES("\xc0\x0c\0\1\0\1\0\0\0\x0a\0\3abc"), 0},
	{"AAAA of 4 octets", BYTES("\xc0\x0c\0\x1c\0\1\0\0\0\x0a\0\4abcd"), 0},
	{"empty PTR", BYTES("\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\0"), 0},
	{"PTR with octets behind", BYTES("\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\3\xc0\x0c!"), 0},
	{"PTR that points at itself", BYTES("\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\2\xc0\x21"), 0},
	{"PTR whose label leaves the rdata", BYTES("\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\2\5a"), 0},
	{"MX without a name", BYTES("\xc0\x0c\0\x0f\0\1\0\0\0\x0a\0\2\0\7"), 0},
	{"MX of one octet", BYTES("\xc0\x0c\0\x0f\0\1\0\0\0\x0a\0\1\0"), 0},
	{"empty TXT", BYTES("\xc0\x0c\0\x10\0\1\0\0\0\x0a\0\0"), 0},
	{"TXT string over the end", BYTES("\xc0\x0c\0\x10\0\1\0\0\0\x0a\0\4\1a\2b"), 0},
	{"SOA without numbers", BYTES("\xc0\x0c\0\6\0\1\0\0\0\x0a\0\4\xc0\x0c\xc0\x0c"), 0},
};

static void broken_rdata_counts_as_absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(broken_rdata_cases); i++) {
		const struct broken_case *c = &broken_rdata_cases[i];
		struct dns_message message;
		struct dns_record record;
		struct dns_name name;
		struct dns_soa soa;
		struct buf bytes;
		struct buf text;
		struct ip ip;

		buf_init(&bytes, 0);
		buf_init(&text, 0);
		buf_append(&bytes, span_of(BYTES(HEADER("\1", "\0", "\0") QUESTION_A)));
		buf_append(&bytes, span_of(c->bytes, c->len));
		assert_int_equal(dns_message_decode(buf_span(&bytes), &message), 0);
		record = first_record(&message, DNS_ANSWER);
		if (dns_record_ip(&record, &ip) != E_PARSE ||
			dns_record_target(&message, &record, &name) != E_PARSE ||
			dns_record_text(&record, &text) != E_PARSE ||
			dns_record_soa(&message, &record, &soa) != E_PARSE)
			fail_msg("%s", c->what);
		assert_int_equal(buf_len(&text), 0);
		buf_done(&bytes);
		buf_done(&text);
	}
}

static void text_strings_join_within_the_limit(void **state)
{
	struct dns_message message = decode(BYTES(HEADER("\1", "\0", "\0") QUESTION_A
		"\xc0\x0c\0\x10\0\1\0\0\0\x0a\0\10\2ab\0\3cde"));
	struct dns_record record = first_record(&message, DNS_ANSWER);
	struct buf text;

	(void)state;
	buf_init(&text, 5);
	assert_int_equal(dns_record_text(&record, &text), 0);
	assert_true(span_equal_text(buf_span(&text), "abcde"));
	buf_clear(&text);
	buf_append_byte(&text, '!');
	assert_int_equal(dns_record_text(&record, &text), E_LIMIT);
	buf_done(&text);
}

static void an_soa_decodes(void **state)
{
	struct dns_message message =
		decode(BYTES("\x12\x34\x81\x83\0\1\0\0\0\1\0\0" QUESTION_A
			     "\xc0\x0e\0\6\0\1\0\0\0\x0a\0\x1d\2ns\xc0\x0e\1h\xc0\x0e"
			     "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"));
	struct dns_record record;
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_soa soa;

	(void)state;
	assert_int_equal(message.rcode, DNS_NXDOMAIN);
	record = first_record(&message, DNS_AUTHORITY);
	assert_int_equal(dns_record_soa(&message, &record, &soa), 0);
	assert_string_equal(dns_name_print(&soa.server, text), "ns.b");
	assert_string_equal(dns_name_print(&soa.mailbox, text), "h.b");
	assert_int_equal(soa.serial, 1);
	assert_int_equal(soa.minimum_s, 5);
}

static void ttls_from_2_to_the_31_count_as_0(void **state)
{
	struct dns_message message = decode(BYTES(
		HEADER("\1", "\0", "\0") QUESTION_A "\xc0\x0c\0\1\0\1\x80\0\0\0\0\4\x7f\0\0\2"));

	(void)state;
	assert_int_equal(first_record(&message, DNS_ANSWER).ttl_s, 0);
}

static void upper_bits_of_the_rcode_come_from_opt(void **state)
{
	struct dns_message message =
		decode(BYTES(HEADER("\0", "\0", "\1") QUESTION_A "\0\0\x29\x04\xd0\1\0\0\0\0\0"));

	(void)state;
	assert_int_equal(message.rcode, DNS_BADVERS);
}

static void a_query_encodes_and_decodes(void **state)
{
	struct dns_name name = name_of("99.2.0.192.bl.example.org");
	struct dns_message message;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	dns_query_encode(&out, 0xbeef, &name, DNS_TXT, DNS_UDP_SAFE);
	assert_int_equal(dns_message_decode(buf_span(&out), &message), 0);
	assert_int_equal(message.id, 0xbeef);
	assert_int_equal(message.flags, DNS_FLAG_RD);
	assert_int_equal(message.type, DNS_TXT);
	assert_true(dns_name_equal(&message.name, &name));
	assert_int_equal(message.edns.udp_size, DNS_UDP_SAFE);
	buf_clear(&out);
	dns_query_encode(&out, 1, &name, DNS_A, 0);
	assert_int_equal(dns_message_decode(buf_span(&out), &message), 0);
	assert_false(message.edns.present);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_decodes),
		cmocka_unit_test(a_response_has_to_answer_the_question),
		cmocka_unit_test(broken_messages_are_refused),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(names_in_rdata_decode),
		cmocka_unit_test(broken_rdata_counts_as_absent),
		cmocka_unit_test(text_strings_join_within_the_limit),
		cmocka_unit_test(an_soa_decodes),
		cmocka_unit_test(ttls_from_2_to_the_31_count_as_0),
		cmocka_unit_test(upper_bits_of_the_rcode_come_from_opt),
		cmocka_unit_test(a_query_encodes_and_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
