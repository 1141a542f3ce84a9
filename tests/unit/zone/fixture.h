/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the zone tests ask: two lists in a view, the zones of a configuration over them, and a way
 * to ask in text and read the answer in text, decoded by dns/message (which the answer code does
 * not use).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "zone/answer.h"
#include "zone/ask.h"

enum { FIXTURE_SERIAL = 2026, FIXTURE_NOW_S = 1000000, FIXTURE_TTL_S = 300 };

struct fixture {
	struct view *view;
	struct dns_rules rules;
	struct zone_service *service;
};

struct fixture_entry {
	const char *list;
	unsigned sublist;
	const char *source;
	int64_t until_s;
	const char *reason;
	bool excluded;
};

static struct view *fixture_view(const struct fixture_entry *entries, size_t count)
{
	static const struct span main_sublists[] = {{(const uint8_t *)"traps", 5},
		{(const uint8_t *)"reports", 7}, {(const uint8_t *)"manual", 6}};
	static const struct span names_sublists[] = {{(const uint8_t *)"manual", 6}};
	AUTO(snapshot_writer) *writer = snapshot_writer_new(FIXTURE_SERIAL, FIXTURE_NOW_S);
	char path[] = "/tmp/stockade-zone-XXXXXX";
	struct view *view = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	/* Not in the order of the configuration: places are looked up by name. */
	assert_int_equal(
		snapshot_writer_add_list(writer, span_text("names"), names_sublists, 1), 0);
	assert_int_equal(snapshot_writer_add_list(writer, span_text("main"), main_sublists, 3), 1);
	for (size_t i = 0; i < count; i++) {
		int list = strcmp(entries[i].list, "main") == 0;
		struct source source;

		assert_int_equal(source_parse(span_text(entries[i].source), &source, NULL), 0);
		assert_int_equal(snapshot_writer_add(writer, list,
					 &(struct list_entry){source, (uint8_t)entries[i].sublist,
						 entries[i].excluded, entries[i].until_s,
						 span_text(entries[i].reason)}),
			0);
	}
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	return view;
}

static struct zone_table *fixture_table(void)
{
	struct conf_sublist main_sublists[] = {
		{.name = "manual", .code = ip_from_v4(0x7f000008)},
		{.name = "traps", .code = ip_from_v4(0x7f000002), .text = "spam traps were hit"},
		{.name = "reports", .code = ip_from_v4(0x7f000003)},
	};
	struct conf_sublist names_sublists[] = {{.name = "manual", .code = ip_from_v4(0x7f000102)}};
	struct conf_list lists[] = {
		{.name = "main",
			.zone = "bl.example.org",
			.holds = LIST_OF_ADDRESSES,
			.sublists_len = 3,
			.sublists = main_sublists},
		{.name = "names",
			.zone = "DBL.example.org.",
			.holds = LIST_OF_DOMAINS,
			.sublists_len = 1,
			.sublists = names_sublists},
		{.name = "allow"},
	};
	const char *servers[] = {"ns1.example.org", "ns2.example.org"};
	struct conf conf = {
		.contact = "host.master@example.org",
		.portal_url = "https://mail.example.org/why",
		.lists_len = COUNTOF(lists),
		.lists = lists,
		.nameservers_len = COUNTOF(servers),
		.nameservers = servers,
		.ttl_s = FIXTURE_TTL_S,
	};
	struct zone_table *table = NULL;

	assert_int_equal(zone_table_new(&conf, &table, NULL), 0);
	return table;
}

/* Lists "main" (traps .2, reports .3, manual .8; bl.example.org) and "names" (manual .1.2;
 * dbl.example.org). */
static inline void fixture_init(
	struct fixture *fixture, const struct fixture_entry *entries, size_t count)
{
	fixture->view = fixture_view(entries, count);
	fixture->rules = (struct dns_rules){.table = fixture_table()};
	fixture->service = zone_service_new(&fixture->rules, fixture->view, NULL);
}

static inline void fixture_done(struct fixture *fixture)
{
	zone_service_free(&fixture->service);
	zone_table_free(&fixture->rules.table);
	view_free(&fixture->view);
}

static const char *fixture_rcode(uint16_t rcode)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

	if (rcode < COUNTOF(names))
		return names[rcode];
	return rcode == DNS_BADVERS ? "BADVERS" : "?";
}

static void fixture_print_record(
	const struct dns_message *message, const struct dns_record *record, struct buf *out)
{
	char owner[DNS_NAME_TEXT_SIZE];
	char target[DNS_NAME_TEXT_SIZE];
	struct dns_name name;
	struct dns_soa soa;
	struct ip ip;

	buf_append_format(out, " %s %u ", dns_name_print(&record->name, owner), record->ttl_s);
	if (record->type == DNS_A || record->type == DNS_AAAA) {
		char text[IP_TEXT_SIZE];

		assert_int_equal(dns_record_ip(record, &ip), 0);
		buf_append_format(
			out, "%s %s", record->type == DNS_A ? "A" : "AAAA", ip_print(ip, text));
	} else if (record->type == DNS_TXT) {
		buf_append_text(out, "TXT ");
		assert_int_equal(dns_record_text(record, out), 0);
	} else if (record->type == DNS_NS) {
		assert_int_equal(dns_record_target(message, record, &name), 0);
		buf_append_format(out, "NS %s", dns_name_print(&name, target));
	} else if (record->type == DNS_SOA) {
		assert_int_equal(dns_record_soa(message, record, &soa), 0);
		buf_append_format(out, "SOA %s", dns_name_print(&soa.server, target));
		buf_append_format(out, " %s %u", dns_name_print(&soa.mailbox, target), soa.serial);
	} else {
		fail_msg("type %u", record->type);
	}
}

static void fixture_print(const struct dns_message *message, struct buf *out)
{
	static const char *const marks[] = {" |", " authority", " additional"};

	buf_append_text(out, fixture_rcode(message->rcode));
	if ((message->flags & DNS_FLAG_AA) != 0)
		buf_append_text(out, " aa");
	if ((message->flags & DNS_FLAG_TC) != 0)
		buf_append_text(out, " tc");
	for (unsigned section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = {.section = section};
		struct dns_record record;

		while (dns_message_next(message, &walk, &record) == 1) {
			if (record.type == DNS_OPT)
				continue;
			buf_append_text(out, walk.index == 1 ? marks[section] : ";");
			fixture_print_record(message, &record, out);
		}
	}
	if (message->edns.present)
		buf_append_text(out, " opt");
}

/* One line: "NOERROR aa | name TTL A 127.0.0.2; ..." and " authority ..." and " opt"; times of SOA
 * left out. */
static inline const char *fixture_ask(
	struct fixture *fixture, const char *text, uint16_t type, struct buf *out)
{
	uint8_t answer[DNS_ANSWER_UDP_MAX];
	struct dns_message message;
	struct dns_name name;
	struct buf query;
	size_t len;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	buf_init(&query, 0);
	dns_query_encode(&query, 0xabcd, &name, type, 0);
	len = ask_zone(fixture->service, buf_span(&query), DNS_UDP, FIXTURE_NOW_S, answer);
	buf_done(&query);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	assert_true(dns_message_answers(&message, 0xabcd, &name, type));
	buf_clear(out);
	fixture_print(&message, out);
	return buf_cstr(out);
}
