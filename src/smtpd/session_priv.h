/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The parts of a session and who cares for them:
 *
 *   session.c           life: start, timer, input, end; the loop over commands; replies
 *   session_greet.c     before the first command: PROXY header, gathering of facts, greeting
 *   session_command.c   what each command does
 *   session_tls.c       from STARTTLS to the end of the handshake
 *   session_fault.c     what the client did wrong by the rules of SMTP
 *   session_rcpt.c      the verdict on a recipient, and its way to the backend
 *   session_data.c      the message
 *   session_chunk.c     the same in chunks (BDAT)
 *   session_limit.c     what the client may do in a minute
 *   session_log.c       what the log hears of it
 *
 * A command that has to wait (for facts, for the backend, for a delay) sets `wait` and is finished
 * by the event it waits for; the next command is not looked at before. Client input stays in the
 * stream meanwhile, within limits->input.
 */
#include "catalogue/catalogue.h"
#include "loop/stream.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/header.h"
#include "smtp/path.h"
#include "smtpd/backend.h"
#include "smtpd/pace.h"
#include "smtpd/session.h"

enum { SESSION_ID_SIZE = 17 };

enum session_phase {
	PHASE_PROXY, /* a PROXY header has to come first */
	PHASE_GREET, /* the first line is out, the last one is held back */
	PHASE_COMMAND,
	PHASE_TLS,     /* the handshake */
	PHASE_MESSAGE, /* between 354 and the end of the message */
	PHASE_CLOSING, /* the last reply is on its way */
	PHASE_GONE     /* ended; freed at the end of this turn */
};

enum session_wait {
	WAIT_NONE,
	WAIT_FACTS,   /* what is asked waits for DNS */
	WAIT_PLACE,   /* for a connection to the backend, which others have */
	WAIT_BACKEND, /* for the replies in `expect` */
	WAIT_DELAY    /* errors are answered slowly */
};

/* What the backend was asked, in order. */
enum session_expect { EXPECT_RSET, EXPECT_MAIL, EXPECT_RCPT, EXPECT_DATA, EXPECT_END };
enum { EXPECT_MAX = 4 };

/* What the client waits for an answer to. */
enum session_asked {
	ASKED_RCPT,
	ASKED_MAIL /* alone, where the gate only observes */
};

/* A message under way. */
struct session_message {
	struct smtp_data data;
	struct smtp_header_filter filter;
	struct pace pace;
	bool handed_over; /* whole */
	enum {
		MESSAGE_PASS,
		MESSAGE_TOO_BIG, /* this and the next two: read to its end and dropped */
		MESSAGE_REFUSED, /* by the backend, before its end */
		MESSAGE_LOST
	} fate;
	struct buf said; /* MESSAGE_REFUSED: the reply */
};

/* From MAIL to the end of the message or RSET. */
struct session_mail {
	bool given;
	bool unread;           /* text goes on as it is; mail holds a guess */
	struct buf text;       /* the arguments of MAIL; mail points into it */
	struct smtp_mail mail; /* path.mailbox empty: <> */
	size_t recipients;     /* asked for */
	unsigned accepted;     /* by us and by the backend */
	struct buf field;      /* X-Stockade, as it holds for those that were taken; may be empty */
	bool sent;             /* the backend took MAIL */
	bool heard_nobody;     /* was told that there is nobody to send the message to */
	struct smtp_reply refused; /* its reply when it did not; code 0: it did not say so */
	struct buf refusal;        /* the text of that */
	struct buf bounce_to;      /* of a bounce: the recipient that was taken last */
};

/* The recipient that is being decided. */
struct session_rcpt {
	bool unread;     /* text goes on as it is; rcpt holds a guess */
	struct buf text; /* the arguments of RCPT; rcpt points into it */
	struct smtp_rcpt rcpt;
	struct buf field; /* what a message to it is marked with; may be empty */
};

/* Of a message that comes by BDAT. */
struct session_chunk {
	bool given; /* not DATA */
	bool last;
	uint64_t left; /* octets that are no commands */
};

struct session {
	uint32_t magic;
	struct session_env *env;
	struct session *next;
	struct session *previous;
	const struct conf *conf; /* a reference: the one it began with */
	struct stream *stream;
	struct timer timer;     /* of the phase or wait that holds */
	struct endpoint client; /* by the PROXY header, if there was one */
	struct endpoint local;  /* by the PROXY header; port 0: the socket's own */
	char id[SESSION_ID_SIZE];
	struct admitted admitted;

	struct consultation *consultation; /* NULL: the health check of a balancer */
	int64_t command_until_ms;          /* the client has to say something by then */

	enum session_phase phase;
	enum session_wait wait;
	enum session_asked asked;
	bool spoke_early;
	bool client_closed; /* its side; what it sent before is still worked on */
	bool is_unheard;    /* was told that its message was taken, and may have left before */
	bool draining;
	bool extended;   /* EHLO, not HELO */
	bool running;    /* session_run is on the stack */
	bool ahead;      /* more has come than the command that is being done */
	bool hasty;      /* it did not wait for a reply that it had to wait for */
	unsigned errors; /* since a message was taken */
	unsigned junk;   /* since a message was answered: what leads nowhere */

	struct smtp_parser parser;
	struct buf helo;
	struct smtp_offer offer; /* what EHLO promised */
	struct session_mail mail;
	struct session_rcpt rcpt;
	struct session_message *message; /* from 354 until its reply */
	struct session_chunk chunk;

	struct backend_place place; /* of `backend`, or a turn to have one */
	struct backend *backend;
	int64_t backend_until_ms; /* it is given back by then, unless mail comes; 0: mail is there
				   */
	bool backend_dirty;       /* has to hear RSET before the next MAIL */
	uint8_t expect[EXPECT_MAX];
	uint8_t expect_len;
};

/* ---- session.c ---- */

/* A balancer, which says in a PROXY header whom it connects for. */
bool session_env_trusts(const struct session_env *env, struct ip peer);
/* False: its client may have no more sessions, and it is to be crowded out. */
bool session_take_place(struct session *s);
void session_crowd_out(struct session *s);

/* May be called at any time, also from callbacks of the session; a message that was not ended is
 * not delivered. */
void session_end(struct session *s);
/* Reads commands until there is none or one has to wait. Called by whatever ended a wait. */
void session_run(struct session *s);
void session_set_wait(struct session *s, enum session_wait wait);
/* Starts the time anew in which the client has to say a command, or more of a message. */
void session_restart_idle(struct session *s);
int64_t session_now_ms(const struct session *s);
int64_t session_now_s(const struct session *s);

struct buf *session_out(struct session *s);
/* A line of ours with its code: "250 2.0.0 Ok". */
void session_reply(struct session *s, const char *line);
/* A text of the catalogue about ourselves, with hostname ... filled in from `values`. */
void session_print(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count);
void session_count_error(struct session *s);
void session_count_junk(struct session *s);
/* What the client asks of the gate's knowledge now. */
struct consult_request session_request(const struct session *s);
/* What was said is the last: sends it and closes. */
void session_close(struct session *s);

/* Forgets sender, recipients and message; the backend hears RSET before the next MAIL. */
void session_reset(struct session *s);
void session_drop_backend(struct session *s);
/* The same in good order: there is no transaction. */
void session_quit_backend(struct session *s);
/* Where the client connected to. */
struct endpoint session_local(const struct session *s);
void session_describe_client(
	const struct session *s, const struct facts *facts, struct smtp_client *ret_client);

/* ---- session_greet.c ---- */

void session_begin(struct session *s, struct endpoint peer);
void session_on_proxy_input(struct session *s);
/* The balancer in front does not say who the client is: 421 and the door. */
void session_refuse_unnamed(struct session *s, const char *why);
/* The last line of the greeting. */
void session_finish_greeting(struct session *s);
void session_on_early_input(struct session *s);
void session_on_greet_timer(struct session *s);

/* ---- session_command.c ---- */

void session_command(struct session *s, const struct smtp_command *command);

/* ---- session_tls.c ---- */

/* Whether EHLO tells of it. */
bool session_offers_tls(const struct session *s);
void session_on_starttls(struct session *s, const struct smtp_command *command);
void session_on_secured(struct session *s);
/* The handshake came to nothing; why: for people. */
void session_tls_failed(struct session *s, const char *why);
/* "TLSv1.3"; NULL: plain text. */
const char *session_tls_version(const struct session *s);

/* ---- session_fault.c ---- */

/* Refuses what the client did: with a line in the log and an incident. */
void session_refuse(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count);
/* Our own trouble, for now: a line in the log. An incident tells of a client. */
void session_defer(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count);
/* The same as session_refuse for an error: counted, delayed when there were many, and too many end
 * the session. */
void session_fault(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count);
void session_fault_verb(struct session *s, enum refusal_id id, enum smtp_verb verb);
/* A recipient beyond limits->recipients. RFC 5321 section 4.5.3.1.10: a client that has more sends
 * the message to those that were taken, and comes again for the others. One that goes on and on
 * does not. */
void session_refuse_beyond(struct session *s);
/* How many there were of those; and, when the transaction ends, what is left of them. */
size_t session_beyond(const struct session *s);
void session_note_beyond(struct session *s);
void session_refuse_limit(struct session *s, enum refusal_id id, size_t limit);
void session_refuse_size(struct session *s, uint64_t size, uint64_t limit);
/* The same where the backend may see no fault: true, and nothing was said, when it decides. */
bool session_fault_is_theirs(struct session *s, enum refusal_id id, enum smtp_verb verb);
/* error: of the parser. */
bool session_arguments_are_theirs(struct session *s, enum smtp_verb verb, int error);

/* ---- session_rcpt.c ---- */

/* MAIL alone: asks the backend, or waits for facts. */
void session_mail_begin(struct session *s);
/* The recipient in s->rcpt: decides now, or waits for facts. */
void session_rcpt_begin(struct session *s);
/* Facts are complete, or their time is over. */
void session_decide(struct session *s);
/* Says what was decided about a recipient; false: it is let in, perhaps with a field of its own. */
bool session_tell_verdict(struct session *s, const struct consult_answer *answer);
void session_write_backend(struct session *s, enum session_expect what);
/* The backend's words, fit for a client that stays. */
void session_print_reply(const struct smtp_reply *reply, struct buf *out);
/* taken: a reply of class 2 is one to what was asked. */
void session_pass_reply(struct session *s, const struct smtp_reply *reply, bool taken);
/* There was no connection to be had in time. */
void session_on_no_place(struct session *s);
/* The events of s->backend. */
extern const struct backend_calls session_backend_calls;

/* ---- session_data.c ---- */

void session_data_begin(struct session *s);    /* the client said DATA */
void session_data_accepted(struct session *s); /* the backend said 354 */
void session_data_read(struct session *s);
void session_data_drained(struct session *s);
/* So many octets of a message came. */
void session_data_pace(struct session *s, size_t octets);
struct pace_limits session_pace_limits(const struct session *s);
void session_data_lost(struct session *s); /* the backend is gone in the middle */
/* It says so in the middle. */
void session_data_refused(struct session *s, const struct smtp_reply *reply);
void session_data_answered(struct session *s, const struct smtp_reply *reply);

bool session_message_is_open(const struct session *s); /* the backend waits for more of it */
bool session_message_passes(const struct session *s);  /* open, and nothing went wrong */
/* Holds the client back when the backend takes less than it sends. */
bool session_data_must_pause(struct session *s);
/* What was read, in canonical form, goes to the backend: canonical lines in scratch. */
void session_data_write(struct session *s);
void session_data_send(struct session *s);
void session_data_check_size(struct session *s);
/* All of it was read. */
void session_data_end(struct session *s);

/* ---- session_chunk.c ---- */

void session_on_bdat(struct session *s, const struct smtp_command *command);
void session_chunk_read(struct session *s);
void session_chunk_end(struct session *s);

/* ---- session_limit.c ---- */

/* False: it does too much of that, and has been told to come again. */
bool session_may_begin_mail(struct session *s);
bool session_may_name_recipient(struct session *s);
/* The backend answered: unknown recipients are limited as well. */
void session_note_recipient_reply(struct session *s, const struct smtp_reply *reply);
/* Counts an error. False: too many within a minute, in all sessions of the client. */
bool session_may_err(struct session *s);

/* ---- session_log.c ---- */

/* A refusal, or what would be one in enforce mode: the event, and the line for administrators'
 * tools. */
void session_log_verdict(const struct session *s, const struct consult_answer *answer);
/* Our own trouble. */
void session_log_deferral(const struct session *s, enum refusal_id id, struct span reply);
/* Not in Postfix's form, which bans: who asks for his name did nothing wrong. */
void session_log_helocheck(const struct session *s);
/* The backend takes no sender, recipient or message, and its words are the client's. */
void session_log_backend(const struct session *s, const struct smtp_reply *reply);
/* gone: the client will not hear that its message was taken. */
void session_log_accept(const struct session *s, const struct smtp_reply *reply, bool gone);
/* The same when it shows later. */
void session_log_gone(const struct session *s);
void session_log_close(const struct session *s);
