/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include "base/log.h"
#include "base/obj.h"
#include "smtp/proxy.h"

/*
 * Before the first command. A listed balancer says in a PROXY header whom it connects for; then
 * facts are gathered, and the greeting is held back in the meantime ("220-host", a pause, "220
 * host"): who speaks first is not a mail server (RFC 5321 section 4.3.1). The pause is for
 * strangers only, and ends when it cannot change anything any more.
 */

void session_finish_greeting(struct session *s)
{
	s->phase = PHASE_COMMAND;
	buf_append_format(session_out(s), "220 %s ESMTP\r\n", s->conf->hostname);
}

static void session_greet(struct session *s)
{
	session_finish_greeting(s);
	session_restart_idle(s);
	session_run(s);
}

static int64_t session_greet_wait(const struct session *s)
{
	const struct conf_check *early = &s->conf->checks[CHECK_EARLY];
	const struct smtpd_limits *limits = s->env->limits;

	if (early->action == ACTION_OFF)
		return 0;
	return early->wait_ms < limits->greet_ms ? early->wait_ms : limits->greet_ms;
}

/* Facts are complete, or their time is over. */
static void session_on_facts(struct consultation *consultation, void *arg)
{
	struct session *s = OBJ(session, arg);

	if (s->phase == PHASE_GREET && consultation_is_settled(consultation))
		session_greet(s);
	else if (s->wait == WAIT_FACTS)
		session_decide(s);
}

/* The client is known now: by its socket, or by the header of a balancer. */
static void session_identify(struct session *s)
{
	const struct consult_client client = {s->client.ip, s->conf, session_on_facts, s};
	int64_t wait_ms = session_greet_wait(s);

	s->consultation = consultation_start(s->env->consult, &client);
	if (wait_ms == 0 || consultation_is_settled(s->consultation)) {
		session_greet(s);
		return;
	}
	s->phase = PHASE_GREET;
	buf_append_format(session_out(s), "220-%s ESMTP\r\n", s->conf->hostname);
	stream_send(s->stream);
	timer_set(&s->timer, session_now_ms(s) + wait_ms);
}

void session_begin(struct session *s, struct endpoint peer)
{
	if (!session_env_trusts(s->env, peer.ip)) {
		session_identify(s);
		return;
	}
	s->phase = PHASE_PROXY;
	timer_set(&s->timer, session_now_ms(s) + s->env->limits->proxy_ms);
}

/* Who is behind a balancer that does not say so might be anybody, and would look like the balancer.
 * Postfix answers 421 as well; the fault is neither the client's nor for ever. */
void session_refuse_unnamed(struct session *s, const char *why)
{
	const struct refusal_value hostname = {"hostname", span_text(s->conf->hostname)};

	log_event(EV_PROXY_UNNAMED,
		LOG_FIELDS(log_endpoint("balancer", s->client), log_text("why", why)));
	session_refuse(s, REFUSAL_UNNAMED_CLIENT, &hostname, 1);
	session_close(s);
}

/* LOCAL is the balancer that looks whether we live: it is greeted at once, and nobody is consulted
 * about it, so that it cannot hand in mail (session_is_check). */
static void session_take_header(struct session *s, const struct proxy_header *header)
{
	timer_clear(&s->timer);
	if (header->client == PROXY_CLIENT_NONE) {
		session_greet(s);
		return;
	}
	if (header->client == PROXY_CLIENT_UNNAMED) {
		session_refuse_unnamed(s, "the PROXY header names no client");
		return;
	}
	s->client = header->source;
	s->local = header->destination;
	if (!session_take_place(s)) {
		session_crowd_out(s);
		return;
	}
	session_identify(s);
	if (s->phase == PHASE_GREET && buf_len(stream_in(s->stream)) != 0)
		session_on_early_input(s);
}

void session_on_proxy_input(struct session *s)
{
	struct buf *in = stream_in(s->stream);
	struct proxy_header header;
	size_t used = 0;
	int r = proxy_header_read(buf_span(in), &header, &used);

	if (r == 0)
		return;
	if (r < 0) {
		buf_consume(in, buf_len(in));
		session_refuse_unnamed(s, "no PROXY header, or a malformed one");
		return;
	}
	buf_consume(in, used);
	session_take_header(s, &header);
}

void session_on_early_input(struct session *s)
{
	s->spoke_early = true;
	session_greet(s);
}

void session_on_greet_timer(struct session *s)
{
	consultation_passed(s->consultation);
	session_greet(s);
}
