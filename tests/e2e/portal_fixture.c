/* SPDX-License-Identifier: ISC */
/*
 * The portal with a keeper made of a table, for the tests of pages (tests/e2e/test_web.py): cases
 * that no mail could bring about at will, hostile names above all. Prints the port, then
 * "number NAME" lines, and serves until SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <signal.h>

#include "base/clock.h"
#include "base/macro.h"
#include "list/incident.h"
#include "list/snapshot_write.h"
#include "list/view.h"
#include "loop/socket.h"
#include "portal/portal.h"

enum { HOUR = 3600, DAY = 86400, LISTINGS_MAX = 8 };

static const char configuration[] =
	"hostname: mx1.example.org\n"
	"contact: postmaster@example.org\n"
	"portal-url: https://mail.example.org/why\n"
	"own: {domains: [example.org], networks: [127.0.0.0/8]}\n"
	"policies:\n"
	"  trap-hits:\n"
	"    criterion: {version: 2, text: \"Mail to two or more of our spam traps, in two domains, within a day.\"}\n"
	"    takes: [operator]\n"
	"    lasts: 24h\n"
	"  by-hand:\n"
	"    criterion: {version: 1, text: \"Entered by a named operator with a written reason.\"}\n"
	"    takes: [operator]\n"
	"    lasts: until-review\n"
	"    review-every: 90d\n"
	"lists:\n"
	"  main:\n"
	"    zone: bl.example.org\n"
	"    holds: addresses\n"
	"    sublists:\n"
	"      traps: {code: 127.0.0.2, policy: trap-hits}\n"
	"      manual: {code: 127.0.0.8, policy: by-hand}\n"
	"  names:\n"
	"    zone: dbl.example.org\n"
	"    holds: domains\n"
	"    sublists: {manual: {code: 127.0.1.2, policy: by-hand}}\n";

#define HOSTILE \
	"<script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>\x1b[2J\xe2\x80\xaegpj.exe\xff"

/* What stands in the lists, and what the keeper knows of it. until: hours from now, 0 for none;
 * away: it does not say. */
static const struct fixture_listing {
	const char *source, *list, *sublist, *reason;
	int since, until, ended;
	bool away;
} listings[] = {
	{"198.51.100.9", "main", "traps", "3 trap hits", -7, 17, 0, false},
	{"198.51.100.10", "main", "manual", HOSTILE, -200, 0, 0, false},
	{"198.51.100.9", "main", "traps", "2 trap hits", -1200, -1176, -1176, false},
	{"198.51.100.9", "main", "manual", "", -2400, 0, -2300, false},
	{"192.0.2.7", "main", "traps", "2 trap hits", -900, -876, -876, false},
	{"203.0.113.99", "main", "traps", "5 trap hits", -1, 23, 0, true},
	{"2001:db8:bad::/48", "main", "manual", "a whole network", -30, 0, 0, false},
	{".bad.example", "names", "manual", "phishing pages", -50, 100, 0, false},
};

struct fixture_check {
	const char *key, *found, *outcome;
	bool decided;
};

static const struct fixture_incident {
	const char *name, *number, *source, *rule, *mode, *text, *helo, *ptr, *list;
	unsigned code, count;
	struct fixture_check checks[10];
} incidents[] = {
	{"listed", "7K3M-9QXT-2FHH", "198.51.100.9", "own-list", "enforce",
		"554 5.7.1 Service unavailable; Client host [198.51.100.9] blocked using our blocklist (main): 3 trap hits. Details and removal: https://mail.example.org/why/7K3M-9QXT-2FHH",
		"pc7", "mail.firm.test", "main", 554, 3,
		{{"relay-denied", "", "pass", false},
			{"own-list", "traps.main: 3 trap hits", "fail", true},
			{"early", "", "skipped", false}, {"helo-bad", "", "skipped", false},
			{"no-ptr", "", "skipped", false}, {"ext-dnsbl", "", "skipped", false}}},
	{"no-ptr", "2B8N-0CWR-D6YJ", "203.0.113.7", "no-ptr", "enforce",
		"550 5.7.25 Client host rejected: fix reverse DNS for 203.0.113.7, which has no PTR record. How to: https://mail.example.org/why/2B8N-0CWR-D6YJ",
		"mail.firm.example", "", "", 550, 1,
		{{"relay-denied", "", "pass", false}, {"own-list", "not listed", "pass", false},
			{"early", "waited", "pass", false},
			{"helo-ours", "mail.firm.example", "pass", false},
			{"helo-bad", "mail.firm.example", "pass", false},
			{"no-ptr", "no PTR record", "fail", true}, {"fcrdns", "", "skipped", false},
			{"ext-dnsbl", "Spamhaus did not answer in time", "unknown", false},
			{"score", "0 of 8", "pass", false}}},
	{"hostile", "H5V1-TZ4E-J9AM", "198.51.100.10", "helo-bad", "enforce",
		"550 5.7.1 Helo command rejected: need fully-qualified hostname; '" HOSTILE
		"' is not one",
		HOSTILE, HOSTILE, HOSTILE, 550, 900,
		{{"helo-bad", HOSTILE, "fail", true}, {HOSTILE, HOSTILE, "pass", false}}},
	{"foreign", NULL, "203.0.113.8", "ext-dnsbl", "enforce",
		"554 5.7.1 Service unavailable; Client host [203.0.113.8] blocked using Spamhaus; ask them, not us, for removal: https://check.spamhaus.org/",
		"mail.other.example", "mail.other.example", "Spamhaus", 554, 1,
		{{"no-ptr", "mail.other.example", "pass", false},
			{"ext-dnsbl", "Spamhaus 127.0.0.4", "fail", true}}},
	{"temporary", NULL, "203.0.113.9", "no-ptr-temp", "enforce",
		"450 4.7.25 Could not look up reverse DNS for 203.0.113.9 (DNS error). Please try again later.",
		"mail.slow.example", "", "", 450, 2, {{"no-ptr", "DNS error", "unknown", true}}},
	{"observed", NULL, "203.0.113.10", "helo-bad", "observe",
		"550 5.7.1 Helo command rejected: need fully-qualified hostname; 'friend' is not one",
		"friend", "dsl-10.isp.example", "", 550, 1, {{"helo-bad", "friend", "fail", true}}},
	{"ended", NULL, "192.0.2.7", "own-list", "enforce",
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using our blocklist (main)",
		"mail.good.example", "mail.good.example", "main", 554, 1,
		{{"own-list", "traps.main", "fail", true}}},
	{"secret", NULL, "203.0.113.11", "relay-denied", "enforce",
		"550 5.7.1 Relay access denied: victim.example is not handled here and [203.0.113.11] is not our customer.",
		"joe@victim.example", "", "", 550, 1,
		{{"relay-denied", "victim.example", "fail", true}}},
	{"away", NULL, "203.0.113.99", "own-list", "enforce", "554 5.7.1 listed", "a.example", "",
		"main", 554, 1, {{0}}},
};

static uint64_t number_of(size_t index)
{
	uint64_t number = 1000 + index;

	if (incidents[index].number != NULL)
		incident_number_parse(span_text(incidents[index].number), &number);
	return number;
}

/* ---- the lists ---- */

static struct view *make_view(int64_t now_s)
{
	static const struct span parts[] = {
		{(const uint8_t *)"traps", 5}, {(const uint8_t *)"manual", 6}};
	AUTO(snapshot_writer) *writer = snapshot_writer_new(2026112201, now_s);
	int places[2] = {snapshot_writer_add_list(writer, span_text("main"), parts, 2),
		snapshot_writer_add_list(writer, span_text("names"), parts + 1, 1)};
	char path[] = "/tmp/portal-fixture.XXXXXX";
	struct view *view = NULL;
	int fd = mkstemp(path);

	close(fd);
	for (size_t i = 0; i < COUNTOF(listings); i++) {
		const struct fixture_listing *l = &listings[i];
		bool names = l->list[0] == 'n';
		struct source source;

		if (l->ended != 0 || source_parse(span_text(l->source), &source, NULL) < 0)
			continue;
		snapshot_writer_add(writer, places[names],
			&(struct list_entry){source, (uint8_t)(!names && l->sublist[0] == 'm'),
				false, l->until != 0 ? now_s + l->until * HOUR : 0,
				span_text(l->reason)});
	}
	if (snapshot_writer_finish(writer, path, NULL) < 0 || view_open(path, &view, NULL) < 0)
		exit(70);
	unlink(path);
	return view;
}

/* ---- the keeper ---- */

static void answer_source(const struct source *asked, bus_answer_call *call, void *arg)
{
	struct bus_listing rows[LISTINGS_MAX];
	struct bus_answer answer = {
		.listings_len = COUNTOF(listings), .listings = rows, .text = ""};
	struct source sources[LISTINGS_MAX];
	int64_t now_s = clock_now_s();

	for (size_t i = 0; i < COUNTOF(listings); i++) {
		const struct fixture_listing *l = &listings[i];

		source_parse(span_text(l->source), &sources[i], NULL);
		if (l->away && source_equal(asked, &sources[i])) {
			call(E_AWAY, NULL, arg);
			return;
		}
		rows[i] = (struct bus_listing){.list = l->list,
			.sublist = l->sublist,
			.source = &sources[i],
			.since_s = now_s + l->since * HOUR,
			.until_s = l->until != 0 ? now_s + l->until * HOUR : 0,
			.ended_s = l->ended != 0 ? now_s + l->ended * HOUR : 0,
			.reason = ""};
	}
	call(0, &answer, arg);
}

static size_t fill_checks(const struct fixture_incident *i, struct bus_check *ret_checks)
{
	size_t len = 0;

	for (; len < COUNTOF(i->checks) && i->checks[len].key != NULL; len++)
		ret_checks[len] = (struct bus_check){.key = i->checks[len].key,
			.found = i->checks[len].found,
			.outcome = i->checks[len].outcome,
			.action = "",
			.decided = i->checks[len].decided};
	return len;
}

static const char *text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void answer_incident(uint64_t number, bus_answer_call *call, void *arg)
{
	const struct fixture_incident *incident;
	struct bus_answer answer = {.error = E_ABSENT, .text = ""};
	struct bus_check checks[10];
	struct bus_incident row;
	struct source source;
	size_t index = 0;

	while (index < COUNTOF(incidents) && number_of(index) != number)
		index++;
	if (index == COUNTOF(incidents)) {
		call(0, &answer, arg);
		return;
	}
	incident = &incidents[index];
	source_parse(span_text(incident->source), &source, NULL);
	row = (struct bus_incident){.number = number,
		.source = &source,
		.first_s = clock_now_s() - 900,
		.last_s = clock_now_s() - 600,
		.count = incident->count,
		.code = incident->code,
		.rule = incident->rule,
		.mode = incident->mode,
		.host = "mx1.example.org",
		.text = text_or_empty(incident->text),
		.helo = text_or_empty(incident->helo),
		.ptr = text_or_empty(incident->ptr),
		.list = text_or_empty(incident->list),
		.checks_len = fill_checks(incident, checks),
		.checks = checks};
	answer = (struct bus_answer){.text = "", .incidents_len = 1, .incidents = &row};
	call(0, &answer, arg);
}

static void ask(void *ask_arg, const struct bus_query *query, bus_answer_call *call, void *arg)
{
	(void)ask_arg;
	if (query->what == BUS_QUERY_SOURCE)
		answer_source(query->source, call, arg);
	else
		answer_incident(query->incident, call, arg);
}

/* ---- the rest ---- */

static void on_stopped(void *arg)
{
	loop_stop(arg);
}

static void on_term(int number, void *arg)
{
	struct portal *portal = *(struct portal **)arg;

	(void)number;
	portal_stop(portal, on_stopped, ((void **)arg)[1]);
}

int main(int argc, char **argv)
{
	struct endpoint endpoint = {
		.ip = ip_from_v4(0x7f000001), .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0};
	struct portal_settings settings = {.rate = portal_rate_default(), .ask = ask};
	struct loop *loop = loop_new();
	struct conf_report report;
	struct conf *conf = NULL;
	struct portal *portal = NULL;
	void *stop[2];

	if (argc > 2)
		settings.rate.burst = (unsigned)atoi(argv[2]);
	if (conf_load_text(&(struct conf_source){"fixture", span_text(configuration)},
		    clock_now_s(), &conf, &report) < 0)
		fprintf(stderr, "fixture:%u: %s\n", report.diagnostics[0].location.line,
			report.diagnostics[0].text);
	conf_report_done(&report);
	if (conf == NULL)
		return 78;
	settings.conf = conf;
	settings.shelf = view_shelf_new();
	shelf_put(settings.shelf, make_view(clock_now_s()));
	if (socket_listen_tcp(endpoint, 0, &settings.fd, NULL) < 0 ||
		portal_new(loop, &settings, &portal, NULL) < 0)
		return 69;
	socket_local(settings.fd, &endpoint);
	stop[0] = portal;
	stop[1] = loop;
	loop_on_signal(loop, SIGTERM, on_term, stop);
	for (size_t i = 0; i < COUNTOF(incidents); i++) {
		char text[INCIDENT_TEXT_SIZE];

		printf("%s %s\n", incidents[i].name, incident_number_print(number_of(i), text));
	}
	printf("port %d\n", endpoint.port);
	fflush(stdout);
	loop_run(loop);
	portal_free(&portal);
	shelf_free(&settings.shelf);
	conf_free(&conf);
	loop_free(&loop);
	close(settings.fd);
	return 0;
}
