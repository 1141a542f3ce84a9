/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "conf/secrets.h"
#include "dnsd/guard_load.h"
#include "zone/answer.h"
#include "zone/guard.h"
#include "zone/guard_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "k7q2m9x4c1v8b3n6w5e0r2t7"

struct stage {
	struct dns_rules rules;
	struct zone_service *service;
	struct guard_worker *worker;
};

/* One list with keys, one that is closed to most; everything that can be switched on is. */
static void stage_init(struct stage *stage)
{
	struct prefix closed = {.ip = ip_from_v4(0x0a000000), .bits = 104};
	struct conf_sublist sublist = {.name = "manual", .code = ip_from_v4(0x7f000008)};
	char path[] = "/tmp/stockade-fuzz-XXXXXX";
	struct conf_list lists[] = {
		{.name = "main",
			.zone = "b",
			.sublists_len = 1,
			.sublists = &sublist,
			.serving.keys = path},
		{.name = "names",
			.zone = "d.b",
			.holds = LIST_OF_DOMAINS,
			.sublists_len = 1,
			.sublists = &sublist,
			.serving.allow_from = &closed,
			.serving.allow_from_len = 1},
	};
	struct conf conf = {.lists_len = 2,
		.lists = lists,
		.hostname = "ns.example",
		.contact = "a@example",
		.portal_url = "https://example/why",
		.ttl_s = 300,
		.guard = {.nsid = "fuzz",
			.cookies = COOKIES_ON,
			.rate_errors = 1,
			.burst_s = 1,
			.slip = 2,
			.v4_bits = 24,
			.v6_bits = 56,
			.quota = 1000,
			.quota_period_s = 60,
			.tcp_idle_s = 10,
			.log_sample = 1}};
	int fd = mkstemp(path);

	ASSERT(fd >= 0 && write(fd, KEY " a 5\n", sizeof(KEY " a 5\n") - 1) > 0);
	close(fd);
	stage->worker = guard_worker_new(guard_state_new(), 1, 1);
	ASSERT(zone_table_new(&conf, &stage->rules.table, NULL) == 0);
	ASSERT(secrets_read(&conf, SECRETS_OF_ASKING, NULL) == 0);
	ASSERT(guard_load(&conf, stage->rules.table, &stage->rules.guard, NULL) == 0);
	stage->service = zone_service_new(&stage->rules, NULL, stage->worker);
	secrets_done(&conf);
	unlink(path);
}

/* What is watched never shows the key. */
static void drain(struct guard_worker *worker)
{
	struct ring *ring = guard_worker_samples(worker);
	struct span record;

	while (ring_peek(ring, &record)) {
		struct guard_sample head;

		memcpy(&head, record.ptr, sizeof(head));
		ASSERT(record.len ==
			sizeof(head) + head.key_len + head.query_len + head.answer_len);
		ring_drop(ring);
	}
}

/* First octet: transport, and how far time goes on; then the query. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[DNS_ANSWER_TCP_MAX];
	static struct stage stage;
	static int64_t day; /* each input has its own, so that quotas and rates begin anew */
	struct dns_request request = {.out = out, .client = {ip_from_v4(0xc0000207), 4711}};
	struct dns_message message;

	if (size == 0)
		return 0;
	if (day++ == 0)
		stage_init(&stage);
	request.transport = (data[0] & 1) != 0 ? DNS_TCP : DNS_UDP;
	request.query = span_of(data + 1, size - 1);
	for (int i = 0; i < 8; i++) { /* over quota and rate on the way */
		struct dns_now now = {.s = day * 86400, .ms = day * 86400000 + i * (data[0] >> 1)};

		zone_answer_requests(stage.service, &request, 1, now);
		if (request.out_len == 0)
			continue;
		ASSERT(request.out_len >= DNS_HEADER_SIZE);
		ASSERT(request.transport == DNS_TCP || request.out_len <= DNS_ANSWER_UDP_MAX);
		ASSERT(memcmp(out, request.query.ptr, 2) == 0 && (out[2] & 0x80) != 0);
		if (out[5] != 0)
			ASSERT(dns_message_decode(span_of(out, request.out_len), &message) == 0);
	}
	drain(stage.worker);
	return 0;
}
