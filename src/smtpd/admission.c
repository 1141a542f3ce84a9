/* SPDX-License-Identifier: ISC */
#include "smtpd/admission.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "list/incident.h"

enum { REMEMBERED = 65536, NUMBER_SIZE = 24 };

struct admission {
	struct admission_settings settings;
	struct places *places;
	struct client_quota *quota;
	struct admission_counts counts;
	struct buf reply;
};

struct admission *admission_new(const struct admission_settings *settings)
{
	struct admission *admission = mem_new(admission);

	admission->settings = *settings;
	admission->places = places_new(settings->sessions);
	admission->quota = client_quota_new(REMEMBERED);
	buf_init(&admission->reply, 0);
	return admission;
}

void admission_free(struct admission **admission)
{
	struct admission *a = *admission;

	if (a == NULL)
		return;
	places_free(&a->places);
	client_quota_free(&a->quota);
	buf_done(&a->reply);
	mem_free(a);
	*admission = NULL;
}

void admission_set_sessions(struct admission *admission, size_t sessions)
{
	places_set_count(admission->places, sessions);
}

struct span admission_reply(const struct admission *admission)
{
	return buf_span(&admission->reply);
}

struct admission_counts admission_counts(const struct admission *admission)
{
	return admission->counts;
}

/* ---- refusals ---- */

struct turned_away {
	const struct conf *conf;
	struct endpoint client;
	enum refusal_id why;
	size_t n; /* connections, in the words for the client */
};

static unsigned admission_note(struct admission *admission, struct ip client)
{
	return client_quota_refused(
		admission->quota, client, loop_now_ms(admission->settings.loop));
}

unsigned admission_note_mail(struct admission *admission, struct ip client)
{
	admission->counts.mail++;
	return admission_note(admission, client);
}

static void admission_log(
	struct admission *admission, const struct turned_away *who, uint64_t incident)
{
	unsigned refused = admission_note(admission, who->client.ip);
	char number[INCIDENT_TEXT_SIZE], network[PREFIX_TEXT_SIZE];

	if (refused == 0)
		return;
	log_event(EV_GATE_CROWDED,
		LOG_FIELDS(log_endpoint("client", who->client),
			log_text("network", prefix_print(ip_network_of(who->client.ip), network)),
			log_number("sessions", (int64_t)who->n), log_number("refused", refused),
			log_text("rule", refusal_get(who->why)->key),
			log_text("incident", incident_number_print(incident, number))));
}

static void admission_turn_away(struct admission *admission, const struct turned_away *who)
{
	char ip[IP_TEXT_SIZE], n[NUMBER_SIZE];
	const struct refusal_value values[] = {
		{"hostname", span_text(who->conf->hostname)},
		{"ip", span_text(ip_print(who->client.ip, ip))},
		{"n", span_of(n, (size_t)snprintf(n, sizeof(n), "%zu", who->n))},
		{"url", span_text(who->conf->portal_url)},
	};
	struct verdict_fault fault = {.refusal = who->why};
	struct consult_answer answer;

	admission->counts.connections++;
	buf_clear(&admission->reply);
	refusal_print(who->why, values, COUNTOF(values), &admission->reply);
	fault.reply = buf_span(&admission->reply);
	consult_note(admission->settings.consult,
		&(struct consult_client){.ip = who->client.ip, .conf = who->conf}, &fault, &answer);
	admission_log(admission, who, answer.incident);
	buf_append_text(&admission->reply, "\r\n");
}

void admission_is_full(struct admission *admission, const struct conf *conf, struct endpoint client)
{
	const struct turned_away who = {
		conf, client, REFUSAL_CROWDED, places_taken(admission->places)};

	admission_turn_away(admission, &who);
}

/* ---- places ---- */

/* Whether somebody is known good is asked only of who has reached a limit. */
static bool admission_open(struct admission *admission, struct ip client, struct quota_ask *ask,
	struct quota_hold *ret_hold)
{
	if (client_quota_open(admission->quota, client, ask, ret_hold))
		return true;
	if (!consult_knows_as_good(admission->settings.consult, ask->conf, client))
		return false;
	ask->standing = QUOTA_KNOWN_GOOD;
	return client_quota_open(admission->quota, client, ask, ret_hold);
}

bool admission_take(struct admission *admission, const struct conf *conf, struct endpoint client,
	struct admitted *ret_admitted)
{
	struct admitted admitted = {.has_place = true};
	struct quota_ask ask = {.conf = conf,
		.standing = QUOTA_STRANGER,
		.now_ms = loop_now_ms(admission->settings.loop)};

	if (facts_ip_is_own(conf, client.ip)) {
		places_take(admission->places, &admitted.place); /* it has always room */
		*ret_admitted = admitted;
		return true;
	}
	if (!admission_open(admission, client.ip, &ask, &admitted.quota)) {
		admission_turn_away(admission,
			&(struct turned_away){conf, client, REFUSAL_CONN_LIMIT, ask.excess.limit});
		return false;
	}
	admitted.standing = ask.standing;
	admitted.place.shares[0] = places_of_client(admission->places, client.ip);
	if (!places_take(admission->places, &admitted.place)) {
		client_quota_close(admission->quota, &admitted.quota);
		admission_turn_away(admission,
			&(struct turned_away){conf, client, REFUSAL_CONN_LIMIT,
				places_held(admission->places, admitted.place.shares[0])});
		return false;
	}
	*ret_admitted = admitted;
	return true;
}

void admission_give(struct admission *admission, struct admitted *admitted)
{
	if (!admitted->has_place)
		return;
	places_give(admission->places, &admitted->place);
	client_quota_close(admission->quota, &admitted->quota);
	admitted->has_place = false;
}
