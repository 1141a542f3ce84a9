/* SPDX-License-Identifier: ISC */
#include "smtpd/relay_probe.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "gate/facts.h"
#include "resolve/resolver.h"

enum {
	ADDRESSES_MAX = 8,
	OF_HOSTNAME_MAX = 2,
	LOOKUP_MS = 1000 /* a resolver that is away holds no mail up */
};

struct probe_client {
	struct ip ip;
	bool is_hostname; /* an address of our own host name: the backend may know it as its own */
};

struct relay_probe {
	uint32_t magic;
	struct relay_probe_settings settings;
	struct resolver_query *query;
	struct timer lookup_until;
	struct probe_dialogue *dialogue;
	size_t clients_len;
	size_t client; /* that is asked as */
	struct probe_client clients[ADDRESSES_MAX];
	enum relay_probe_result result; /* of what was asked so far */
	bool has_offer;
	struct smtp_offer offer;
	char reply[SMTP_REPLY_TEXT_SIZE + 64];
	relay_probe_call *done;
	void *arg;
};

static enum client_family family_of(struct ip ip)
{
	return ip_is_v4(ip) ? CLIENTS_IPV4 : CLIENTS_IPV6;
}

bool conf_listens_to_family(const struct conf *conf, enum client_family family)
{
	static const struct ip any = {{0}};

	for (size_t i = 0; i < conf->gate_listen_len; i++) {
		struct ip ip = conf->gate_listen[i].ip;

		if (family_of(ip) == family || ip_equal(ip, any)) /* [::] takes both */
			return true;
	}
	return false;
}

bool conf_takes_family(const struct conf *conf, enum client_family family)
{
	if (conf->pass_client == PASS_CLIENT_NONE) /* the backend sees no client but us */
		return family == CLIENTS_IPV4;
	return conf->proxy_from_len != 0 || conf_listens_to_family(conf, family);
}

/* ---- as whom ---- */

static void probe_add(struct relay_probe *probe, struct ip ip, bool is_hostname)
{
	if (probe->clients_len < ADDRESSES_MAX)
		probe->clients[probe->clients_len++] = (struct probe_client){ip, is_hostname};
}

static void probe_add_configured(struct relay_probe *probe)
{
	const struct conf *conf = probe->settings.target.conf;

	for (size_t i = 0; i < conf->probe_clients_len; i++) {
		if (family_of(conf->probe_clients[i]) == probe->settings.family)
			probe_add(probe, conf->probe_clients[i], false);
	}
}

static void probe_add_hostname(struct relay_probe *probe, const struct resolver_answer *answer)
{
	const struct conf *conf = probe->settings.target.conf;

	for (size_t i = 0; i < answer->count && probe->clients_len < OF_HOSTNAME_MAX; i++) {
		if (!facts_ip_is_own(conf, answer->addresses[i]))
			probe_add(probe, answer->addresses[i], true);
	}
}

/* Networks for documentation (RFC 5737, 3849, 9637) that are not ours; one of them in any case. */
static void probe_add_documentation(struct relay_probe *probe)
{
	static const char *const texts[CLIENT_FAMILIES][3] = {
		[CLIENTS_IPV4] = {"203.0.113.1", "198.51.100.1", "192.0.2.1"},
		[CLIENTS_IPV6] = {"2001:db8::25", "3fff::25", "2001:db8:ffff::25"}};
	const struct conf *conf = probe->settings.target.conf;
	struct ip ip;

	for (size_t i = 0; i < COUNTOF(texts[0]); i++) {
		ASSERT(ip_parse(span_text(texts[probe->settings.family][i]), &ip) == 0);
		if (!facts_ip_is_own(conf, ip))
			probe_add(probe, ip, false);
	}
	if (probe->clients_len == 0)
		probe_add(probe, ip, false);
}

/* ---- one after the other ---- */

static void probe_on_report(const struct relay_probe_report *report, void *arg);

static void probe_next(struct relay_probe *probe)
{
	probe_dialogue_free(&probe->dialogue);
	probe->dialogue = probe_dialogue_new(
		&probe->settings.target, probe->clients[probe->client].ip, probe_on_report, probe);
}

/* The first answer that says something is kept; without any, the first that says nothing. */
static void probe_keep(struct relay_probe *probe, const struct relay_probe_report *report)
{
	if (report->offer != NULL) {
		probe->has_offer = true;
		probe->offer = *report->offer;
	}
	if (probe->client != 0 && report->result == PROBE_UNCLEAR)
		return;
	probe->result = report->result;
	snprintf(probe->reply, sizeof(probe->reply), "%s", report->reply);
}

static void probe_on_report(const struct relay_probe_report *report, void *arg)
{
	struct relay_probe *probe = OBJ(relay_probe, arg);
	bool is_doubtful =
		report->result == PROBE_UNCLEAR ||
		(report->result == PROBE_RELAYS && probe->clients[probe->client].is_hostname);

	probe_keep(probe, report);
	if (is_doubtful && ++probe->client < probe->clients_len) {
		probe_next(probe);
		return;
	}
	probe->done(&(struct relay_probe_report){.result = probe->result,
			    .offer = probe->has_offer ? &probe->offer : NULL,
			    .reply = probe->reply},
		probe->arg);
}

static void probe_begin(struct relay_probe *probe)
{
	resolver_cancel(&probe->query);
	timer_clear(&probe->lookup_until);
	probe_add_documentation(probe);
	probe_next(probe);
}

static void probe_on_answer(const struct resolver_answer *answer, void *arg)
{
	struct relay_probe *probe = OBJ(relay_probe, arg);

	probe->query = NULL;
	if (answer->status == RESOLVER_FOUND)
		probe_add_hostname(probe, answer);
	probe_begin(probe);
}

static void probe_on_lookup_over(struct timer *timer, void *arg)
{
	(void)timer;
	probe_begin(OBJ(relay_probe, arg));
}

static void probe_look_up(struct relay_probe *probe)
{
	const struct relay_probe_settings *settings = &probe->settings;
	struct loop *loop = settings->target.loop;
	struct dns_name name;

	if (settings->resolver == NULL || settings->target.conf->pass_client == PASS_CLIENT_NONE ||
		dns_name_parse(span_text(settings->target.conf->hostname), &name) < 0) {
		probe_begin(probe);
		return;
	}
	timer_set(&probe->lookup_until, loop_now_ms(loop) + LOOKUP_MS);
	probe->query = resolver_ask(settings->resolver,
		&(struct resolver_question){
			&name, settings->family == CLIENTS_IPV4 ? DNS_A : DNS_AAAA},
		probe_on_answer, probe);
}

struct relay_probe *relay_probe_new(
	const struct relay_probe_settings *settings, relay_probe_call *done, void *arg)
{
	struct relay_probe *probe = mem_new(relay_probe);

	probe->magic = (uint32_t)MAGIC_relay_probe;
	probe->settings = *settings;
	probe->settings.target.conf = conf_ref(settings->target.conf);
	probe->done = done;
	probe->arg = arg;
	timer_init(&probe->lookup_until, settings->target.loop, probe_on_lookup_over, probe);
	probe_add_configured(probe);
	if (probe->clients_len != 0)
		probe_next(probe);
	else
		probe_look_up(probe);
	return probe;
}

void relay_probe_free(struct relay_probe **probe)
{
	struct relay_probe *p = *probe;

	if (p == NULL)
		return;
	resolver_cancel(&p->query);
	timer_done(&p->lookup_until);
	probe_dialogue_free(&p->dialogue);
	conf_unref(&p->settings.target.conf);
	p->magic = 0;
	mem_free(p);
	*probe = NULL;
}

const char *relay_probe_advice(enum pass_client pass_client)
{
	switch (pass_client) {
	case PASS_CLIENT_XCLIENT:
		return "give the backend's smtpd in master.cf "
		       "'-o smtpd_authorized_xclient_hosts=127.0.0.1' (the gate's address) and "
		       "'-o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination'";
	case PASS_CLIENT_PROXY_V1:
	case PASS_CLIENT_PROXY_V2:
		return "give the backend's smtpd in master.cf "
		       "'-o smtpd_upstream_proxy_protocol=haproxy' and "
		       "'-o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination'; "
		       "the gate's own address must not be a relay client";
	case PASS_CLIENT_NONE:
		break;
	}
	return "the backend takes the gate for a client of its own network: set gate.backend.pass-client "
	       "to xclient (Postfix: '-o smtpd_authorized_xclient_hosts=127.0.0.1' and "
	       "'-o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination' in master.cf), "
	       "or take the gate's address out of the networks for which the backend relays";
}
