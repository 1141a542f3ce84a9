/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "dns/reply.h"

/* Room and counts of a response: what may be left out is, what may not truncates. */
enum { GLUE_SIZE = 4 };

static struct dns_query query_with(bool edns)
{
	static const uint8_t question[] = "\1x\0\0\1\0\1";

	return (struct dns_query){
		.id = 0x1234,
		.question = span_of(question, sizeof(question) - 1),
		.edns = {.present = edns, .udp_size = DNS_UDP_SAFE},
	};
}

static unsigned count_at(const uint8_t *out, size_t at)
{
	return (unsigned)out[at] << 8 | out[at + 1];
}

/* Addresses as additional records, as many as fit; returns how many. */
static unsigned fill(struct reply *reply)
{
	unsigned count = 0;

	while (reply_has_room(reply, GLUE_SIZE)) {
		uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_A, 60, GLUE_SIZE);

		assert_non_null(rdata);
		memset(rdata, 1, GLUE_SIZE);
		reply->additionals++;
		count++;
	}
	return count;
}

static void what_may_be_left_out_never_truncates(void **state)
{
	(void)state;
	for (int edns = 0; edns < 2; edns++) {
		struct dns_query query = query_with(edns);
		uint8_t out[DNS_UDP_PLAIN];
		struct reply reply;
		unsigned count;
		size_t len;

		reply_init(&reply, &query, out, sizeof(out));
		count = fill(&reply);
		assert_true(count > 20);
		assert_false(reply.full);
		len = reply_finish(&reply);
		assert_true(len <= sizeof(out));
		assert_int_equal(count_at(out, 10), count + (unsigned)edns);
		assert_int_equal(out[2] & 0x02, 0);
	}
}

static void what_has_to_fit_truncates_and_takes_the_rest_along(void **state)
{
	struct dns_query query = query_with(true);
	uint8_t out[DNS_UDP_PLAIN];
	struct reply reply;

	(void)state;
	reply_init(&reply, &query, out, sizeof(out));
	fill(&reply);
	assert_null(reply_record(&reply, DNS_HEADER_SIZE, DNS_A, 60, GLUE_SIZE));
	reply_finish(&reply);
	assert_int_equal(out[2] & 0x02, 0x02);
	assert_int_equal(count_at(out, 6), 0);
	assert_int_equal(count_at(out, 10), 1); /* OPT alone */
}

/* RFC 8906 section 8.1.4. */
static void of_an_unknown_operation_only_itself_comes_back(void **state)
{
	static const struct {
		uint16_t asked, answered;
	} cases[] = {{0x7ff0, 0xf804}, {0x2910, 0xa804}, {0x7900, 0xf804}, {0x0100, 0x8104}};
	uint8_t out[DNS_UDP_PLAIN];

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct dns_query query = query_with(false);
		struct reply reply;

		query.flags = cases[i].asked;
		reply_init(&reply, &query, out, sizeof(out));
		reply.rcode = DNS_NOTIMP;
		reply_finish(&reply);
		assert_int_equal(count_at(out, 2), cases[i].answered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_left_out_never_truncates),
		cmocka_unit_test(what_has_to_fit_truncates_and_takes_the_rest_along),
		cmocka_unit_test(of_an_unknown_operation_only_itself_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
