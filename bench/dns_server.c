/* SPDX-License-Identifier: ISC */
/*
 * The threads of the dns role over one snapshot, without a keeper: for the bench.
 *
 *   dns_server SNAPSHOT ADDRESS:PORT [THREADS [addresses|domains [guarded]]]
 *
 * Serves the list "main" as bl.example.org until SIGTERM. guarded: every query is counted, rated
 * (by limits that the load does not reach) and given a cookie where it asks for one, as by the dns
 * role with its default settings.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "conf/conf.h"
#include "dnsd/rules.h"
#include "dnsd/worker.h"
#include "list/view.h"
#include "loop/socket.h"
#include "server/server.h"
#include "zone/guard.h"

enum { THREADS_MAX = 64, RATE = 1000000 };

static int put_rules(struct shelf *shelf, enum holds holds, struct fault *why)
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
	struct dns_rules *rules = NULL;
	int r = dns_rules_new(&conf, NULL, &rules, why);

	if (r == 0)
		shelf_put(shelf, rules);
	return r;
}

struct settings {
	const char *path;
	struct endpoint endpoint;
	uint64_t threads;
	enum holds holds;
	struct guard_state *guard; /* NULL: nothing is guarded */
};

static int serve(const struct settings *settings, struct fault *why)
{
	struct dns_shelves shelves;
	struct dnsd_workers workers = {.shelves = &shelves,
		.count = (unsigned)settings->threads,
		.guard = settings->guard};
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
	dns_shelves_init(&shelves);
	r = put_rules(shelves.rules, settings->holds, why);
	if (r == 0)
		r = view_open(settings->path, &view, why);
	if (r == 0) {
		shelf_put(shelves.views, view);
		r = socket_listen_tcp(settings->endpoint, true, &tcp, why);
	}
	for (size_t i = 0; i < settings->threads && r == 0; i++)
		r = socket_bind_udp(settings->endpoint, true, &udp[i], why);
	if (r == 0)
		r = dns_server_new(&(struct dns_sockets){settings->threads, 1, udp, &tcp},
			&(struct worker_kind){&dnsd_worker_calls, &workers}, &server, why);
	if (r == 0)
		sigwait(&end, &number);
	dns_server_free(&server);
	dns_shelves_done(&shelves);
	return r;
}

int main(int argc, char **argv)
{
	struct fault why = {
		"usage: dns_server SNAPSHOT ADDRESS:PORT [THREADS [addresses|domains [guarded]]]"};
	struct settings settings = {.threads = 1, .holds = LIST_OF_ADDRESSES};
	int r = 0;

	if (argc < 3 || endpoint_parse(span_text(argv[2]), &settings.endpoint, &why) < 0 ||
		(argc > 3 &&
			span_parse_u64(span_text(argv[3]), THREADS_MAX, &settings.threads) < 0))
		r = E_USAGE;
	if (argc > 4 && strcmp(argv[4], "domains") == 0)
		settings.holds = LIST_OF_DOMAINS;
	if (argc > 5)
		settings.guard = guard_state_new();
	if (r == 0) {
		settings.path = argv[1];
		r = serve(&settings, &why);
	}
	guard_state_free(&settings.guard);
	if (r < 0)
		fprintf(stderr, "dns_server: %s\n", why.text);
	return r < 0;
}
