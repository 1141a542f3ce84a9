/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "zone/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct snapshot_writer *writer, int list, unsigned sublist, const char *text)
{
	struct source source;

	ASSERT(source_parse(span_text(text), &source, NULL) == 0);
	ASSERT(snapshot_writer_add(writer, list,
		       &(struct list_entry){
			       source, (uint8_t)sublist, false, 0, span_text("why")}) == 0);
}

static struct view *make_view(void)
{
	static const struct span sublists[] = {
		{(const uint8_t *)"manual", 6}, {(const uint8_t *)"traps", 5}};
	struct snapshot_writer *writer = snapshot_writer_new(7, 0);
	char path[] = "/tmp/stockade-fuzz-XXXXXX";
	struct view *view = NULL;
	int list;
	int fd = mkstemp(path);

	ASSERT(fd >= 0);
	close(fd);
	list = snapshot_writer_add_list(writer, span_text("main"), sublists, 2);
	add(writer, list, 0, "198.51.100.9");
	add(writer, list, 1, "203.0.112.0/22");
	add(writer, list, 1, "2001:db8:1:2::/64");
	list = snapshot_writer_add_list(writer, span_text("bots"), sublists, 1);
	add(writer, list, 0, "198.51.0.0/16");
	add(writer, list, 0, "2001:db8::/33");
	list = snapshot_writer_add_list(writer, span_text("names"), sublists, 1);
	add(writer, list, 0, "bad.example");
	add(writer, list, 0, ".evil.example");
	ASSERT(snapshot_writer_finish(writer, path, NULL) == 0);
	ASSERT(view_open(path, &view, NULL) == 0);
	unlink(path);
	snapshot_writer_free(&writer);
	return view;
}

/* Zones of every kind: of addresses and domains, alone and combined, codes and bitmask, texts of
 * any length, with a host. */
static struct zone_table *make_table(void)
{
	struct conf_sublist sublists[] = {{.name = "manual",
						  .code = ip_from_v4(0x7f000008),
						  .template = "$ ${url} ${reason} $"},
		{.name = "traps", .code = ip_from_v4(0x7f000002)}};
	struct conf_sublist bots[] = {{.name = "manual", .code = ip_from_v4(0x7f000010)}};
	struct conf_list lists[] = {
		{.name = "main", .zone = "b", .sublists_len = 2, .sublists = sublists},
		{.name = "bots", .zone = "c.b", .sublists_len = 1, .sublists = bots},
		{.name = "names",
			.zone = "d.b",
			.holds = LIST_OF_DOMAINS,
			.sublists_len = 1,
			.sublists = sublists},
	};
	const char *both[] = {"main", "bots"};
	const char *names[] = {"names"};
	struct conf_zone zones[] = {
		{.zone = "a", .lists_len = 2, .lists = both},
		{.zone = "s.b",
			.lists_len = 2,
			.lists = both,
			.serving = {.answers = ANSWERS_BITMASK, .scope = "all of it"}},
		{.zone = "n", .lists_len = 1, .lists = names},
	};
	struct ip ips[] = {ip_from_v4(0xc0000235), {{0x20, 0x01, 0x0d, 0xb8}}};
	struct conf_address addresses[] = {{.name = "ns.b", .ips_len = 2, .ips = ips}};
	const char *servers[] = {"ns.b", "ns.example"};
	struct conf conf = {.lists_len = 3,
		.lists = lists,
		.zones_len = 3,
		.zones = zones,
		.addresses_len = 1,
		.addresses = addresses,
		.nameservers_len = 2,
		.nameservers = servers,
		.hostname = "ns.example",
		.portal_url = "https://example/why",
		.ttl_s = 300};
	struct zone_table *table = NULL;

	ASSERT(zone_table_new(&conf, &table, NULL) == 0);
	return table;
}

/* An answer is itself a message that decodes, within the limit, with the id of the query. */
static void answer(const struct zone_service *service, struct span query,
	enum dns_transport transport, size_t limit)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	struct dns_message message;
	struct dns_request request = {.query = query, .transport = transport, .out = out};
	size_t len;

	zone_answer_requests(service, &request, 1, (struct dns_now){.s = 1000});
	len = request.out_len;
	ASSERT(len <= limit);
	if (len == 0)
		return;
	ASSERT(len >= DNS_HEADER_SIZE && query.len >= DNS_HEADER_SIZE);
	ASSERT(out[0] == query.ptr[0] && out[1] == query.ptr[1] && (out[2] & 0x80) != 0);
	if (out[5] == 1)
		ASSERT(dns_message_decode(span_of(out, len), &message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_rules rules;
	static struct zone_service *service;

	if (service == NULL) {
		rules.table = make_table();
		service = zone_service_new(&rules, make_view(), NULL);
	}
	answer(service, span_of(data, size), DNS_UDP, DNS_ANSWER_UDP_MAX);
	answer(service, span_of(data, size), DNS_TCP, DNS_ANSWER_TCP_MAX);
	return 0;
}
