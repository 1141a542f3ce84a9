/* SPDX-License-Identifier: ISC */
#include "smtpd/backend_state.h"

#include <stdio.h>

#include "base/bucket_table.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"

/*
 * A round asks for each family of clients that can come, all at once; when the last answer is in,
 * what they say together is concluded. An answer that says nothing changes nothing. One that says
 * "relays" counts when a second round, on fresh connections, says it again: replies may have been
 * out of step, and what follows ends the gate.
 */
struct backend_family {
	uint32_t magic;
	struct backend_state *state;
	struct relay_probe *probe;
	enum relay_probe_result result; /* of the last round */
	bool is_asked;
	bool is_safe;    /* does not relay */
	bool is_doubted; /* the last answer that said something was "relays" */
	bool is_logged;  /* that it does not say */
	bool is_met;     /* the last probe got as far as MAIL */
	bool has_offer;
	struct smtp_offer offer; /* to strangers, by the last probe that heard one */
	char reply[SMTP_REPLY_TEXT_SIZE + 64];
};

/* A client whom the backend offered less than strangers. */
struct offer_entry {
	struct bucket_entry entry;
	unsigned keywords;
};

enum { OFFER_ENTRIES = 1024 };

struct backend_state {
	uint32_t magic;
	struct backend_state_settings settings; /* holds a reference to its conf */
	struct backend_family families[CLIENT_FAMILIES];
	unsigned pending; /* probes of this round */
	struct timer probe_again;
	bool away_logged;
	bool tls_logged;
	bool tls_missing_logged;
	bool probe_is_soon;
	struct bucket_table *offered; /* of struct offer_entry */
};

static bool conf_same_backend(const struct conf *a, const struct conf *b)
{
	return a->backend.port == b->backend.port && ip_equal(a->backend.ip, b->backend.ip) &&
	       a->pass_client == b->pass_client;
}

static void state_probe_after(struct backend_state *state, int64_t after_ms)
{
	timer_set(&state->probe_again, loop_now_ms(state->settings.target.loop) + after_ms);
}

static const struct conf *state_conf(const struct backend_state *state)
{
	return state->settings.target.conf;
}

static bool state_is_safe(const struct backend_state *state)
{
	return state->families[CLIENTS_IPV4].is_safe || state->families[CLIENTS_IPV6].is_safe;
}

/* ---- what the log hears ---- */

static void state_log_relays(const struct backend_state *state, const char *reply)
{
	const struct conf *conf = state_conf(state);

	log_event(EV_BACKEND_RELAYS,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("reply", reply),
			log_number("line", conf->backend_location.line),
			log_text("fix", relay_probe_advice(conf->pass_client))));
}

static const char *family_advice(const struct backend_family *family)
{
	const struct backend_state *state = family->state;

	if (family->is_met)
		return "look which restriction of the mail server this is, on client or HELO names that do not resolve perhaps; "
		       "or set gate.probe-client to an address of nobody that it takes";
	if (family == &state->families[CLIENTS_IPV6] && state_is_safe(state))
		return "let the mail server know IPv6 (Postfix: inet_protocols = all), or listen on IPv4 addresses alone";
	return relay_probe_advice(state_conf(state)->pass_client);
}

static const char *family_clients(const struct backend_family *family)
{
	const struct backend_family *ipv6 = &family->state->families[CLIENTS_IPV6];

	if (family == ipv6)
		return "IPv6";
	return ipv6->is_asked && ipv6->result != PROBE_SAFE ? "IPv4, IPv6" : "IPv4";
}

/* What holds for both families is one line, that of IPv4. */
static void family_log_unclear(struct backend_family *family)
{
	const struct backend_family *ipv4 = &family->state->families[CLIENTS_IPV4];

	if (family->is_logged || (family != ipv4 && ipv4->is_asked && ipv4->result != PROBE_SAFE))
		return;
	family->is_logged = true;
	log_event(EV_BACKEND_UNCLEAR,
		LOG_FIELDS(log_endpoint("backend", state_conf(family->state)->backend),
			log_text("clients", family_clients(family)),
			log_text("reply", family->reply), log_text("fix", family_advice(family))));
}

/* ---- what a round says ---- */

static bool state_offers_tls(const struct backend_state *state)
{
	unsigned offers = 0;

	for (size_t i = 0; i < CLIENT_FAMILIES; i++)
		offers |= state->families[i].has_offer ? state->families[i].offer.keywords : 0;
	return (offers & SMTP_OFFERS_TLS) != 0;
}

/* What its clients had before the gate stood here, and lost. */
static void state_log_missing_tls(struct backend_state *state, bool offers_tls)
{
	bool is_missing = offers_tls && state_conf(state)->tls_certificate == NULL;

	if (is_missing && !state->tls_missing_logged)
		log_event(EV_GATE_TLS_MISSING,
			LOG_FIELDS(log_endpoint("backend", state_conf(state)->backend)));
	state->tls_missing_logged = is_missing;
}

static void state_report(struct backend_state *state, enum relay_probe_result result)
{
	const struct conf *conf = state_conf(state);
	struct backend_finding finding = {.result = result,
		.offers_tls = state_offers_tls(state),
		.no_ipv6 = conf_listens_to_family(conf, CLIENTS_IPV6) &&
			   state->families[CLIENTS_IPV6].is_asked &&
			   !state->families[CLIENTS_IPV6].is_safe};

	state_log_missing_tls(state, finding.offers_tls);
	state->settings.probed(&finding, state->settings.arg);
}

static const struct backend_family *state_find(
	const struct backend_state *state, enum relay_probe_result result)
{
	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		if (state->families[i].is_asked && state->families[i].result == result)
			return &state->families[i];
	}
	return NULL;
}

static void state_conclude_relays(struct backend_state *state)
{
	bool is_news = false;

	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		struct backend_family *family = &state->families[i];
		bool relays = family->is_asked && family->result == PROBE_RELAYS;

		is_news |= relays && !family->is_doubted;
		family->is_doubted |= relays;
	}
	if (is_news) {
		state_probe_after(state, 0);
		return;
	}
	for (size_t i = 0; i < CLIENT_FAMILIES; i++)
		state->families[i].is_safe = false;
	state_log_relays(state, state_find(state, PROBE_RELAYS)->reply);
	state_report(state, PROBE_RELAYS);
}

static void family_conclude(struct backend_family *family)
{
	if (family->result == PROBE_SAFE) {
		family->is_safe = true;
		family->is_doubted = false;
		family->is_logged = false;
	} else {
		family_log_unclear(family);
	}
}

/* A backend that is not there for one family and answers for the other is there. */
static void state_conclude_met(struct backend_state *state)
{
	const struct smtpd_limits *limits = state->settings.target.limits;
	bool all_said = true;

	state->away_logged = false;
	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		if (!state->families[i].is_asked)
			continue;
		all_said = all_said && state->families[i].result == PROBE_SAFE;
		family_conclude(&state->families[i]);
	}
	state_probe_after(state, all_said               ? limits->probe_every_ms
				 : state_is_safe(state) ? limits->probe_unclear_ms
							: limits->probe_again_ms);
	state_report(state, state_is_safe(state) ? PROBE_SAFE : PROBE_UNCLEAR);
}

static void state_conclude_away(struct backend_state *state)
{
	backend_state_away(state, state_conf(state), state_find(state, PROBE_AWAY)->reply, 0);
	state_probe_after(state, state->settings.target.limits->probe_again_ms);
	state_report(state, state_is_safe(state) ? PROBE_SAFE : PROBE_AWAY);
}

static void state_conclude(struct backend_state *state)
{
	if (state_find(state, PROBE_RELAYS) != NULL)
		state_conclude_relays(state);
	else if (state_find(state, PROBE_SAFE) != NULL || state_find(state, PROBE_UNCLEAR) != NULL)
		state_conclude_met(state);
	else
		state_conclude_away(state);
}

static void family_on_probed(const struct relay_probe_report *report, void *arg)
{
	struct backend_family *family = OBJ(backend_family, arg);
	struct backend_state *state = family->state;

	family->result = report->result;
	family->is_met = report->offer != NULL;
	snprintf(family->reply, sizeof(family->reply), "%s", report->reply);
	if (report->offer != NULL) {
		family->offer = *report->offer;
		family->has_offer = true;
	}
	if (--state->pending == 0)
		state_conclude(state);
}

/* ---- rounds ---- */

static void state_probe(struct backend_state *state)
{
	struct relay_probe_settings probe = {
		.target = state->settings.target, .resolver = state->settings.resolver};

	timer_clear(&state->probe_again);
	state->probe_is_soon = false;
	state->pending = 0;
	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		struct backend_family *family = &state->families[i];

		relay_probe_free(&family->probe);
		probe.family = (enum client_family)i;
		family->is_asked = conf_takes_family(state_conf(state), probe.family);
		if (!family->is_asked) { /* what was found before may be out of date when it is */
			family->is_safe = family->is_doubted = false;
			continue;
		}
		state->pending++;
		family->probe = relay_probe_new(&probe, family_on_probed, family);
	}
}

static void state_on_probe_again(struct timer *timer, void *arg)
{
	(void)timer;
	state_probe(OBJ(backend_state, arg));
}

struct backend_state *backend_state_new(const struct backend_state_settings *settings)
{
	struct backend_state *state = mem_new(backend_state);

	state->magic = (uint32_t)MAGIC_backend_state;
	state->settings = *settings;
	state->settings.target.conf = conf_ref(settings->target.conf);
	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		state->families[i].magic = (uint32_t)MAGIC_backend_family;
		state->families[i].state = state;
	}
	state->offered = bucket_table_new(OFFER_ENTRIES, sizeof(struct offer_entry));
	timer_init(&state->probe_again, settings->target.loop, state_on_probe_again, state);
	state_probe(state);
	return state;
}

void backend_state_free(struct backend_state **state)
{
	struct backend_state *s = *state;

	if (s == NULL)
		return;
	for (size_t i = 0; i < CLIENT_FAMILIES; i++)
		relay_probe_free(&s->families[i].probe);
	timer_done(&s->probe_again);
	conf_unref(&s->settings.target.conf);
	bucket_table_free(&s->offered);
	s->magic = 0;
	mem_free(s);
	*state = NULL;
}

static void state_forget(struct backend_state *state)
{
	for (size_t i = 0; i < CLIENT_FAMILIES; i++) {
		state->families[i].has_offer = false;
		state->families[i].is_safe = false;
		state->families[i].is_doubted = false;
		state->families[i].is_logged = false;
	}
}

void backend_state_set_conf(struct backend_state *state, const struct conf *conf)
{
	bool must_ask = false;

	if (!conf_same_backend(state_conf(state), conf))
		state_forget(state);
	conf_unref(&state->settings.target.conf);
	state->settings.target.conf = conf_ref(conf);
	for (size_t i = 0; i < CLIENT_FAMILIES; i++)
		must_ask |= conf_takes_family(conf, (enum client_family)i) &&
			    !state->families[i].is_safe;
	if (must_ask)
		state_probe(state);
}

void backend_state_stop(struct backend_state *state)
{
	timer_clear(&state->probe_again);
}

/* As what the backend sees the client. */
static enum client_family client_family_seen(const struct conf *conf, struct ip client)
{
	bool sees_ipv6 = !ip_is_v4(client) && conf->pass_client != PASS_CLIENT_NONE;

	return sees_ipv6 ? CLIENTS_IPV6 : CLIENTS_IPV4;
}

bool backend_state_may_pass(
	const struct backend_state *state, const struct conf *conf, struct ip client)
{
	return state->families[client_family_seen(conf, client)].is_safe &&
	       conf_same_backend(state_conf(state), conf);
}

/* What strangers are offered who come as the client does; of the other family where that one could
 * not be asked. */
static const struct backend_family *state_family_of(
	const struct backend_state *state, struct ip client)
{
	enum client_family family = client_family_seen(state_conf(state), client);
	bool is_known = state->families[family].has_offer;

	return &state->families[is_known ? (int)family : CLIENT_FAMILIES - 1 - (int)family];
}

int backend_state_offer(
	const struct backend_state *state, struct ip client, struct smtp_offer *ret_offer)
{
	const struct backend_family *family = state_family_of(state, client);
	const struct offer_entry *entry = bucket_table_find(state->offered, client, 0);

	if (!family->has_offer)
		return E_ABSENT;
	*ret_offer = family->offer;
	if (entry != NULL)
		ret_offer->keywords &= entry->keywords;
	return 0;
}

void backend_state_up(struct backend_state *state, const struct conf *conf)
{
	if (!conf_same_backend(state_conf(state), conf))
		return;
	if (state->away_logged) /* it may have come back as another */
		state_probe_after(state, 0);
	state->away_logged = false;
}

void backend_state_tls(struct backend_state *state, const struct conf *conf, const char *why)
{
	bool is_news = why != NULL && !state->tls_logged;

	if (!conf_same_backend(state_conf(state), conf))
		return;
	state->tls_logged = why != NULL;
	if (is_news)
		log_event(EV_BACKEND_TLS,
			LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("why", why)));
}

void backend_state_offers(
	struct backend_state *state, struct ip client, const struct smtp_offer *offer)
{
	struct offer_entry *entry = bucket_table_find(state->offered, client, 0);
	unsigned missing = state_family_of(state, client)->offer.keywords & ~offer->keywords;
	bool is_less = (missing & SMTP_KEYWORDS_OURS) != 0;

	if (entry == NULL && is_less) {
		entry = bucket_table_need(state->offered, client, 0);
		if (!state->probe_is_soon)
			state_probe_after(state, state->settings.target.limits->probe_again_ms);
		state->probe_is_soon = true;
	}
	if (entry == NULL)
		return;
	entry->entry.used = loop_now_s(state->settings.target.loop);
	entry->keywords = offer->keywords;
}

void backend_state_away(
	struct backend_state *state, const struct conf *conf, const char *what, int error)
{
	bool is_ours = conf_same_backend(state_conf(state), conf);

	if (state->away_logged && is_ours)
		return;
	state->away_logged = is_ours;
	log_event(EV_BACKEND_DOWN,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("why", what),
			log_text("error", error < 0 ? err_text(error) : NULL)));
}
