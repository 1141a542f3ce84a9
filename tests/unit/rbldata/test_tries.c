/* SPDX-License-Identifier: ISC */
/*
 * What rbldnsd's own tests hold it to: its tries, which they build so that each branch of its code
 * is taken (steps of five bits), and its access lists. Here each is a file and what it answers.
 */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "dns/message.h"
#include "rbldata/load_text.h"
#include "rbldata/rbl_template.h"

enum { ASKED_MAX = 5, STRIDE = 5, IPV6_BITS = 128 };

struct asked {
	const char *address, *said; /* a text; "": not listed */
};

struct trie_case {
	const char *name;
	enum rbl_type type;
	const char *text;
	struct asked asked[ASKED_MAX];
	const char *notes; /* NULL: none */
};

static const struct trie_case cases[] = {
	{"a long path that shrinks by one step", RBL_IP6TRIE, "::/64 :1:term\n::/3 :1:root\n",
		{{"::", "term"}, {"100::", "root"}}},
	{"a longer path that shrinks", RBL_IP6TRIE, "::/65 :1:term\n::/3 :1:root\n",
		{{"::", "term"}, {"100::", "root"}}},
	{"a child that is taken over", RBL_IP6TRIE, "::/9 :1:node\n::/10 :1:term\n::/4 :1:root\n",
		{{"::", "term"}, {"100::", "root"}}},
	{"left, two levels", RBL_IP6TRIE, "::/2 :1:term\n::/1 :1:node\n::/0 :1:root\n",
		{{"::", "term"}, {"4000::", "node"}, {"8000::", "root"}}},
	{"right, two levels", RBL_IP6TRIE, "c000::/2 :1:term\n8000::/1 :1:node\n::/0 :1:root\n",
		{{"c000::", "term"}, {"8000::", "node"}, {"::", "root"}}},
	{"left, at the depth of a node", RBL_IP6TRIE, "::/5 :1:term\n::/4 :1:node\n::/0 :1:root\n",
		{{"::", "term"}, {"800::", "node"}, {"8000::", "root"}}},
	{"a path of one bit", RBL_IP6TRIE,
		"::/7 :1:term\n::/6 :1:path\n::/1 :1:node\n::/0 :1:root\n",
		{{"::", "term"}, {"200::", "path"}, {"4000::", "node"}, {"8000::", "root"}}},
	{"a path that grows", RBL_IP6TRIE, "200::/7 :1:term\n::/1 :1:node\n::/0 :1:root\n",
		{{"200::", "term"}, {"::", "node"}, {"8000::", "root"}}},
	{"a path that begins with an octet", RBL_IP6TRIE,
		"::/10 :1:term\n::/3 :1:node\n::/2 :1:promoted\n",
		{{"::", "term"}, {"1000::", "node"}, {"2000::", "promoted"}}},
	{"two short paths below a node", RBL_IP6TRIE,
		"::/1 :1:node\n::/7 :1:term0\n400::/7 :1:term1\n::/0 :1:root\n",
		{{"::", "term0"}, {"400::", "term1"}, {"4000::", "node"}, {"8000::", "root"}}},
	{"two long paths below a node", RBL_IP6TRIE,
		"::/1 :1:node\n::/14 :1:term0\n400::/14 :1:term1\n::/0 :1:root\n",
		{{"::", "term0"}, {"400::", "term1"}, {"4000::", "node"}, {"8000::", "root"}}},
	{"data at the root of a node", RBL_IP6TRIE,
		"::/1 :1:node\n::/5 :1:data\n::/6 :1:path\n::/0 :1:root\n",
		{{"::", "path"}, {"400::", "data"}, {"4000::", "node"}, {"8000::", "root"}}},
	{"a path to the right", RBL_IP6TRIE,
		"::/4 :1:node\n80::/9 :1:path\n80::/10 :1:term\n::/3 :1:top\n",
		{{"::", "node"}, {"80::", "term"}, {"c0::", "path"}, {"1000::", "top"}}},
	{"an entry twice", RBL_IP6TRIE, "::/1 :1:term\n::/1 :1:term\n", {{"::", "term"}},
		"2:0: duplicated entry for ::/1; the first counts\n"},
	{"an inner entry twice", RBL_IP6TRIE, "::/0 :1:root\n4000::/3 :1:term\n4000::/3 :1:term\n",
		{{"4000::", "term"}, {"::", "root"}},
		"3:0: duplicated entry for 4000::/3; the first counts\n"},
	{"a path that parts in its first octet", RBL_IP6TRIE,
		"1234::/16 :1:long\n1000::/16 :1:splitter\n",
		{{"1234::", "long"}, {"1000::", "splitter"}}},
	{"a path that parts in its last octet", RBL_IP6TRIE,
		"2468::/15 :1:long\n2470::/15 :1:splitter\n",
		{{"2468::", "long"}, {"2470::", "splitter"}}},
	{"the last bit", RBL_IP6TRIE, "::/127 :1:node\n::1/128 :1:data\n",
		{{"::", "node"}, {"::1", "data"}}},
	{"nothing", RBL_IP6TRIE, "4000::/2 :1:term\n", {{"::", ""}}},
	{"a path of two steps", RBL_IP6TRIE, "::/10 :1:term\n", {{"::", "term"}}},
	{"data of a parent", RBL_IP6TRIE, "::/0 :1:root\n8000::/2 :1:data\n8000::/10 :1:term\n",
		{{"8040::", "data"}, {"8000::", "term"}, {"::", "root"}}},

	{"an exclusion", RBL_IP4TRIE, "1.2.3.0/24 listed\n!1.2.3.4\n",
		{{"1.2.3.4", ""}, {"1.2.3.3", "listed"}, {"1.2.3.5", "listed"}}},
	{"everything", RBL_IP4TRIE, "0/0 wild\n127.0.0.1 localhost\n",
		{{"127.0.0.1", "localhost"}, {"0.0.0.0", "wild"}, {"127.0.0.2", "wild"}}},
	{"an exclusion of IPv6", RBL_IP6TRIE, "dead::/16 listed\n!dead::beef\n",
		{{"dead::beef", ""}, {"dead::beee", "listed"}}},
};

static void note(void *arg, const struct rbl_note *n)
{
	char *notes = arg;

	sprintf(notes + strlen(notes), "%llu:%u: %s\n", (unsigned long long)n->line, n->column,
		n->text);
}

static struct rbl_dataset *load(enum rbl_type type, const char *text, char notes[1024])
{
	struct rbl_report report = {note, notes};
	struct rbl_dataset *dataset = NULL;
	struct fault why = {""};

	notes[0] = '\0';
	if (load_text(type, text, &report, &dataset, &why) < 0)
		fail_msg("%s", why.text);
	return dataset;
}

static void take_text(void *arg, const struct rbl_record *record)
{
	if (record->type == DNS_TXT)
		sprintf(arg, "%.*s", (int)record->rdata.len - 1,
			(const char *)record->rdata.ptr + 1);
}

/* The name by which an address is asked for, as labels. */
static size_t name_of(struct ip ip, uint8_t name[80])
{
	size_t len = 0;

	if (ip_is_v4(ip)) {
		for (size_t i = 16; i-- > 12; len += 1 + (size_t)name[len])
			name[len] = (uint8_t)sprintf((char *)name + len + 1, "%u", ip.b[i]);
		return len;
	}
	for (size_t i = IPV6_BITS / 4; i-- > 0; len += 2) {
		name[len] = 1;
		name[len + 1] =
			(uint8_t) "0123456789abcdef"[ip.b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf];
	}
	return len;
}

static void check(
	const struct rbl_dataset *dataset, enum rbl_type type, struct ip ip, const char *said)
{
	char text[RBL_TEXT_MAX + 1] = "", address[IP_TEXT_SIZE];
	struct rbl_sink sink = {take_text, text};
	struct rbl_question question;
	uint8_t name[80];
	unsigned found;

	rbl_question_init(
		&question, span_of(name, name_of(ip, name)), rbl_type_kinds(type), RBL_WANT_TXT);
	found = rbl_dataset_query(dataset, &question, &sink);
	if (strcmp(text, said) != 0 || ((found & RBL_FOUND) != 0) != (*said != '\0'))
		fail_msg("%s: '%s', not '%s'", ip_print(ip, address), text, said);
}

static void tries_find_the_most_specific_entry(void **state)
{
	char notes[1024];

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct rbl_dataset *dataset = load(cases[i].type, cases[i].text, notes);

		print_message("%s\n", cases[i].name);
		assert_string_equal(notes, cases[i].notes != NULL ? cases[i].notes : "");
		for (size_t j = 0; j < ASKED_MAX && cases[i].asked[j].address != NULL; j++) {
			struct ip ip;

			assert_int_equal(ip_parse(span_text(cases[i].asked[j].address), &ip), 0);
			check(dataset, cases[i].type, ip, cases[i].asked[j].said);
		}
		rbl_dataset_unref(&dataset);
	}
}

/* Each entry of a node of so many bits, which begins at a bit, with one entry for all of it above.
 */
static void check_node(unsigned at, unsigned bits)
{
	char text[4096], notes[1024], address[IP_TEXT_SIZE];
	int len = sprintf(text, "::/%u :1:root\n", at);
	struct rbl_dataset *dataset;
	struct ip ip = {{0}};

	for (unsigned number = 0; number < 1U << bits; number++) {
		ip.b[at / 8] = (uint8_t)(number << (8 - at % 8 - bits));
		len += sprintf(text + len, "%s/%u :1:number %u\n", ip_print(ip, address), at + bits,
			number);
	}
	dataset = load(RBL_IP6TRIE, text, notes);
	assert_string_equal(notes, "");
	for (unsigned number = 0; number < 1U << bits; number++) {
		ip.b[at / 8] = (uint8_t)(number << (8 - at % 8 - bits));
		sprintf(text, "number %u", number);
		check(dataset, RBL_IP6TRIE, ip, text);
	}
	rbl_dataset_unref(&dataset);
}

static void each_entry_of_a_node_is_found(void **state)
{
	(void)state;
	for (unsigned bits = 1; bits < STRIDE; bits++)
		check_node(IPV6_BITS - bits, bits);
	check_node(0, STRIDE);
}

static void access_lists_refuse_and_pass(void **state)
{
	static const struct {
		const char *text, *client;
		enum rbl_action action;
	} acls[] = {
		{"127.0.0.1 :refuse\n", "127.0.0.1", RBL_REFUSE},
		{"0.0.0.0/0 :refuse\n127.0.0.1 :pass\n", "127.0.0.1", RBL_PASS},
		{"::1 :refuse\n", "::1", RBL_REFUSE},
		{"0/0 :refuse\n0::1 :pass\n", "::1", RBL_PASS},
	};
	char notes[1024];

	(void)state;
	for (size_t i = 0; i < COUNTOF(acls); i++) {
		struct rbl_dataset *acl = load(RBL_ACL, acls[i].text, notes);
		struct ip client;

		assert_string_equal(notes, "");
		assert_int_equal(ip_parse(span_text(acls[i].client), &client), 0);
		assert_int_equal(rbl_dataset_verdict(acl, client).action, acls[i].action);
		rbl_dataset_unref(&acl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tries_find_the_most_specific_entry),
		cmocka_unit_test(each_entry_of_a_node_is_found),
		cmocka_unit_test(access_lists_refuse_and_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
