/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "rbldnsd/answer.h"
#include "rbldnsd/query_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A combined file has data sets of every type. */
static const char text[] =
	"$SOA 1d ns.b admin.b 0 1h 1h 1h 1h\n$NS 1d ns.b ns2.example\n"
	"$DATASET ip4set @ a\n:2:listed $\n192.0.2.0/24\n!192.0.2.7\n10.0.0.0-10.0.3.4 :3:\n"
	"$DATASET ip6trie @ six\n:4:$ $1\n2001:db8::/33\n"
	"$DATASET dnset @ names\n:5:\nbad.example\n*.evil.example\n!not.evil.example\n"
	"$DATASET generic @\nns A 192.0.2.53\n@ MX 10 mx.b\nabout TXT words\n";

static struct rbl_table *make_table(void)
{
	static const struct rbl_options options = {0};
	char path[] = "/tmp/stockade-fuzz-XXXXXX";
	const char *files[] = {path};
	char spec[64];
	const char *specs[] = {spec};
	struct rbl_dataset *set = NULL;
	struct rbl_plan *plan = NULL;
	struct rbl_table *table;
	struct rbl_load load = {.type = RBL_COMBINED,
		.files_len = 1,
		.files = files,
		.options = &options,
		.now_s = 1};
	int fd = mkstemp(path);

	ASSERT(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	close(fd);
	snprintf(spec, sizeof(spec), "b:combined:%s", path);
	ASSERT(rbl_plan_new(specs, 1, &plan, NULL) == 0);
	ASSERT(rbl_dataset_load(&load, &set, NULL) == 0);
	unlink(path);
	table = rbl_table_new(plan, &set);
	rbl_dataset_unref(&set);
	rbl_plan_free(&plan);
	return table;
}

/* An answer is itself a message that decodes, within the limit, with the id of the query; and so is
 * its line in the log. */
static void check(const struct dns_request *request, size_t limit)
{
	const uint8_t *out = request->out;
	char line[RBL_QUERY_LINE_MAX];
	struct dns_message message;
	size_t len;

	ASSERT(request->out_len <= limit);
	if (request->out_len == 0)
		return;
	ASSERT(request->out_len >= DNS_HEADER_SIZE && request->query.len >= DNS_HEADER_SIZE);
	ASSERT(out[0] == request->query.ptr[0] && out[1] == request->query.ptr[1] &&
		(out[2] & 0x80) != 0);
	if (out[5] == 1)
		ASSERT(dns_message_decode(span_of(out, request->out_len), &message) == 0);
	len = rbl_query_line(request, 1000, line);
	ASSERT(len < sizeof(line));
	for (size_t i = 0; i + 1 < len; i++)
		ASSERT(ascii_is_print((uint8_t)line[i]));
}

/* In company a query is answered as it is alone. */
static void check_alone(const struct rbl_service *service, const struct dns_request *request)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	struct dns_request alone = *request;

	alone.out = out;
	rbl_answer(service, &alone, 1000);
	ASSERT(span_equal(span_of(out, alone.out_len), span_of(request->out, request->out_len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rbl_service service;
	static uint8_t out[2][DNS_ANSWER_TCP_MAX];
	struct span query = span_of(data, size);
	struct dns_request requests[] = {
		{.query = query, .transport = DNS_UDP, .out = out[0]},
		{.query = query, .transport = DNS_TCP, .out = out[1]},
	};
	struct rbl_outcome outcomes[COUNTOF(requests)];

	if (service.table == NULL)
		service.table = make_table();
	service.authority = size % 2 == 1;
	rbl_answer_requests(&service, requests, COUNTOF(requests), 1000, outcomes);
	check(&requests[0], DNS_ANSWER_UDP_MAX);
	check(&requests[1], DNS_ANSWER_TCP_MAX);
	check_alone(&service, &requests[0]);
	return 0;
}
