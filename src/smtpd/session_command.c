/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

/* Commands that lead nowhere are free in moderation. */
void session_count_junk(struct session *s)
{
	if (s->phase == PHASE_COMMAND && ++s->junk > s->env->limits->junk)
		session_count_error(s);
}

/* The backend was not seen yet, so nothing can be offered. 421 and not an empty offer: a client
 * with mail that needs SMTPUTF8 would return it to its sender. */
static void session_end_unready(struct session *s)
{
	const struct refusal_value hostname = {"hostname", span_text(s->conf->hostname)};

	session_defer(s, REFUSAL_BACKEND_UNREADY, &hostname, 1);
	session_close(s);
}

static void session_on_hello(struct session *s, const struct smtp_command *command)
{
	struct span name = command->params;
	bool extended = command->verb == SMTP_EHLO, again = buf_len(&s->helo) != 0;
	struct smtp_offer offer;

	if (name.len == 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, command->verb);
		return;
	}
	if (name.len > s->env->limits->smtp.helo &&
		!session_fault_is_theirs(s, REFUSAL_SYNTAX, command->verb))
		return;
	if (backend_state_offer(s->env->backend, s->client.ip, &offer) < 0) {
		session_end_unready(s);
		return;
	}
	session_reset(s); /* RFC 5321 section 4.1.4 */
	/* The backend knows the client by its old name; the next message gets a connection of its
	 * own. */
	session_quit_backend(s);
	buf_clear(&s->helo);
	buf_append(&s->helo, name);
	s->extended = extended;
	/* Many a client says HELO and uses what EHLO would have offered. */
	s->offer = smtp_offer_intersect(&offer, s->conf->message_size_limit);
	if (session_offers_tls(s))
		s->offer.keywords |= SMTP_OFFERS_TLS;
	if (extended)
		smtp_offer_print(&s->offer, s->conf->hostname, session_out(s));
	else
		buf_append_format(session_out(s), "250 %s\r\n", s->conf->hostname);
	if (again)
		session_count_junk(s);
}

/* The backend is asked at once: whether it can read this decides about the reply. */
static void session_on_unread_mail(struct session *s, int error)
{
	s->mail.unread = true;
	s->mail.mail.path.mailbox = smtp_path_guess(buf_span(&s->mail.text));
	if (session_arguments_are_theirs(s, SMTP_MAIL, error))
		session_mail_begin(s);
}

static bool session_may_send_mail(struct session *s)
{
	if (s->consultation == NULL) {
		session_refuse_unnamed(s, "mail in a health check (PROXY LOCAL)");
		return false;
	}
	if (s->mail.given) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_MAIL);
		return false;
	}
	return buf_len(&s->helo) != 0 || session_fault_is_theirs(s, REFUSAL_HELO_NEED, SMTP_MAIL);
}

/* <root> of our own machines, which never heard of domains: their server completes it. */
static bool session_sender_is_complete(struct session *s, const struct smtp_mail *mail)
{
	return smtp_path_is_qualified(&mail->path) || facts_ip_is_own(s->conf, s->client.ip) ||
	       session_fault_is_theirs(s, REFUSAL_SYNTAX, SMTP_MAIL);
}

static void session_on_mail(struct session *s, const struct smtp_command *command)
{
	struct smtp_mail mail;
	int r;

	if (!session_may_send_mail(s))
		return;
	if (!session_may_begin_mail(s)) {
		session_count_junk(s);
		return;
	}
	s->mail.unread = false;
	s->mail.mail = (struct smtp_mail){0};
	buf_clear(&s->mail.text);
	buf_append(&s->mail.text, command->params);
	r = smtp_mail_parse(
		buf_span(&s->mail.text), s->offer.keywords, &s->env->limits->smtp, &mail);
	if (r < 0) {
		session_on_unread_mail(s, r);
		return;
	}
	if (!session_sender_is_complete(s, &mail))
		return;
	if (s->offer.size != 0 && mail.size > s->offer.size) {
		session_refuse_size(s, mail.size, s->offer.size);
		session_count_junk(s);
		return;
	}
	s->mail.mail = mail;
	if (s->conf->mode != MODE_ENFORCE) {
		session_mail_begin(s); /* what the backend says of it is what it would have said */
		return;
	}
	s->mail.given = true;
	session_reply(s, "250 2.1.0 Ok");
}

static void session_on_rcpt(struct session *s, const struct smtp_command *command)
{
	const struct smtpd_limits *limits = s->env->limits;
	int r;

	if (!s->mail.given || session_message_is_open(s)) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_RCPT);
		return;
	}
	s->rcpt.rcpt = (struct smtp_rcpt){0};
	buf_clear(&s->rcpt.text);
	buf_append(&s->rcpt.text, command->params);
	r = smtp_rcpt_parse(
		buf_span(&s->rcpt.text), s->offer.keywords, &limits->smtp, &s->rcpt.rcpt);
	s->rcpt.unread = r < 0;
	if (r < 0) {
		s->rcpt.rcpt.path.mailbox = smtp_path_guess(buf_span(&s->rcpt.text));
		if (!session_arguments_are_theirs(s, SMTP_RCPT, r))
			return;
	}
	if (s->mail.recipients++ >= limits->recipients)
		session_refuse_beyond(s);
	else if (session_may_name_recipient(s))
		session_rcpt_begin(s);
}

/* RFC 5321 section 3.3. Each refused recipient was counted; a client that pipelines had sent DATA
 * before it could know, but not again. */
static void session_refuse_message_to_nobody(struct session *s)
{
	session_reply(s, "554 5.5.1 No valid recipients");
	if (s->mail.heard_nobody)
		session_count_junk(s);
	s->mail.heard_nobody = true;
}

static void session_on_data(struct session *s, const struct smtp_command *command)
{
	if (command->params.len != 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_DATA);
	} else if (!s->mail.given || s->mail.recipients == 0 || session_message_is_open(s)) {
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_DATA);
	} else if (s->mail.accepted == 0) {
		session_refuse_message_to_nobody(s);
	} else {
		s->chunk = (struct session_chunk){0};
		session_data_begin(s);
	}
}

/* RFC 5321 section 4.1.1.5: no parameters. */
static void session_on_rset(struct session *s, const struct smtp_command *command)
{
	if (command->params.len != 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_RSET);
		return;
	}
	session_reset(s);
	session_reply(s, "250 2.0.0 Ok");
	session_count_junk(s);
}

/* Nobody hears from us who has a mailbox (RFC 5321 section 7.3). */
static void session_on_vrfy(struct session *s, const struct smtp_command *command)
{
	if (command->params.len == 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_VRFY);
		return;
	}
	session_reply(s,
		"252 2.0.0 Cannot verify the user, but will take a message and try to deliver it");
	session_count_junk(s);
}

static void session_on_quit(struct session *s)
{
	buf_append_format(session_out(s), "221 2.0.0 %s Bye\r\n", s->conf->hostname);
	session_close(s);
}

/* What cannot become mail any more: a reply, and the door. */
static void session_on_hopeless(struct session *s, enum smtp_verb verb)
{
	if (verb == SMTP_FOREIGN)
		session_refuse(s, REFUSAL_NOT_SMTP, NULL, 0);
	else
		session_refuse(s, REFUSAL_XCLIENT, NULL, 0);
	session_close(s);
}

/* Commands that end what may be sent in one go, since the client has to look at the reply (RFC 2920
 * section 3.1). Who does not is told from those who do by what the backend makes of it. */
static bool verb_waits(enum smtp_verb verb)
{
	return verb == SMTP_HELO || verb == SMTP_EHLO || verb == SMTP_DATA || verb == SMTP_NOOP ||
	       verb == SMTP_VRFY || verb == SMTP_STARTTLS;
}

void session_command(struct session *s, const struct smtp_command *command)
{
	if (s->ahead && verb_waits(command->verb))
		s->hasty = true;
	if (!s->client_closed) /* it goes on after the reply to its message */
		s->is_unheard = false;
	if (command->unclean && command->verb != SMTP_FOREIGN && command->verb != SMTP_BDAT) {
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
		session_on_rset(s, command);
		break;
	case SMTP_NOOP:
		session_reply(s, "250 2.0.0 Ok");
		session_count_junk(s);
		break;
	case SMTP_VRFY:
		session_on_vrfy(s, command);
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
	case SMTP_ETRN:
		session_fault_verb(s, REFUSAL_NOT_IMPLEMENTED, command->verb);
		break;
	case SMTP_STARTTLS:
		session_on_starttls(s, command);
		break;
	case SMTP_BDAT:
		session_on_bdat(s, command);
		break;
	case SMTP_XCLIENT:
	case SMTP_FOREIGN:
		session_on_hopeless(s, command->verb);
		break;
	case SMTP_UNKNOWN:
		session_fault(s, REFUSAL_UNKNOWN_COMMAND, NULL, 0);
		break;
	}
}
