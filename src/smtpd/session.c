/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hostname.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/socket.h"

/* More than this unsent: the client does not read at all, whatever we hold back. The longest reply
 * of a backend fits. */
enum { OUT_LIMIT = 1 << 20 };

static void session_on_input(struct stream *stream, void *arg);
static void session_on_drained(struct stream *stream, void *arg);
static void session_on_closed(struct stream *stream, int error, void *arg);
static void session_on_timer(struct timer *timer, void *arg);
static void session_on_stream_secured(struct stream *stream, void *arg);
static void session_arm(struct session *s);

static const struct stream_calls session_stream_calls = {
	.input = session_on_input,
	.drained = session_on_drained,
	.closed = session_on_closed,
	.secured = session_on_stream_secured,
};

int64_t session_now_ms(const struct session *s)
{
	return loop_now_ms(s->env->loop);
}

int64_t session_now_s(const struct session *s)
{
	return loop_now_s(s->env->loop);
}

/* ---- life ---- */

static void session_link(struct session *s)
{
	s->next = s->env->sessions;
	if (s->next != NULL)
		s->next->previous = s;
	s->env->sessions = s;
	s->env->sessions_len++;
}

static void session_unlink(struct session *s)
{
	if (s->next != NULL)
		s->next->previous = s->previous;
	if (s->previous != NULL)
		s->previous->next = s->next;
	else
		s->env->sessions = s->next;
	s->env->sessions_len--;
	admission_give(s->env->admission, &s->admitted);
}

/* One line and the door: there is no session to keep it in. The socket's buffer is empty, so that
 * one write does it. */
static void session_turn_away(const struct session_env *env, int fd)
{
	struct span reply = admission_reply(env->admission);

	(void)!send(fd, reply.ptr, reply.len, MSG_NOSIGNAL);
	close(fd);
}

bool session_env_trusts(const struct session_env *env, struct ip peer)
{
	for (size_t i = 0; i < env->conf->proxy_from_len; i++) {
		if (prefix_has(env->conf->proxy_from[i], peer))
			return true;
	}
	return false;
}

bool session_take_place(struct session *s)
{
	return admission_take(s->env->admission, s->conf, s->client, &s->admitted);
}

/* As above: a session that waited for the client to close would take the place of another. */
void session_crowd_out(struct session *s)
{
	struct span reply = admission_reply(s->env->admission);

	(void)!send(stream_fd(s->stream), reply.ptr, reply.len, MSG_NOSIGNAL);
	session_end(s);
}

/* Before there is a session: a balancer says later whom it comes for. */
static bool session_env_admits(
	struct session_env *env, struct endpoint peer, struct admitted *ret_admitted)
{
	if (env->sessions_len >= env->limits->sessions) {
		admission_is_full(env->admission, env->conf, peer);
		return false;
	}
	return session_env_trusts(env, peer.ip) ||
	       admission_take(env->admission, env->conf, peer, ret_admitted);
}

void session_start(struct session_env *env, int fd, struct endpoint peer)
{
	const struct stream_limits limits = {.in = env->limits->input, .out = OUT_LIMIT};
	struct admitted admitted = {0};
	struct session *s;

	if (!session_env_admits(env, peer, &admitted)) {
		session_turn_away(env, fd);
		return;
	}
	s = mem_new(session);
	s->admitted = admitted;
	s->magic = (uint32_t)MAGIC_session;
	s->env = env;
	s->conf = conf_ref(env->conf);
	s->client = peer;
	snprintf(s->id, sizeof(s->id), "%016" PRIX64, env->next_id++);
	smtp_parser_init(&s->parser, &env->limits->smtp);
	timer_init(&s->timer, env->loop, session_on_timer, s);
	s->stream = stream_new(env->loop, fd,
		&(struct stream_settings){
			.calls = &session_stream_calls, .arg = s, .limits = limits});
	session_link(s);
	session_begin(s, peer);
}

static void session_free_message(struct session *s)
{
	if (s->message != NULL)
		buf_done(&s->message->said);
	mem_free(s->message);
	s->message = NULL;
}

static void session_destroy(void *arg)
{
	struct session *s = OBJ(session, arg);

	buf_done(&s->helo);
	buf_done(&s->mail.text);
	buf_done(&s->mail.field);
	buf_done(&s->mail.refusal);
	buf_done(&s->mail.bounce_to);
	buf_done(&s->rcpt.text);
	buf_done(&s->rcpt.field);
	session_free_message(s);
	conf_unref(&s->conf);
	s->magic = 0;
	mem_free(s);
}

/* May be called at any time, also from callbacks of the session; a message that was not ended is
 * not delivered. */
void session_end(struct session *s)
{
	if (s->phase == PHASE_GONE)
		return;
	if (s->is_unheard && socket_error(stream_fd(s->stream)) < 0)
		session_log_gone(s);
	session_note_beyond(s);
	session_log_close(s);
	s->phase = PHASE_GONE;
	timer_done(&s->timer);
	consultation_free(&s->consultation);
	if (s->message != NULL)
		session_drop_backend(s);
	else
		session_quit_backend(s);
	stream_free(&s->stream);
	session_unlink(s);
	s->env->ended(s->env->arg);
	loop_later(s->env->loop, session_destroy, s);
}

/* Between commands and transactions nothing is lost by leaving. */
static bool session_is_idle(const struct session *s)
{
	return s->wait == WAIT_NONE && !s->mail.given &&
	       (s->phase == PHASE_COMMAND || s->phase == PHASE_GREET || s->phase == PHASE_PROXY);
}

static void session_send_shutdown(struct session *s)
{
	const struct refusal_value hostname = {"hostname", span_text(s->conf->hostname)};

	if (s->phase == PHASE_GREET) /* "220-" and "421 " are no reply (RFC 5321 section 4.2.1) */
		session_finish_greeting(s);
	session_print(s, REFUSAL_SHUTDOWN, &hostname, 1);
	session_close(s);
}

void sessions_drain(struct session_env *env)
{
	struct session *next;

	for (struct session *s = env->sessions; s != NULL; s = next) {
		next = s->next; /* it may end now */
		s->draining = true;
		if (session_is_idle(s))
			session_send_shutdown(s);
	}
}

static void session_hurry(struct session *s)
{
	int64_t until_ms = session_now_ms(s) + s->env->limits->command_ms;

	if (s->wait != WAIT_NONE || (s->phase != PHASE_COMMAND && s->phase != PHASE_MESSAGE))
		return;
	s->command_until_ms = s->command_until_ms < until_ms ? s->command_until_ms : until_ms;
	if (session_message_is_open(s))
		session_data_pace(s, 0);
	if (s->backend_until_ms != 0)
		s->backend_until_ms = session_now_ms(s);
	session_arm(s);
}

void sessions_hurry(struct session_env *env)
{
	for (struct session *s = env->sessions; s != NULL; s = s->next)
		session_hurry(s); /* none ends before its timer is called */
}

void sessions_end(struct session_env *env)
{
	while (env->sessions != NULL)
		session_end(env->sessions);
}

/* ---- replies ---- */

struct buf *session_out(struct session *s)
{
	return stream_out(s->stream);
}

void session_reply(struct session *s, const char *line)
{
	buf_append_text(session_out(s), line);
	buf_append_text(session_out(s), "\r\n");
}

void session_print(
	struct session *s, enum refusal_id id, const struct refusal_value *values, size_t count)
{
	refusal_print(id, values, count, session_out(s));
	buf_append_text(session_out(s), "\r\n");
}

void session_close(struct session *s)
{
	s->phase = PHASE_CLOSING;
	s->wait = WAIT_NONE;
	if (s->message == NULL)
		session_quit_backend(s);
	timer_set(&s->timer, session_now_ms(s) + s->env->limits->close_ms);
	stream_finish(s->stream);
}

static void session_end_for_errors(struct session *s)
{
	const struct refusal_value values[] = {
		{"hostname", span_text(s->conf->hostname)},
		{"url", span_text(s->conf->portal_url)},
	};

	session_refuse(s, REFUSAL_ERRORS_MANY, values, COUNTOF(values));
	session_close(s);
}

void session_count_error(struct session *s)
{
	const struct smtpd_limits *limits = s->env->limits;

	s->errors++;
	if (!session_may_err(s) || s->errors >= limits->errors_hard)
		session_end_for_errors(s);
	else if (s->errors > limits->errors_soft)
		session_set_wait(s, WAIT_DELAY);
}

/* ---- waiting ---- */

/* Between messages the mail server is not kept waiting: others may want the place. */
static bool session_spares_backend(const struct session *s)
{
	return s->backend != NULL && !s->mail.given && s->wait == WAIT_NONE &&
	       s->phase == PHASE_COMMAND;
}

/* What comes next: the end of what the client may take, or of what it has from the backend. */
static int64_t session_until_ms(const struct session *s)
{
	int64_t until_ms = s->command_until_ms;

	if (session_message_is_open(s) && pace_deadline_ms(&s->message->pace) < until_ms)
		until_ms = pace_deadline_ms(&s->message->pace);
	if (s->backend_until_ms != 0 && s->backend_until_ms < until_ms)
		until_ms = s->backend_until_ms;
	return until_ms;
}

/* It is the backend that takes no more of a message, and has a deadline of its own. */
static bool session_is_held(const struct session *s)
{
	return session_message_is_open(s) && s->message->pace.held_ms != 0;
}

static void session_arm(struct session *s)
{
	const struct smtpd_limits *limits = s->env->limits;

	if (!session_spares_backend(s))
		s->backend_until_ms = 0;
	else if (s->backend_until_ms == 0)
		s->backend_until_ms = session_now_ms(s) + limits->backend_idle_ms;
	switch (s->wait) {
	case WAIT_NONE:
		if (session_is_held(s))
			timer_clear(&s->timer);
		else
			timer_set(&s->timer, session_until_ms(s));
		break;
	case WAIT_PLACE:
		timer_set(&s->timer, session_now_ms(s) + limits->backend_place_ms);
		break;
	case WAIT_FACTS:
	case WAIT_BACKEND:
		timer_clear(&s->timer); /* both have a deadline of their own */
		break;
	case WAIT_DELAY:
		timer_set(&s->timer, session_now_ms(s) + limits->delay_ms);
		break;
	}
}

void session_restart_idle(struct session *s)
{
	s->command_until_ms = session_now_ms(s) + s->env->limits->command_ms;
	session_arm(s);
}

void session_set_wait(struct session *s, enum session_wait wait)
{
	s->wait = wait;
	if (wait == WAIT_NONE)
		session_restart_idle(s);
	else
		session_arm(s);
}

/* It may pause, but not drip for hours. */
static void session_end_slow(struct session *s)
{
	const struct refusal_value values[] = {
		{"hostname", span_text(s->conf->hostname)},
		{"url", span_text(s->conf->portal_url)},
	};

	session_drop_backend(s); /* half a message is none */
	session_refuse(s, REFUSAL_TOO_SLOW, values, COUNTOF(values));
	session_close(s);
}

static void session_on_silence(struct session *s)
{
	char seconds[24];
	int len = snprintf(seconds, sizeof(seconds), "%" PRId64, s->env->limits->command_ms / 1000);
	const struct refusal_value values[] = {{"hostname", span_text(s->conf->hostname)},
		{"wait", span_of(seconds, (size_t)len)}};

	if (s->message != NULL)
		session_drop_backend(s); /* half a message is none */
	session_print(s, REFUSAL_IDLE, values, COUNTOF(values));
	session_close(s);
}

static void session_on_timer(struct timer *timer, void *arg)
{
	struct session *s = OBJ(session, arg);

	(void)timer;
	if (s->phase == PHASE_CLOSING) {
		session_end(s);
	} else if (s->phase == PHASE_PROXY) {
		session_refuse_unnamed(s, "no PROXY header in time");
	} else if (s->phase == PHASE_TLS) {
		session_tls_failed(s, "it took too long");
	} else if (s->phase == PHASE_GREET) {
		session_on_greet_timer(s);
	} else if (s->wait == WAIT_PLACE) {
		session_on_no_place(s);
	} else if (s->wait == WAIT_DELAY) {
		session_set_wait(s, WAIT_NONE);
		session_run(s);
	} else if (s->backend_until_ms != 0 && session_now_ms(s) >= s->backend_until_ms) {
		session_quit_backend(s);
		session_arm(s);
	} else if (session_message_is_open(s) &&
		   session_now_ms(s) >= pace_deadline_ms(&s->message->pace)) {
		session_end_slow(s);
	} else {
		session_on_silence(s);
	}
}

/* ---- the loop over commands ---- */

/* Octets follow BDAT whether it was taken or not, and nobody knows how many: they must not be read
 * as commands. */
static void session_on_long_line(struct session *s, enum smtp_verb verb)
{
	session_refuse_limit(s, REFUSAL_LINE_TOO_LONG, s->env->limits->smtp.line);
	if (verb == SMTP_BDAT)
		session_close(s);
	else
		session_count_error(s);
}

/* One command, if there is one whole. False: none. */
static bool session_step(struct session *s)
{
	struct buf *in = stream_in(s->stream);
	struct smtp_command command;
	size_t used = 0;
	int r = smtp_parser_next(&s->parser, buf_span(in), &command, &used);

	s->ahead = used < buf_len(in);
	if (r == 1)
		session_command(s, &command);
	else if (r < 0)
		session_on_long_line(s, command.verb);
	if (s->phase != PHASE_GONE)
		buf_consume(in, used); /* after the command, which points into it */
	return r != 0;
}

/* A client that does not take its replies is not read any further: what it makes us say stays
 * bounded. They have to have been sent before that can be told. */
static bool session_may_read(struct session *s)
{
	if (s->phase != PHASE_COMMAND || s->wait != WAIT_NONE)
		return false;
	if (buf_len(session_out(s)) >= s->env->limits->output)
		stream_send(s->stream);
	return buf_len(session_out(s)) < s->env->limits->output;
}

/* The client closed its side. Whether it still reads shows when its system refuses, or not, to take
 * what we sent. */
static void session_end_closed(struct session *s)
{
	if (s->is_unheard)
		session_close(s);
	else
		session_end(s);
}

static void session_after_commands(struct session *s)
{
	if (s->phase == PHASE_CLOSING)
		return;
	stream_send(s->stream);
	if (s->draining && session_is_idle(s))
		session_send_shutdown(s);
	else if (s->client_closed && s->phase == PHASE_COMMAND && s->wait == WAIT_NONE)
		session_end_closed(s);
	else if (s->client_closed && s->phase == PHASE_MESSAGE)
		session_end(s);
}

/* What comes is a message, and not a command. */
static bool session_reads_message(const struct session *s)
{
	return s->wait == WAIT_NONE &&
	       (s->phase == PHASE_MESSAGE || (s->phase == PHASE_COMMAND && s->chunk.left != 0));
}

/* Whether commands may follow now. */
static bool session_read_message(struct session *s)
{
	bool some = buf_len(stream_in(s->stream)) != 0;

	if (s->phase == PHASE_MESSAGE)
		session_data_read(s);
	else
		session_chunk_read(s);
	return some && s->phase != PHASE_GONE && !session_reads_message(s);
}

/* A reset connection is dead, and what it still holds is not worked on: the client cannot hear of
 * it, and sends it again. */
static bool session_is_connected(const struct session *s)
{
	return s->phase != PHASE_GONE && !stream_is_broken(s->stream);
}

/* A piece of a command is none: who drips has no longer than who is silent. */
static void session_rearm(struct session *s, bool stepped)
{
	if (s->phase != PHASE_COMMAND || s->wait != WAIT_NONE)
		return;
	if (stepped)
		session_restart_idle(s);
	else
		session_arm(s);
}

void session_run(struct session *s)
{
	bool progress = true, stepped = false;

	if (s->running)
		return; /* whoever is below goes on */
	s->running = true;
	while (progress && session_is_connected(s)) {
		if (session_reads_message(s)) {
			progress = session_read_message(s);
		} else {
			progress = session_may_read(s) && session_step(s);
			stepped |= progress;
		}
	}
	s->running = false;
	session_rearm(s, stepped);
	if (s->phase != PHASE_GONE)
		session_after_commands(s);
}

/* ---- events of the client's stream ---- */

static void session_on_input(struct stream *stream, void *arg)
{
	struct session *s = OBJ(session, arg);

	switch (s->phase) {
	case PHASE_PROXY:
		session_on_proxy_input(s);
		break;
	case PHASE_GREET:
		session_on_early_input(s);
		break;
	case PHASE_COMMAND:
	case PHASE_MESSAGE:
		session_run(s);
		break;
	case PHASE_TLS: /* nothing comes before its end */
		break;
	case PHASE_CLOSING:
		buf_consume(stream_in(stream), buf_len(stream_in(stream)));
		break;
	case PHASE_GONE:
		break;
	}
}

static void session_on_stream_secured(struct stream *stream, void *arg)
{
	(void)stream;
	session_on_secured(OBJ(session, arg));
}

static void session_on_drained(struct stream *stream, void *arg)
{
	struct session *s = OBJ(session, arg);

	(void)stream;
	if (s->phase == PHASE_COMMAND)
		session_run(s);
}

/* A client may close its side and still read; a reset connection is dead. A message that was handed
 * over whole is waited for in any case: its fate belongs into the log. */
static void session_on_closed(struct stream *stream, int error, void *arg)
{
	struct session *s = OBJ(session, arg);
	bool handed_over = s->message != NULL && s->message->handed_over;

	s->client_closed = true;
	if (s->phase == PHASE_TLS) {
		session_tls_failed(s, error == E_TLS ? stream_tls_why(stream) : err_text(error));
		return;
	}
	if (handed_over)
		return;
	if (error != E_CLOSED || s->phase == PHASE_PROXY || s->phase == PHASE_GREET ||
		s->phase == PHASE_CLOSING)
		session_end(s);
	else
		session_run(s);
}

/* ---- what belongs to the transaction ---- */

void session_reset(struct session *s)
{
	session_note_beyond(s);
	if (session_message_is_open(s))
		session_drop_backend(s); /* half a message is none */
	if (s->mail.sent)
		s->backend_dirty = true;
	s->mail.given = false;
	s->mail.sent = false;
	s->mail.heard_nobody = false;
	s->mail.recipients = 0;
	s->mail.accepted = 0;
	s->mail.refused.code = 0;
	buf_done(&s->mail.text);
	buf_done(&s->mail.field);
	buf_done(&s->mail.refusal);
	buf_done(&s->mail.bounce_to);
	buf_done(&s->rcpt.text);
	buf_done(&s->rcpt.field);
	s->mail.unread = false;
	s->mail.mail = (struct smtp_mail){0}; /* they pointed there */
	s->rcpt.rcpt = (struct smtp_rcpt){0};
	session_free_message(s);
}

void session_quit_backend(struct session *s)
{
	backend_quit(&s->backend);
	backend_places_give(s->env->places, &s->place);
	s->backend_dirty = false;
	s->backend_until_ms = 0;
}

void session_drop_backend(struct session *s)
{
	backend_close(&s->backend);
	backend_places_give(s->env->places, &s->place);
	s->backend_until_ms = 0;
	s->backend_dirty = false;
	s->expect_len = 0;
	s->mail.sent = false;
}

/* Where the client connected to: asked only for those who get as far as the backend. */
struct endpoint session_local(const struct session *s)
{
	struct endpoint local = s->local;

	if (local.port == 0)
		socket_local(stream_fd(s->stream), &local);
	return local;
}

/* The name that PTR tells, when the server may hear it at all: it takes no other. */
static void session_describe_reverse(const struct facts *facts, struct smtp_client *client)
{
	bool is_name = hostname_labels(facts->ptr_name) != 0;

	client->reverse_name = facts->ptr_name;
	if (facts->ptr == FACT_YES)
		client->reverse_state = is_name ? SMTP_NAME_KNOWN : SMTP_NAME_NONE;
	else if (facts->ptr != FACT_NO)
		client->reverse_state = SMTP_NAME_TEMPORARY;
}

struct consult_request session_request(const struct session *s)
{
	return (struct consult_request){
		.spoke_early = s->spoke_early,
		.server = session_local(s).ip,
		.helo = buf_span(&s->helo),
		.sender = s->mail.mail.path.mailbox,
		.recipient = s->rcpt.rcpt.path.mailbox,
	};
}

void session_describe_client(
	const struct session *s, const struct facts *facts, struct smtp_client *ret_client)
{
	*ret_client = (struct smtp_client){
		.source = s->client,
		.destination = session_local(s),
		.name_state = SMTP_NAME_NONE,
		.helo = buf_span(&s->helo),
		.extended = s->extended,
	};
	session_describe_reverse(facts, ret_client);
	if (facts->confirmed == FACT_YES) {
		ret_client->name_state = ret_client->reverse_state = SMTP_NAME_KNOWN;
		ret_client->name = ret_client->reverse_name = facts->confirmed_name;
	} else if (facts->confirmed != FACT_NO && facts->ptr != FACT_NO) {
		ret_client->name_state = SMTP_NAME_TEMPORARY;
	}
}
