/* SPDX-License-Identifier: ISC */
#include "resolve/exchange.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/reader.h"
#include "loop/dial.h"
#include "loop/stream.h"

/*
 * States of a try:
 *
 *   UDP --answer--> done            UDP --truncated--> TCP --answer--> done
 *    |--nothing in time--> next try, or done "not heard"
 *    |--FORMERR, NOTIMP to EDNS--> next try without EDNS (RFC 6891 section 7)
 *
 * A server that answers in small letters is told by answers that are right otherwise: the next try
 * goes out in small letters, and when that is answered, so do all later questions to it. Port and
 * id stay random then.
 */
enum { DATAGRAM_SIZE = 4096, DATAGRAMS_PER_TURN = 32 };

/* What became of a try that nothing was heard of. */
enum try_state { TRY_SILENT, TRY_REFUSED, TRY_UNSENT };

struct exchange {
	uint32_t magic;
	struct exchange_settings settings;
	struct dns_name name;  /* as asked */
	struct dns_name mixed; /* as sent in this try */
	uint16_t type, id;
	unsigned tried;
	bool tcp, without_edns, case_was_lost;
	bool is_lower;        /* the try under way does without the letters' case */
	enum try_state state; /* of the try under way, or the last one */
	struct timer timer;
	struct dial dial;
	struct watch *watch;
	int fd;
	struct stream *stream;
	exchange_done *done;
	void *arg;
};

static void exchange_try(struct exchange *x);

/* When the try failed at once (no descriptor, port closed) the next one waits for the timer all the
 * same, so that a resolver that is being restarted has the time it needs, and nothing spins. */
static void exchange_wait(struct exchange *x)
{
	dial_stop(&x->dial);
	stream_free(&x->stream);
	watch_free(&x->watch);
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
}

static void exchange_hang_up(struct exchange *x)
{
	timer_clear(&x->timer);
	exchange_wait(x);
}

void exchange_free(struct exchange **exchange)
{
	struct exchange *x = *exchange;

	if (x == NULL)
		return;
	exchange_hang_up(x);
	timer_done(&x->timer);
	x->magic = 0;
	mem_free(x);
	*exchange = NULL;
}

static void exchange_finish(struct exchange *x, struct dns_answer *answer, enum exchange_end end)
{
	exchange_hang_up(x);
	x->done(answer, end, x->arg);
}

static void exchange_next(struct exchange *x)
{
	static const enum exchange_end ends[] = {[TRY_SILENT] = EXCHANGE_SILENT,
		[TRY_REFUSED] = EXCHANGE_REFUSED,
		[TRY_UNSENT] = EXCHANGE_UNSENT};

	exchange_hang_up(x);
	if (x->tried < x->settings.tries)
		exchange_try(x);
	else
		exchange_finish(x,
			dns_answer_new_failed(
				x->state == TRY_UNSENT ? RESOLVER_UNASKED : RESOLVER_FAILED),
			ends[x->state]);
}

static void exchange_on_timer(struct timer *timer, void *arg)
{
	struct exchange *x = OBJ(exchange, arg);

	(void)timer;
	x->settings.stats->timeouts++;
	exchange_next(x);
}

/* ---- what came back ---- */

/* A server that does not know EDNS cannot read the question either, and need not repeat it: a
 * header with our id is all that RFC 6891 section 7 makes sure of (FORMERR). So it leads to a try
 * without EDNS and to nothing else: whoever forges it has guessed port and id (RFC 5452 section
 * 9.1) and gains a shorter question. */
static bool is_bare_complaint(const struct exchange *x, const struct dns_message *message)
{
	return message->name.len == 0 && message->id == x->id && !x->without_edns &&
	       x->tried < x->settings.tries && (message->flags & DNS_FLAG_QR) != 0 &&
	       dns_flags_opcode(message->flags) == DNS_QUERY &&
	       (message->rcode == DNS_FORMERR || message->rcode == DNS_NOTIMP);
}

/* Whether this is the answer: 1, 0 to be dropped. */
static int exchange_match(struct exchange *x, struct span bytes, struct dns_message *message)
{
	if (dns_message_decode_later(bytes, message) < 0)
		return 0;
	if (message->name.len == 0)
		return is_bare_complaint(x, message);
	if (!dns_message_answers(message, x->id, &message->name, x->type) ||
		!dns_name_equal(&message->name, &x->mixed))
		return 0;
	if (!span_equal(dns_name_span(&message->name), dns_name_span(&x->mixed))) {
		x->case_was_lost = true;
		return 0;
	}
	x->settings.server->loses_case = x->is_lower || x->settings.server->loses_case;
	return 1;
}

static void exchange_take(struct exchange *x, const struct dns_message *message)
{
	struct resolver_question question = {&x->name, x->type};
	bool truncated = (message->flags & DNS_FLAG_TC) != 0;
	bool dislikes_edns = message->rcode == DNS_FORMERR || message->rcode == DNS_NOTIMP;

	if (truncated && !x->tcp) {
		x->tcp = true;
		x->tried--; /* the same try, by other means */
		exchange_next(x);
	} else if (dislikes_edns && !x->without_edns && x->tried < x->settings.tries) {
		x->without_edns = true;
		exchange_next(x);
	} else {
		/* Truncated by TCP too: what is missing must not count as absent. */
		exchange_finish(x,
			truncated ? dns_answer_new_failed(RESOLVER_FAILED)
				  : dns_answer_read(message, &question),
			EXCHANGE_HEARD);
	}
}

static void exchange_on_datagram(struct watch *watch, int ready, void *arg)
{
	struct exchange *x = OBJ(exchange, arg);
	uint8_t bytes[DATAGRAM_SIZE];

	(void)watch;
	(void)ready;
	for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
		struct dns_message message;
		ssize_t n = recv(x->fd, bytes, sizeof(bytes), MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			x->state = errno == ECONNREFUSED ? TRY_REFUSED : TRY_SILENT;
			exchange_wait(x);
			return;
		}
		if ((size_t)n <= sizeof(bytes) &&
			exchange_match(x, span_of(bytes, (size_t)n), &message) != 0) {
			exchange_take(x, &message);
			return;
		}
		x->settings.stats->dropped++;
	}
}

/* ---- TCP: each message behind its length (RFC 1035 section 4.2.2) ---- */

static void exchange_on_input(struct stream *stream, void *arg)
{
	struct exchange *x = OBJ(exchange, arg);
	struct reader reader = reader_of(buf_span(stream_in(stream)));
	struct span bytes = reader_bytes(&reader, reader_u16(&reader));
	struct dns_message message;

	if (reader.bad)
		return; /* not all of it yet */
	if (exchange_match(x, bytes, &message) != 0) {
		exchange_take(x, &message);
		return;
	}
	x->settings.stats->dropped++;
	exchange_wait(x); /* one question was sent: nothing better can follow */
}

static void exchange_on_closed(struct stream *stream, int error, void *arg)
{
	struct exchange *x = OBJ(exchange, arg);

	(void)stream;
	(void)error;
	exchange_wait(x);
}

/* ---- a try ---- */

/* Out of descriptors or memory says nothing of the server. The timer leads to the next try. */
static void exchange_not_sent(struct exchange *x, int error)
{
	if (error == E_TOO_MANY || error == E_NOMEM)
		x->state = TRY_UNSENT;
}

static void exchange_send_udp(struct exchange *x, struct span query)
{
	x->watch = watch_new(x->settings.loop, x->fd, exchange_on_datagram, x);
	watch_set(x->watch, WATCH_READ);
	if (send(x->fd, query.ptr, query.len, MSG_NOSIGNAL) < 0) {
		exchange_not_sent(x, err_from_errno(errno));
		exchange_wait(x);
	}
}

static void exchange_send_tcp(struct exchange *x, struct span query)
{
	static const struct stream_limits limits = {.in = DNS_MESSAGE_MAX + 2, .out = 1024};
	static const struct stream_calls calls = {
		.input = exchange_on_input, .closed = exchange_on_closed};

	x->stream = stream_new(x->settings.loop, x->fd,
		&(struct stream_settings){
			.calls = &calls, .arg = x, .limits = limits, .connecting = true});
	buf_append_u16(stream_out(x->stream), (uint16_t)query.len);
	x->fd = -1; /* the stream's */
	buf_append(stream_out(x->stream), query);
	stream_send(x->stream);
}

static void exchange_on_dialed(int fd, void *arg)
{
	struct exchange *x = OBJ(exchange, arg);
	struct buf query;

	if (fd < 0) {
		exchange_not_sent(x, fd);
		return;
	}
	x->fd = fd;
	buf_init(&query, DNS_UDP_PLAIN);
	dns_query_encode(
		&query, x->id, &x->mixed, x->type, x->without_edns ? 0 : (uint16_t)DNS_UDP_SAFE);
	if (x->tcp)
		exchange_send_tcp(x, buf_span(&query));
	else
		exchange_send_udp(x, buf_span(&query));
	buf_done(&query);
}

static void exchange_draw(struct exchange *x)
{
	struct {
		uint16_t id;
		uint8_t mix[DNS_MIX_SIZE];
	} random;

	ASSERT(getrandom(&random, sizeof(random), 0) == sizeof(random));
	x->id = random.id;
	x->mixed = x->name;
	x->is_lower = x->case_was_lost;
	if (x->is_lower)
		dns_name_lower(&x->mixed);
	else
		dns_name_mix_case(&x->mixed, random.mix);
}

static void exchange_try(struct exchange *x)
{
	const struct dial_target target = {
		.kind = x->tcp ? DIAL_TCP : DIAL_UDP, .endpoint = x->settings.server->endpoint};

	exchange_draw(x);
	x->tried++;
	x->state = TRY_SILENT;
	x->settings.stats->sent++;
	timer_set(&x->timer, loop_now_ms(x->settings.loop) + x->settings.timeout_ms);
	dial_start(&x->dial, &target);
}

struct exchange *exchange_new(const struct exchange_settings *settings,
	const struct resolver_question *question, exchange_done *done, void *arg)
{
	struct exchange *x = mem_new(exchange);

	x->magic = (uint32_t)MAGIC_exchange;
	x->settings = *settings;
	x->name = *question->name;
	x->type = question->type;
	x->case_was_lost = settings->server->loses_case;
	x->fd = -1;
	x->done = done;
	x->arg = arg;
	timer_init(&x->timer, settings->loop, exchange_on_timer, x);
	dial_init(&x->dial, settings->loop, exchange_on_dialed, x);
	exchange_try(x);
	return x;
}
