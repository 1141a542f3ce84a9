/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <stdio.h>

#include "base/log.h"
#include "base/macro.h"
#include "bus/client.h"
#include "list/incident.h"
#include "stockade.pb-c.h"

/*
 * What a session tells the world about its decisions: the incident for the keeper, an event, and the line in Postfix's shape
 * that the tools of mail administrators read. Strangers' bytes are escaped on the way into the incident; the logger escapes
 * its own.
 */

enum { SHOWN_SIZE = 512 };

/* Printable ASCII as it is, other bytes as \xHH; cut at the size. */
static char *shown(struct span s, char text[SHOWN_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < s.len && at + 5 < SHOWN_SIZE; i++) {
		if (ascii_is_print(s.ptr[i]))
			text[at++] = (char)s.ptr[i];
		else
			at += (size_t)snprintf(text + at, 5, "\\x%02x", s.ptr[i]);
	}
	text[at] = '\0';
	return text;
}

static const char *verdict_rule(const struct verdict *verdict)
{
	return verdict->decider != NULL ? check_words_get(verdict->decider->check)->key
					: refusal_get(verdict->refusal)->key;
}

/* ---- the incident ---- */

static size_t incident_checks(const struct verdict *verdict, Stockade__CheckResult *checks,
	Stockade__CheckResult **pointers)
{
	for (size_t i = 0; i < verdict->results_len; i++) {
		const struct check_result *result = &verdict->results[i];

		stockade__check_result__init(&checks[i]);
		checks[i].key = (char *)check_words_get(result->check)->key;
		checks[i].found = (char *)result->found;
		checks[i].outcome = (char *)check_outcome_name(result->outcome);
		checks[i].weight = result->weight;
		checks[i].action = (char *)action_name(result->action);
		checks[i].decided = result->decided;
		pointers[i] = &checks[i];
	}
	return verdict->results_len;
}

static void session_report_incident(struct session *s, const struct verdict *verdict,
	const struct facts *facts, const struct incident_note *note, const char *reply)
{
	Stockade__CheckResult checks[VERDICT_CHECKS_MAX];
	Stockade__CheckResult *pointers[VERDICT_CHECKS_MAX];
	char texts[4][SHOWN_SIZE];
	char list[VERDICT_LIST_SIZE];
	Stockade__Put put = STOCKADE__PUT__INIT;
	Stockade__Incident incident = STOCKADE__INCIDENT__INIT;
	Stockade__Source source = STOCKADE__SOURCE__INIT;

	source.address = (ProtobufCBinaryData){sizeof(s->client.ip.b), s->client.ip.b};
	source.bits = 128;
	incident.number = note->number;
	incident.source = &source;
	incident.first_s = note->first_s;
	incident.last_s = note->last_s;
	incident.count = note->count;
	incident.rule = (char *)verdict_rule(verdict);
	incident.mode = (char *)mode_name(verdict->mode);
	incident.host = (char *)s->conf->hostname;
	incident.code = refusal_get(verdict->refusal)->code;
	incident.text = (char *)reply;
	incident.helo = shown(facts->helo, texts[0]);
	incident.ptr = shown(facts->ptr_name, texts[1]);
	incident.sender = shown(facts->sender, texts[2]);
	incident.recipient = shown(facts->recipient, texts[3]);
	incident.list = (char *)verdict_print_list(verdict, list);
	incident.n_checks = incident_checks(verdict, checks, pointers);
	incident.checks = pointers;
	put.what_case = STOCKADE__PUT__WHAT_INCIDENT;
	put.incident = &incident;
	bus_client_put(s->server->settings.bus, &put); /* a full spool is counted and told there */
}

/* ---- the log ---- */

/* "RCPT from NAME[192.0.2.1]: 550 5.7.25 ...; from=<> to=<> proto=ESMTP helo=<>", as fail2ban and pflogsumm know it. The
 * word reject_warning bans nobody. */
static void session_log_postfix(
	struct session *s, const struct facts *facts, bool refused, const char *reply)
{
	char ip[IP_TEXT_SIZE];
	struct buf line;

	buf_init(&line, 0);
	buf_append_format(&line, "NOQUEUE: %s: RCPT from ", refused ? "reject" : "reject_warning");
	if (facts->confirmed == FACT_YES && facts->confirmed_name.len != 0)
		buf_append(&line, facts->confirmed_name);
	else
		buf_append_text(&line, "unknown");
	buf_append_format(&line, "[%s]: %s; from=<", ip_print(s->client.ip, ip), reply);
	buf_append(&line, facts->sender);
	buf_append_text(&line, "> to=<");
	buf_append(&line, facts->recipient);
	buf_append_format(&line, "> proto=%s helo=<", s->extended ? "ESMTP" : "SMTP");
	buf_append(&line, facts->helo);
	buf_append_byte(&line, '>');
	log_postfix_line(buf_span(&line));
	buf_done(&line);
}

static void session_log_verdict(struct session *s, const struct verdict *verdict,
	const struct facts *facts, uint64_t incident, const char *reply)
{
	enum log_event_id event = EV_GATE_WOULD_REFUSE;
	char number[INCIDENT_TEXT_SIZE];

	if (verdict->kind == VERDICT_REFUSE)
		event = EV_GATE_REFUSE;
	else if (verdict->kind == VERDICT_TEMPFAIL)
		event = EV_GATE_TEMPFAIL;
	log_event(event,
		LOG_FIELDS(log_text("incident", incident_number_print(incident, number)),
			log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("ptr", facts->ptr_name), log_span("helo", facts->helo),
			log_span("from", facts->sender), log_span("to", facts->recipient),
			log_text("rule", verdict_rule(verdict)),
			log_text("mode", mode_name(verdict->mode)), log_text("reply", reply)));
	session_log_postfix(s, facts, event != EV_GATE_WOULD_REFUSE, reply);
}

uint64_t session_note_verdict(
	struct session *s, const struct verdict *verdict, const struct facts *facts)
{
	struct incident_note note = incident_book_note(
		s->server->incidents, s->client.ip, verdict->refusal, session_now_s(s));
	struct buf reply;

	buf_init(&reply, 0);
	verdict_print_reply(verdict, facts, s->server->conf, note.number, session_now_s(s), &reply);
	if (note.is_worth && s->server->settings.bus != NULL)
		session_report_incident(s, verdict, facts, &note, buf_cstr(&reply));
	session_log_verdict(s, verdict, facts, note.number, buf_cstr(&reply));
	buf_done(&reply);
	return note.number;
}

void session_note_accept(struct session *s, const struct smtp_reply *reply, bool gone)
{
	struct span text = reply->text;

	log_event(gone ? EV_GATE_DELIVERED_GONE : EV_GATE_ACCEPT,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_span("helo", buf_span(&s->helo)),
			log_span("from", s->mail.mail.path.mailbox),
			log_number("recipients", s->mail.accepted),
			log_number("size", (int64_t)s->message->data.octets),
			log_number("code", reply->code),
			log_span("reply", smtp_reply_line(&text))));
}

void session_note_close(struct session *s, const char *why)
{
	log_event(EV_GATE_CLOSE,
		LOG_FIELDS(log_text("session", s->id), log_ip("client", s->client.ip),
			log_text("why", why), log_number("errors", s->errors)));
}
