/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/macro.h"
#include "list/incident.h"

/*
 * What a client may do in a minute (gate.limits): messages, recipients, unknown recipients, errors.
 * Where the gate only observes, too much mail is noted and passes; errors are ours to bear, and end
 * a session in any mode.
 */
enum { NUMBER_SIZE = 24 };

typedef bool quota_call(const struct quota_hold *hold, enum limit_rate rate, struct quota_ask *ask);

static struct quota_ask session_quota_ask(const struct session *s)
{
	return (struct quota_ask){
		.conf = s->conf, .standing = s->admitted.standing, .now_ms = session_now_ms(s)};
}

/* Whether the client is known good is asked only when it has reached a limit. */
static bool session_has_quota(
	struct session *s, enum limit_rate rate, quota_call *call, struct quota_ask *ask)
{
	if (call(&s->admitted.quota, rate, ask))
		return true;
	if (ask->standing == QUOTA_KNOWN_GOOD || !consultation_is_known_good(s->consultation))
		return false;
	ask->standing = s->admitted.standing = QUOTA_KNOWN_GOOD;
	return call(&s->admitted.quota, rate, ask);
}

static void session_log_limit(const struct session *s, const struct consult_answer *answer,
	const struct quota_excess *excess)
{
	unsigned refused = admission_note_mail(s->env->admission, s->client.ip);
	char number[INCIDENT_TEXT_SIZE], who[PREFIX_TEXT_SIZE];

	if (refused != 0)
		log_event(EV_GATE_LIMIT,
			LOG_FIELDS(log_text("incident",
					   incident_number_print(answer->incident, number)),
				log_text("session", s->id), log_ip("client", s->client.ip),
				log_text("who", prefix_print(excess->who, who)),
				log_text("rule", verdict_rule(&answer->verdict)),
				log_text("mode", mode_name(answer->verdict.mode)),
				log_number("limit", excess->limit), log_number("refused", refused),
				log_span("reply", answer->reply)));
}

/* True: the mail server decides, for all that this is too much. */
static bool session_refuse_excess(struct session *s, const struct quota_excess *excess)
{
	struct verdict_fault fault = {.refusal = REFUSAL_RATE_IP, .may_be_taken = true};
	char ip[IP_TEXT_SIZE], n[NUMBER_SIZE], wait[NUMBER_SIZE];
	const struct refusal_value values[] = {
		{"ip", span_text(ip_print(s->client.ip, ip))},
		{"n", span_of(n, (size_t)snprintf(n, sizeof(n), "%u", excess->limit))},
		{"window", span_text("a minute")},
		{"wait", span_of(wait, (size_t)snprintf(wait, sizeof(wait), "%" PRId64,
					       (excess->wait_ms + 999) / 1000))},
		{"url", span_text(s->conf->portal_url)},
	};
	struct consult_request request = session_request(s);
	struct consult_answer answer;
	struct buf reply;

	buf_init(&reply, 0);
	refusal_print(fault.refusal, values, COUNTOF(values), &reply);
	fault.reply = buf_span(&reply);
	consultation_note(s->consultation, &request, &fault, &answer);
	session_log_limit(s, &answer, excess);
	if (answer.verdict.kind >= VERDICT_TEMPFAIL)
		session_reply(s, buf_cstr(&reply));
	buf_done(&reply);
	return answer.verdict.kind < VERDICT_TEMPFAIL;
}

bool session_may_begin_mail(struct session *s)
{
	struct quota_ask ask = session_quota_ask(s);

	return session_has_quota(s, LIMIT_MESSAGES, client_quota_take, &ask) ||
	       session_refuse_excess(s, &ask.excess);
}

/* Whoever tries names until one exists is told of none for a while. */
bool session_may_name_recipient(struct session *s)
{
	struct quota_ask ask = session_quota_ask(s);

	return (session_has_quota(s, LIMIT_UNKNOWN_RECIPIENTS, client_quota_has_room, &ask) &&
		       session_has_quota(s, LIMIT_RECIPIENTS, client_quota_take, &ask)) ||
	       session_refuse_excess(s, &ask.excess);
}

/* RFC 3463 section 3.2: X.1.X is about the address. */
void session_note_recipient_reply(struct session *s, const struct smtp_reply *reply)
{
	struct span code = smtp_reply_enhanced(reply);
	struct quota_ask ask = session_quota_ask(s);

	if (smtp_reply_class(reply) == 5 &&
		(code.len != 0 ? span_has_prefix_nocase(code, "5.1.") : reply->code == 550))
		session_has_quota(s, LIMIT_UNKNOWN_RECIPIENTS, client_quota_take, &ask);
}

bool session_may_err(struct session *s)
{
	struct quota_ask ask = session_quota_ask(s);

	return s->consultation == NULL ||
	       session_has_quota(s, LIMIT_ERRORS, client_quota_take, &ask);
}
