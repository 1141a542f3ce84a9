/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "xfr/transfer.h"
#include "zone/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERIAL = 7, CLIENT = 0x7f000001 };

static void keep(void *object)
{
	(void)object;
}

static struct view *make_view(void)
{
	static const struct span sublist = {(const uint8_t *)"manual", 6};
	struct snapshot_writer *writer = snapshot_writer_new(SERIAL, 0);
	char path[] = "/tmp/stockade-fuzz-XXXXXX";
	struct source source;
	struct view *view = NULL;
	int fd = mkstemp(path);

	ASSERT(fd >= 0);
	close(fd);
	ASSERT(snapshot_writer_add_list(writer, span_text("main"), &sublist, 1) == 0);
	ASSERT(source_parse(span_text("198.51.100.8/30"), &source, NULL) == 0);
	ASSERT(snapshot_writer_add(writer, 0,
		       &(struct list_entry){source, 0, false, 0, span_text("why")}) == 0);
	ASSERT(snapshot_writer_finish(writer, path, NULL) == 0);
	ASSERT(view_open(path, &view, NULL) == 0);
	unlink(path);
	snapshot_writer_free(&writer);
	return view;
}

/* Anybody on 127.0.0.1 may transfer, and the last step is in the journal. */
static struct zone_service *make_service(void)
{
	struct conf_sublist sublists[] = {{.name = "manual", .code = ip_from_v4(0x7f000008)}};
	struct conf_list lists[] = {
		{.name = "main", .zone = "b", .sublists_len = 1, .sublists = sublists}};
	struct conf_key key = {.name = "sec1"};
	struct conf_transfer transfer = {.address = {ip_from_v4(CLIENT), 53}};
	struct conf conf = {.lists_len = 1,
		.lists = lists,
		.hostname = "ns.example",
		.portal_url = "https://example/why",
		.ttl_s = 300,
		.keys_len = 1,
		.keys = &key,
		.transfers_len = 1,
		.transfers = &transfer,
		.transfer_records = 1000};
	static struct dns_shelves shelves;
	static struct dns_rules rules;
	struct transfer_state *state = transfer_state_new(&shelves);
	struct view *view = make_view();
	struct zone_journal *journal;
	struct tsig_key secret;
	struct zone_diff diff;

	ASSERT(zone_table_new(&conf, &rules.table, NULL) == 0);
	ASSERT(tsig_key_init(&secret,
		       &(struct tsig_key_text){span_text("sec1"), TSIG_HMAC_SHA256,
			       span_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")},
		       NULL) == 0);
	rules.transfers = transfer_rules_new(&conf, &secret, state);
	shelves = (struct dns_shelves){shelf_new(keep), shelf_new(keep)};
	shelf_put(shelves.rules, &rules);
	shelf_put(shelves.views, view);
	journal = transfer_journal(state, &rules.table->zones[0].apex);
	zone_journal_break(journal, SERIAL - 1, SERIAL_AGREED);
	zone_diff_init(&diff);
	zone_journal_add(journal, SERIAL - 1, SERIAL, &diff);
	return zone_service_new(&rules, view, NULL);
}

/* Each message of a transfer decodes, and it ends. */
static void drain(struct dns_multi *multi)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	unsigned turns = 0;
	int len;

	while ((len = multi->calls->next(multi, out, sizeof(out))) != 0) {
		struct dns_message message;

		ASSERT(++turns < 1000);
		if (len == E_AGAIN)
			continue;
		ASSERT(len > 0);
		ASSERT(dns_message_decode(span_of(out, (size_t)len), &message) == 0);
	}
	multi->calls->free(multi);
}

static void ask(const struct zone_service *service, struct span query, enum dns_transport transport)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	struct dns_request request = {.query = query,
		.client = {ip_from_v4(CLIENT), 4000},
		.transport = transport,
		.out = out};
	struct dns_message message;

	zone_answer_requests(service, &request, 1, (struct dns_now){.s = 1700000000, .ms = 1});
	ASSERT(request.multi == NULL || (request.out_len == 0 && transport == DNS_TCP));
	if (request.multi != NULL)
		drain(request.multi);
	if (request.out_len != 0 && out[5] == 1)
		ASSERT(dns_message_decode(span_of(out, request.out_len), &message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone_service *service;

	if (service == NULL) {
		log_open("fuzz", LOG_ERROR);
		service = make_service();
	}
	ask(service, span_of(data, size), DNS_UDP);
	ask(service, span_of(data, size), DNS_TCP);
	return 0;
}
