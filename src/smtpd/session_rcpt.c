/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/obj.h"
#include "smtpd/trace_header.h"

/*
 * A recipient is decided when HELO, sender and recipient are known and DNS has told what it will
 * tell. One that passes is put before the backend, whose reply is the client's reply. The
 * connection to the backend is opened with the first one and serves all messages of the session; it
 * is never another client's.
 */

static void session_refuse_backend(struct session *s)
{
	session_defer(s, REFUSAL_BACKEND_DOWN, NULL, 0);
}

/* ---- the verdict ---- */

static void session_ask(struct session *s, enum session_asked asked)
{
	const struct consult_request request = session_request(s);

	s->asked = asked;
	if (asked == ASKED_RCPT)
		consultation_hear(s->consultation, &request);
	if (consultation_is_ready(s->consultation)) {
		session_decide(s);
	} else {
		session_set_wait(s, WAIT_FACTS);
		consultation_wait(s->consultation);
	}
}

static bool recipient_is_helocheck(const struct session *s)
{
	const struct smtp_path *path = &s->rcpt.rcpt.path;
	char text[DOMAIN_SIZE];
	struct span domain;

	return !s->rcpt.unread && span_has_prefix_nocase(path->mailbox, "helocheck@") &&
	       domain_fold(path->domain, text, &domain) && facts_domain_is_own(s->conf, domain);
}

/* An administrator who wants to know what his server says sends a message there. The answer is for
 * everybody and in every mode, since it is no verdict: no incident, and no error counted. */
static void session_tell_helo(struct session *s)
{
	char ip[IP_TEXT_SIZE];
	const struct refusal_value values[] = {
		{"ip", span_text(ip_print(s->client.ip, ip))}, {"helo", buf_span(&s->helo)}};
	struct buf reply;

	buf_init(&reply, 0);
	refusal_print(REFUSAL_HELOCHECK, values, COUNTOF(values), &reply);
	session_log_helocheck(s);
	session_reply(s, buf_cstr(&reply));
	buf_done(&reply);
	session_count_junk(s); /* once is free */
}

void session_rcpt_begin(struct session *s)
{
	if (recipient_is_helocheck(s)) {
		session_tell_helo(s);
		return;
	}
	session_ask(s, ASKED_RCPT);
}

void session_mail_begin(struct session *s)
{
	session_ask(s, ASKED_MAIL);
}

/* The field that a message to this recipient gets. */
static void session_tag(struct session *s, const struct consult_answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	const struct check_result *marker = verdict->marker;

	buf_clear(&s->rcpt.field);
	if (verdict->kind == VERDICT_TAG)
		trace_header_print_tag(marker->would >= VERDICT_TEMPFAIL ? "would-refuse" : "tag",
			check_words_get(marker->check)->key,
			marker == verdict->decider ? answer->incident : 0, &s->rcpt.field);
}

/* What a field says has to hold for every recipient of the message: one that others were taken
 * before, with another field or none, gets a message of its own. */
static bool session_rcpt_differs(const struct session *s)
{
	return s->mail.accepted != 0 &&
	       !span_equal(buf_span(&s->rcpt.field), buf_span(&s->mail.field));
}

static void session_pass(struct session *s, const struct facts *facts);

bool session_tell_verdict(struct session *s, const struct consult_answer *answer)
{
	if (answer->incident != 0)
		session_log_verdict(s, answer);
	if (answer->verdict.kind < VERDICT_TEMPFAIL) {
		session_tag(s, answer);
		return false;
	}
	buf_append(session_out(s), answer->reply);
	buf_append_text(session_out(s), "\r\n");
	if (answer->verdict.kind == VERDICT_REFUSE) /* for now: DNS's fault, or it comes again */
		session_count_error(s);
	return true;
}

static void session_decide_rcpt(struct session *s)
{
	const struct consult_request request = session_request(s);
	struct consult_answer answer;

	consultation_decide(s->consultation, &request, &answer);
	if (session_tell_verdict(s, &answer))
		return;
	if (session_rcpt_differs(s))
		session_defer(s, REFUSAL_RCPT_SPLIT, NULL, 0);
	else
		session_pass(s, &answer.facts);
}

void session_decide(struct session *s)
{
	struct facts facts;

	if (s->wait != WAIT_NONE)
		session_set_wait(s, WAIT_NONE);
	if (s->asked == ASKED_RCPT) {
		session_decide_rcpt(s);
	} else {
		consultation_names(s->consultation, &facts);
		session_pass(s, &facts);
	}
	session_run(s);
}

/* ---- to the backend ---- */

/* One line, without control characters: the backend cannot take it for two commands. */
static void print_unread(const char *verb, const struct buf *arguments, struct buf *out)
{
	buf_append_text(out, verb);
	buf_append(out, buf_span(arguments));
}

void session_write_backend(struct session *s, enum session_expect what)
{
	struct buf *out = backend_out(s->backend);
	unsigned keywords = backend_offer(s->backend)->keywords;

	ASSERT(s->expect_len < EXPECT_MAX);
	s->expect[s->expect_len++] = (uint8_t)what;
	switch (what) {
	case EXPECT_RSET:
		buf_append_text(out, "RSET");
		break;
	case EXPECT_MAIL:
		if (s->mail.unread)
			print_unread("MAIL ", &s->mail.text, out);
		else
			smtp_mail_print(&s->mail.mail, keywords, out);
		break;
	case EXPECT_RCPT:
		if (s->rcpt.unread)
			print_unread("RCPT ", &s->rcpt.text, out);
		else
			smtp_rcpt_print(&s->rcpt.rcpt, keywords, out);
		break;
	case EXPECT_DATA:
		buf_append_text(out, "DATA");
		break;
	case EXPECT_END: /* the caller wrote the message and its end */
		return;
	}
	buf_append_text(out, "\r\n");
}

/* RSET and MAIL first where they are due; all in one go when the backend takes that. */
static void session_forward(struct session *s)
{
	bool together = (backend_offer(s->backend)->keywords & SMTP_PIPELINING) != 0;

	if (s->backend_dirty)
		session_write_backend(s, EXPECT_RSET);
	if (!s->mail.sent && (together || s->expect_len == 0))
		session_write_backend(s, EXPECT_MAIL);
	if (s->asked == ASKED_RCPT && (together || s->expect_len == 0))
		session_write_backend(s, EXPECT_RCPT);
	backend_ask(s->backend, s->env->limits->backend_command_ms);
}

/* What the parameters of sender and recipient need. */
static unsigned session_keywords(const struct session *s)
{
	return smtp_mail_keywords(&s->mail.mail) | smtp_rcpt_keywords(&s->rcpt.rcpt);
}

/* A parameter is passed on or refused, never dropped: RFC 6531 section 3.2, RFC 3461 section 5.2.2.
 * The server's own figure for SIZE holds without it. For now: EHLO tells the client next time. */
static void session_forward_or_refuse(struct session *s)
{
	unsigned lacking =
		session_keywords(s) & ~backend_offer(s->backend)->keywords & ~(unsigned)SMTP_SIZE;
	const struct refusal_value value = {
		"parameter", span_text(smtp_keyword_name(lacking & -lacking))};

	if (lacking == 0) {
		session_forward(s);
		return;
	}
	session_set_wait(s, WAIT_NONE);
	session_defer(s, REFUSAL_NOT_OFFERED, &value, 1);
}

static void session_open_backend(struct session *s, const struct facts *facts)
{
	const struct backend_target target = {
		s->env->loop, s->conf, s->env->limits, s->env->backend_tls};
	struct smtp_client client;

	session_describe_client(s, facts, &client);
	/* Many a client says HELO and means EHLO: its parameters go on to a server that offers
	 * them. */
	client.extended = s->extended || session_keywords(s) != 0;
	s->expect_len = 0;
	s->backend_dirty = false;
	s->mail.sent = false;
	s->backend = backend_open(&target, &client, &session_backend_calls, s);
}

/* Its turn has come. Names are known, if they ever were: it was decided by them. */
static void session_on_place(void *arg)
{
	struct session *s = OBJ(session, arg);
	struct facts facts;

	consultation_names(s->consultation, &facts);
	session_set_wait(s, WAIT_BACKEND);
	session_open_backend(s, &facts);
}

void session_on_no_place(struct session *s)
{
	backend_places_give(s->env->places, &s->place);
	session_set_wait(s, WAIT_NONE);
	session_defer(s, REFUSAL_BACKEND_BUSY, NULL, 0);
	session_run(s);
}

static void session_seek_backend(struct session *s, const struct facts *facts)
{
	bool is_own = facts_ip_is_own(s->conf, s->client.ip);
	enum backend_place_state place;

	s->place.came = session_on_place;
	s->place.arg = s;
	place = backend_places_take(s->env->places, is_own ? NULL : &s->client.ip, &s->place);
	if (place == BACKEND_PLACE_HELD) {
		session_set_wait(s, WAIT_BACKEND);
		session_open_backend(s, facts);
	} else if (place == BACKEND_PLACE_WAITS) {
		session_set_wait(s, WAIT_PLACE);
	} else {
		session_defer(s, REFUSAL_BACKEND_BUSY, NULL, 0);
	}
}

/* A connection that broke after it had taken recipients took their places with it: the others must
 * not get the message as if nothing had happened. */
static void session_pass(struct session *s, const struct facts *facts)
{
	bool lost = s->backend == NULL && s->mail.accepted != 0;

	if (s->mail.refused.code != 0) {
		session_pass_reply(s, &s->mail.refused, false);
		return;
	}
	if (lost || !backend_state_may_pass(s->env->backend, s->conf, s->client.ip)) {
		session_refuse_backend(s);
		return;
	}
	if (s->backend == NULL) {
		session_seek_backend(s, facts);
		return;
	}
	session_set_wait(s, WAIT_BACKEND);
	session_forward_or_refuse(s);
}

/* ---- the backend's events ---- */

static void session_on_backend_ready(struct backend *backend, void *arg)
{
	struct session *s = OBJ(session, arg);

	backend_state_up(s->env->backend, s->conf);
	backend_state_tls(s->env->backend, s->conf, backend_tls_trouble(backend));
	if (backend_is_extended(backend))
		backend_state_offers(s->env->backend, s->client.ip, backend_offer(backend));
	session_forward_or_refuse(s);
	session_run(s);
}

/* The backend's 421 says that it closes, which we do not. */
void session_print_reply(const struct smtp_reply *reply, struct buf *out)
{
	struct smtp_reply passed = *reply;

	if (reply->code == 421)
		passed.code = 451;
	smtp_reply_print(&passed, out);
}

/* What its next reply is to, nobody knows. */
static void session_refuse_confused(struct session *s, const struct smtp_reply *reply)
{
	char words[SMTP_REPLY_TEXT_SIZE], what[SMTP_REPLY_TEXT_SIZE + 32];

	snprintf(
		what, sizeof(what), "its reply is none to that: %s", smtp_reply_show(reply, words));
	backend_state_away(s->env->backend, s->conf, what, 0);
	session_drop_backend(s);
	session_refuse_backend(s);
}

/* The backend's words are the client's reply, where they are one to what was asked: 354 to a
 * recipient or 250 to DATA would tell the client that its turn has come. */
void session_pass_reply(struct session *s, const struct smtp_reply *reply, bool taken)
{
	if (smtp_reply_class(reply) < 4 && !taken) {
		session_refuse_confused(s, reply);
		return;
	}
	session_print_reply(reply, session_out(s));
	if (!taken)
		session_log_backend(s, reply);
	if (smtp_reply_class(reply) == 5)
		session_count_error(s);
}

static void session_rcpt_finish(struct session *s)
{
	if (s->wait == WAIT_BACKEND)
		session_set_wait(s, WAIT_NONE);
}

static void session_on_rset_reply(struct session *s, const struct smtp_reply *reply)
{
	if (smtp_reply_class(reply) == 2) {
		s->backend_dirty = false;
		if (s->expect_len == 0)
			session_forward(s);
		return;
	}
	session_drop_backend(s);
	session_rcpt_finish(s);
	session_refuse_backend(s);
}

static void session_on_lone_mail_reply(struct session *s, const struct smtp_reply *reply)
{
	bool taken = smtp_reply_class(reply) == 2;

	session_rcpt_finish(s);
	s->mail.sent = taken;
	s->mail.given = taken;
	session_pass_reply(s, reply, taken);
}

/* The recipients that follow hear it as well, without another connection for each. 421 is about the
 * server, which may be back by then. */
static void session_keep_refusal(struct session *s, const struct smtp_reply *reply)
{
	if (smtp_reply_class(reply) < 4 || reply->code == 421)
		return;
	buf_clear(&s->mail.refusal);
	buf_append(&s->mail.refusal, reply->text);
	s->mail.refused = *reply;
	s->mail.refused.text = buf_span(&s->mail.refusal);
}

/* A sender that the backend refuses is told so in the reply to the recipient: ours to MAIL is long
 * gone. */
static void session_on_mail_reply(struct session *s, const struct smtp_reply *reply)
{
	if (s->asked == ASKED_MAIL) {
		session_on_lone_mail_reply(s, reply);
		return;
	}
	if (smtp_reply_class(reply) == 2) {
		s->mail.sent = true;
		if (s->expect_len == 0)
			session_forward(s);
		return;
	}
	/* Whatever it says to the recipient that was sent along does not matter any more. */
	session_keep_refusal(s, reply);
	session_drop_backend(s);
	session_rcpt_finish(s);
	session_pass_reply(s, reply, false);
}

static void session_on_rcpt_reply(struct session *s, const struct smtp_reply *reply)
{
	bool taken = smtp_reply_class(reply) == 2;

	session_rcpt_finish(s);
	session_note_recipient_reply(s, reply);
	if (taken && s->mail.accepted++ == 0)
		buf_append(&s->mail.field, buf_span(&s->rcpt.field));
	if (taken && s->mail.mail.path.mailbox.len == 0) {
		buf_clear(&s->mail.bounce_to);
		buf_append(&s->mail.bounce_to, s->rcpt.rcpt.path.mailbox);
	}
	session_pass_reply(s, reply, taken);
}

static void session_on_data_reply(struct session *s, const struct smtp_reply *reply)
{
	session_rcpt_finish(s);
	if (reply->code == 354) {
		session_data_accepted(s);
		return;
	}
	if (s->hasty)
		session_drop_backend(s); /* it may have the start of a message, too */
	session_pass_reply(s, reply, false);
	session_reset(s);
}

/* Nobody asked: the backend is about to leave, or has seen enough of the message. */
static void session_on_unasked(struct session *s, const struct smtp_reply *reply)
{
	if (session_message_is_open(s))
		session_data_refused(s, reply);
	else
		session_drop_backend(s);
}

static enum session_expect session_expected(struct session *s)
{
	enum session_expect what = (enum session_expect)s->expect[0];

	s->expect_len--;
	memmove(s->expect, s->expect + 1, s->expect_len);
	return what;
}

static void session_on_backend_reply(
	struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	struct session *s = OBJ(session, arg);
	enum session_expect what;

	if (s->expect_len == 0) {
		session_on_unasked(s, reply);
		session_run(s);
		return;
	}
	what = session_expected(s);
	if (s->expect_len == 0)
		backend_rest(backend);
	switch (what) {
	case EXPECT_RSET:
		session_on_rset_reply(s, reply);
		break;
	case EXPECT_MAIL:
		session_on_mail_reply(s, reply);
		break;
	case EXPECT_RCPT:
		session_on_rcpt_reply(s, reply);
		break;
	case EXPECT_DATA:
		session_on_data_reply(s, reply);
		break;
	case EXPECT_END:
		session_data_answered(s, reply);
		break;
	}
	if (reply->code == 421)
		session_drop_backend(s);
	session_run(s);
}

/* The client itself: what the server says is its reply, as to any recipient. */
static void session_on_backend_refused(
	struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	struct session *s = OBJ(session, arg);

	(void)backend;
	session_drop_backend(s);
	session_rcpt_finish(s);
	session_pass_reply(s, reply, false);
	session_run(s);
}

static void session_on_backend_failed(
	struct backend *backend, int error, const char *what, void *arg)
{
	struct session *s = OBJ(session, arg);
	bool handed_over = s->message != NULL && s->message->handed_over;

	if (!backend_is_ready(backend) || s->wait == WAIT_BACKEND || session_message_is_open(s))
		backend_state_away(s->env->backend, s->conf, what, error);
	if (session_message_is_open(s)) {
		session_data_lost(s);
	} else {
		session_drop_backend(s);
		if (s->wait == WAIT_BACKEND) {
			session_set_wait(s, WAIT_NONE);
			session_refuse_backend(s);
		}
		if (handed_over)
			session_reset(s);
	}
	session_run(s);
}

static void session_on_backend_drained(struct backend *backend, void *arg)
{
	struct session *s = OBJ(session, arg);

	(void)backend;
	if (session_message_is_open(s))
		session_data_drained(s);
}

const struct backend_calls session_backend_calls = {
	.ready = session_on_backend_ready,
	.reply = session_on_backend_reply,
	.refused = session_on_backend_refused,
	.failed = session_on_backend_failed,
	.drained = session_on_backend_drained,
};
