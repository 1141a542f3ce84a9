/* SPDX-License-Identifier: ISC */
/*
 * The threads of the dns role over one snapshot, without a keeper: for the bench.
 *
 *   dns_server SNAPSHOT ADDRESS:PORT [THREADS [addresses|domains [guarded]]]
 *
 * Serves the list "main" as bl.example.org until SIGTERM. guarded: every query is counted, rated (by limits that the load does
 * not reach) and given a cookie where it asks for one, as by the dns role with its default settings.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/shelf.h"
#include "conf/conf.h"
#include "dnsd/worker.h"
#include "list/view.h"
#include "loop/socket.h"
#include "server/server.h"
#include "zone/guard.h"
#include "zone/table.h"

enum { THREADS_MAX = 64, RATE = 1000000 };

static void release_view(void *object)
{
	struct view *view = object;

	view_free(&view);
}

static void release_table(void *object)
{
	struct zone_table *table = object;

	zone_table_free(&table);
}

static int make_table(
	struct shelf *tables, enum holds holds, struct guard_state *memory, struct fault *why)
{
	struct conf_sublist sublist = {.name = "manual", .code = ip_from_v4(0x7f000008)};
	struct conf_list list = {.name = "main",
		.zone = "bl.example.org",
		.holds = holds,
		.sublists_len = 1,
		.sublists = &sublist};
	const char *server = "ns1.example.org";
	struct conf conf = {.lists_len = 1,
		.lists = &list,
		.nameservers_len = 1,
		.nameservers = &server,
		.contact = "postmaster@example.org",
		.portal_url = "https://mail.example.org/why",
		.ttl_s = 300,
		.guard = {.cookies = COOKIES_ON,
			.rate_listed = RATE,
			.rate_not_listed = RATE,
			.rate_errors = RATE,
			.burst_s = 60,
			.slip = 2,
			.v4_bits = 24,
			.v6_bits = 56,
			.quota_period_s = 86400,
			.tcp_idle_s = 10}};
	struct zone_table *table = NULL;
	int r;

	r = zone_table_new(&conf, &table, why);
	if (r == 0 && memory != NULL)
		r = guard_new(&conf, table, memory, &table->guard, why);
	if (r == 0)
		shelf_put(tables, table);
	return r;
}

static int serve(const char *path, struct endpoint endpoint, size_t threads, enum holds holds,
	struct guard_state *memory, struct fault *why)
{
	struct dns_shelves shelves = {.tables = shelf_new(release_table),
		.views = shelf_new(release_view),
		.workers = (unsigned)threads};
	struct dns_server *server = NULL;
	struct view *view = NULL;
	int udp[THREADS_MAX];
	int tcp;
	sigset_t end;
	int number;
	int r;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	r = make_table(shelves.tables, holds, memory, why);
	if (r == 0)
		r = view_open(path, &view, why);
	if (r == 0) {
		shelf_put(shelves.views, view);
		r = socket_listen_tcp(endpoint, true, &tcp, why);
	}
	for (size_t i = 0; i < threads && r == 0; i++)
		r = socket_bind_udp(endpoint, true, &udp[i], why);
	if (r == 0)
		r = dns_server_new(&(struct dns_sockets){threads, 1, udp, &tcp},
			&(struct worker_kind){&dnsd_worker_calls, &shelves}, &server, why);
	if (r == 0)
		sigwait(&end, &number);
	dns_server_free(&server);
	shelf_free(&shelves.tables);
	shelf_free(&shelves.views);
	return r;
}

int main(int argc, char **argv)
{
	struct fault why = {
		"usage: dns_server SNAPSHOT ADDRESS:PORT [THREADS [addresses|domains [guarded]]]"};
	uint64_t threads = 1;
	struct guard_state *memory = argc > 5 ? guard_state_new() : NULL;
	struct endpoint endpoint;
	int r = 0;

	if (argc < 3 || endpoint_parse(span_text(argv[2]), &endpoint, &why) < 0 ||
		(argc > 3 && span_parse_u64(span_text(argv[3]), THREADS_MAX, &threads) < 0))
		r = E_USAGE;
	if (r == 0)
		r = serve(argv[1], endpoint, threads,
			argc > 4 && strcmp(argv[4], "domains") == 0 ? LIST_OF_DOMAINS
								    : LIST_OF_ADDRESSES,
			memory, &why);
	guard_state_free(&memory);
	if (r < 0)
		fprintf(stderr, "dns_server: %s\n", why.text);
	return r < 0;
}
