/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include "base/log.h"

/*
 * STARTTLS (RFC 3207). What came behind it in plain text is thrown away, by the stream, and what
 * the client said before is forgotten (section 4.2): a stranger on the line may have written it.
 */

static bool session_is_tls(const struct session *s)
{
	return stream_tls_facts(s->stream, NULL);
}

bool session_offers_tls(const struct session *s)
{
	return s->env->tls != NULL && !session_is_tls(s);
}

const char *session_tls_version(const struct session *s)
{
	struct tls_facts facts = {0};

	return stream_tls_facts(s->stream, &facts) ? facts.version : NULL;
}

static void session_forget(struct session *s)
{
	session_reset(s);
	session_quit_backend(s); /* it knows the client by what it said */
	s->expect_len = 0;
	buf_done(&s->helo);
	s->extended = false;
	s->hasty = false;
	s->offer = (struct smtp_offer){0};
}

static void session_start_tls(struct session *s)
{
	if (s->ahead)
		log_event(EV_GATE_TLS_INJECTION,
			LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
				log_span("helo", buf_span(&s->helo))));
	session_reply(s, "220 2.0.0 Ready to start TLS");
	session_forget(s);
	s->phase = PHASE_TLS;
	timer_set(&s->timer, session_now_ms(s) + s->env->limits->tls_ms);
	stream_start_tls(s->stream, s->env->tls);
}

void session_on_starttls(struct session *s, const struct smtp_command *command)
{
	bool was_offered = (s->offer.keywords & SMTP_OFFERS_TLS) != 0;

	if (session_is_tls(s) || session_message_is_open(s))
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_STARTTLS);
	else if (command->params.len != 0)
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_STARTTLS);
	else if (s->env->tls != NULL)
		session_start_tls(s);
	else if (was_offered) /* the certificate went with a reload */
		session_defer(s, REFUSAL_TLS_AWAY, NULL, 0);
	else
		session_fault_verb(s, REFUSAL_NOT_IMPLEMENTED, SMTP_STARTTLS);
}

void session_on_secured(struct session *s)
{
	s->phase = PHASE_COMMAND;
	session_restart_idle(s);
	session_run(s); /* it may have been told meanwhile that the gate ends */
}

void session_tls_failed(struct session *s, const char *why)
{
	log_event(
		EV_GATE_TLS_FAILED, LOG_FIELDS(log_text("session", s->id),
					    log_ip("client", s->client.ip), log_text("why", why)));
	session_end(s);
}
