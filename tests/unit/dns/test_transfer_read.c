/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "dns/transfer_read.h"
#include "unit.h"

enum { ID = 0x4711, NOW_S = 1700000000, MESSAGES_MAX = 16, SEEN_MAX = 512 };

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

/* ---- messages, written as words: "7" is an SOA of that serial, "a=2" is `a A 127.0.0.2`,
 * "a.other" stands outside ---- */

static void append_header(struct buf *out, unsigned rcode, bool question, size_t answers)
{
	struct dns_name zone = name_of("bl.test");

	buf_append_u16(out, ID);
	buf_append_u16(out, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_AA | rcode));
	buf_append_u16(out, question);
	buf_append_u16(out, (uint16_t)answers);
	buf_append_u32(out, 0);
	if (question) {
		buf_append(out, dns_name_span(&zone));
		buf_append_u32(out, 0); /* type and class, set by message_begin */
	}
}

static void append_record(struct buf *out, const char *owner, uint16_t type, struct span rdata)
{
	struct dns_name name = name_of(owner);

	buf_append(out, dns_name_span(&name));
	buf_append_u16(out, type);
	buf_append_u16(out, DNS_IN);
	buf_append_u32(out, 300);
	buf_append_u16(out, (uint16_t)rdata.len);
	buf_append(out, rdata);
}

static void append_word(struct buf *out, struct span word)
{
	struct span value = word;
	struct span owner = span_split(&value, '=');
	uint8_t address[4] = {127, 0, 0, 0};
	char text[64];
	struct buf rdata;

	snprintf(text, sizeof(text), "%.*s", (int)owner.len, (const char *)owner.ptr);
	if (value.len != 0) {
		address[3] = (uint8_t)(value.ptr[0] - '0');
		strncat(text, span_find_text(owner, "other") < owner.len ? "" : ".bl.test", 16);
		append_record(out, text, DNS_A, span_of(address, sizeof(address)));
		return;
	}
	buf_init(&rdata, 0);
	buf_append_u16(&rdata, 0); /* server and mailbox: the root */
	buf_append_u32(&rdata, (uint32_t)strtoul(text, NULL, 10));
	for (int i = 0; i < 4; i++)
		buf_append_u32(&rdata, 60);
	append_record(out, "BL.test", DNS_SOA, buf_span(&rdata));
	buf_done(&rdata);
}

static size_t count_words(struct span words)
{
	size_t count = 0;

	while (words.len != 0) {
		span_split(&words, ' ');
		count++;
	}
	return count;
}

static void message_build(
	struct buf *out, uint16_t type, unsigned rcode, bool first, struct span words)
{
	size_t question = DNS_HEADER_SIZE + 9;

	buf_init(out, 0);
	append_header(out, rcode, first, count_words(words));
	if (first) {
		out->ptr[question + 1] = (uint8_t)type;
		out->ptr[question + 3] = DNS_IN;
	}
	while (words.len != 0)
		append_word(out, span_split(&words, ' '));
}

/* ---- what was handed on, as words: "+a=2 -b=3" ---- */

struct seen {
	char text[SEEN_MAX];
};

static int see(const struct transfer_record *item, void *arg)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%s%s%c=%u", len != 0 ? " " : "",
		item->is_removal ? "-" : "+", item->record->name.wire[1],
		item->record->rdata.ptr[3]);
	return 0;
}

static struct transfer_read reader_new(uint16_t type, uint32_t serial, struct seen *seen)
{
	return (struct transfer_read){.zone = name_of("bl.test"),
		.id = ID,
		.type = type,
		.serial = serial,
		.limits = {.records = 100, .octets = 10000},
		.each = see,
		.arg = seen};
}

static int read_words(struct transfer_read *transfer, bool first, const char *words, unsigned rcode)
{
	struct buf message;
	int r;

	message_build(&message, transfer->type, rcode, first, span_text(words));
	r = transfer_read_message(transfer, buf_span(&message), NOW_S, NULL);
	buf_done(&message);
	return r;
}

static const struct {
	const char *what;
	uint16_t type;
	uint32_t serial;
	const char *words;
	int result;
	enum transfer_style style;
	const char *seen;
} cases[] = {
	{"a whole zone", DNS_AXFR, 0, "7 a=2 b=3 7", 1, TRANSFER_WHOLE, "+a=2 +b=3"},
	{"an empty zone", DNS_AXFR, 0, "7 7", 1, TRANSFER_WHOLE, ""},
	{"more is to come", DNS_AXFR, 0, "7 a=2", 0, TRANSFER_WHOLE, "+a=2"},
	{"no SOA first", DNS_AXFR, 0, "a=2 7", E_PARSE, TRANSFER_UNKNOWN, ""},
	{"changed meanwhile", DNS_AXFR, 0, "7 a=2 8", E_CONFLICT, TRANSFER_WHOLE, "+a=2"},
	{"names of others are left out", DNS_AXFR, 0, "7 a.other=2 b=2 7", 1, TRANSFER_WHOLE,
		"+b=2"},
	{"serial 0 is one", DNS_AXFR, 0, "0 a=2 0", 1, TRANSFER_WHOLE, "+a=2"},
	{"nothing new", DNS_IXFR, 7, "7", 1, TRANSFER_CURRENT, ""},
	{"the server is behind", DNS_IXFR, 7, "5", 1, TRANSFER_CURRENT, ""},
	{"one sequence", DNS_IXFR, 5, "7 5 a=2 7 b=3 c=4 7", 1, TRANSFER_CHANGES, "-a=2 +b=3 +c=4"},
	{"two sequences", DNS_IXFR, 5, "7 5 a=2 6 b=3 6 b=3 7 7", 1, TRANSFER_CHANGES,
		"-a=2 +b=3 -b=3"},
	{"a sequence without removals", DNS_IXFR, 5, "7 5 7 b=3 7", 1, TRANSFER_CHANGES, "+b=3"},
	{"around the end of the circle", DNS_IXFR, 4294967295, "1 4294967295 a=2 0 b=2 0 1 c=2 1",
		1, TRANSFER_CHANGES, "-a=2 +b=2 +c=2"},
	{"all of it instead", DNS_IXFR, 5, "7 a=2 b=3 7", 1, TRANSFER_WHOLE, "+a=2 +b=3"},
	{"an empty zone instead", DNS_IXFR, 5, "7 7", 1, TRANSFER_WHOLE, ""},
	{"from a serial that we do not have", DNS_IXFR, 5, "7 4 a=2 7 7", E_CONFLICT,
		TRANSFER_UNKNOWN, ""},
	{"sequences with a gap", DNS_IXFR, 3, "7 3 a=2 5 b=2 6 c=2 7 7", E_CONFLICT,
		TRANSFER_CHANGES, "-a=2 +b=2"},
	{"sequences that go back", DNS_IXFR, 5, "7 5 a=2 4 b=2 7", E_CONFLICT, TRANSFER_CHANGES,
		"-a=2"},
	{"sequences that go on beyond", DNS_IXFR, 5, "7 5 a=2 9 b=2 7", E_CONFLICT,
		TRANSFER_CHANGES, "-a=2"},
};

static void each_shape_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct seen seen = {""};
		struct transfer_read transfer = reader_new(cases[i].type, cases[i].serial, &seen);

		print_message("%s\n", cases[i].what);
		assert_int_equal(read_words(&transfer, true, cases[i].words, 0), cases[i].result);
		assert_int_equal(transfer.style, cases[i].style);
		assert_string_equal(seen.text, cases[i].seen);
	}
}

/* RFC 5936 section 2.2: servers may send one record a message. */
static void each_shape_is_read_record_by_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct span rest = span_text(cases[i].words);
		struct seen seen = {""};
		struct transfer_read transfer = reader_new(cases[i].type, cases[i].serial, &seen);
		bool first = true;
		int r = 0;

		print_message("%s\n", cases[i].what);
		while (r == 0 && rest.len != 0) {
			struct span word = span_split(&rest, ' ');
			char text[32];

			snprintf(text, sizeof(text), "%.*s", (int)word.len, (const char *)word.ptr);
			r = read_words(&transfer, first, text, 0);
			first = false;
		}
		assert_int_equal(r, cases[i].result);
		assert_int_equal(transfer.style, cases[i].style);
		assert_string_equal(seen.text, cases[i].seen);
	}
}

static void nothing_may_follow_the_end(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);

	(void)state;
	assert_int_equal(read_words(&transfer, true, "7 a=2 7 b=2", 0), E_PARSE);
}

static void refusals_are_told(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);

	(void)state;
	assert_int_equal(read_words(&transfer, true, "", DNS_REFUSED), E_DENIED);
	assert_int_equal(transfer.rcode, DNS_REFUSED);
	transfer = reader_new(DNS_AXFR, 0, &seen);
	assert_int_equal(
		read_words(&transfer, true, "", 0), E_PARSE); /* NOERROR with nothing in it */
}

static void limits_hold_before_anything_is_handed_on(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);

	(void)state;
	transfer.limits.records = 3;
	assert_int_equal(read_words(&transfer, true, "7 a=2 b=2 c=2 7", 0), E_LIMIT);
	assert_string_equal(seen.text, "+a=2 +b=2");
	transfer = reader_new(DNS_AXFR, 0, &seen);
	transfer.limits.octets = 60;
	seen.text[0] = '\0';
	assert_int_equal(read_words(&transfer, true, "7 a=2 7", 0), E_LIMIT);
	assert_string_equal(seen.text, "");
}

/* Each octet of the header and the question that could be another message's. */
static void only_the_answer_to_our_question_is_read(void **state)
{
	static const struct {
		size_t at;
		uint8_t bits;
	} changes[] = {{1, 1}, {2, 0x80}, {2, 0x08}, {2, 0x02}, {13, 1}, {22, 1}, {24, 2}};

	(void)state;
	for (size_t i = 0; i < COUNTOF(changes); i++) {
		struct seen seen = {""};
		struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);
		struct buf message;

		message_build(&message, DNS_AXFR, 0, true, span_text("7 a=2 7"));
		message.ptr[changes[i].at] ^= changes[i].bits;
		assert_int_equal(
			transfer_read_message(&transfer, buf_span(&message), NOW_S, NULL), E_PARSE);
		assert_string_equal(seen.text, "");
		buf_done(&message);
	}
}

static void the_first_message_needs_its_question(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);

	(void)state;
	assert_int_equal(read_words(&transfer, false, "7 a=2 7", 0), E_PARSE);
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	struct buf message;

	(void)state;
	message_build(&message, DNS_AXFR, 0, true, span_text("7 a=2 7"));
	for (size_t len = 0; len < buf_len(&message); len++) {
		struct seen seen = {""};
		struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);

		assert_true(transfer_read_message(&transfer, span_first(buf_span(&message), len),
				    NOW_S, NULL) < 0);
		assert_string_equal(seen.text, "");
	}
	buf_done(&message);
}

/* ---- signed ---- */

struct signing {
	struct tsig_key key;
	struct tsig_exchange server;
	struct tsig_exchange client;
};

static void signing_begin(struct signing *signing)
{
	struct buf query;
	struct dns_message message;

	assert_int_equal(tsig_key_init(&signing->key,
				 &(struct tsig_key_text){span_text("key.test"), TSIG_HMAC_SHA256,
					 span_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")},
				 NULL),
		0);
	buf_init(&query, 0);
	message_build(&query, DNS_AXFR, 0, true, span_text(""));
	query.ptr[2] = 0; /* a query, not a response */
	query.ptr[3] = 0;
	tsig_begin(&signing->client, &signing->key);
	buf_reserve(&query, 512);
	buf_wrote(&query,
		tsig_sign(&signing->client,
			&(struct tsig_message){query.ptr, buf_len(&query), query.size}, NOW_S) -
			buf_len(&query));
	assert_int_equal(dns_message_decode(buf_span(&query), &message), 0);
	signing->server = (struct tsig_exchange){.key = NULL};
	assert_int_equal(tsig_verify_query(&signing->server,
				 &(struct tsig_signed){buf_span(&query), message.tsig_at},
				 &(struct tsig_keys){1, &signing->key}, NOW_S),
		DNS_NOERROR);
	buf_done(&query);
}

static int read_signed(struct signing *signing, struct transfer_read *transfer, bool first,
	const char *words, bool is_signed, uint8_t damage)
{
	struct buf message;
	int r;

	message_build(&message, DNS_AXFR, 0, first, span_text(words));
	buf_reserve(&message, 512);
	if (is_signed)
		buf_wrote(&message, tsig_sign(&signing->server,
					    &(struct tsig_message){
						    message.ptr, buf_len(&message), message.size},
					    NOW_S) -
					    buf_len(&message));
	message.ptr[buf_len(&message) / 2] ^= damage;
	r = transfer_read_message(transfer, buf_span(&message), NOW_S, NULL);
	buf_done(&message);
	return r;
}

static void signed_transfers_are_whole_and_genuine(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);
	struct signing signing;

	(void)state;
	signing_begin(&signing);
	transfer.tsig = &signing.client;
	assert_int_equal(read_signed(&signing, &transfer, true, "7 a=2", true, 0), 0);
	assert_int_equal(read_signed(&signing, &transfer, false, "b=2", true, 0), 0);
	assert_int_equal(read_signed(&signing, &transfer, false, "7", true, 0), 1);
	assert_string_equal(seen.text, "+a=2 +b=2");
}

static void an_unsigned_end_or_a_changed_octet_ends_it(void **state)
{
	struct seen seen = {""};
	struct transfer_read transfer = reader_new(DNS_AXFR, 0, &seen);
	struct signing signing;

	(void)state;
	signing_begin(&signing);
	transfer.tsig = &signing.client;
	assert_int_equal(read_signed(&signing, &transfer, true, "7 a=2", true, 0), 0);
	assert_int_equal(read_signed(&signing, &transfer, false, "7", false, 0), E_DENIED);

	transfer = reader_new(DNS_AXFR, 0, &seen);
	signing_begin(&signing);
	transfer.tsig = &signing.client;
	assert_true(read_signed(&signing, &transfer, true, "7 a=2 b=2 c=2 7", true, 1) < 0);

	transfer = reader_new(DNS_AXFR, 0, &seen);
	signing_begin(&signing);
	transfer.tsig = &signing.client;
	assert_int_equal(read_signed(&signing, &transfer, true, "7 a=2 7", false, 0), E_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_shape_is_read),
		cmocka_unit_test(each_shape_is_read_record_by_record),
		cmocka_unit_test(nothing_may_follow_the_end),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(limits_hold_before_anything_is_handed_on),
		cmocka_unit_test(only_the_answer_to_our_question_is_read),
		cmocka_unit_test(the_first_message_needs_its_question),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(signed_transfers_are_whole_and_genuine),
		cmocka_unit_test(an_unsigned_end_or_a_changed_octet_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
