/* SPDX-License-Identifier: ISC */
#include "courier/xfr_client.h"

#include <sys/random.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "feed/changes.h"
#include "loop/dial.h"
#include "loop/stream.h"

/*
 * One TCP connection (RFC 7766), all of it signed when the feed has a key:
 *
 *   SOA --as ours--> done "current"
 *    '--newer--> IXFR from ours --> done "changed"
 *                 '--it cannot be used--> once more from the beginning, with AXFR
 *
 * UDP is not used even for the SOA: nothing is gained by it once an hour, answers cannot be forged
 * from outside the path, and the jail of the dialer can name the ports of TCP.
 */
enum {
	CONNECT_MS = 10000,
	IDLE_MS = 30000,
	WHOLE_MS = 30 * 60 * 1000,
	IN_MAX = 4 * (DNS_MESSAGE_MAX + 2),
	QUERY_MAX = 1024,
	RECORDS_PER_ENTRY = 8, /* a signed zone has A, TXT, NSEC and a signature of each */
	OCTETS_PER_ENTRY = 1024,
	RECORDS_LEAST = 10000,
};

struct fetch {
	uint32_t magic;
	struct loop *loop;
	struct fetch_plan plan;
	struct dns_name zone;
	bool whole;  /* IXFR was no use */
	bool is_soa; /* the question under way */
	uint16_t id;
	struct tsig_exchange tsig;
	struct transfer_read transfer;
	struct feed_changes *changes;
	struct dial dial;
	struct stream *stream;
	struct timer timer; /* nothing came for too long */
	struct timer end;   /* all of it takes too long */
	struct fault why;
	struct feed_zone *next;
	fetch_done *done;
	void *arg;
};

static void fetch_connect(struct fetch *fetch);

static void fetch_hang_up(struct fetch *fetch)
{
	dial_stop(&fetch->dial);
	stream_free(&fetch->stream);
	feed_changes_free(&fetch->changes);
	timer_clear(&fetch->timer);
}

void fetch_free(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (f == NULL)
		return;
	fetch_hang_up(f);
	timer_done(&f->timer);
	timer_done(&f->end);
	feed_zone_free(&f->next);
	f->magic = 0;
	mem_free(f);
	*fetch = NULL;
}

enum transfer_style fetch_style(const struct fetch *fetch)
{
	return fetch->transfer.style;
}

static void fetch_finish(struct fetch *fetch, enum fetch_result result)
{
	struct fault why = fetch->why; /* the fetch ends in the call */

	fetch_hang_up(fetch);
	timer_clear(&fetch->end);
	fetch->done(result, TAKE(fetch->next), &why, fetch->arg);
}

/* IXFR may fail for reasons that AXFR does not have: a lost journal, an ignorant server. */
static void fetch_fail(struct fetch *fetch)
{
	if (!fetch->is_soa && fetch->transfer.type == DNS_IXFR && !fetch->whole) {
		fetch_hang_up(fetch);
		fetch->whole = true;
		fetch_connect(fetch);
		return;
	}
	fetch_finish(fetch, FETCH_FAILED);
}

static void fetch_on_timer(struct timer *timer, void *arg)
{
	struct fetch *fetch = OBJ(fetch, arg);

	fault_set(&fetch->why, E_TIMEOUT,
		timer == &fetch->end ? "the transfer takes too long"
				     : "the server does not answer");
	fetch->whole = true; /* what takes too long is not begun again */
	fetch_fail(fetch);
}

/* ---- questions ---- */

static void fetch_ask(struct fetch *fetch, uint16_t type)
{
	uint32_t serial = fetch->plan.have != NULL ? fetch->plan.have->soa.serial : 0;
	struct buf *out = stream_out(fetch->stream);
	struct buf query;
	size_t len;

	ASSERT(getrandom(&fetch->id, sizeof(fetch->id), 0) == sizeof(fetch->id));
	fetch->is_soa = type == DNS_SOA;
	buf_init(&query, QUERY_MAX);
	transfer_query_encode(
		&query, &(struct transfer_question){fetch->id, type, &fetch->zone, serial});
	tsig_begin(&fetch->tsig, fetch->plan.key);
	len = buf_len(&query);
	ASSERT(buf_reserve(&query, tsig_room(&fetch->tsig)) != NULL);
	len = tsig_sign(&fetch->tsig, &(struct tsig_message){query.ptr, len, query.size},
		loop_now_s(fetch->loop));
	buf_append_u16(out, (uint16_t)len);
	buf_append(out, span_of(query.ptr, len));
	buf_done(&query);
	timer_set(&fetch->timer, loop_now_ms(fetch->loop) + IDLE_MS);
	stream_send(fetch->stream);
}

static void fetch_ask_transfer(struct fetch *fetch)
{
	size_t entries = (size_t)fetch->plan.feed->limit;
	bool incremental = fetch->plan.have != NULL && !fetch->whole;

	fetch->changes = feed_changes_new(&fetch->zone, entries);
	fetch_ask(fetch, incremental ? DNS_IXFR : DNS_AXFR);
	fetch->transfer = (struct transfer_read){.zone = fetch->zone,
		.id = fetch->id,
		.type = incremental ? DNS_IXFR : DNS_AXFR,
		.serial = incremental ? fetch->plan.have->soa.serial : 0,
		.tsig = fetch->plan.key != NULL ? &fetch->tsig : NULL,
		.limits = {entries * RECORDS_PER_ENTRY + RECORDS_LEAST,
			(entries + RECORDS_LEAST) * OCTETS_PER_ENTRY},
		.each = feed_changes_take,
		.arg = fetch->changes};
}

/* ---- the SOA ---- */

static int soa_check_signature(struct fetch *fetch, const struct dns_message *message)
{
	int r;

	if (fetch->plan.key == NULL)
		return 0;
	r = tsig_verify_answer(
		&fetch->tsig, message->bytes, message->tsig_at, loop_now_s(fetch->loop));
	if (r < 0 && fetch->tsig.error != 0)
		return fault_set(&fetch->why, E_DENIED, "the server refuses our key '%s': %s",
			fetch->plan.feed->key, tsig_error_name(fetch->tsig.error));
	if (r < 0 || !tsig_is_whole(&fetch->tsig))
		return fault_set(&fetch->why, E_DENIED,
			"the server's answer (%s) is not signed by the key '%s'",
			dns_rcode_text(message->rcode), fetch->plan.feed->key);
	return 0;
}

/* 1: *ret_soa filled. */
static int soa_read(struct fetch *fetch, struct span bytes, struct dns_soa *ret_soa)
{
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_message message;
	struct dns_record record;
	int r = dns_message_decode(bytes, &message);

	if (r < 0)
		return fault_set(&fetch->why, r, "the server's answer is malformed");
	r = soa_check_signature(fetch, &message);
	if (r < 0)
		return r;
	if (!dns_message_answers(&message, fetch->id, &fetch->zone, DNS_SOA))
		return fault_set(&fetch->why, E_PARSE, "the server answers another question");
	if (message.rcode != DNS_NOERROR)
		return fault_set(&fetch->why, E_DENIED,
			"the server answers %s when asked for its SOA",
			dns_rcode_text(message.rcode));
	while (dns_message_next(&message, &walk, &record) == 1) {
		if (dns_name_equal(&record.name, &fetch->zone) && record.class == DNS_IN &&
			dns_record_soa(&message, &record, ret_soa) == 0)
			return 1;
	}
	return fault_set(&fetch->why, E_PARSE, "the server has no such zone");
}

static void fetch_take_soa(struct fetch *fetch, const struct dns_soa *soa)
{
	const struct feed_zone *have = fetch->plan.have;

	if (have != NULL && soa->serial == have->soa.serial) {
		fetch_finish(fetch, FETCH_CURRENT);
	} else if (have != NULL && !serial_is_before(have->soa.serial, soa->serial)) {
		fault_set(&fetch->why, E_CONFLICT,
			"the server's serial %lu is older than %lu, which we have",
			(unsigned long)soa->serial, (unsigned long)have->soa.serial);
		fetch_fail(fetch);
	} else {
		fetch_ask_transfer(fetch);
	}
}

/* ---- the transfer ---- */

static void fetch_take_end(struct fetch *fetch)
{
	const struct transfer_read *transfer = &fetch->transfer;
	const struct feed_zone *have = fetch->plan.have;
	int r;

	if (transfer->style == TRANSFER_CURRENT) {
		fetch_finish(fetch, FETCH_CURRENT);
		return;
	}
	if (have != NULL && !serial_is_before(have->soa.serial, transfer->soa.serial))
		r = fault_set(&fetch->why, E_CONFLICT, "the transfer leads back to serial %lu",
			(unsigned long)transfer->soa.serial);
	else
		r = feed_changes_make(fetch->changes,
			&(struct feed_transfer){transfer->style, have, &transfer->soa},
			&fetch->next, &fetch->why);
	if (r < 0)
		fetch_fail(fetch);
	else
		fetch_finish(fetch, FETCH_CHANGED);
}

static int fetch_read_transfer(struct fetch *fetch, struct span bytes)
{
	int r = transfer_read_message(
		&fetch->transfer, bytes, loop_now_s(fetch->loop), &fetch->why);

	if (r == E_LIMIT)
		fault_set(&fetch->why, r,
			"the zone is larger than its limit of %d entries allows; when that is right, raise 'limit'",
			fetch->plan.feed->limit);
	return r;
}

/* A message is consumed before it is used: that may end the connection, and this object with it. */
static void fetch_on_input(struct stream *stream, void *arg)
{
	struct fetch *fetch = OBJ(fetch, arg);
	struct buf *in = stream_in(stream);
	struct dns_soa soa;
	struct span message;
	size_t used = 0;
	int r = 0;

	timer_set(&fetch->timer, loop_now_ms(fetch->loop) + IDLE_MS);
	while (r == 0 && dns_frame_next(buf_span(in), DNS_MESSAGE_MAX, &message, &used) > 0) {
		r = fetch->is_soa ? soa_read(fetch, message, &soa)
				  : fetch_read_transfer(fetch, message);
		buf_consume(in, used);
	}
	if (r < 0)
		fetch_fail(fetch);
	else if (r > 0 && fetch->is_soa)
		fetch_take_soa(fetch, &soa);
	else if (r > 0)
		fetch_take_end(fetch);
}

/* ---- the connection ---- */

static void fetch_on_closed(struct stream *stream, int error, void *arg)
{
	struct fetch *fetch = OBJ(fetch, arg);

	(void)stream;
	if (error == E_CLOSED)
		fault_set(&fetch->why, error, "the server closed the connection before the end");
	else
		fault_set(&fetch->why, error, "the connection to the server failed: %s",
			err_text(error));
	fetch_fail(fetch);
}

static void fetch_on_connected(struct stream *stream, void *arg)
{
	(void)stream;
	fetch_ask(OBJ(fetch, arg), DNS_SOA);
}

static void fetch_on_dialed(int fd, void *arg)
{
	static const struct stream_limits limits = {.in = IN_MAX, .out = 4096};
	static const struct stream_calls calls = {.input = fetch_on_input,
		.closed = fetch_on_closed,
		.connected = fetch_on_connected};
	struct fetch *fetch = OBJ(fetch, arg);

	if (fd < 0) {
		fetch_on_closed(NULL, fd, fetch);
		return;
	}
	fetch->stream = stream_new(fetch->loop, fd,
		&(struct stream_settings){
			.calls = &calls, .arg = fetch, .limits = limits, .connecting = true});
}

static void fetch_connect(struct fetch *fetch)
{
	fetch->is_soa = true;
	fetch->why.text[0] = '\0';
	timer_set(&fetch->timer, loop_now_ms(fetch->loop) + CONNECT_MS);
	dial_start(&fetch->dial,
		&(struct dial_target){.kind = DIAL_TCP, .endpoint = fetch->plan.feed->server});
}

struct fetch *fetch_new(
	struct loop *loop, const struct fetch_plan *plan, fetch_done *done, void *arg)
{
	struct fetch *fetch = mem_new(fetch);

	fetch->magic = (uint32_t)MAGIC_fetch;
	fetch->loop = loop;
	fetch->plan = *plan;
	fetch->done = done;
	fetch->arg = arg;
	dial_init(&fetch->dial, loop, fetch_on_dialed, fetch);
	timer_init(&fetch->timer, loop, fetch_on_timer, fetch);
	timer_init(&fetch->end, loop, fetch_on_timer, fetch);
	timer_set(&fetch->end, loop_now_ms(loop) + WHOLE_MS);
	ASSERT(dns_name_parse(span_text(plan->feed->zone), &fetch->zone) ==
		0); /* the configuration was checked */
	fetch_connect(fetch);
	return fetch;
}
