/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include "base/obj.h"
#include "smtp/proxy.h"

/*
 * Before the first command. A listed balancer says in a PROXY header whom it connects for; then facts are gathered, and the
 * greeting is held back in the meantime ("220-host", a pause, "220 host"): who speaks first is no mail server (RFC 5321
 * section 4.3.1). The pause is for strangers only, and ends when it cannot change anything any more.
 */

static void session_greet(struct session *s)
{
	s->phase = PHASE_COMMAND;
	buf_append_format(session_out(s), "220 %s ESMTP\r\n", s->conf->hostname);
	session_restart_idle(s);
	session_run(s);
}

/* What a list of ours says, or a foreign one that refuses by itself, stands whether the client waits or not. */
static bool facts_refuse_already(const struct facts *facts, const struct conf *conf)
{
	for (size_t i = 0; i < facts->list_hits_len; i++) {
		if (facts->list_hits[i].list->action == ACTION_REJECT)
			return true;
	}
	for (size_t i = 0; i < facts->dnsbls_len; i++) {
		if (facts->dnsbls[i].state == FACT_YES && !facts->dnsbls[i].list_error &&
			conf->dnsbls[i].action == ACTION_REJECT)
			return true;
	}
	return false;
}

static bool session_need_not_wait(struct session *s)
{
	const struct conf *rules = s->server->conf; /* the gatherer's */
	struct facts facts = {.client = s->client.ip};

	if (passed_cache_has(s->server->passed, s->client.ip, session_now_s(s)))
		return true;
	gathering_facts(s->gathering, &facts);
	facts_look_up(&facts, rules, smtpd_server_view(s->server));
	return facts_ip_is_own(rules, s->client.ip) || facts.client_allowed ||
	       facts_refuse_already(&facts, rules);
}

static int64_t session_greet_wait(const struct session *s)
{
	const struct conf_check *early = &s->conf->checks[CHECK_EARLY];

	return early->action == ACTION_OFF ? 0 : early->wait_ms;
}

/* The client is known now: by its socket, or by the header of a balancer. */
static void session_gather(struct session *s)
{
	s->facts_until_ms = session_now_ms(s) + s->server->limits->facts_ms;
	s->gathering = gathering_start(s->server->settings.gatherer, smtpd_server_view(s->server),
		s->client.ip, session_on_facts, s);
}

static void session_identify(struct session *s)
{
	int64_t wait_ms = session_greet_wait(s);

	session_gather(s);
	if (wait_ms == 0 || session_need_not_wait(s)) {
		session_greet(s);
		return;
	}
	s->phase = PHASE_GREET;
	buf_append_format(session_out(s), "220-%s ESMTP\r\n", s->conf->hostname);
	stream_send(s->stream);
	timer_set(&s->timer, session_now_ms(s) + wait_ms);
}

/* A balancer looks whether we live: it does not wait. */
static void session_identify_check(struct session *s)
{
	session_gather(s);
	session_greet(s);
}

void session_begin(struct session *s, struct endpoint peer)
{
	for (size_t i = 0; i < s->conf->proxy_from_len; i++) {
		if (!prefix_has(s->conf->proxy_from[i], peer.ip))
			continue;
		s->phase = PHASE_PROXY;
		timer_set(&s->timer, session_now_ms(s) + s->server->limits->proxy_ms);
		return;
	}
	session_identify(s);
}

/* A header that is wrong or missing ends the connection without a word (PROXY protocol, section 2). */
void session_on_proxy_input(struct session *s)
{
	struct buf *in = stream_in(s->stream);
	struct proxy_header header;
	size_t used = 0;
	int r = proxy_header_read(buf_span(in), &header, &used);

	if (r < 0) {
		session_end(s);
		return;
	}
	if (r == 0)
		return;
	buf_consume(in, used);
	if (!header.is_local) {
		s->client = header.source;
		s->local = header.destination;
	}
	timer_clear(&s->timer);
	if (header.is_local)
		session_identify_check(s);
	else
		session_identify(s);
	if (s->phase == PHASE_GREET && buf_len(in) != 0)
		session_on_early_input(s);
}

void session_on_early_input(struct session *s)
{
	s->spoke_early = true;
	session_greet(s);
}

void session_on_greet_timer(struct session *s)
{
	passed_cache_add(
		s->server->passed, s->client.ip, session_now_s(s) + s->server->limits->passed_s);
	session_greet(s);
}

void session_on_facts(struct gathering *gathering, void *arg)
{
	struct session *s = OBJ(session, arg);

	(void)gathering;
	if (s->phase == PHASE_GREET && session_need_not_wait(s))
		session_greet(s);
	else if (s->wait == WAIT_FACTS)
		session_rcpt_decide(s);
}
