/* SPDX-License-Identifier: ISC */
#include "demo/visitors.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/macro.h"
#include "demo/client.h"
#include "list/incident.h"

enum { LOOK_PATIENCE_MS = 10000, LOOK_AGAIN_MS = 10 };

/* What the site's operator did before: the verbs that people use. */
static const char *const preparations[][10] = {
	{"list", "add", "198.51.100.0/24", "--list", "main", "--reason", "spam run", NULL},
	{"list", "add", "2001:db8:66::/64", "--list", "main", "--reason", "spam run", NULL},
	{"list", "add", "listed.test", "--list", "names", "--reason", "fraud", NULL},
	{"allow", "198.51.100.77", "--reason", "our club's newsletter", NULL},
};

static const char you[] = "you@demo.test";

/* code and text: of the expected reply; a code below 300 means that the mailbox has the mail. */
static const struct demo_visitor {
	const char *what;
	struct demo_visit visit;
	int code;
	const char *text;
} visitors[] = {
	{"a good mail server", {"192.0.2.10", "mail.good.test", "anna@good.test", you}, 250, ""},
	{"the same by IPv6", {"2001:db8:10::25", "mail6.good.test", "anna@good.test", you}, 250,
		""},
	{"speaks before our greeting",
		{"192.0.2.20", "hasty.sender.test", "x@sender.test", you, true}, 554,
		"5.5.0 Service unavailable; you spoke before our greeting"},
	{"has no reverse DNS", {"192.0.2.66", "mx.sender.test", "x@sender.test", you}, 550,
		"5.7.25 Client host rejected: fix reverse DNS for 192.0.2.66"},
	{"its name points elsewhere", {"192.0.2.67", "forged.bank.test", "x@bank.test", you}, 550,
		"5.7.25 Client host rejected: possibly forged hostname for 192.0.2.67"},
	{"says HELO friend", {"192.0.2.30", "friend", "x@sender.test", you}, 550,
		"5.7.1 Helo command rejected: need fully-qualified hostname; 'friend' is not one"},
	{"says HELO with our name", {"192.0.2.31", "mx.demo.test", "x@sender.test", you}, 550,
		"5.7.1 Helo command rejected: need fully-qualified hostname of your own; 'mx.demo.test' is ours"},
	{"HELO with another's address", {"192.0.2.32", "[192.0.2.99]", "x@sender.test", you}, 550,
		"5.7.1 Helo command rejected: need fully-qualified hostname or your own address; you call from [192.0.2.32], not [192.0.2.99]"},
	{"wants us to relay",
		{"192.0.2.40", "courier.sender.test", "x@sender.test", "victim@elsewhere.test"},
		550, "5.7.1 Relay access denied: elsewhere.test"},
	{"listed by a third-party list", {"203.0.113.50", "infected.dsl.test", "x@dsl.test", you},
		554,
		"5.7.1 Service unavailable; Client host [203.0.113.50] blocked using Third-Party List"},
	{"on our list, as a /24", {"198.51.100.9", "bulk.spam.test", "x@spam.test", you}, 554,
		"5.7.1 Service unavailable; Client host [198.51.100.9] blocked using our blocklist"},
	{"there too, but allowed", {"198.51.100.77", "newsletter.club.test", "news@club.test", you},
		250, ""},
	{"inside a listed IPv6 /64", {"2001:db8:66::25", "mx.spam.test", "x@spam.test", you}, 554,
		"5.7.1 Service unavailable; Client host [2001:db8:66::25] blocked using our blocklist"},
	{"listed, to the postmaster",
		{"198.51.100.9", "bulk.spam.test", "x@spam.test", "postmaster@demo.test"}, 250, ""},
	{"its sender domain is listed", {"192.0.2.50", "host.listed.test", "x@listed.test", you},
		554, "5.7.1 Service unavailable; domain listed.test blocked using our blocklist"},
};

size_t demo_visitors_count(void)
{
	return COUNTOF(visitors);
}

static bool play_prepare(struct demo_play *play)
{
	for (size_t i = 0; i < COUNTOF(preparations); i++) {
		const char *const *words = preparations[i];

		if (!atomic_load(&play->stop) && demo_site_verb(play->site, words) == 0)
			continue;
		if (!atomic_load(&play->stop))
			printf("  `stockade %s %s %s` failed\n", words[0], words[1], words[2]);
		return false;
	}
	return true;
}

/* The incident number at the end of a refusal. */
static void play_note_incident(struct demo_play *play, const char *reply)
{
	const char *slash = strrchr(reply, '/');
	uint64_t number;

	if (slash != NULL && incident_number_parse(span_text(slash + 1), &number) == 0)
		snprintf(play->incident, sizeof(play->incident), "%s", slash + 1);
}

/* A refusal ends with the page of its incident, and its mail is not in the mailbox. */
static bool visitor_is_as_expected(const struct demo_visitor *visitor,
	const struct demo_reply *reply, unsigned mails_before, unsigned mails_after)
{
	if (reply->code != visitor->code)
		return false;
	if (visitor->code < 300)
		return mails_after == mails_before + 1;
	return strstr(reply->text, visitor->text) != NULL && mails_after == mails_before &&
	       strstr(reply->text, "/why/") != NULL;
}

static void play_visitor(struct demo_play *play, size_t index)
{
	const struct demo_visitor *visitor = &visitors[index];
	unsigned mails = atomic_load(&play->mails);
	struct demo_reply reply = {0};
	bool expected;
	int r = demo_client_mail(play->site->gate, &visitor->visit, &reply);

	if (atomic_load(&play->stop))
		return;
	if (r < 0)
		snprintf(reply.text, sizeof(reply.text), "no answer: %s", err_text(r));
	expected =
		r == 0 && visitor_is_as_expected(visitor, &reply, mails, atomic_load(&play->mails));
	printf("  %2zu  %-16s %-28s %s\n", index + 1, visitor->visit.client, visitor->what,
		expected && reply.code < 300 ? "delivered" : reply.text);
	if (!expected)
		printf("      ^ expected: %d %s\n", visitor->code,
			visitor->code < 300 ? "and the mail in the mailbox" : visitor->text);
	fflush(stdout);
	play->played++;
	play->unexpected += !expected;
	if (strcmp(visitor->visit.client, "198.51.100.9") == 0)
		play_note_incident(play, reply.text);
}

static bool look_at_dns(struct demo_play *play)
{
	struct endpoint dns = play->site->dns;
	struct ip code = ip_from_v4(0x7f000008);

	return demo_client_dns(dns, "9.100.51.198.bl.demo.test", code, false) == 1 &&
	       demo_client_dns(dns, "9.100.51.198.manual.bl.demo.test", code, true) == 1;
}

static bool look_at_page(struct demo_play *play)
{
	char path[64];
	struct buf page;
	bool good;

	snprintf(path, sizeof(path), "/why/%s", play->incident);
	buf_init(&page, 0);
	good = play->incident[0] != '\0' && demo_client_page(play->site->pages, path, &page) == 0 &&
	       span_has_prefix_nocase(buf_span(&page), "HTTP/1.1 200") &&
	       span_find_text(buf_span(&page), "198.51.100.9") < buf_len(&page);
	buf_done(&page);
	return good;
}

/* What follows: at once by DNS; on the page as soon as the keeper has stored the incident. */
static void play_look(
	struct demo_play *play, const char *what, bool (*look)(struct demo_play *play))
{
	int64_t end_ms = clock_monotonic_ms() + LOOK_PATIENCE_MS;
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000};
	bool good;

	while (!(good = look(play)) && clock_monotonic_ms() < end_ms && !atomic_load(&play->stop))
		nanosleep(&pause, NULL);
	if (atomic_load(&play->stop))
		return;
	printf("      %s: %s\n", what, good ? "yes" : "NO");
	play->unexpected += !good;
}

void demo_visitors_play(struct demo_play *play)
{
	if (!play_prepare(play)) {
		play->unexpected++;
		return;
	}
	for (size_t i = 0; i < COUNTOF(visitors) && !atomic_load(&play->stop); i++)
		play_visitor(play, i);
	if (atomic_load(&play->stop))
		return;
	play_look(play, "DNS lists 198.51.100.9, by UDP and TCP", look_at_dns);
	play_look(play, "the page explains its incident", look_at_page);
}
