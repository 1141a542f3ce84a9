/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <stdio.h>

#include "base/log.h"
#include "base/macro.h"
#include "list/incident.h"

/*
 * What a session writes into the log about its decisions: an event, and the line in Postfix's shape
 * that the tools of mail administrators read. The logger escapes strangers' bytes.
 */

/* "RCPT from NAME[192.0.2.1]: 550 5.7.25 ...; from=<> to=<> proto=ESMTP helo=<>", as fail2ban and
 * pflogsumm know it. The word reject_warning bans nobody. */
static void session_log_postfix(
	const struct session *s, const struct consult_answer *answer, const char *what)
{
	const struct facts *facts = &answer->facts;
	char ip[IP_TEXT_SIZE];
	struct buf line;

	buf_init(&line, 0);
	buf_append_format(&line, "NOQUEUE: %s: RCPT from ", what);
	if (facts->confirmed == FACT_YES && facts->confirmed_name.len != 0)
		buf_append(&line, facts->confirmed_name);
	else
		buf_append_text(&line, "unknown");
	buf_append_format(&line, "[%s]: ", ip_print(s->client.ip, ip));
	buf_append(&line, answer->reply);
	buf_append_text(&line, "; from=<");
	buf_append(&line, facts->sender);
	buf_append_text(&line, "> to=<");
	buf_append(&line, facts->recipient);
	buf_append_format(&line, "> proto=%s helo=<", s->extended ? "ESMTP" : "SMTP");
	buf_append(&line, facts->helo);
	buf_append_byte(&line, '>');
	log_postfix_line(buf_span(&line));
	buf_done(&line);
}

void session_log_verdict(const struct session *s, const struct consult_answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	const struct facts *facts = &answer->facts;
	enum log_event_id event = EV_GATE_WOULD_REFUSE;
	char number[INCIDENT_TEXT_SIZE], beyond[24] = "";

	if (verdict->refusal == REFUSAL_RCPT_MANY)
		snprintf(beyond, sizeof(beyond), "%zu", session_beyond(s));
	if (verdict->kind == VERDICT_REFUSE)
		event = EV_GATE_REFUSE;
	else if (verdict->kind == VERDICT_TEMPFAIL)
		event = EV_GATE_TEMPFAIL;
	log_event(event,
		LOG_FIELDS(log_text("incident", incident_number_print(answer->incident, number)),
			log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("ptr", facts->ptr_name), log_span("helo", facts->helo),
			log_span("from", facts->sender), log_span("to", facts->recipient),
			log_text("rule", verdict_rule(verdict)),
			log_text("mode", mode_name(verdict->mode)), log_text("recipients", beyond),
			log_text("tls", session_tls_version(s)), log_span("reply", answer->reply)));
	if (verdict->decider == NULL)
		return; /* a fault, which Postfix writes no such line about */
	session_log_postfix(s, answer, event != EV_GATE_WOULD_REFUSE ? "reject" : "reject_warning");
}

void session_log_deferral(const struct session *s, enum refusal_id id, struct span reply)
{
	log_event(EV_GATE_TEMPFAIL,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("helo", buf_span(&s->helo)),
			log_span("from", s->mail.mail.path.mailbox),
			log_span("to", s->rcpt.rcpt.path.mailbox),
			log_text("rule", refusal_get(id)->key), log_span("reply", reply)));
}

void session_log_helocheck(const struct session *s)
{
	log_event(EV_GATE_HELOCHECK,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("helo", buf_span(&s->helo)),
			log_span("to", s->rcpt.rcpt.path.mailbox)));
}

void session_log_backend(const struct session *s, const struct smtp_reply *reply)
{
	char words[SMTP_REPLY_TEXT_SIZE];

	log_event(EV_GATE_BACKEND_REFUSE,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("helo", buf_span(&s->helo)),
			log_span("from", s->mail.mail.path.mailbox),
			log_span("to", s->rcpt.rcpt.path.mailbox),
			log_text("reply", smtp_reply_show(reply, words))));
}

void session_log_accept(const struct session *s, const struct smtp_reply *reply, bool gone)
{
	struct span text = reply->text;

	log_event(gone ? EV_GATE_DELIVERED_GONE : EV_GATE_ACCEPT,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("helo", buf_span(&s->helo)),
			log_span("from", s->mail.mail.path.mailbox),
			log_number("recipients", s->mail.accepted),
			log_number("size", (int64_t)s->message->data.octets),
			log_text("tls", session_tls_version(s)), log_number("code", reply->code),
			log_span("reply", smtp_reply_line(&text))));
}

void session_log_gone(const struct session *s)
{
	log_event(EV_GATE_DELIVERED_GONE,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip)));
}

void session_log_close(const struct session *s)
{
	log_event(EV_GATE_CLOSE,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_number("errors", s->errors)));
}
