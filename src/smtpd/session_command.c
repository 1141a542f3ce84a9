/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

static void session_fault_verb(struct session *s, enum refusal_id id, enum smtp_verb verb)
{
	const struct refusal_value value = {"verb", span_text(smtp_verb_name(verb))};

	session_fault(s, id, &value, 1);
}

/* Commands that lead nowhere are free in moderation. */
static void session_count_junk(struct session *s)
{
	if (++s->junk > s->env->limits->junk)
		session_count_error(s);
}

/* The backend was not seen yet, so nothing can be offered. 421 and not an empty offer: a client
 * with mail that needs SMTPUTF8 would return it to its sender. */
static void session_end_unready(struct session *s)
{
	const struct refusal_value hostname = {"hostname", span_text(s->conf->hostname)};

	session_refuse(s, REFUSAL_BACKEND_UNREADY, &hostname, 1);
	session_close(s);
}

static void session_on_hello(struct session *s, const struct smtp_command *command)
{
	struct span name = command->params;
	bool extended = command->verb == SMTP_EHLO;
	struct smtp_offer offer;

	if (name.len == 0 || name.len > s->env->limits->smtp.helo) {
		session_fault_verb(s, REFUSAL_SYNTAX, command->verb);
		return;
	}
	if (backend_state_offer(s->env->backend, s->client.ip, &offer) < 0) {
		session_end_unready(s);
		return;
	}
	session_reset(s); /* RFC 5321 section 4.1.4 */
	if (s->backend != NULL) {
		/* The backend knows the client by its old name; the next message gets a connection
		 * of its own. */
		backend_quit(&s->backend);
		s->backend_dirty = false;
	}
	buf_clear(&s->helo);
	buf_append(&s->helo, name);
	s->extended = extended;
	/* Many a client says HELO and uses what EHLO would have offered. */
	s->offer = smtp_offer_intersect(&offer, s->conf->message_size_limit);
	if (!extended) {
		buf_append_format(session_out(s), "250 %s\r\n", s->conf->hostname);
		return;
	}
	smtp_offer_print(&s->offer, s->conf->hostname, session_out(s));
}

/* The reply to arguments that do not parse; ends what the parser's errors mean. */
static void session_fault_arguments(struct session *s, enum smtp_verb verb, int error)
{
	switch (error) {
	case E_ABSENT:
		session_reply(s, "555 5.5.4 Parameter not known here");
		session_count_error(s);
		break;
	case E_RANGE:
		session_reply(s, "553 5.6.7 Addresses beyond ASCII need SMTPUTF8");
		session_count_error(s);
		break;
	default:
		session_fault_verb(s, REFUSAL_SYNTAX, verb);
		break;
	}
}

static void session_on_mail(struct session *s, const struct smtp_command *command)
{
	struct smtp_mail mail;
	int r;

	if (s->consultation == NULL) {
		session_refuse_unnamed(s, "mail in a health check (PROXY LOCAL)");
		return;
	}
	if (buf_len(&s->helo) == 0) {
		session_fault(s, REFUSAL_HELO_NEED, NULL, 0);
		return;
	}
	if (s->mail.given) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_MAIL);
		return;
	}
	buf_clear(&s->mail.text);
	buf_append(&s->mail.text, command->params);
	r = smtp_mail_parse(
		buf_span(&s->mail.text), s->offer.keywords, &s->env->limits->smtp, &mail);
	if (r < 0) {
		session_fault_arguments(s, SMTP_MAIL, r);
		return;
	}
	/* <root> of our own machines, which never heard of domains: their server completes it */
	if (!smtp_path_is_qualified(&mail.path) && !facts_ip_is_own(s->conf, s->client.ip)) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_MAIL);
		return;
	}
	if (s->offer.size != 0 && mail.size > s->offer.size) {
		session_refuse_size(s, mail.size, s->offer.size);
		return;
	}
	s->mail.given = true;
	s->mail.mail = mail;
	session_reply(s, "250 2.1.0 Ok");
}

/* RFC 5321 section 4.5.3.1.10: a client that has more sends the message to those that were taken,
 * and comes again for the others. One that goes on and on does not. */
static void session_refuse_recipients(struct session *s)
{
	const struct smtpd_limits *limits = s->env->limits;

	session_refuse_limit(s, REFUSAL_RCPT_MANY, limits->recipients);
	if (s->mail.recipients > limits->recipients + limits->recipients_beyond)
		session_count_error(s);
}

static void session_on_rcpt(struct session *s, const struct smtp_command *command)
{
	const struct smtpd_limits *limits = s->env->limits;
	int r;

	if (!s->mail.given) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_RCPT);
		return;
	}
	buf_clear(&s->rcpt.text);
	buf_append(&s->rcpt.text, command->params);
	r = smtp_rcpt_parse(
		buf_span(&s->rcpt.text), s->offer.keywords, &limits->smtp, &s->rcpt.rcpt);
	if (r < 0) {
		session_fault_arguments(s, SMTP_RCPT, r);
		return;
	}
	if (s->mail.recipients++ < limits->recipients)
		session_rcpt_begin(s);
	else
		session_refuse_recipients(s);
}

static void session_on_data(struct session *s, const struct smtp_command *command)
{
	if (command->params.len != 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_DATA);
	} else if (!s->mail.given || s->mail.recipients == 0) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_DATA);
	} else if (s->mail.accepted == 0) {
		/* RFC 5321 section 3.3. Each refused recipient was counted; one that pipelines had
		 * sent DATA before it could know. */
		session_reply(s, "554 5.5.1 No valid recipients");
	} else {
		session_data_begin(s);
	}
}

static void session_on_quit(struct session *s)
{
	buf_append_format(session_out(s), "221 2.0.0 %s Bye\r\n", s->conf->hostname);
	session_close(s);
}

/* What cannot become mail any more: a reply, and the door. BDAT is among them since what follows it
 * is not a command: we never offer CHUNKING, and reading on would mean to take a message for a
 * dialogue. */
static void session_on_hopeless(struct session *s, enum smtp_verb verb)
{
	if (verb == SMTP_FOREIGN)
		session_refuse(s, REFUSAL_NOT_SMTP, NULL, 0);
	else if (verb == SMTP_BDAT)
		session_reply(s, "503 5.5.1 BDAT was not offered, closing");
	else
		session_reply(s, "550 5.7.0 Not for you, closing");
	session_close(s);
}

void session_command(struct session *s, const struct smtp_command *command)
{
	if (command->unclean && command->verb != SMTP_FOREIGN) {
		session_fault_verb(s, REFUSAL_SYNTAX, command->verb);
		return;
	}
	switch (command->verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
		session_on_hello(s, command);
		break;
	case SMTP_MAIL:
		session_on_mail(s, command);
		break;
	case SMTP_RCPT:
		session_on_rcpt(s, command);
		break;
	case SMTP_DATA:
		session_on_data(s, command);
		break;
	case SMTP_RSET:
		session_reset(s);
		session_reply(s, "250 2.0.0 Ok");
		session_count_junk(s);
		break;
	case SMTP_NOOP:
		session_reply(s, "250 2.0.0 Ok");
		session_count_junk(s);
		break;
	case SMTP_VRFY:
		session_reply(s,
			"252 2.0.0 Cannot verify the user, but will take a message and try to deliver it");
		session_count_junk(s);
		break;
	case SMTP_HELP:
		session_reply(s, "214 2.0.0 See RFC 5321");
		session_count_junk(s);
		break;
	case SMTP_QUIT:
		session_on_quit(s);
		break;
	case SMTP_EXPN:
	case SMTP_AUTH:
	case SMTP_STARTTLS:
	case SMTP_ETRN:
		session_reply(s, "502 5.5.1 Command not offered here");
		session_count_error(s);
		break;
	case SMTP_BDAT:
	case SMTP_XCLIENT:
	case SMTP_FOREIGN:
		session_on_hopeless(s, command->verb);
		break;
	case SMTP_UNKNOWN:
		session_fault(s, REFUSAL_UNKNOWN_COMMAND, NULL, 0);
		break;
	}
}
