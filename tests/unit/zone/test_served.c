/* SPDX-License-Identifier: ISC */
/* Zones as an administrator writes them: combined ones, bitmasks, name servers inside a zone,
 * texts, TXT. */
#include "unit.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "copy.h"
#include "fixture.h"

static const char yaml[] =
	"hostname: mx.example.org\n"
	"contact: host.master@example.org\n"
	"portal-url: https://mail.example.org/why\n"
	"policies:\n"
	"  p: {criterion: {version: 1, text: words}, lasts: until-review}\n"
	"lists:\n"
	"  main:\n"
	"    zone: bl.example.org\n"
	"    answers: bitmask\n"
	"    ttl: 10m\n"
	"    negative-ttl: 30s\n"
	"    contact: lists@example.net\n"
	"    scope: Servers that hit our traps.\n"
	"    policy-url: https://bl.example.org/policy\n"
	"    nameservers: [ns1.bl.example.org, ns9.example.net]\n"
	"    sublists:\n"
	"      traps: {code: 127.0.0.2, policy: p, text: spam traps, template: '${reason} of $, ${code} ($$1)'}\n"
	"      reports: {code: 127.0.0.4, policy: p, template: same}\n"
	"      manual: {code: 127.0.0.8, policy: p, template: same}\n"
	"  bots:\n"
	"    zone: bots.example.org\n"
	"    sublists: {hosts: {code: 127.0.0.16, policy: p}}\n"
	"  names:\n"
	"    zone: dbl.example.org\n"
	"    holds: domains\n"
	"    sublists: {manual: {code: 127.0.1.2, policy: p}}\n"
	"  shops:\n"
	"    zone: shops.example.org\n"
	"    holds: domains\n"
	"    sublists: {fake: {code: 127.0.1.4, policy: p}}\n"
	"zones:\n"
	"  ALL.example.org:\n"
	"    lists: [main, bots]\n"
	"  sum.example.org: {lists: [bots, main], answers: bitmask, ttl: 5s}\n"
	"  domains.example.org: {lists: [names, shops]}\n"
	"dns:\n"
	"  nameservers: [ns9.example.net, ns2.all.example.org]\n"
	"  addresses:\n"
	"    NS1.bl.example.org: [192.0.2.53, '2001:db8::53']\n"
	"    ns2.all.example.org: 192.0.2.54\n";

enum { TRAPS, REPORTS, MANUAL };

/* Lists "main" and "names" are those of the fixture; "bots" and "shops" come with a view of their
 * own. */
struct entry {
	unsigned list;
	unsigned sublist;
	const char *source;
	const char *reason;
	bool excluded;
};

enum { MAIN, BOTS, NAMES, SHOPS };

static const struct entry entries[] = {
	{MAIN, TRAPS, "198.51.100.9", "", false},
	{MAIN, REPORTS, "198.51.100.9", "reported", false},
	{MAIN, MANUAL, "198.51.100.0/24", "", false},
	{BOTS, 0, "198.51.100.8/31", "a bot", false},
	{BOTS, 0, "203.0.113.0/24", "a bot", false},
	{MAIN, TRAPS, "2001:db8::/37", "six", false},
	{MAIN, TRAPS, "2001:db8:800::/37", "six", false},
	{BOTS, 0, "2001:db8:5::/48", "a bot", false},
	{NAMES, 0, ".bad.example", "phish", false},
	{NAMES, 0, "good.bad.example", "", true},
	{SHOPS, 0, ".shop.bad.example", "fake", false},
	{SHOPS, 0, "one.example", "fake", false},
};

static struct view *make_view(void)
{
	static const struct span main_sublists[] = {{(const uint8_t *)"traps", 5},
		{(const uint8_t *)"reports", 7}, {(const uint8_t *)"manual", 6}};
	static const struct span hosts = {(const uint8_t *)"hosts", 5};
	static const struct span manual = {(const uint8_t *)"manual", 6};
	static const struct span fake = {(const uint8_t *)"fake", 4};
	AUTO(snapshot_writer) *writer = snapshot_writer_new(FIXTURE_SERIAL, FIXTURE_NOW_S);
	char path[] = "/tmp/stockade-zone-XXXXXX";
	struct view *view = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	snapshot_writer_add_list(writer, span_text("main"), main_sublists, 3);
	snapshot_writer_add_list(writer, span_text("bots"), &hosts, 1);
	snapshot_writer_add_list(writer, span_text("names"), &manual, 1);
	snapshot_writer_add_list(writer, span_text("shops"), &fake, 1);
	for (size_t i = 0; i < COUNTOF(entries); i++) {
		struct source source;

		assert_int_equal(source_parse(span_text(entries[i].source), &source, NULL), 0);
		assert_int_equal(
			snapshot_writer_add(writer, (int)entries[i].list,
				&(struct list_entry){source, (uint8_t)entries[i].sublist,
					entries[i].excluded, 0, span_text(entries[i].reason)}),
			0);
	}
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	return view;
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_new(fixture);
	struct conf_report report;
	AUTO(conf) *conf = NULL;
	struct buf words;

	if (conf_load_text(&(struct conf_source){"test", span_text(yaml)}, 1000, &conf, &report) <
		0) {
		buf_init(&words, 0);
		conf_report_print(&report, "test", &words);
		fail_msg("%s", buf_cstr(&words));
	}
	conf_report_done(&report);
	fixture->view = make_view();
	assert_int_equal(zone_table_new(conf, &fixture->rules.table, NULL), 0);
	fixture->service = zone_service_new(&fixture->rules, fixture->view, NULL);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	mem_free(*state);
	return 0;
}

struct answer_case {
	const char *name;
	uint16_t type;
	const char *expected; /* "~": a part of the answer */
};

static void assert_cases(struct fixture *fixture, const struct answer_case *cases, size_t count)
{
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < count; i++) {
		const char *answer = fixture_ask(fixture, cases[i].name, cases[i].type, &out);
		const char *expected = cases[i].expected;

		if (expected[0] == '~' ? strstr(answer, expected + 1) == NULL
				       : strcmp(answer, expected) != 0)
			fail_msg("%s %u\n  answer   %s\n  expected %s", cases[i].name,
				cases[i].type, answer, expected);
	}
	buf_done(&out);
}

#define A9 "9.100.51.198"

static void a_bitmask_is_one_record(void **state)
{
	static const struct answer_case cases[] = {
		{A9 ".bl.example.org", DNS_A,
			"NOERROR aa | " A9 ".bl.example.org 600 A 127.0.0.14"},
		{A9 ".traps.bl.example.org", DNS_A,
			"NOERROR aa | " A9 ".traps.bl.example.org 600 A 127.0.0.2"},
		{"5.100.51.198.bl.example.org", DNS_A,
			"NOERROR aa | 5.100.51.198.bl.example.org 600 A 127.0.0.8"},
		{A9 ".sum.example.org", DNS_A,
			"NOERROR aa | " A9 ".sum.example.org 5 A 127.0.0.30"},
		{A9 ".main.sum.example.org", DNS_A,
			"NOERROR aa | " A9 ".main.sum.example.org 5 A 127.0.0.14"},
		/* each code is a test entry, and 127.0.0.2 one that is always listed */
		{"2.0.0.127.bl.example.org", DNS_A,
			"NOERROR aa | 2.0.0.127.bl.example.org 600 A 127.0.0.2"},
		{"4.0.0.127.bl.example.org", DNS_A,
			"NOERROR aa | 4.0.0.127.bl.example.org 600 A 127.0.0.4"},
		{"8.0.0.127.sum.example.org", DNS_A,
			"NOERROR aa | 8.0.0.127.sum.example.org 5 A 127.0.0.8"},
		{"1.0.0.127.bl.example.org", DNS_A, "~NXDOMAIN aa"},
		{"6.0.0.127.bl.example.org", DNS_A, "~NXDOMAIN aa"},
	};

	assert_cases(*state, cases, COUNTOF(cases));
}

static void combined_zones_answer_for_all_lists(void **state)
{
	static const struct answer_case cases[] = {
		{A9 ".all.example.org", DNS_A,
			"NOERROR aa | " A9 ".all.example.org 300 A 127.0.0.2"
			"; " A9 ".all.example.org 300 A 127.0.0.4"
			"; " A9 ".all.example.org 300 A 127.0.0.8"
			"; " A9 ".all.example.org 300 A 127.0.0.16"},
		{"5.113.0.203.all.example.org", DNS_A,
			"NOERROR aa | 5.113.0.203.all.example.org 300 A 127.0.0.16"},
		/* lists, and their sublists below them */
		{A9 ".bots.all.example.org", DNS_A,
			"NOERROR aa | " A9 ".bots.all.example.org 300 A 127.0.0.16"},
		{A9 ".hosts.bots.all.example.org", DNS_A,
			"NOERROR aa | " A9 ".hosts.bots.all.example.org 300 A 127.0.0.16"},
		{A9 ".traps.main.all.example.org", DNS_A,
			"NOERROR aa | " A9 ".traps.main.all.example.org 300 A 127.0.0.2"},
		{A9 ".hosts.main.all.example.org", DNS_A, "~NXDOMAIN aa"},
		{A9 ".traps.all.example.org", DNS_A, "~NXDOMAIN aa"},
		{"main.all.example.org", DNS_A, "~NOERROR aa authority"},
		{"traps.main.all.example.org", DNS_A, "~NOERROR aa authority"},
		{"traps.all.example.org", DNS_A, "~NXDOMAIN aa"},
		/* what exists below */
		{"100.51.198.bots.all.example.org", DNS_A, "~NOERROR aa authority"},
		{"113.0.203.all.example.org", DNS_A, "~NOERROR aa authority"},
		{"113.0.203.main.all.example.org", DNS_A, "~NXDOMAIN aa"},
		/* test entries */
		{"16.0.0.127.all.example.org", DNS_A,
			"NOERROR aa | 16.0.0.127.all.example.org 300 A 127.0.0.16"},
		{"2.0.0.127.bots.all.example.org", DNS_A,
			"NOERROR aa | 2.0.0.127.bots.all.example.org 300 A 127.0.0.16"},
		{"2.0.0.127.hosts.bots.all.example.org", DNS_A,
			"NOERROR aa | 2.0.0.127.hosts.bots.all.example.org 300 A 127.0.0.16"},
		{"1.0.0.127.bots.all.example.org", DNS_A, "~NXDOMAIN aa"},
		{"test.domains.example.org", DNS_A,
			"NOERROR aa | test.domains.example.org 300 A 127.0.1.2"
			"; test.domains.example.org 300 A 127.0.1.4"},
		{"test.fake.shops.domains.example.org", DNS_A,
			"NOERROR aa | test.fake.shops.domains.example.org 300 A 127.0.1.4"},
		{"invalid.domains.example.org", DNS_A, "~NXDOMAIN aa"},
		/* domains */
		{"x.shop.bad.example.domains.example.org", DNS_A,
			"NOERROR aa | x.shop.bad.example.domains.example.org 300 A 127.0.1.2"
			"; x.shop.bad.example.domains.example.org 300 A 127.0.1.4"},
		{"good.bad.example.domains.example.org", DNS_A, "~NOERROR aa authority"},
		{"one.example.domains.example.org", DNS_A,
			"NOERROR aa | one.example.domains.example.org 300 A 127.0.1.4"},
		{"one.example.names.domains.example.org", DNS_A, "~NXDOMAIN aa"},
	};

	assert_cases(*state, cases, COUNTOF(cases));
}

#define NET_40  "8.b.d.0.1.0.0.2"
#define NET_48  "5.0.0.0." NET_40
#define ZEROS   "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define NET_480 "0.0.0.0." NET_40

static void texts_follow_their_templates(void **state)
{
	static const struct answer_case cases[] = {
		/* of the sublist, of the listing; equal ones are one record */
		{A9 ".bl.example.org", DNS_TXT,
			"NOERROR aa | " A9
			".bl.example.org 600 TXT spam traps of 198.51.100.9, 127.0.0.2 ($1)"
			"; " A9 ".bl.example.org 600 TXT same"},
		{A9 ".bots.example.org", DNS_TXT,
			"NOERROR aa | " A9 ".bots.example.org 300 TXT "
			"Listed: a bot; https://mail.example.org/why/198.51.100.9"},
		/* two networks that say the same are one to a wildcard; another list in the zone
		 * cuts it */
		{ZEROS NET_480 ".bl.example.org", DNS_TXT,
			"~600 TXT six of 2001:db8::/36, 127.0.0.2 ($1)"},
		{ZEROS NET_480 ".all.example.org", DNS_TXT,
			"~300 TXT six of 2001:db8::/48, 127.0.0.2 ($1)"},
		{ZEROS NET_48 ".all.example.org", DNS_TXT,
			"~TXT six of 2001:db8:5::/48, 127.0.0.2 ($1)"},
	};

	assert_cases(*state, cases, COUNTOF(cases));
}

#define BL_SOA(ttl) "bl.example.org " ttl " SOA ns1.bl.example.org lists.example.net 2026"

static void zones_have_servers_ttl_and_contact_of_their_own(void **state)
{
	static const struct answer_case cases[] = {
		{"bl.example.org", DNS_SOA, "NOERROR aa | " BL_SOA("600")},
		{"8.8.8.8.bl.example.org", DNS_A, "NXDOMAIN aa authority " BL_SOA("30")},
		{"sum.example.org", DNS_SOA,
			"NOERROR aa | sum.example.org 5 SOA ns9.example.net host\\.master.example.org 2026"},
		{"8.8.8.8.sum.example.org", DNS_A,
			"NXDOMAIN aa authority sum.example.org 5 SOA ns9.example.net host\\.master.example.org 2026"},
		/* glue */
		{"bl.example.org", DNS_NS,
			"NOERROR aa | bl.example.org 600 NS ns1.bl.example.org"
			"; bl.example.org 600 NS ns9.example.net"
			" additional ns1.bl.example.org 600 A 192.0.2.53"
			"; ns1.bl.example.org 600 AAAA 2001:db8::53"},
		{"ns1.bl.example.org", DNS_A, "NOERROR aa | ns1.bl.example.org 600 A 192.0.2.53"},
		{"NS1.bl.example.org", DNS_AAAA,
			"NOERROR aa | NS1.bl.example.org 600 AAAA 2001:db8::53"},
		{"ns1.bl.example.org", DNS_ANY, "NOERROR aa | ns1.bl.example.org 600 A 192.0.2.53"},
		{"ns1.bl.example.org", DNS_TXT, "NOERROR aa authority " BL_SOA("30")},
		{"ns2.all.example.org", DNS_AAAA, "~NOERROR aa authority"},
		{"x.ns1.bl.example.org", DNS_A, "~NXDOMAIN aa"},
		{"ns3.bl.example.org", DNS_A, "~NXDOMAIN aa"},
	};

	assert_cases(*state, cases, COUNTOF(cases));
}

static void the_apex_tells_what_the_zone_is(void **state)
{
	static const struct answer_case cases[] = {
		{"bl.example.org", DNS_TXT,
			"NOERROR aa | bl.example.org 600 TXT holds=addresses"
			"; bl.example.org 600 TXT scope=Servers that hit our traps."
			"; bl.example.org 600 TXT policy=https://bl.example.org/policy"
			"; bl.example.org 600 TXT lookup=https://mail.example.org/why"
			"; bl.example.org 600 TXT contact=lists@example.net"
			"; bl.example.org 600 TXT fee=none"
			"; bl.example.org 600 TXT answers=bitmask"
			"; bl.example.org 600 TXT list=main"
			"; bl.example.org 600 TXT code=127.0.0.2 traps spam traps"
			"; bl.example.org 600 TXT code=127.0.0.4 reports"
			"; bl.example.org 600 TXT code=127.0.0.8 manual"},
		{"domains.example.org", DNS_TXT, "~TXT list=names; "},
		{"domains.example.org", DNS_TXT, "~TXT code=127.0.1.4 fake.shops"},
	};

	assert_cases(*state, cases, COUNTOF(cases));
}

/* What secondaries are given answers the same (RFC 4592), at every subtree of a zone of several
 * lists. */
static void assert_copied(struct fixture *fixture, const struct zone *zone, const struct copy *copy,
	const char *name, const char *subtree)
{
	static struct reply_copy theirs, ours;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", name, subtree[0] != '\0' ? "." : "", subtree);
	for (uint16_t type = DNS_A; type <= DNS_TXT; type = (uint16_t)(type + DNS_TXT - DNS_A)) {
		bool same;

		copy_ask(copy, span_text(text), type, &theirs);
		our_ask(fixture->service, zone, span_text(text), type, &ours);
		same = theirs.len == ours.len &&
		       (theirs.rcode == ours.rcode || theirs.rcode == DNS_NOERROR);
		for (size_t i = 0; same && i < ours.len; i++)
			same = span_equal(theirs.rdata[i], ours.rdata[i]);
		if (!same)
			fail_msg("%s %u: rcode %u and %u, %zu records and %zu", text, type,
				theirs.rcode, ours.rcode, theirs.len, ours.len);
	}
}

static void copies_answer_the_same(void **state)
{
	static const char *const names[] = {A9, "8.100.51.198", "5.100.51.198", "100.51.198",
		"5.113.0.203", "8.8.8.8", "2.0.0.127", "16.0.0.127", "1.0.0.127", ZEROS NET_480,
		ZEROS NET_48, ZEROS "1.0.0.0." NET_40, "test", "x.test", "invalid", "x.bad.example",
		"good.bad.example", "x.good.bad.example", "shop.bad.example",
		"a.b.shop.bad.example", "one.example", "x.one.example", "example"};
	static const char *const subtrees[] = {"", "main", "bots", "traps.main", "hosts.bots",
		"traps", "names", "shops", "manual.names", "fake.shops", "nobody"};
	struct fixture *fixture = *state;
	struct zone_binding binding;

	for (size_t z = 0; z < fixture->rules.table->zones_len; z++) {
		const struct zone *zone = &fixture->rules.table->zones[z];
		struct copy copy;

		zone_bind(&binding, fixture->rules.table, zone, fixture->view);
		copy_walk(&copy, &binding);
		for (size_t i = 0; i < COUNTOF(names); i++) {
			for (size_t k = 0; k < COUNTOF(subtrees); k++)
				assert_copied(fixture, zone, &copy, names[i], subtrees[k]);
		}
		copy_done(&copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_answer_the_same),
		cmocka_unit_test(a_bitmask_is_one_record),
		cmocka_unit_test(combined_zones_answer_for_all_lists),
		cmocka_unit_test(texts_follow_their_templates),
		cmocka_unit_test(zones_have_servers_ttl_and_contact_of_their_own),
		cmocka_unit_test(the_apex_tells_what_the_zone_is),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
