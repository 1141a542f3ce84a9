/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/mem.h"
#include "rbldnsd/answer.h"

/*
 * Whole messages: what is asked in text, what comes back as text "RCODE flags | name ttl TYPE data
 * ... | authority | additional". What data sets hold is tested by itself; here it is what is made
 * of that.
 */
enum { NOW_S = 1700000000, FILES = 10 };

static const char *const file_texts[FILES] = {
	[0] = "$SOA 1d ns1.ex.org admin.ex.org 0 2h 2h 1w 1h\n"
	      "$NS 1h ns1.bl.ex ns2.ex.org ns1.bl.ex -ns3.ex.org\n"
	      ":2:Listed $\n192.0.2.1\n192.0.2.2 :3:\n10.0.0.0/8\n!10.1.2.3\n",
	[1] = "$TTL 600\n:2:Listed $\n192.0.2.1 :4:also\n192.0.2.1\n",
	[2] = "ns1 A 192.0.2.53\n@ A 192.0.2.80\n@ MX 10 mx.ex.org\nwww 60 A 192.0.2.81\n"
	      "about TXT words\n",
	[3] = ":5:\nbad.example\n*.worse.example\n",
	[4] = "198.51.100.1 :ignore\n198.51.100.2 :refuse\n198.51.100.3 :empty\n"
	      "198.51.100.4 :127.0.0.9:you $\n198.51.100.5 :pass\n",
	[5] = "198.51.100.3 :refuse\n198.51.100.6 :ignore\n",
	[6] = "$TIMESTAMP 2023:11:14 2023:11:15\n192.0.2.1\n",
	[7] = "$DATASET ip4set a @\n192.0.2.1\n$DATASET generic x.y\n@ A 192.0.2.9\n",
	[8] = ":2:\n2001:db8::/32\n",
	[9] = "$SOA 1d ns1.ex.org admin.ex.org 1699000000 2h 2h 1w 1h\n:2:\n192.0.2.1\n",
};

static char folder[] = "/tmp/stockade-rbl-XXXXXX";

struct bench {
	struct rbl_plan *plan;
	struct rbl_dataset **sets;
	struct rbl_table *table;
	struct rbl_service service;
};

/* Zones from "zone:type:number", the number that of a file; a number beyond is a file that is not
 * there. */
static struct bench *bench_new(const char *const *specs, size_t len)
{
	static const struct rbl_options options = {0};
	struct bench *bench = mem_new(bench);
	struct fault why = {""};

	if (rbl_plan_new(specs, len, &bench->plan, &why) < 0)
		fail_msg("%s", why.text);
	bench->sets = mem_alloc_array(len, sizeof(struct rbl_dataset *));
	for (size_t i = 0; i < bench->plan->sources_len; i++) {
		const struct rbl_source *source = &bench->plan->sources[i];
		char path[64];
		const char *files[] = {path};
		struct rbl_load load = {.type = source->type,
			.files_len = 1,
			.files = files,
			.options = &options,
			.now_s = NOW_S};

		snprintf(path, sizeof(path), "%s/%s", folder, source->files[0]);
		if (access(path, F_OK) == 0 && rbl_dataset_load(&load, &bench->sets[i], &why) < 0)
			fail_msg("%s", why.text);
	}
	bench->table = rbl_table_new(bench->plan, bench->sets);
	bench->service.table = bench->table;
	return bench;
}

static void bench_free(struct bench *bench)
{
	rbl_table_free(&bench->table);
	for (size_t i = 0; i < bench->plan->sources_len; i++) {
		if (bench->sets[i] != NULL)
			rbl_dataset_unref(&bench->sets[i]);
	}
	mem_free(bench->sets);
	rbl_plan_free(&bench->plan);
	mem_free(bench);
}

/* ---- messages as text ---- */

static void print_record(
	struct buf *out, const struct dns_message *message, const struct dns_record *record)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name target;
	struct dns_soa soa;
	struct ip ip;

	buf_append_format(out, " %s %u", dns_name_print(&record->name, text), record->ttl_s);
	switch (record->type) {
	case DNS_A:
		assert_int_equal(dns_record_ip(record, &ip), 0);
		buf_append_format(out, " A %s", ip_print(ip, text));
		break;
	case DNS_TXT:
		buf_append_text(out, " TXT ");
		assert_int_equal(dns_record_text(record, out), 0);
		break;
	case DNS_SOA:
		assert_int_equal(dns_record_soa(message, record, &soa), 0);
		buf_append_format(out, " SOA %u", soa.serial);
		break;
	case DNS_NS:
	case DNS_MX:
		assert_int_equal(dns_record_target(message, record, &target), 0);
		buf_append_format(out, " %s %s", record->type == DNS_NS ? "NS" : "MX",
			dns_name_print(&target, text));
		break;
	default:
		fail_msg("type %u", record->type);
	}
}

static void describe(struct buf *out, struct span bytes)
{
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", [DNS_BADVERS] = "BADVERS"};
	struct dns_message message;
	struct dns_record record;

	assert_int_equal(dns_message_decode(bytes, &message), 0);
	buf_append_text(out, rcodes[message.rcode]);
	if ((message.flags & DNS_FLAG_AA) != 0)
		buf_append_text(out, " aa");
	if ((message.flags & DNS_FLAG_TC) != 0)
		buf_append_text(out, " tc");
	for (unsigned section = 0; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = {.section = section};
		bool any = false;

		while (dns_message_next(&message, &walk, &record) > 0) {
			if (record.type == DNS_OPT)
				continue;
			buf_append_text(out, any            ? ""
					     : section == 0 ? " |"
					     : section == 1 ? " /"
							    : " +");
			any = true;
			print_record(out, &message, &record);
		}
	}
}

struct question {
	const char *name;
	uint16_t type;
	const char *client; /* NULL: 192.0.2.200 */
	enum dns_transport transport;
	uint16_t udp_size;
};

/* Octets of the query go into a buffer of the caller. */
static struct dns_request request_of(
	const struct question *question, struct buf *query, uint8_t *out)
{
	struct dns_request request = {.transport = question->transport, .out = out};
	struct dns_name name;

	request.client.ip = ip_from_v4(0xc00002c8);
	if (question->client != NULL)
		assert_int_equal(ip_parse(span_text(question->client), &request.client.ip), 0);
	assert_int_equal(dns_name_parse(span_text(question->name), &name), 0);
	buf_init(query, 0);
	dns_query_encode(query, 7, &name, question->type, question->udp_size);
	request.query = buf_span(query);
	return request;
}

static struct rbl_outcome ask(
	const struct bench *bench, const struct question *question, struct buf *out)
{
	static uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct rbl_outcome outcome;
	struct buf query;
	struct dns_request request = request_of(question, &query, answer);

	buf_clear(out);
	outcome = rbl_answer(&bench->service, &request, NOW_S);
	if (request.out_len == 0)
		buf_append_text(out, "silence");
	else
		describe(out, span_of(answer, request.out_len));
	buf_done(&query);
	return outcome;
}

struct answer_case {
	struct question question;
	const char *expected;
};

/* A batch, of which each is answered and counted as it is alone. */
static void check_together(const struct bench *bench, const struct answer_case *cases, size_t len)
{
	static uint8_t answers[RBL_BATCH_MAX][DNS_ANSWER_TCP_MAX], alone_answer[DNS_ANSWER_TCP_MAX];
	struct rbl_outcome outcomes[RBL_BATCH_MAX], outcome;
	struct dns_request requests[RBL_BATCH_MAX], alone;
	struct buf queries[RBL_BATCH_MAX];

	for (size_t i = 0; i < len; i++)
		requests[i] = request_of(&cases[i].question, &queries[i], answers[i]);
	rbl_answer_requests(&bench->service, requests, len, NOW_S, outcomes);
	for (size_t i = 0; i < len; i++) {
		alone = requests[i];
		alone.out = alone_answer;
		outcome = rbl_answer(&bench->service, &alone, NOW_S);
		assert_int_equal(outcomes[i].zone, outcome.zone);
		assert_int_equal(outcomes[i].result, outcome.result);
		assert_int_equal(requests[i].out_len, alone.out_len);
		assert_memory_equal(answers[i], alone_answer, alone.out_len);
		buf_done(&queries[i]);
	}
}

static void check(const struct bench *bench, const struct answer_case *cases, size_t len)
{
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < len; i++) {
		ask(bench, &cases[i].question, &out);
		if (strcmp(buf_cstr(&out), cases[i].expected) != 0)
			fail_msg("%s type %u:\n  %s\nnot\n  %s", cases[i].question.name,
				cases[i].question.type, buf_cstr(&out), cases[i].expected);
	}
	for (size_t i = 0; i < len; i += RBL_BATCH_MAX)
		check_together(bench, cases + i, len - i < RBL_BATCH_MAX ? len - i : RBL_BATCH_MAX);
	buf_done(&out);
}

/* ---- tests ---- */

/* The time of file 0, which is the serial. */
enum { FILE_S = 1699000000 };

#define DENIED " / bl.ex 3600 SOA 1699000000"

static void names_are_answered(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:0", "bl.ex:generic:2", "bl.ex:dnset:3"};
	static const struct answer_case cases[] = {
		{{"1.2.0.192.bl.ex", DNS_A}, "NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.2"},
		{{"1.2.0.192.BL.Ex", DNS_TXT},
			"NOERROR aa | 1.2.0.192.BL.Ex 2100 TXT Listed 192.0.2.1"},
		{{"2.2.0.192.bl.ex", DNS_TXT}, "NOERROR aa" DENIED},
		{{"1.2.0.192.bl.ex", DNS_AAAA}, "NOERROR aa" DENIED},
		{{"1.2.0.192.bl.ex", 257}, "NOERROR aa" DENIED},
		{{"3.2.0.192.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"3.2.1.10.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"4.2.1.10.bl.ex", DNS_A}, "NOERROR aa | 4.2.1.10.bl.ex 2100 A 127.0.0.2"},
		/* what is above something listed is there (RFC 8020) */
		{{"2.0.192.bl.ex", DNS_A}, "NOERROR aa" DENIED},
		{{"0.192.bl.ex", DNS_NS}, "NOERROR aa" DENIED},
		{{"3.0.192.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"bad.example.bl.ex", DNS_A}, "NOERROR aa | bad.example.bl.ex 2100 A 127.0.0.5"},
		{{"example.bl.ex", DNS_A}, "NOERROR aa" DENIED},
		{{"a.b.worse.example.bl.ex", DNS_A},
			"NOERROR aa | a.b.worse.example.bl.ex 2100 A 127.0.0.5"},
		{{"www.bl.ex", DNS_A}, "NOERROR aa | www.bl.ex 60 A 192.0.2.81"},
		{{"about.bl.ex", DNS_A}, "NOERROR aa" DENIED},
		/* ANY: one type and no more (RFC 8482) */
		{{"1.2.0.192.bl.ex", DNS_ANY}, "NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.2"},
		{{"about.bl.ex", DNS_ANY}, "NOERROR aa | about.bl.ex 2100 TXT words"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

/* The nibbles of an address of IPv6 from the top on, so many, as labels: "f.f.0.0". */
static void nibbles_print(const char *address, unsigned count, char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(span_text(address), &ip), 0);
	for (unsigned i = count; i-- > 0;)
		text += sprintf(text, "%x.", (unsigned)ip.b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf);
}

/* Each name above an address that is answered is there, down to the address; of the first `said`
 * nibbles, another one leads nowhere. */
static void check_nibbles(const struct bench *bench, const char *address, unsigned said)
{
	struct buf out;

	buf_init(&out, 0);
	for (unsigned count = 1; count <= 32; count++) {
		char name[DNS_NAME_TEXT_SIZE];
		struct question question = {name, DNS_A};

		nibbles_print(address, count, name);
		strcat(name, "bl.ex");
		ask(bench, &question, &out);
		assert_memory_equal(buf_cstr(&out), "NOERROR aa", 10);
		assert_int_equal(strstr(buf_cstr(&out), "127.0.0.") != NULL, count == 32);
		name[0] = '9'; /* no address here has that */
		ask(bench, &question, &out);
		if (count <= said && strcmp(buf_cstr(&out), "NXDOMAIN aa" DENIED) != 0)
			fail_msg("%s: %s", name, buf_cstr(&out));
	}
	buf_done(&out);
}

/* RFC 5782 section 5: a list of IPv4 addresses has them in their IPv6 form as well; resolvers that
 * ask label by label (RFC 9156) have to get there. */
static void names_above_ipv4_in_ipv6_are_there(void **state)
{
	static const char *const types[] = {"ip4set", "ip4trie", "ip4tset"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(types) * 2; i++) {
		char spec[32];
		const char *specs[] = {spec, "bl.ex:ip6trie:8"};
		struct bench *bench;

		snprintf(spec, sizeof(spec), "bl.ex:%s:9", types[i / 2]);
		bench = bench_new(specs, 1 + i % 2);
		check_nibbles(bench, "::ffff:192.0.2.1", 32);
		if (i % 2 == 0)
			check_nibbles(bench, "2002:c000:201:1111:1111:1111:1111:1111", 12);
		bench_free(bench);
	}
}

static void the_apex_has_what_the_data_give_it(void **state)
{
	static const char *const specs[] = {
		"bl.ex:ip4set:0", "bl.ex:generic:2", "bare.ex:ip4set:1"};
	static const struct answer_case cases[] = {
		{{"bl.ex", DNS_SOA}, "NOERROR aa | bl.ex 86400 SOA 1699000000"},
		{{"bl.ex", DNS_NS}, "NOERROR aa | bl.ex 3600 NS ns1.bl.ex bl.ex 3600 NS ns2.ex.org"
				    " + ns1.bl.ex 2100 A 192.0.2.53"},
		{{"bl.ex", DNS_A}, "NOERROR aa | bl.ex 2100 A 192.0.2.80"},
		{{"bl.ex", DNS_MX}, "NOERROR aa | bl.ex 2100 MX mx.ex.org"},
		{{"bl.ex", DNS_TXT}, "NOERROR aa" DENIED},
		{{"bl.ex", DNS_ANY}, "NOERROR aa | bl.ex 86400 SOA 1699000000"},
		/* without a SOA nothing can be said of it */
		{{"bare.ex", DNS_SOA}, "REFUSED"},
		{{"bare.ex", DNS_NS}, "REFUSED"},
		{{"bare.ex", DNS_A}, "NOERROR aa"},
		{{"bare.ex", DNS_ANY}, "NOERROR aa"},
		{{"3.2.0.192.bare.ex", DNS_A}, "NXDOMAIN aa"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

static void data_sets_of_a_zone_answer_together(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:0", "bl.ex:ip4set:1"};
	static const struct answer_case cases[] = {
		/* one record each, all with the least time to live (RFC 2181 section 5.2) */
		{{"1.2.0.192.bl.ex", DNS_A},
			"NOERROR aa | 1.2.0.192.bl.ex 600 A 127.0.0.2 1.2.0.192.bl.ex 600 A "
			"127.0.0.4"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

static void the_deepest_zone_answers_in_any_order(void **state)
{
	static const char *const specs[] = {
		"bl.ex:ip4set:0", "a.b.bl.ex:ip4set:1", "c.ex:combined:7"};
	static const struct answer_case cases[] = {
		{{"1.2.0.192.a.b.bl.ex", DNS_TXT},
			"NOERROR aa | 1.2.0.192.a.b.bl.ex 600 TXT also 1.2.0.192.a.b.bl.ex 600 TXT "
			"Listed 192.0.2.1"},
		{{"b.bl.ex", DNS_A}, "NOERROR aa" DENIED},
		{{"x.b.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"a.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"x.y.c.ex", DNS_A}, "NOERROR aa | x.y.c.ex 2100 A 192.0.2.9"},
		{{"y.c.ex", DNS_A}, "NOERROR aa"},
		{{"1.2.0.192.c.ex", DNS_A}, "NOERROR aa | 1.2.0.192.c.ex 2100 A 127.0.0.2"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

static void access_lists_decide_by_client(void **state)
{
	static const char *const specs[] = {
		"bl.ex:ip4set:0", "bl.ex:generic:2", ":acl:4", "bl.ex:acl:5", "o.ex:ip4set:1"};
	static const struct answer_case cases[] = {
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.1"}, "silence"},
		{{"foreign.example", DNS_A, "198.51.100.1"}, "silence"},
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.2"}, "REFUSED"},
		{{"bl.ex", DNS_SOA, "198.51.100.2"}, "REFUSED"},
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.3"},
			"REFUSED"}, /* the zone's is stronger */
		{{"1.2.0.192.o.ex", DNS_A, "198.51.100.3"}, "NXDOMAIN aa"},
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.4"},
			"NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.9"},
		{{"99.2.0.192.bl.ex", DNS_TXT, "198.51.100.4"},
			"NOERROR aa | 99.2.0.192.bl.ex 2100 TXT you 198.51.100.4"},
		{{"www.bl.ex", DNS_A, "198.51.100.4"}, "NOERROR aa | www.bl.ex 60 A 192.0.2.81"},
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.5"},
			"NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.2"},
		{{"1.2.0.192.bl.ex", DNS_A, "198.51.100.6"}, "silence"},
		{{"1.2.0.192.o.ex", DNS_A, "198.51.100.6"},
			"NOERROR aa | 1.2.0.192.o.ex 600 A 127.0.0.4 1.2.0.192.o.ex 600 A "
			"127.0.0.2"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

static void zones_without_good_data_are_not_served(void **state)
{
	static const char *const specs[] = {
		"old.ex:ip4set:6", "gone.ex:ip4set:99", "gone.ex:generic:2", "bl.ex:ip4set:0"};
	static const struct answer_case cases[] = {
		{{"1.2.0.192.old.ex", DNS_A}, "NOERROR aa | 1.2.0.192.old.ex 2100 A 127.0.0.2"},
		{{"www.gone.ex", DNS_A}, "SERVFAIL"},
		{{"gone.ex", DNS_SOA}, "SERVFAIL"},
		{{"1.2.0.192.bl.ex", DNS_A}, "NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.2"},
		{{"foreign.example", DNS_A}, "REFUSED"},
		{{"bl.ex", DNS_AXFR}, "NOTIMP"},
		{{"ex", DNS_A}, "REFUSED"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	check(bench, cases, COUNTOF(cases));
	bench->table->zones[0].expires_s = NOW_S;
	check(bench, &(const struct answer_case){{"1.2.0.192.old.ex", DNS_A}, "SERVFAIL"}, 1);
	bench_free(bench);
}

static void name_servers_come_along_when_asked_for(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:0", "bl.ex:generic:2"};
	static const struct answer_case cases[] = {
		{{"1.2.0.192.bl.ex", DNS_A},
			"NOERROR aa | 1.2.0.192.bl.ex 2100 A 127.0.0.2 / bl.ex 3600 NS ns1.bl.ex "
			"bl.ex 3600 NS ns2.ex.org + ns1.bl.ex 2100 A 192.0.2.53"},
		{{"3.2.0.192.bl.ex", DNS_A}, "NXDOMAIN aa" DENIED},
		{{"bl.ex", DNS_NS}, "NOERROR aa | bl.ex 3600 NS ns1.bl.ex bl.ex 3600 NS ns2.ex.org"
				    " + ns1.bl.ex 2100 A 192.0.2.53"},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	bench->service.authority = true;
	check(bench, cases, COUNTOF(cases));
	bench_free(bench);
}

static void outcomes_are_counted_as_rbldnsd_counts(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:0", "o.ex:ip4set:1", ":acl:4"};
	static const struct {
		struct question question;
		struct rbl_outcome outcome;
	} cases[] = {
		{{"1.2.0.192.bl.ex", DNS_A}, {0, RBL_OK}},
		{{"2.0.192.bl.ex", DNS_A}, {0, RBL_OK}},
		{{"3.2.0.192.o.ex", DNS_A}, {1, RBL_NXDOMAIN}},
		{{"o.ex", DNS_SOA}, {1, RBL_ERROR}},
		{{"1.2.0.192.o.ex", DNS_A, "198.51.100.2"}, {1, RBL_ERROR}},
		{{"1.2.0.192.o.ex", DNS_A, "198.51.100.1"}, {-1, RBL_ERROR}},
		{{"foreign.example", DNS_A}, {-1, RBL_ERROR}},
		{{"bl.ex", DNS_AXFR}, {-1, RBL_ERROR}},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct rbl_outcome outcome = ask(bench, &cases[i].question, &out);

		assert_int_equal(outcome.zone, cases[i].outcome.zone);
		assert_int_equal(outcome.result, cases[i].outcome.result);
	}
	buf_done(&out);
	bench_free(bench);
}

/* Many values of one address: more than a datagram takes, and all of them over TCP. */
static void what_does_not_fit_is_truncated(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:many"};
	struct question question = {"1.2.0.192.bl.ex", DNS_TXT, NULL, DNS_UDP, DNS_UDP_SAFE};
	char path[64];
	struct bench *bench;
	struct buf out;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/many", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	for (unsigned i = 0; i < 60; i++)
		fprintf(file, "192.0.2.1 :2:%0200u\n", i);
	fclose(file);
	bench = bench_new(specs, COUNTOF(specs));
	buf_init(&out, 0);
	ask(bench, &question, &out);
	assert_string_equal(buf_cstr(&out), "NOERROR aa tc");
	question.transport = DNS_TCP;
	ask(bench, &question, &out);
	assert_true(buf_len(&out) > (size_t)60 * 200);
	assert_null(strstr(buf_cstr(&out), " tc"));
	buf_done(&out);
	bench_free(bench);
}

static void the_version_is_told_or_not(void **state)
{
	static const char *const specs[] = {"bl.ex:ip4set:0"};
	static const char query[] = "\0\7\0\0\0\1\0\0\0\0\0\0\7Version\4Bind\0\0\x10\0\3";
	static const struct {
		enum rbl_version version;
		const char *text; /* NULL: refused */
	} cases[] = {
		{RBL_VERSION_FULL, "rbldnsd (stockade"},
		{RBL_VERSION_NAME, "\7rbldnsd"},
		{RBL_VERSION_REFUSED, NULL},
	};
	struct bench *bench = bench_new(specs, COUNTOF(specs));

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		uint8_t answer[DNS_ANSWER_UDP_MAX] = {0};
		struct dns_request request = {
			.query = span_of(query, sizeof(query) - 1), .out = answer};
		struct span out;

		bench->service.version = cases[i].version;
		rbl_answer(&bench->service, &request, NOW_S);
		out = span_of(answer, request.out_len);
		if (cases[i].text != NULL)
			assert_true(span_find_text(out, cases[i].text) < out.len);
		else
			assert_int_equal(answer[3] & 0xf, DNS_REFUSED);
	}
	bench_free(bench);
}

static int set_up(void **state)
{
	struct timespec times[2] = {{.tv_sec = FILE_S}, {.tv_sec = FILE_S}};
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < FILES; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%u", folder, i);
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(file_texts[i], file);
		fclose(file);
		assert_int_equal(utimensat(-1, path, times, 0), 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	char path[64];

	(void)state;
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/many", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_answered),
		cmocka_unit_test(names_above_ipv4_in_ipv6_are_there),
		cmocka_unit_test(the_apex_has_what_the_data_give_it),
		cmocka_unit_test(data_sets_of_a_zone_answer_together),
		cmocka_unit_test(the_deepest_zone_answers_in_any_order),
		cmocka_unit_test(access_lists_decide_by_client),
		cmocka_unit_test(zones_without_good_data_are_not_served),
		cmocka_unit_test(name_servers_come_along_when_asked_for),
		cmocka_unit_test(outcomes_are_counted_as_rbldnsd_counts),
		cmocka_unit_test(what_does_not_fit_is_truncated),
		cmocka_unit_test(the_version_is_told_or_not),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
