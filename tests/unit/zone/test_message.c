/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "dns/query.h"
#include "fixture.h"

/*
 * What a server owes the form of a message: answers to broken and odd queries, EDNS, truncation.
 * Queries are written out in octets here, since no encoder would write them.
 */
#define BYTES(text) (text), sizeof(text) - 1

#define QUERY(flags, questions, additional) "\x12\x34" flags "\0" questions "\0\0\0\0\0" additional
#define NAME \
	"\1" \
	"2"  \
	"\1" \
	"0"  \
	"\1" \
	"0"  \
	"\3" \
	"127\2bl\7example\3org\0"
#define IN_A  "\0\1\0\1"
#define IN_NS "\0\2\0\1"

/* An OPT record: the UDP size, then what stands in the place of the TTL, then options. */
#define OPT(size, ttl, options) "\0\0\x29" size ttl options
#define OPT_1232                OPT("\x04\xd0", "\0\0\0\0", "\0\0")

struct message_case {
	const char *what;
	const char *query;
	size_t len;
	const char *expected; /* as the test prints it; NULL: no answer */
};

#define LISTED "NOERROR aa | 2.0.0.127.bl.example.org 300 A 127.0.0.2"

static const struct message_case message_cases[] = {
	{"plain", BYTES(QUERY("\1\0", "\1", "\0") NAME IN_A), LISTED},
	{"without RD", BYTES(QUERY("\0\0", "\1", "\0") NAME IN_A), LISTED},
	{"flags nobody knows", BYTES(QUERY("\1\x70", "\1", "\0") NAME IN_A), LISTED},
	{"EDNS", BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT_1232), LISTED " opt"},
	{"EDNS with DO",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\x04\xd0", "\0\0\x80\0", "\0\0")),
		LISTED " opt"},
	{"EDNS flags nobody knows",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\x04\xd0", "\0\0\x7f\xff", "\0\0")),
		LISTED " opt"},
	{"EDNS option nobody knows",
		BYTES(QUERY("\1\0", "\1", "\1")
				NAME IN_A OPT("\x04\xd0", "\0\0\0\0", "\0\6\xff\xf0\0\2hi")),
		LISTED " opt"},
	{"EDNS version 1",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\x04\xd0", "\0\1\0\0", "\0\0")),
		"BADVERS opt"},
	{"EDNS size 0", BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\0\0", "\0\0\0\0", "\0\0")),
		LISTED " opt"},
	{"EDNS size 65535",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\xff\xff", "\0\0\0\0", "\0\0")),
		LISTED " opt"},
	{"two OPT", BYTES(QUERY("\1\0", "\1", "\2") NAME IN_A OPT_1232 OPT_1232), "FORMERR opt"},
	{"OPT with a name",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A "\1x\0\0\x29\x04\xd0\0\0\0\0\0\0"),
		"FORMERR"},
	{"OPT whose options run over the end",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A OPT("\x04\xd0", "\0\0\0\0", "\0\1")),
		"FORMERR opt"},
	{"another record behind the question",
		BYTES(QUERY("\1\0", "\1", "\1") NAME IN_A "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4"),
		LISTED},
	{"octets behind the end", BYTES(QUERY("\1\0", "\1", "\0") NAME IN_A "!"), "FORMERR"},
	{"no question", BYTES(QUERY("\1\0", "\0", "\0")), "FORMERR"},
	{"two questions", BYTES(QUERY("\1\0", "\2", "\0") NAME IN_A NAME IN_A), "FORMERR"},
	{"65535 questions", BYTES("\x12\x34\1\0\xff\xff\0\0\0\0\0\0" NAME IN_A), "FORMERR"},
	{"65535 additional records", BYTES("\x12\x34\1\0\0\1\0\0\0\0\xff\xff" NAME IN_A),
		"FORMERR"},
	{"question points at itself", BYTES(QUERY("\1\0", "\1", "\0") "\xc0\x0c" IN_A), "FORMERR"},
	{"question points into the header",
		BYTES(QUERY("\1\0", "\1", "\0") "\1"
						"2\xc0\4" IN_A),
		"FORMERR"},
	{"label type 01",
		BYTES(QUERY("\1\0", "\1", "\0") "\x41"
						"a\0" IN_A),
		"FORMERR"},
	{"header alone, one question promised", BYTES(QUERY("\1\0", "\1", "\0")), "FORMERR"},
	{"class CH", BYTES(QUERY("\1\0", "\1", "\0") NAME "\0\1\0\3"), "REFUSED"},
	{"class ANY", BYTES(QUERY("\1\0", "\1", "\0") NAME "\0\1\0\xff"), "REFUSED"},
	{"class ANY, EDNS", BYTES(QUERY("\1\0", "\1", "\1") NAME "\0\1\0\xff" OPT_1232),
		"REFUSED opt ede 20"},
	{"foreign name, EDNS", BYTES(QUERY("\1\0", "\1", "\1") "\3org\0" IN_A OPT_1232),
		"REFUSED opt ede 20"},
	{"transfer, EDNS",
		BYTES(QUERY("\1\0", "\1", "\1") "\2bl\7example\3org\0\0\xfc\0\1" OPT_1232),
		"REFUSED opt ede 18"},
	{"IQUERY", BYTES(QUERY("\x09\0", "\1", "\0") NAME IN_A), "NOTIMP"},
	{"opcode 15", BYTES(QUERY("\x79\0", "\1", "\0") NAME IN_A), "NOTIMP"},
	{"opcode 15, nothing behind the header", BYTES(QUERY("\x79\0", "\0", "\0")), "NOTIMP"},
	{"opcode 15, EDNS", BYTES(QUERY("\x79\0", "\1", "\1") NAME IN_A OPT_1232), "NOTIMP opt"},
	{"NOTIFY", BYTES(QUERY("\x21\0", "\1", "\0") NAME IN_NS), "REFUSED"},
	{"UPDATE", BYTES(QUERY("\x29\0", "\1", "\0") NAME IN_NS), "REFUSED"},
	{"a response", BYTES(QUERY("\x81\0", "\1", "\0") NAME IN_A), NULL},
	{"a broken response", BYTES(QUERY("\x81\0", "\0", "\0")), NULL},
	{"half a header", BYTES("\x12\x34\1\0\0\1"), NULL},
	{"nothing", BYTES(""), NULL},
};

/* The extended error behind the OPT record at the end of an answer, 0 for none. */
static unsigned answer_ede(struct span answer)
{
	if (answer.len < 6 || answer.ptr[answer.len - 6] != 0 ||
		answer.ptr[answer.len - 5] != DNS_OPTION_EDE)
		return 0;
	return (unsigned)answer.ptr[answer.len - 2] << 8 | answer.ptr[answer.len - 1];
}

/* dns_message_decode wants one question; an answer to a query without a readable one has none. */
static void print_answer(struct span answer, struct buf *out)
{
	struct dns_message message;

	buf_clear(out);
	assert_true(answer.len >= DNS_HEADER_SIZE);
	assert_int_equal(answer.ptr[0] << 8 | answer.ptr[1], 0x1234);
	assert_int_equal(answer.ptr[2] & 0x80, 0x80);
	if (dns_message_decode(answer, &message) == 0) {
		fixture_print(&message, out);
	} else {
		assert_int_equal(answer.ptr[5], 0);
		assert_true(answer.len == DNS_HEADER_SIZE || answer.ptr[11] == 1);
		buf_append_text(out, fixture_rcode(answer.ptr[3] & 0xf));
		if (answer.ptr[11] == 1)
			buf_append_text(out, " opt");
	}
	if (answer_ede(answer) != 0)
		buf_append_format(out, " ede %u", answer_ede(answer));
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_new(fixture);

	fixture_init(fixture, NULL, 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	mem_free(*state);
	return 0;
}

static void each_form_of_message_gets_its_answer(void **state)
{
	struct fixture *fixture = *state;
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < COUNTOF(message_cases); i++) {
		const struct message_case *c = &message_cases[i];
		char *query = mem_copy(
			c->query, c->len); /* exactly as long: sanitizers see one too far */
		uint8_t answer[DNS_ANSWER_UDP_MAX];
		size_t len;

		len = ask_zone(
			fixture->service, span_of(query, c->len), DNS_UDP, FIXTURE_NOW_S, answer);
		mem_free(query);
		if (c->expected == NULL) {
			if (len != 0)
				fail_msg("%s: answered", c->what);
			continue;
		}
		print_answer(span_of(answer, len), &out);
		if (strcmp(buf_cstr(&out), c->expected) != 0)
			fail_msg("%s: %s", c->what, buf_cstr(&out));
	}
	buf_done(&out);
}

/* In a batch of any length each request gets what it gets alone. */
static void a_batch_is_answered_like_its_queries_alone(void **state)
{
	enum { REQUESTS = 3 * COUNTOF(message_cases) };
	struct fixture *fixture = *state;
	uint8_t(*answers)[DNS_ANSWER_UDP_MAX] = mem_alloc_array(REQUESTS, sizeof(*answers));
	struct dns_request requests[REQUESTS];

	for (size_t requests_len = 1; requests_len <= REQUESTS;
		requests_len += requests_len < 40 ? 1 : 17) {
		for (size_t i = 0; i < requests_len; i++) {
			const struct message_case *c = &message_cases[i % COUNTOF(message_cases)];

			requests[i] = (struct dns_request){.query = span_of(c->query, c->len),
				.out = answers[i],
				.out_len = 1};
		}
		zone_answer_requests(fixture->service, requests, requests_len,
			(struct dns_now){.s = FIXTURE_NOW_S});
		for (size_t i = 0; i < requests_len; i++) {
			uint8_t alone[DNS_ANSWER_UDP_MAX];
			size_t len = ask_zone(
				fixture->service, requests[i].query, DNS_UDP, FIXTURE_NOW_S, alone);

			assert_int_equal(requests[i].out_len, len);
			assert_memory_equal(answers[i], alone, len);
		}
	}
	mem_free(answers);
}

static void a_query_cut_anywhere_is_a_format_error_or_nothing(void **state)
{
	static const char whole[] = QUERY("\1\0", "\1", "\1") NAME IN_A OPT_1232;
	struct fixture *fixture = *state;

	for (size_t cut = 0; cut < sizeof(whole) - 1; cut++) {
		uint8_t *query = mem_copy(whole, cut);
		uint8_t answer[DNS_ANSWER_UDP_MAX];
		size_t len;

		len = ask_zone(
			fixture->service, span_of(query, cut), DNS_UDP, FIXTURE_NOW_S, answer);
		mem_free(query);
		if (cut < DNS_HEADER_SIZE) {
			assert_int_equal(len, 0);
			continue;
		}
		assert_true(len >= DNS_HEADER_SIZE && len <= cut);
		assert_int_equal(answer[3] & 0xf, DNS_FORMERR);
	}
}

static void answers_keep_the_limit_of_their_transport(void **state)
{
	static const char plain[] = QUERY("\1\0", "\1", "\0") "\2bl\7example\3org\0" IN_NS;
	static const char with_opt[] =
		QUERY("\1\0", "\1", "\1") "\2bl\7example\3org\0" IN_NS OPT_1232;
	struct conf_list list = {.name = "main", .zone = "bl.example.org"};
	const char *servers[24];
	struct conf conf = {.lists_len = 1, .lists = &list, .ttl_s = 300, .nameservers = servers};
	struct dns_rules rules = {0};
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct zone_service *service;
	struct fixture *fixture = *state;
	struct dns_message message;
	size_t len;

	for (size_t i = 0; i < COUNTOF(servers); i++)
		servers[i] = "a-long-name-for-a-server.somewhere.example.org";
	conf.nameservers_len = 9; /* of 60 octets each: 29 + 9 * 60 is over 512 */
	assert_int_equal(zone_table_new(&conf, &rules.table, NULL), 0);
	service = zone_service_new(&rules, fixture->view, NULL);

	len = ask_zone(service, span_of(BYTES(plain)), DNS_UDP, FIXTURE_NOW_S, answer);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	assert_int_equal(message.flags & DNS_FLAG_TC, DNS_FLAG_TC);
	assert_int_equal(message.counts[DNS_ANSWER], 0);
	assert_int_equal(len, sizeof(plain) - 1);

	len = ask_zone(service, span_of(BYTES(with_opt)), DNS_UDP, FIXTURE_NOW_S, answer);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	assert_int_equal(message.flags & DNS_FLAG_TC, 0);
	assert_int_equal(message.counts[DNS_ANSWER], 9);
	zone_service_free(&service);
	zone_table_free(&rules.table);

	conf.nameservers_len = COUNTOF(servers);
	assert_int_equal(zone_table_new(&conf, &rules.table, NULL), 0);
	service = zone_service_new(&rules, fixture->view, NULL);
	len = ask_zone(service, span_of(BYTES(with_opt)), DNS_UDP, FIXTURE_NOW_S, answer);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	assert_int_equal(message.flags & DNS_FLAG_TC, DNS_FLAG_TC);
	assert_true(message.edns.present);
	len = ask_zone(service, span_of(BYTES(with_opt)), DNS_TCP, FIXTURE_NOW_S, answer);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	assert_int_equal(message.flags & DNS_FLAG_TC, 0);
	assert_int_equal(message.counts[DNS_ANSWER], COUNTOF(servers));
	zone_service_free(&service);
	zone_table_free(&rules.table);
}

/* The most that one small datagram can draw: ten times its size at most, over any type of a name
 * that is listed. */
static void no_answer_is_a_lever(void **state)
{
	static const char head[] = QUERY("\1\0", "\1", "\1") NAME;
	static const char *const types[] = {"\0\1", "\0\x10", "\0\xff", "\0\6", "\0\2"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNTOF(types); i++) {
		uint8_t query[128];
		uint8_t answer[DNS_ANSWER_UDP_MAX];
		size_t len = sizeof(head) - 1;

		memcpy(query, head, len);
		memcpy(query + len, types[i], 2);
		memcpy(query + len + 2, "\0\1" OPT("\xff\xff", "\0\0\0\0", "\0\0"), 13);
		len += 15;
		assert_true(ask_zone(fixture->service, span_of(query, len), DNS_UDP, FIXTURE_NOW_S,
				    answer) < 10 * len);
	}
}

static void chatter_ports_are_not_answered(void **state)
{
	(void)state;
	assert_false(dns_answers_port(0));
	assert_false(dns_answers_port(7));
	assert_false(dns_answers_port(19));
	assert_true(dns_answers_port(53));
	assert_true(dns_answers_port(65535));
}

static void a_bad_name_in_the_configuration_is_named(void **state)
{
	struct conf_list list = {.name = "main", .zone = "bl..example.org"};
	struct conf conf = {.lists_len = 1, .lists = &list};
	struct zone_table *table = NULL;
	struct fault why = {""};

	(void)state;
	assert_int_equal(zone_table_new(&conf, &table, &why), E_CONFIG);
	assert_string_equal(why.text, "zone 'bl..example.org' is not a domain name");
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_message_gets_its_answer),
		cmocka_unit_test(a_batch_is_answered_like_its_queries_alone),
		cmocka_unit_test(a_query_cut_anywhere_is_a_format_error_or_nothing),
		cmocka_unit_test(answers_keep_the_limit_of_their_transport),
		cmocka_unit_test(no_answer_is_a_lever),
		cmocka_unit_test(chatter_ports_are_not_answered),
		cmocka_unit_test(a_bad_name_in_the_configuration_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
