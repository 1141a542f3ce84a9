/* SPDX-License-Identifier: ISC */
/*
 * The zone that secondaries get: it answers as we do, whatever nests, touches or is excluded; a
 * change to a list and the difference made of it lead to the zone that a walk of the new list
 * gives, and so does a list written anew.
 */
#include "unit.h"

#include <stdio.h>

#include "list/random.h"
#include "zone/copy.h"

enum { ROUNDS = 4, CHANGES = 24 };

static struct zone_table *new_table(bool names_source)
{
	struct conf_sublist sublists[] = {
		{.name = "manual", .code = ip_from_v4(0x7f000004)},
		{.name = "trap", .code = ip_from_v4(0x7f000009), .text = "trapped"},
		{.name = "bot", .code = ip_from_v4(0x7f010203)},
	};
	struct conf_list lists[] = {
		{.name = "main",
			.zone = "bl.example.org",
			.holds = LIST_OF_ADDRESSES,
			.sublists_len = COUNTOF(sublists),
			.sublists = sublists},
		{.name = "main",
			.zone = "names.dbl.example.org",
			.holds = LIST_OF_DOMAINS,
			.sublists_len = COUNTOF(sublists),
			.sublists = sublists},
	};
	struct conf conf = {.hostname = "ns.example.org",
		.contact = "a@example.org",
		.portal_url = names_source ? "https://x.example/why" : NULL,
		.lists_len = COUNTOF(lists),
		.lists = lists,
		.ttl_s = 300};
	struct zone_table *table = NULL;

	assert_int_equal(zone_table_new(&conf, &table, NULL), 0);
	return table;
}

static const struct zone *zone_of(const struct zone_table *table, enum holds holds)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		if (table->zones[i].holds == holds)
			return &table->zones[i];
	}
	return NULL;
}

/* ---- random lists ---- */

static struct source some_net(void)
{
	static const uint8_t v6_bits[] = {14, 16, 17, 20, 32, 46, 47, 48, 52, 56, 60, 63, 64, 64,
		64, 65, 112, 120, 126, 128, 128};
	struct prefix net;

	if (random_below(5) < 3) {
		/* 10.20.0.0 and on; and where names of IPv4 are names of IPv6, too: 2.0.0.0 and on,
		 * 2000::. */
		uint32_t base = random_below(3) == 0 ? 0x02000000 : 0x0a140000;
		uint32_t address =
			base | random_below(12) << 8 | random_below(8) << 5 | random_below(5);
		unsigned bits = random_below(4) == 0 ? 20 + random_below(5) : 24 + random_below(9);

		net = prefix_of(ip_from_v4(address), IP_V4_BITS + bits);
	} else {
		u128 key = (u128)(0x20000db800000000 + ((uint64_t)random_below(4) << 48)) << 64 |
			   (u128)random_below(4) << 80 | (u128)random_below(4) << 76 |
			   (u128)random_below(4) << 64 | (u128)random_below(2) << 63 |
			   random_below(16);

		net = prefix_of(key_to_ip(key), v6_bits[random_below(COUNTOF(v6_bits))]);
	}
	return (struct source){.kind = SOURCE_NET, .net = net};
}

static struct source some_domain(void)
{
	static const char *const fixed[] = {"test", ".test", "x.test", ".invalid", "a.invalid"};

	if (random_below(20) == 0)
		return source_of_text(fixed[random_below(COUNTOF(fixed))]);
	return random_domain();
}

static struct list_entry some_entry(enum holds holds)
{
	static const char *const reasons[] = {"", "1 trap hit", "by hand"};

	return (struct list_entry){
		.source = holds == LIST_OF_DOMAINS ? some_domain() : some_net(),
		.sublist = (uint8_t)random_below(MODEL_SUBLISTS),
		.excluded = random_below(3) == 0,
		.until_s = random_below(3) == 0 ? 0 : INT64_C(5000000000) + random_below(3),
		.reason = span_text(reasons[random_below(COUNTOF(reasons))]),
	};
}

/* ---- the same answers ---- */

static void fail_question(struct span name, uint16_t type, const struct reply_copy *copy,
	const struct reply_copy *ours)
{
	fail_msg(
		"%.*s %u: the copy says rcode %u, %zu records, we say %u, %zu; the first '%.*s' and '%.*s'",
		(int)name.len, (const char *)name.ptr, type, copy->rcode, copy->len, ours->rcode,
		ours->len, copy->len != 0 ? (int)copy->rdata[0].len : 0,
		(const char *)copy->rdata[0].ptr, ours->len != 0 ? (int)ours->rdata[0].len : 0,
		(const char *)ours->rdata[0].ptr);
}

struct both {
	const struct copy *copy;
	const struct zone_service *service;
	const struct zone *zone;
	struct reply_copy theirs, ours;
};

static bool same_records(const struct both *both)
{
	if (both->theirs.len != both->ours.len)
		return false;
	for (size_t i = 0; i < both->ours.len; i++) {
		if (!span_equal(both->theirs.rdata[i], both->ours.rdata[i]))
			return false;
	}
	return true;
}

/* hidden: where we say that a name does not exist, the copy may say that it has no records. */
static void check_name(struct both *both, const char *text, bool hidden)
{
	struct span name = span_text(text);

	for (uint16_t type = DNS_A; type <= DNS_TXT; type = (uint16_t)(type + DNS_TXT - DNS_A)) {
		bool rcode;

		copy_ask(both->copy, name, type, &both->theirs);
		our_ask(both->service, both->zone, name, type, &both->ours);
		rcode = both->theirs.rcode == both->ours.rcode ||
			(hidden && both->theirs.rcode == DNS_NOERROR);
		if (!rcode || !same_records(both))
			fail_question(name, type, &both->theirs, &both->ours);
	}
}

/* A partial name: it exists for both or for none, but below an IPv6 wildcard a copy has its
 * records. */
static void check_existence(struct both *both, const char *text)
{
	struct span name = span_text(text);

	copy_ask(both->copy, name, DNS_A, &both->theirs);
	our_ask(both->service, both->zone, name, DNS_A, &both->ours);
	if (both->theirs.rcode != both->ours.rcode)
		fail_question(name, DNS_A, &both->theirs, &both->ours);
}

static void check_address(struct both *both, struct ip ip, const char *label)
{
	static const struct dns_name root = {.len = 1};
	struct dns_name reversed;
	char text[DNS_NAME_TEXT_SIZE];
	const char *partial;

	assert_int_equal(dns_name_reverse(ip, &root, &reversed), 0);
	dns_name_print(&reversed, text);
	strcat(text, label);
	check_name(both, text, false);
	for (partial = strchr(text, '.'); partial != NULL && strcmp(partial, label) != 0;
		partial = strchr(partial + 1, '.'))
		check_existence(both, partial + 1);
}

/* The names in nibbles of the test entries, which a copy has of no other IPv4 address. */
static void check_v6_forms(struct both *both, const char *label)
{
	static const uint32_t tests[] = {
		0x7f000001, 0x7f000002, 0x7f000003, 0x7f000004, 0x7f000009, 0x7f010203, 0x7f010204};
	char text[DNS_NAME_TEXT_SIZE];

	for (size_t i = 0; i < COUNTOF(tests); i++) {
		struct ip ip = ip_from_v4(tests[i]);
		size_t len = 0;

		for (size_t k = 32; k-- > 0;)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%x%s",
				ip.b[k / 2] >> (k % 2 == 0 ? 4 : 0) & 0xf, k != 0 ? "." : label);
		check_name(both, text, false);
		check_existence(both, text + 2);
		for (size_t at = 16; at < 64; at += 2) /* above it others exist only with us */
			check_existence(both, text + at);
	}
}

static void check_addresses(struct both *both, const struct model *model)
{
	static const char *const labels[] = {"", ".manual", ".trap", ".bot"};

	for (size_t i = 0; i < COUNTOF(labels); i++)
		check_v6_forms(both, labels[i]);
	questions.len = 0;
	for (size_t i = 0; i < model->len; i++)
		ask_around(&questions, model->entries[i].source.net);
	ask_around(&questions, prefix_of(ip_from_v4(0x7f000001), 128));
	ask_around(&questions, prefix_of(ip_from_v4(0x7f010203), 128));
	for (size_t i = 0; i < 50; i++)
		questions.keys[questions.len++] =
			key_of_ip(some_net().net.ip) + random_below(70000);
	for (size_t i = 0; i < questions.len; i++) {
		if (key_is_v4(questions.keys[i]) || questions.keys[i] >> 112 != 0)
			check_address(both, key_to_ip(questions.keys[i]),
				labels[random_below(COUNTOF(labels))]);
	}
}

static void check_domains(struct both *both, const struct model *model)
{
	static const char *const labels[] = {"", ".manual", ".trap", ".bot"};
	static const char *const before[] = {"", "new.", "a.", "x.y."};
	char text[512];

	for (size_t i = 0; i < 200; i++) {
		struct source source =
			i < model->len && i % 2 == 0 ? model->entries[i].source : some_domain();

		snprintf(text, sizeof(text), "%s%s%s", before[random_below(COUNTOF(before))],
			source.domain + (source.domain[0] == '.'),
			labels[random_below(COUNTOF(labels))]);
		check_name(both, text, true);
	}
}

static void check_copy(const struct copy *copy, struct zone_table *table, const struct view *view,
	const struct zone *zone, const struct model *model)
{
	struct dns_rules rules = {.table = table};
	struct zone_service *service = zone_service_new(&rules, view, NULL);
	static struct both both;

	both = (struct both){.copy = copy, .service = service, .zone = zone};
	if (zone->holds == LIST_OF_ADDRESSES)
		check_addresses(&both, model);
	else
		check_domains(&both, model);
	zone_service_free(&service);
}

/* ---- differences ---- */

static void copy_remove(struct copy *copy, struct span record)
{
	size_t at = copy_lower(copy->records, copy->len, record);

	assert_true(at < copy->len && span_equal(copy->records[at], record));
	mem_free((void *)copy->records[at].ptr);
	copy->len--;
	memmove(copy->records + at, copy->records + at + 1,
		(copy->len - at) * sizeof(*copy->records));
}

static void copy_insert(struct copy *copy, struct span record)
{
	size_t at = copy_lower(copy->records, copy->len, record);

	assert_true(at == copy->len || !span_equal(copy->records[at], record));
	copy_add(copy, record);
	record = copy->records[copy->len - 1];
	memmove(copy->records + at + 1, copy->records + at,
		(copy->len - 1 - at) * sizeof(*copy->records));
	copy->records[at] = record;
}

/* A secondary that follows: nothing is removed that is not there, nothing added that is. */
static void copy_follow(struct copy *copy, const struct zone_diff *diff)
{
	struct span rest = buf_span(&diff->removed), from = rest;
	struct zone_record record;
	size_t removed = 0, added = 0;

	for (; zone_record_take(&rest, &record); from = rest, removed++)
		copy_remove(copy, span_first(from, from.len - rest.len));
	rest = from = buf_span(&diff->added);
	for (; zone_record_take(&rest, &record); from = rest, added++)
		copy_insert(copy, span_first(from, from.len - rest.len));
	assert_int_equal(removed, diff->removed_len);
	assert_int_equal(added, diff->added_len);
}

static void assert_same_copy(const struct copy *a, const struct copy *b)
{
	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++)
		assert_true(span_equal(a->records[i], b->records[i]));
}

struct follower_test {
	struct zone_table *table;
	const struct zone *zone;
	struct model model;
	struct view *view;
	struct image image;
	struct copy copy;
};

/* Several random changes at once, as deltas that were adopted together; and the keeper's pieces as
 * sources. */
static void follow_changes(struct follower_test *test, size_t count)
{
	AUTO(arena) *arena = arena_new(0);
	struct zone_binding before, after;
	static struct source sources[20000];
	struct view *old = NULL;
	struct zone_diff diff;
	size_t len = 0;

	for (size_t n = 0; n < count; n++) {
		struct delta delta = {.from_serial = view_serial(test->view),
			.to_serial = serial_after(view_serial(test->view))};
		struct delta_pieces pieces = {0};
		struct view *next = NULL;
		struct source source;

		if (random_below(2) == 0 && test->model.len != 0) {
			size_t i = random_below((uint32_t)test->model.len);

			source = test->model.entries[i].source;
			test->model.entries[i] = test->model.entries[--test->model.len];
		} else {
			model_add(&test->model, some_entry(test->zone->holds));
			source = test->model.entries[test->model.len - 1].source;
		}
		assert_int_equal(paint_pieces(&(struct repaint){span_text("main"), &source,
						      test->model.entries, test->model.len, 100000},
					 arena, &pieces),
			0);
		delta.pieces = pieces.items;
		delta.pieces_len = pieces.len;
		for (size_t i = 0; i < delta.pieces_len; i++) {
			assert_true(len < COUNTOF(sources));
			sources[len++] = delta.pieces[i].source;
		}
		assert_int_equal(view_apply(test->view, &delta, &next, NULL), 0);
		if (old == NULL)
			old = test->view;
		else
			view_free(&test->view);
		test->view = next;
	}
	zone_bind(&before, test->table, test->zone, old);
	zone_bind(&after, test->table, test->zone, test->view);
	zone_diff_init(&diff);
	assert_int_equal(zone_diff_make(&(struct zone_change){&before, &after, sources, len},
				 1000000, &diff),
		0);
	copy_follow(&test->copy, &diff);
	zone_diff_done(&diff);
	view_free(&old);
}

static void check_follower(struct follower_test *test)
{
	struct zone_binding binding;
	struct copy walked;
	struct image image;
	struct view *anew = model_view(&test->model, view_serial(test->view), &image);

	zone_bind(&binding, test->table, test->zone, test->view);
	copy_walk(&walked, &binding);
	assert_same_copy(&test->copy, &walked);
	check_copy(&walked, test->table, test->view, test->zone, &test->model);
	copy_done(&walked);
	zone_bind(&binding, test->table, test->zone, anew);
	copy_walk(&walked, &binding);
	assert_same_copy(&test->copy, &walked); /* how the list came about makes no difference */
	copy_done(&walked);
	view_free(&anew);
	image_done(&image);
}

static void run_follower(enum holds holds, bool names_source, size_t entries)
{
	static struct follower_test test;
	struct zone_binding binding;

	test = (struct follower_test){.table = new_table(names_source)};
	test.zone = zone_of(test.table, holds);
	for (size_t i = 0; i < entries; i++)
		model_add(&test.model, some_entry(holds));
	test.view = model_view(&test.model, 7, &test.image);
	zone_bind(&binding, test.table, test.zone, test.view);
	copy_walk(&test.copy, &binding);
	check_copy(&test.copy, test.table, test.view, test.zone, &test.model);
	for (size_t i = 0; i < CHANGES; i++) {
		follow_changes(&test, 1 + random_below(4));
		if (i % 8 == 7)
			check_follower(&test);
	}
	copy_done(&test.copy);
	view_free(&test.view);
	image_done(&test.image);
	zone_table_free(&test.table);
}

static void addresses_without_texts_of_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROUNDS; i++)
		run_follower(LIST_OF_ADDRESSES, false, 5 + 30 * i);
}

static void addresses_whose_texts_name_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROUNDS / 2; i++)
		run_follower(LIST_OF_ADDRESSES, true, 5 + 20 * i);
}

static void domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ROUNDS; i++)
		run_follower(LIST_OF_DOMAINS, i % 2 == 0, 2 + 9 * i);
}

/* ---- by example ---- */

struct example {
	const char *source;
	bool excluded;
	const char *reason;
};

static void print_owners(const struct zone_binding *binding, unsigned subtree, struct buf *out)
{
	struct zone_walk walk;
	struct zone_node node;

	buf_clear(out);
	zone_walk_begin(&walk, binding, subtree);
	while (zone_walk_next(&walk, &node)) {
		char text[256];

		copy_owner_text(span_of(node.owner, node.owner_len), text);
		buf_append_format(out, "%s%s ", node.match.len == 0 ? "!" : "", text);
	}
}

static void assert_owners(enum holds holds, bool names_source, const struct example *examples,
	size_t len, const char *expected)
{
	struct zone_table *table = new_table(names_source);
	static struct model model;
	struct zone_binding binding;
	struct image image;
	struct view *view;
	struct buf out;

	model.len = 0;
	for (size_t i = 0; i < len; i++)
		model_add_text(&model, examples[i].source, 0,
			examples[i].reason != NULL ? examples[i].reason : "", examples[i].excluded);
	view = model_view(&model, 7, &image);
	zone_bind(&binding, table, zone_of(table, holds), view);
	buf_init(&out, 0);
	print_owners(&binding, 2, &out); /* below the label of "trap" */
	assert_string_equal(buf_cstr(&out), expected);
	buf_done(&out);
	view_free(&view);
	image_done(&image);
	zone_table_free(&table);
}

/* Behind all others: the test entries in their IPv6 form. */
#define V6_ZEROS "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
#define V6_FORMS                                     \
	"2.0.0.0.0.0.f.7.f.f.f.f." V6_ZEROS ".trap " \
	"9.0.0.0.0.0.f.7.f.f.f.f." V6_ZEROS ".trap "

static void networks_become_wildcards(void **state)
{
	static const struct example v4[] = {{"10.20.0.0/22", false}, {"10.20.2.0/24", true},
		{"192.0.2.1", false}, {"192.0.2.250/31", false}};
	static const struct example v6[] = {{"2001:db8::/31", false}, {"2002::/63", false}};

	(void)state;
	assert_owners(LIST_OF_ADDRESSES, false, v4, 4,
		"*.0.20.10.trap *.1.20.10.trap *.3.20.10.trap 2.0.0.127.trap 9.0.0.127.trap "
		"1.2.0.192.trap 250.2.0.192.trap 251.2.0.192.trap " V6_FORMS);
	assert_owners(LIST_OF_ADDRESSES, false, v6, 2,
		"2.0.0.127.trap 9.0.0.127.trap *.8.b.d.0.1.0.0.2.trap *.9.b.d.0.1.0.0.2.trap "
		"*.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.2.trap *.1.0.0.0.0.0.0.0.0.0.0.0.2.0.0.2.trap " V6_FORMS);
}

/* The example at the top of zone/walk_domain.c. */
static void what_a_name_inherits_is_written_out(void **state)
{
	static const struct example names[] = {{".example.net", false}, {".good.example.net", true},
		{"bad.good.example.net", false}, {"x.y.example.net", false, "another reason"}};

	(void)state;
	assert_owners(LIST_OF_DOMAINS, false, names, 4,
		"example.net.trap *.example.net.trap !good.example.net.trap "
		"bad.good.example.net.trap y.example.net.trap *.y.example.net.trap "
		"x.y.example.net.trap *.x.y.example.net.trap test.trap ");
}

/* 3.0.0.2 is 2.0.0.3, and the beginning of 2003::/16. */
static void the_families_do_not_cover_each_other(void **state)
{
	static const struct example block[] = {{"2.0.9.0/30", false}, {"2.0.10.0/24", false}};
	static const struct example wide[] = {{"2000::/14", false}};

	(void)state;
	assert_owners(LIST_OF_ADDRESSES, false, block, 2,
		"0.9.0.2.trap 1.9.0.2.trap 2.9.0.2.trap 3.9.0.2.trap *.10.0.2.trap 2.0.0.127.trap "
		"9.0.0.127.trap " V6_FORMS);
	assert_owners(LIST_OF_ADDRESSES, false, wide, 1,
		"2.0.0.127.trap 9.0.0.127.trap *.0.0.0.2.trap *.1.0.0.2.trap *.2.0.0.2.trap "
		"*.3.0.0.2.trap " V6_FORMS);
}

static void names_in_between_are_written_out(void **state)
{
	static const struct example nested[] = {{".net", false}, {".good.a.net", true},
		{"bad.b.good.a.net", false}, {"exact.org", false}};

	(void)state;
	assert_owners(LIST_OF_DOMAINS, false, nested, 4,
		"net.trap *.net.trap a.net.trap *.a.net.trap !good.a.net.trap bad.b.good.a.net.trap "
		"exact.org.trap test.trap ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_become_wildcards),
		cmocka_unit_test(what_a_name_inherits_is_written_out),
		cmocka_unit_test(the_families_do_not_cover_each_other),
		cmocka_unit_test(names_in_between_are_written_out),
		cmocka_unit_test(addresses_without_texts_of_their_own),
		cmocka_unit_test(addresses_whose_texts_name_them),
		cmocka_unit_test(domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
