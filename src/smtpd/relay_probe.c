/* SPDX-License-Identifier: ISC */
#include "smtpd/relay_probe.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "gate/facts.h"

enum probe_step { PROBE_OPENING, PROBE_MAIL, PROBE_RCPT };

struct relay_probe {
	uint32_t magic;
	struct backend_target target;
	struct backend *backend;
	enum probe_step step;
	char recipient[128];
	relay_probe_call *done;
	void *arg;
};

/* A stranger's address: of a documentation network that is not one of ours (RFC 5737). */
static struct endpoint probe_source(const struct conf *conf)
{
	static const uint32_t addresses[] = {0xcb007101u, 0xc6336401u, 0xc0000201u};
	struct endpoint source = {.port = 25125};

	for (size_t i = 0; i < COUNTOF(addresses); i++) {
		source.ip = ip_from_v4(addresses[i]);
		if (!facts_ip_is_own(conf, source.ip))
			break;
	}
	return source;
}

/* A domain that exists, is nobody's (RFC 2606) and not ours. */
static const char *probe_domain(const struct conf *conf)
{
	static const char *const domains[] = {"example.com", "example.net", "example.org"};

	for (size_t i = 0; i < COUNTOF(domains); i++) {
		if (!facts_domain_is_own(conf, span_text(domains[i])))
			return domains[i];
	}
	return "relay-probe.invalid";
}

static void probe_end(struct relay_probe *probe, enum relay_probe_result result, const char *reply)
{
	struct smtp_offer offer = {0};

	if (result != PROBE_AWAY)
		offer = *backend_offer(probe->backend);
	backend_quit(&probe->backend);
	probe->done(result, result != PROBE_AWAY ? &offer : NULL, reply, probe->arg);
}

static void probe_on_ready(struct backend *backend, void *arg)
{
	struct relay_probe *probe = OBJ(relay_probe, arg);

	probe->step = PROBE_MAIL;
	buf_append_text(backend_out(backend), "MAIL FROM:<>\r\n");
	backend_send(backend, probe->target.limits->backend_command_ms);
}

static void probe_on_mail(
	struct relay_probe *probe, const struct smtp_reply *reply, const char *words)
{
	if (smtp_reply_class(reply) != 2) {
		probe_end(probe, PROBE_AWAY, words); /* says nothing about relaying */
		return;
	}
	probe->step = PROBE_RCPT;
	buf_append_format(backend_out(probe->backend), "RCPT TO:<%s>\r\n", probe->recipient);
	backend_send(probe->backend, probe->target.limits->backend_command_ms);
}

static void probe_on_reply(struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	struct relay_probe *probe = OBJ(relay_probe, arg);
	char words[SMTP_REPLY_TEXT_SIZE];
	bool safe = smtp_reply_class(reply) == 5 || reply->code == 454;

	(void)backend;
	smtp_reply_show(reply, words);
	if (reply->code == 421)
		probe_end(probe, PROBE_AWAY, words);
	else if (probe->step == PROBE_MAIL)
		probe_on_mail(probe, reply, words);
	else
		probe_end(probe, safe ? PROBE_SAFE : PROBE_RELAYS, words);
}

static void probe_on_refused(struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	char words[SMTP_REPLY_TEXT_SIZE];

	(void)backend;
	probe_end(OBJ(relay_probe, arg), PROBE_AWAY, smtp_reply_show(reply, words));
}

static void probe_on_failed(struct backend *backend, int error, const char *what, void *arg)
{
	struct relay_probe *probe = OBJ(relay_probe, arg);
	char words[256];

	(void)backend;
	snprintf(words, sizeof(words), "%s: %s", what, err_text(error));
	probe_end(probe, PROBE_AWAY, words);
}

struct relay_probe *relay_probe_new(
	const struct backend_target *target, relay_probe_call *done, void *arg)
{
	static const struct backend_calls calls = {
		.ready = probe_on_ready,
		.reply = probe_on_reply,
		.refused = probe_on_refused,
		.failed = probe_on_failed,
	};
	struct relay_probe *probe = mem_new(relay_probe);
	struct smtp_client client = {
		.source = probe_source(target->conf),
		.destination = {.ip = ip_from_v4(0x7f000001u), .port = 25},
		.name_state = SMTP_NAME_KNOWN,
		.name = span_text("relay-probe.example.com"),
		.reverse_state = SMTP_NAME_KNOWN,
		.reverse_name = span_text("relay-probe.example.com"),
		.helo = span_text("relay-probe.example.com"),
		.extended = true,
	};

	probe->magic = (uint32_t)MAGIC_relay_probe;
	probe->target = *target;
	probe->target.conf = conf_ref(target->conf);
	probe->done = done;
	probe->arg = arg;
	snprintf(probe->recipient, sizeof(probe->recipient), "stockade-relay-probe@%s",
		probe_domain(target->conf));
	probe->backend = backend_open(&probe->target, &client, &calls, probe);
	return probe;
}

void relay_probe_free(struct relay_probe **probe)
{
	if (*probe == NULL)
		return;
	backend_close(&(*probe)->backend);
	conf_unref(&(*probe)->target.conf);
	(*probe)->magic = 0;
	mem_free(*probe);
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
