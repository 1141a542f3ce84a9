/* SPDX-License-Identifier: ISC */
/* Parts of data sets that a comparison with rbldnsd (tests/e2e/test_rbl_data.py) does not reach, or
 * not so that one sees why. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "dns/message.h"
#include "rbldata/load_text.h"

/* What was noted, and what was answered. */
struct heard {
	char notes[2048];
	char records[2048];
};

static void note(void *arg, const struct rbl_note *n)
{
	struct heard *heard = arg;
	size_t len = strlen(heard->notes);

	snprintf(heard->notes + len, sizeof(heard->notes) - len, "%llu:%u: %s%s\n",
		(unsigned long long)n->line, n->column, n->text,
		n->is_comment ? " (a comment to others)" : "");
}

static void record(void *arg, const struct rbl_record *r)
{
	struct heard *heard = arg;
	size_t len = strlen(heard->records), size = sizeof(heard->records) - len;

	if (r->type == DNS_A)
		snprintf(heard->records + len, size, "%u.%u.%u.%u ", r->rdata.ptr[0],
			r->rdata.ptr[1], r->rdata.ptr[2], r->rdata.ptr[3]);
	else
		snprintf(heard->records + len, size, "'%.*s' ", (int)r->rdata.len - 1,
			(const char *)r->rdata.ptr + 1);
}

/* Loads a text; the result, and *ret_dataset. */
static int load(enum rbl_type type, const char *text, struct heard *heard,
	struct rbl_dataset **ret_dataset, struct fault *why)
{
	struct rbl_report report = {note, heard};

	*heard = (struct heard){0};
	return load_text(type, text, &report, ret_dataset, why);
}

static struct rbl_dataset *load_well(enum rbl_type type, const char *text)
{
	struct rbl_dataset *dataset = NULL;
	struct heard heard;
	struct fault why;

	assert_int_equal(load(type, text, &heard, &dataset, &why), 0);
	assert_string_equal(heard.notes, "");
	return dataset;
}

/* ---- acl: the client, not the question ---- */

struct client_case {
	const char *client;
	enum rbl_action action;
	const char *records;
};

static const struct client_case client_cases[] = {
	{"192.0.2.1", RBL_REFUSE, ""},
	{"192.0.2.130", RBL_PASS, ""},
	{"192.0.2.140", RBL_ALWAYS, "127.0.0.9 'go away, 192.0.2.140' "},
	{"198.51.100.1", RBL_IGNORE, ""},
	{"203.0.113.1", RBL_PASS, ""},
	{"2001:db8::1", RBL_EMPTY, ""},
	{"2001:db9::1", RBL_PASS, ""},
};

static void an_acl_judges_clients(void **state)
{
	struct rbl_dataset *acl = load_well(RBL_ACL, "198.51.100.0/24\n"
						     ":refuse\n"
						     "192.0.2.0/24\n"
						     "192.0.2.128/28 =PASS # friends\n"
						     "192.0.2.140 :9:go away, $\n"
						     "2001:db8::/32 :empty\n");

	(void)state;
	for (size_t i = 0; i < COUNTOF(client_cases); i++) {
		const struct client_case *c = &client_cases[i];
		struct heard heard = {0};
		struct rbl_sink sink = {record, &heard};
		struct rbl_verdict verdict;
		struct ip client;

		assert_int_equal(ip_parse(span_text(c->client), &client), 0);
		verdict = rbl_dataset_verdict(acl, client);
		assert_int_equal(verdict.action, c->action);
		rbl_verdict_answer(&verdict, client, RBL_WANT_ANY, &sink);
		assert_string_equal(heard.records, c->records);
	}
	rbl_dataset_unref(&acl);
}

static void the_stronger_acl_holds(void **state)
{
	static const enum rbl_action order[] = {
		RBL_PASS, RBL_ALWAYS, RBL_EMPTY, RBL_REFUSE, RBL_IGNORE};

	(void)state;
	for (size_t i = 0; i < COUNTOF(order); i++) {
		for (size_t j = 0; j < COUNTOF(order); j++) {
			struct rbl_verdict global = {.action = order[i], .value = 1};
			struct rbl_verdict zone = {.action = order[j], .value = 2};
			struct rbl_verdict held = rbl_verdict_join(global, zone);

			assert_int_equal(held.action, order[i > j ? i : j]);
			if (i == j)
				assert_int_equal(held.value, 1); /* of two alike the global one */
		}
	}
}

/* ---- The head ---- */

static void special_lines_make_the_head(void **state)
{
	struct rbl_dataset *dataset =
		load_well(RBL_IP4SET, "$TTL 2m\n"
				      "$SOA 0 NS.example hostmaster.example 7 1h 30m 1w 10\n"
				      "$SOA 1 other.example other.example 8 1 1 1 1\n"
				      "#$NS 1d ns1.example. -ns2.example ns3.example\n"
				      "$NS 1 ns4.example\n"
				      "$ttl 90\n"
				      "$TIMESTAMP 2023:11:14:00:00:00 2024-02-29-12\n"
				      "$TIMESTAMP 20230101 +400d\n"
				      "192.0.2.1\n");
	const struct rbl_head *head = rbl_dataset_head(dataset);
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	assert_true(head->soa.present);
	assert_int_equal(head->soa.ttl_s, 120); /* $TTL as it was then */
	assert_string_equal(dns_name_print(&head->soa.server, text), "NS.example");
	assert_int_equal(head->soa.serial, 7);
	assert_int_equal(head->soa.retry_s, 1800);
	assert_int_equal(head->soa.minimum_s, 10);
	assert_int_equal(head->ns_len, 2);
	assert_int_equal(head->ns_ttl_s, 86400);
	assert_string_equal(dns_name_print(&head->ns[1], text), "ns3.example");
	assert_int_equal(head->ttl_s, 90);
	assert_int_equal(head->expires_s, INT64_C(1672531200) + 400 * 86400); /* the earlier one */
	rbl_dataset_unref(&dataset);
}

struct bad_case {
	const char *line, *note;
};

static const struct bad_case bad_cases[] = {
	{"$SOA 0 a b 1 1 1 1", "1:19: expected a time like 3600, 2h or 1w\n"},
	{"$SOA 0 a",
		"1:9: expected: $SOA ttl server mailbox serial refresh retry expire minimum\n"},
	{"$NS 0", "1:6: expected: $NS ttl server server ...\n"},
	{"$NS 0 ..x..", ""},
	{"$TTL 5y", "1:7: expected a time like 3600, 2h or 1w\n"},
	{"$TTL 99999999999", "1:15: expected a time like 3600, 2h or 1w\n"},
	{"$TIMESTAMP 2023:02:29",
		"1:22: expected: $TIMESTAMP yyyy:mm:dd[:hh[:mi[:ss]]] [expiry]\n"},
	{"$MAXRANGE4 /33", "1:15: expected a number of addresses, or a length like /24\n"},
	{"$DATASET ip4set x", "1:0: $DATASET belongs into files of type combined\n"},
	{"192.0.2.0/33", "1:12: invalid address\n"},
	{"  192.0.2.9/24", "1:3: the address has bits behind the length of the network\n"},
	{"192.0.2.9-192.0.2.1", "1:20: invalid address\n"},
	{"192.0.2.1 :x", "1:11: invalid A value\n"},
	{"192.0.2.1 :2 x", "1:14: expected ':' behind the A value\n"},
	{"$ENT true", "1:2: unknown special entry\n"},
	{":$ENT true", "1:3: unknown special entry\n"},
	{"#$ENT true", "1:3: unknown special entry (a comment to others)\n"},
	{";$Id: list,v 1.3 $", "1:3: unknown special entry (a comment to others)\n"},
	{"#$TTL x", "1:7: expected a time like 3600, 2h or 1w\n"},
};

static void what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(bad_cases); i++) {
		struct rbl_dataset *dataset = NULL;
		struct heard heard;
		char text[128];
		struct fault why;

		snprintf(text, sizeof(text), "%s\n", bad_cases[i].line);
		assert_int_equal(load(RBL_IP4SET, text, &heard, &dataset, &why), 0);
		if (strcmp(heard.notes, bad_cases[i].note) != 0)
			fail_msg("'%s': %s", bad_cases[i].line, heard.notes);
		rbl_dataset_unref(&dataset);
	}
}

/* ---- Files as foreign systems write them ---- */

/* All that is said about a name, "2.0.192.1"; in one string. */
static void ask(
	const struct rbl_dataset *dataset, struct span name, unsigned kinds, struct heard *heard)
{
	struct rbl_sink sink = {record, heard};
	struct rbl_question question;

	*heard = (struct heard){0};
	rbl_question_init(&question, name, kinds, RBL_WANT_ANY);
	rbl_dataset_query(dataset, &question, &sink);
}

static void a_cr_before_the_newline_belongs_to_the_end_of_the_line(void **state)
{
	static const struct {
		enum rbl_type type;
		const char *text, *name, *records;
	} cases[] = {
		{RBL_IP4SET, "192.0.2.7\r\n192.0.2.1\r\n",
			"\1"
			"1\1"
			"2\1"
			"0\3"
			"192",
			"127.0.0.2 "},
		{RBL_IP4SET, ":3:listed $\r\n\r\n192.0.2.1\r\n# x\r\n",
			"\1"
			"1\1"
			"2\1"
			"0\3"
			"192",
			"127.0.0.3 'listed 192.0.2.1' "},
		{RBL_IP4TRIE, "$1 one\r\n192.0.2.1 $1\r\n",
			"\1"
			"1\1"
			"2\1"
			"0\3"
			"192",
			"127.0.0.2 'one' "},
		{RBL_DNSET, ":3:\r\n.bad.example\r\n", "\1x\3bad\7example", "127.0.0.3 "},
		{RBL_GENERIC, "x TXT words\r\n", "\1x", "'words' "},
		{RBL_COMBINED, "$DATASET dnset @\r\nbad\r\n", "\3bad", "127.0.0.2 "},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases) * 2; i++) {
		char text[256];
		struct rbl_dataset *dataset;
		struct heard heard;

		snprintf(text, sizeof(text), "%s%s", i % 2 != 0 ? "\xef\xbb\xbf" : "",
			cases[i / 2].text);
		dataset = load_well(cases[i / 2].type, text);
		ask(dataset, span_text(cases[i / 2].name), rbl_type_kinds(cases[i / 2].type),
			&heard);
		assert_string_equal(heard.records, cases[i / 2].records);
		rbl_dataset_unref(&dataset);
	}
}

/* ---- combined ---- */

/* "bad" below a subzone, or a name as it is: the records, and what was found. */
static unsigned ask_name(const struct rbl_dataset *dataset, const char *text, struct heard *heard)
{
	struct rbl_sink sink = {record, heard};
	struct rbl_question question;
	struct dns_name name;

	*heard = (struct heard){0};
	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	rbl_question_init(&question, span_of(name.wire, (size_t)name.len - 1), 0, RBL_WANT_A);
	return rbl_dataset_query(dataset, &question, &sink);
}

static void the_closest_of_many_subzones_answers(void **state)
{
	enum { SUBZONES = 3000 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct rbl_dataset *dataset;
	struct heard heard;

	(void)state;
	for (unsigned i = 0; i < SUBZONES; i++)
		fprintf(out, "$DATASET dnset s%u.deep.zone S%u.Wide\nbad :%u:\n", i, i,
			2 + i % 200);
	fprintf(out, "$DATASET dnset @ wide\n*.wide :250:\nbad :251:\n");
	fclose(out);
	dataset = load_well(RBL_COMBINED, text);
	for (unsigned i = 0; i < SUBZONES; i++) {
		char name[64], said[32];

		snprintf(said, sizeof(said), "127.0.0.%u ", 2 + i % 200);
		snprintf(name, sizeof(name), "bad.s%u.deep.zone", i);
		assert_int_equal(ask_name(dataset, name, &heard), RBL_FOUND);
		assert_string_equal(heard.records, said);
		snprintf(name, sizeof(name), "bad.s%u.wide", i);
		ask_name(dataset, name, &heard);
		assert_string_equal(heard.records, said);
	}
	assert_int_equal(ask_name(dataset, "deep.zone", &heard), RBL_BELOW);
	assert_int_equal(ask_name(dataset, "s1.deep.zone", &heard), RBL_FOUND);
	assert_int_equal(ask_name(dataset, "bad.wide", &heard), RBL_FOUND);
	assert_string_equal(heard.records, "127.0.0.251 ");
	assert_int_equal(ask_name(dataset, "bad.s9999.deep.zone", &heard), 0);
	rbl_dataset_unref(&dataset);
	free(text);
}

/* ---- Bounds ---- */

static void too_many_ranges_over_one_address_are_an_error(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct rbl_dataset *dataset = NULL;
	struct heard heard;
	struct fault why;

	(void)state;
	for (unsigned i = 0; i < 1100; i++)
		fprintf(out, "10.%u.%u.0-10.9.%u.255 :%u:%u\n", i / 256, i % 256, i % 256,
			2 + i % 200, i);
	fclose(out);
	assert_int_equal(load(RBL_IP4SET, text, &heard, &dataset, &why), E_LIMIT);
	assert_null(dataset);
	free(text);
}

static void running_out_of_memory_is_an_error(void **state)
{
	static const char text[] = "10.0.0.1\n10.0.1.0/22 :3\n!10.0.1.5\n10/8 :4:x\n";
	struct rbl_dataset *dataset = NULL;
	struct heard heard;
	struct fault why;
	size_t n = 1;
	int r;

	(void)state;
	do {
		mem_fail_after(n++);
		r = load(RBL_IP4SET, text, &heard, &dataset, &why);
		mem_fail_after(0);
		assert_true(r == 0 || r == E_NOMEM);
		assert_true((r == 0) == (dataset != NULL));
	} while (r != 0 && n < 1000);
	assert_int_equal(r, 0);
	assert_true(n > 5);
	rbl_dataset_unref(&dataset);
}

/* Ten million addresses cost about two bytes each; here it is a hundred thousand, where the index
 * weighs more. */
static void many_addresses_are_small(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct rbl_dataset *dataset;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		uint32_t a = i * UINT32_C(2654435761);

		fprintf(out, "%u.%u.%u.%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	fclose(out);
	dataset = load_well(RBL_IP4SET, text);
	assert_int_equal(rbl_dataset_entries(dataset), 300000);
	assert_in_range(rbl_dataset_memory(dataset), 300000 * 2, 300000 * 4);
	rbl_dataset_unref(&dataset);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_acl_judges_clients),
		cmocka_unit_test(the_stronger_acl_holds),
		cmocka_unit_test(special_lines_make_the_head),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(a_cr_before_the_newline_belongs_to_the_end_of_the_line),
		cmocka_unit_test(the_closest_of_many_subzones_answers),
		cmocka_unit_test(too_many_ranges_over_one_address_are_an_error),
		cmocka_unit_test(running_out_of_memory_is_an_error),
		cmocka_unit_test(many_addresses_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
