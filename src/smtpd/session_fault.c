/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"

/*
 * What a client did wrong by the rules of SMTP, no check involved. It leaves what a check leaves: a
 * line in the log and an incident. Where the gate only observes, what another server might take
 * goes on to the backend as it came, and the backend's reply is the client's.
 */
enum { NUMBER_TEXT_SIZE = 24 };

/* may_be_taken: by the backend. The answer points to what is known of the client. */
static void session_note(
	struct session *s, const struct verdict_fault *fault, struct consult_answer *ret_answer)
{
	const struct consult_request request = session_request(s);

	if (s->consultation == NULL) { /* a balancer that looks whether we live */
		ret_answer->verdict.kind = VERDICT_REFUSE;
		return;
	}
	consultation_note(s->consultation, &request, fault, ret_answer);
	session_log_verdict(s, ret_answer);
}

void session_refuse(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count)
{
	struct consult_answer answer;
	struct buf reply;

	buf_init(&reply, 0);
	refusal_print(id, values, count, &reply);
	session_note(s, &(struct verdict_fault){.refusal = id, .reply = buf_span(&reply)}, &answer);
	session_reply(s, buf_cstr(&reply));
	buf_done(&reply);
}

void session_defer(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count)
{
	struct buf reply;

	buf_init(&reply, 0);
	refusal_print(id, values, count, &reply);
	session_log_deferral(s, id, buf_span(&reply));
	session_reply(s, buf_cstr(&reply));
	buf_done(&reply);
}

void session_fault(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count)
{
	session_refuse(s, id, values, count);
	session_count_error(s);
}

void session_fault_verb(struct session *s, enum refusal_id id, enum smtp_verb verb)
{
	const struct refusal_value value = {"verb", span_text(smtp_verb_name(verb))};

	session_fault(s, id, &value, 1);
}

static struct refusal_value number_value(
	const char *name, uint64_t number, char text[NUMBER_TEXT_SIZE])
{
	int len = snprintf(text, NUMBER_TEXT_SIZE, "%" PRIu64, number);

	return (struct refusal_value){name, span_of(text, (size_t)len)};
}

/* Those behind the first are answered alike, up to thousands of them: one line and one incident, of
 * the last of them, when it is known how many there were. */
void session_note_beyond(struct session *s)
{
	char text[NUMBER_TEXT_SIZE];
	const struct refusal_value value = number_value("limit", s->env->limits->recipients, text);
	struct consult_answer answer;
	struct buf reply;

	if (session_beyond(s) == 0)
		return;
	buf_init(&reply, 0);
	refusal_print(REFUSAL_RCPT_MANY, &value, 1, &reply);
	session_note(s,
		&(struct verdict_fault){.refusal = REFUSAL_RCPT_MANY, .reply = buf_span(&reply)},
		&answer);
	buf_done(&reply);
}

void session_refuse_beyond(struct session *s)
{
	const struct smtpd_limits *limits = s->env->limits;
	char text[NUMBER_TEXT_SIZE];
	const struct refusal_value value = number_value("limit", limits->recipients, text);

	session_print(s, REFUSAL_RCPT_MANY, &value, 1);
	if (session_beyond(s) > limits->recipients_beyond)
		session_count_error(s);
}

void session_refuse_limit(struct session *s, enum refusal_id id, size_t limit)
{
	char text[NUMBER_TEXT_SIZE];
	const struct refusal_value value = number_value("limit", limit, text);

	session_refuse(s, id, &value, 1);
}

void session_refuse_size(struct session *s, uint64_t size, uint64_t limit)
{
	char texts[2][NUMBER_TEXT_SIZE];
	const struct refusal_value values[] = {
		number_value("size", size, texts[0]), number_value("limit", limit, texts[1])};

	session_refuse(s, REFUSAL_TOO_BIG, values, COUNTOF(values));
}

size_t session_beyond(const struct session *s)
{
	size_t limit = s->env->limits->recipients;

	return s->mail.recipients > limit ? s->mail.recipients - limit : 0;
}

bool session_fault_is_theirs(struct session *s, enum refusal_id id, enum smtp_verb verb)
{
	const struct refusal_value value = {"verb", span_text(smtp_verb_name(verb))};
	struct verdict_fault fault = {.refusal = id, .may_be_taken = true};
	struct consult_answer answer;
	struct buf reply;

	buf_init(&reply, 0);
	refusal_print(id, &value, 1, &reply);
	fault.reply = buf_span(&reply);
	session_note(s, &fault, &answer);
	if (answer.verdict.kind >= VERDICT_TEMPFAIL) {
		session_reply(s, buf_cstr(&reply));
		session_count_error(s);
	}
	buf_done(&reply);
	return answer.verdict.kind < VERDICT_TEMPFAIL;
}

bool session_arguments_are_theirs(struct session *s, enum smtp_verb verb, int error)
{
	enum refusal_id id = error == E_ABSENT  ? REFUSAL_PARAMETER
			     : error == E_RANGE ? REFUSAL_BEYOND_ASCII
						: REFUSAL_SYNTAX;

	return session_fault_is_theirs(s, id, verb);
}
