/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include "base/mem.h"
#include "smtpd/trace_header.h"

/*
 * The message streams through: read from the client, made canonical, sent on. Neither side is read
 * faster than the other takes. 250 is the backend's 250. When anything goes wrong in between, the
 * backend's connection is closed before it has seen the end, so that it keeps nothing, and the
 * client's message is read to its end before it is told: only then it listens.
 */

/* A client that sends its message before it has heard 354 gets what the backend makes of that: the
 * start of our Received field goes there as early. Without a line end it is no command. */
static const char early_start[] = "R";
enum { EARLY_OCTETS = sizeof(early_start) - 1, BESIDE_OCTETS = 4096 };

/* The octets of chunks may follow their command at once. */
static bool session_is_early(const struct session *s)
{
	return s->hasty && !s->chunk.given;
}

bool session_message_is_open(const struct session *s)
{
	return s->message != NULL && !s->message->handed_over;
}

bool session_message_passes(const struct session *s)
{
	return session_message_is_open(s) && s->message->fate == MESSAGE_PASS;
}

/* Who only wants to know whether a recipient is there says MAIL FROM:<> and RCPT, and quits: to put
 * that off puts off the mail that he was asked to take from us. So a bounce is asked to come back
 * when it is about to be sent. */
static bool session_puts_bounce_off(struct session *s)
{
	struct consult_request request = session_request(s);
	struct consult_answer answer;

	if (s->mail.mail.path.mailbox.len != 0 || s->conf->checks[CHECK_GREY].action == ACTION_OFF)
		return false;
	request.at_data = true;
	request.recipient = buf_span(&s->mail.bounce_to);
	consultation_decide(s->consultation, &request, &answer);
	if (answer.verdict.decider == NULL || answer.verdict.decider->check != CHECK_GREY)
		return false; /* what else there is was said at RCPT */
	if (session_tell_verdict(s, &answer)) {
		session_reset(s);
		return true;
	}
	if (buf_len(&s->mail.field) == 0)
		buf_append(&s->mail.field, buf_span(&s->rcpt.field));
	return false;
}

void session_data_begin(struct session *s)
{
	if (session_puts_bounce_off(s))
		return;
	if (s->backend == NULL) {
		session_defer(s, REFUSAL_BACKEND_DOWN, NULL, 0);
		session_reset(s);
		return;
	}
	session_set_wait(s, WAIT_BACKEND);
	session_write_backend(s, EXPECT_DATA);
	if (session_is_early(s))
		buf_append_text(backend_out(s->backend), early_start);
	backend_ask(s->backend, s->env->limits->backend_command_ms);
}

/* Does the message that the client announced still fit into the backend's limit with this field?
 * What was promised is kept (RFC 1870 section 4); the backend writes a Received field of its own.
 */
static bool field_fits(const struct session *s, size_t octets)
{
	uint64_t limit = backend_offer(s->backend)->size;

	return limit == 0 || !s->mail.mail.has_size || s->mail.mail.size > limit ||
	       s->mail.mail.size + octets + buf_len(&s->mail.field) + BESIDE_OCTETS <= limit;
}

static void session_print_received(struct session *s, const struct trace_header *trace)
{
	struct buf field;

	buf_init(&field, 0);
	trace_header_print_received(trace, &field);
	if (session_is_early(s))
		buf_append(backend_out(s->backend), span_from(buf_span(&field), EARLY_OCTETS));
	else if (field_fits(s, buf_len(&field)))
		buf_append(backend_out(s->backend), buf_span(&field));
	buf_done(&field);
}

static void session_print_results(struct session *s, struct facts *facts)
{
	const struct consult_request request = session_request(s);
	struct buf field;

	facts->helo = request.helo;
	facts->sender = request.sender;
	buf_init(&field, 0);
	trace_header_print_results(s->conf, facts, &field);
	if (field_fits(s, buf_len(&field)))
		buf_append(backend_out(s->backend), buf_span(&field));
	buf_done(&field);
}

static void session_print_fields(struct session *s)
{
	struct smtp_client client;
	struct facts facts;
	struct tls_facts tls;
	bool is_tls = stream_tls_facts(s->stream, &tls);
	const struct trace_header trace = {.client = &client,
		.hostname = s->conf->hostname,
		.id = s->id,
		.tls = is_tls ? &tls : NULL,
		.smtputf8 = s->mail.mail.smtputf8,
		.now_s = session_now_s(s)};
	struct buf *out = backend_out(s->backend);

	consultation_names(s->consultation, &facts);
	session_describe_client(s, &facts, &client);
	session_print_received(s, &trace);
	if (is_tls)
		trace_header_print_tls(&tls, out);
	if (s->conf->pass_client == PASS_CLIENT_NONE)
		trace_header_print_client(s->client.ip, out);
	session_print_results(s, &facts);
	buf_append(out, buf_span(&s->mail.field));
}

struct pace_limits session_pace_limits(const struct session *s)
{
	const struct smtpd_limits *limits = s->env->limits;

	return (struct pace_limits){
		limits->command_ms, s->conf->message_least_rate, s->conf->message_longest_s * 1000};
}

/* What stands in `out` leaves with the first piece of the message. */
void session_data_accepted(struct session *s)
{
	bool is_own = facts_ip_is_own(s->conf, s->client.ip); /* another gate's mark may stay */
	const struct pace_limits pace = session_pace_limits(s);

	s->message = mem_new(session_message);
	pace_start(&s->message->pace, &pace, session_now_ms(s));
	smtp_data_init(&s->message->data);
	smtp_header_filter_init(&s->message->filter, is_own ? NULL : "X-Stockade",
		is_own ? NULL : s->conf->hostname);
	session_print_fields(s);
	if (s->chunk.given) {
		if (s->chunk.left == 0)
			session_chunk_end(s);
		return;
	}
	s->phase = PHASE_MESSAGE;
	session_reply(s, "354 End data with <CR><LF>.<CR><LF>");
	stream_send(s->stream);
	session_restart_idle(s);
}

void session_data_lost(struct session *s)
{
	session_drop_backend(s);
	if (s->message->fate == MESSAGE_PASS)
		s->message->fate = MESSAGE_LOST;
	pace_go_on(&s->message->pace, session_now_ms(s));
	session_restart_idle(s);
	stream_resume(s->stream);
}

/* "552 message too large" and the like: the client hears it when it listens again. */
void session_data_refused(struct session *s, const struct smtp_reply *reply)
{
	if (session_message_passes(s) && smtp_reply_class(reply) >= 4) {
		s->message->fate = MESSAGE_REFUSED;
		session_print_reply(reply, &s->message->said);
		session_log_backend(s, reply);
	}
	session_data_lost(s);
}

void session_data_send(struct session *s)
{
	backend_send(s->backend, s->env->limits->backend_stall_ms);
	if (buf_len(backend_out(s->backend)) == 0)
		backend_rest(s->backend); /* it is the client who makes us wait now */
}

/* Ours, if there is one: at the end of DATA the backend speaks for itself, at a chunk we do. */
static uint64_t session_size_limit(const struct session *s)
{
	return s->chunk.given ? s->offer.size : s->conf->message_size_limit;
}

static void session_refuse_message(struct session *s)
{
	struct span said = buf_span(&s->message->said);
	bool is_error = span_has_prefix_nocase(said, "5");

	if (s->message->fate == MESSAGE_TOO_BIG)
		session_refuse_size(s, s->message->data.octets, session_size_limit(s));
	else if (s->message->fate == MESSAGE_REFUSED)
		buf_append(session_out(s), said);
	else
		session_defer(s, REFUSAL_BACKEND_DOWN, NULL, 0);
	session_reset(s);
	session_restart_idle(s);
	if (is_error)
		session_count_error(s);
}

void session_data_end(struct session *s)
{
	s->phase = PHASE_COMMAND;
	if (s->message->fate != MESSAGE_PASS) {
		session_refuse_message(s);
		return;
	}
	s->message->handed_over = true;
	smtp_header_filter_finish(&s->message->filter, backend_out(s->backend));
	smtp_data_print_end(backend_out(s->backend));
	session_set_wait(s, WAIT_BACKEND);
	session_write_backend(s, EXPECT_END);
	backend_send(s->backend, s->env->limits->backend_end_ms);
}

void session_data_write(struct session *s)
{
	struct buf *scratch = &s->env->scratch;

	if (session_message_passes(s))
		smtp_header_filter_read(
			&s->message->filter, buf_span(scratch), backend_out(s->backend));
	buf_clear(scratch);
}

/* Behind the header the canonical lines go to the backend without a stop between. */
static int session_data_convert(struct session *s, size_t *ret_used)
{
	struct session_message *m = s->message;
	struct span input = buf_span(stream_in(s->stream));
	int r;

	if (m->fate == MESSAGE_PASS && m->filter.state == HEADER_DONE)
		return smtp_data_read(&m->data, input, backend_out(s->backend), ret_used);
	r = smtp_data_read(&m->data, input, &s->env->scratch, ret_used);
	session_data_write(s);
	return r;
}

void session_data_check_size(struct session *s)
{
	uint64_t limit = session_size_limit(s);

	if (limit == 0 || s->message->data.octets <= limit || s->message->fate != MESSAGE_PASS)
		return;
	s->message->fate = MESSAGE_TOO_BIG;
	session_drop_backend(s);
}

bool session_data_must_pause(struct session *s)
{
	bool full = session_message_passes(s) &&
		    buf_len(backend_out(s->backend)) >= s->env->limits->ahead;

	if (full) {
		stream_pause(s->stream);
		pace_hold(&s->message->pace, session_now_ms(s));
		session_restart_idle(s);
	}
	return full;
}

void session_data_pace(struct session *s, size_t octets)
{
	const struct pace_limits limits = session_pace_limits(s);

	pace_read(&s->message->pace, &limits, octets, session_now_ms(s));
	session_restart_idle(s);
}

void session_data_read(struct session *s)
{
	size_t used = 0;
	int r;

	if (session_data_must_pause(s))
		return;
	if (buf_len(stream_in(s->stream)) == 0)
		return;
	r = session_data_convert(s, &used);
	buf_consume(stream_in(s->stream), used);
	session_data_pace(s, used);
	session_data_check_size(s);
	if (r == 1)
		session_data_end(s);
	else if (s->message->fate == MESSAGE_PASS)
		session_data_send(s);
}

void session_data_drained(struct session *s)
{
	backend_rest(s->backend);
	pace_go_on(&s->message->pace, session_now_ms(s));
	session_restart_idle(s);
	stream_resume(s->stream);
}

void session_data_answered(struct session *s, const struct smtp_reply *reply)
{
	bool taken = smtp_reply_class(reply) == 2;

	session_set_wait(s, WAIT_NONE);
	session_pass_reply(s, reply, taken);
	s->junk = 0;
	if (taken) {
		s->errors = 0;
		/* Sent at once: a client that is gone by now will send it again. */
		stream_send(s->stream);
		s->is_unheard = !stream_is_broken(s->stream);
		session_log_accept(s, reply, stream_is_broken(s->stream));
	}
	s->mail.sent = false; /* the transaction is over for the backend too */
	session_reset(s);
}
