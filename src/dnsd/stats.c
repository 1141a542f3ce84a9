/* SPDX-License-Identifier: ISC */
#include "dnsd/stats.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/client.h"
#include "conf/conf.h"
#include "dns/query.h"
#include "dnsd/dnstap.h"
#include "process/role.h"
#include "zone/guard.h"
#include "zone/guard_sample.h"

/*
 * Workers cannot wake this thread without a system call, so it looks for samples itself: often
 * enough that a ring of one megabyte does not run over while every query of a busy worker is
 * sampled, and not at all when nothing is.
 */
enum {
	SAMPLES_MS = 20,
	REPORT_MS = 2000,
	SAMPLES_AT_ONCE = 1000,
	WORKERS_MAX = 256 * 16 + 1, /* dns.threads at each address of dns.listen, and TCP */
};

struct dnsd_stats {
	uint32_t magic;
	struct loop *loop;
	struct bus_client *bus;
	size_t workers_len;
	struct guard_worker *workers[WORKERS_MAX];
	uint64_t before[DNS_COUNTS_LEN]; /* of workers that were closed */
	struct timer samples_timer;
	struct timer report_timer;
	bool samples;
	char *tap_path; /* of tap; NULL: none */
	char *tap_identity;
	struct tap *tap;
	unsigned log_rate;
	int64_t log_second;
	unsigned logged; /* in that second */
	uint64_t unlogged;
};

/* ---- the query log ---- */

static const char *type_text(uint16_t type, char text[16])
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {{DNS_A, "A"}, {DNS_NS, "NS"}, {DNS_SOA, "SOA"}, {DNS_PTR, "PTR"},
		{DNS_MX, "MX"}, {DNS_TXT, "TXT"}, {DNS_AAAA, "AAAA"}, {DNS_IXFR, "IXFR"},
		{DNS_AXFR, "AXFR"}, {DNS_ANY, "ANY"}};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	snprintf(text, 16, "TYPE%u", type);
	return text;
}

static void log_sample(
	const struct guard_sample *head, struct span key, struct span query, struct span answer)
{
	const char *rcode = answer.len != 0 ? dns_rcode_text(head->rcode) : "none";
	const char *type = "";
	char type_room[16], name[DNS_NAME_TEXT_SIZE] = "";
	struct dns_query decoded = {.type = 0};
	struct dns_name whole;

	if (dns_query_decode(query, &decoded) >= 0 && decoded.question.len != 0) {
		memcpy(whole.wire, decoded.name, decoded.name_len);
		whole.len = decoded.name_len;
		dns_name_print(&whole, name);
		type = type_text(decoded.type, type_room);
	}
	log_event(EV_DNS_QUERY,
		LOG_FIELDS(log_endpoint("client", head->client),
			log_text("transport", head->transport == DNS_TCP ? "tcp" : "udp"),
			log_text("name", name), log_text("type", type), log_text("rcode", rcode),
			log_span("key", key), log_number("size", (int64_t)answer.len)));
}

/* So many lines a second, and the rest counted and told. */
static bool may_log(struct dnsd_stats *stats)
{
	int64_t second = loop_now_ms(stats->loop) / 1000;

	if (second != stats->log_second) {
		if (stats->unlogged != 0)
			log_event(EV_DNS_QUERY_SKIPPED,
				LOG_FIELDS(log_number("count", (int64_t)stats->unlogged)));
		stats->log_second = second;
		stats->logged = 0;
		stats->unlogged = 0;
	}
	if (stats->logged < stats->log_rate) {
		stats->logged++;
		return true;
	}
	stats->unlogged++;
	return false;
}

/* ---- samples ---- */

static void tap_sample(
	struct tap *tap, const struct guard_sample *head, struct span query, struct span answer)
{
	struct tap_message message = {
		.is_tcp = head->transport == DNS_TCP,
		.client = head->client,
		.time_ms = head->time_ms,
		.bytes = query,
	};

	tap_put(tap, &message);
	if (answer.len == 0)
		return;
	message.is_answer = true;
	message.bytes = answer;
	tap_put(tap, &message);
}

static void stats_sample(struct dnsd_stats *stats, struct span record)
{
	struct guard_sample head;
	struct span key, query, answer;

	memcpy(&head, record.ptr, sizeof(head));
	record = span_from(record, sizeof(head));
	key = span_first(record, head.key_len);
	query = span_first(span_from(record, key.len), head.query_len);
	answer = span_first(span_from(record, key.len + query.len), head.answer_len);
	if (head.for_log && may_log(stats))
		log_sample(&head, key, query, answer);
	if (head.for_tap && stats->tap != NULL)
		tap_sample(stats->tap, &head, query, answer);
}

/* Some of a worker's samples; whether there may be more. A busy worker may write faster than this
 * reads, and views and secondaries have to have their turn. */
static bool stats_drain(struct dnsd_stats *stats, struct guard_worker *worker)
{
	struct ring *ring = guard_worker_samples(worker);
	struct span record;

	for (unsigned i = 0; i < SAMPLES_AT_ONCE; i++) {
		if (!ring_peek(ring, &record))
			return false;
		stats_sample(stats, record);
		ring_drop(ring);
	}
	return true;
}

static void stats_on_samples(struct timer *timer, void *arg)
{
	struct dnsd_stats *stats = OBJ(dnsd_stats, arg);

	bool more = false;

	for (size_t i = 0; i < stats->workers_len; i++)
		more |= stats_drain(stats, stats->workers[i]);
	if (stats->tap != NULL)
		tap_send(stats->tap);
	if (stats->samples || more)
		timer_set(timer, loop_now_ms(timer->loop) + (more ? 0 : SAMPLES_MS));
}

/* ---- counts ---- */

uint64_t dnsd_stats_sum(const struct dnsd_stats *stats, enum dns_count count)
{
	uint64_t sum = stats->before[count];

	for (size_t i = 0; i < stats->workers_len; i++)
		sum += dns_counters_read(guard_worker_counters(stats->workers[i]), count);
	return sum;
}

static void stats_report(struct dnsd_stats *stats)
{
	struct bus_counter counters[DNS_COUNTS_LEN + 1];
	size_t len = 0;

	for (; len < DNS_COUNTS_LEN; len++)
		counters[len] = (struct bus_counter){dns_count_name((enum dns_count)len),
			dnsd_stats_sum(stats, (enum dns_count)len)};
	if (stats->tap != NULL)
		counters[len++] = (struct bus_counter){"untapped", tap_dropped(stats->tap)};
	bus_client_report(
		stats->bus, &(struct bus_health){.counters_len = len, .counters = counters});
}

static void stats_on_report(struct timer *timer, void *arg)
{
	stats_report(OBJ(dnsd_stats, arg));
	timer_set(timer, loop_now_ms(timer->loop) + REPORT_MS);
}

/* ---- life ---- */

static void stats_drop_tap(struct dnsd_stats *stats)
{
	tap_free(&stats->tap);
	mem_free(stats->tap_path);
	mem_free(stats->tap_identity);
	stats->tap_path = stats->tap_identity = NULL;
}

/* A tap goes on when neither its socket nor what we call ourselves changed. */
static void stats_apply_tap(struct dnsd_stats *stats, const struct conf *conf)
{
	const char *path = conf->guard.dnstap_sample != 0 ? conf->guard.dnstap_socket : NULL;
	const char *identity = conf->guard.nsid != NULL ? conf->guard.nsid : conf->hostname;

	if (path != NULL && stats->tap_path != NULL && strcmp(path, stats->tap_path) == 0 &&
		strcmp(identity, stats->tap_identity) == 0)
		return;
	stats_drop_tap(stats);
	if (path == NULL)
		return;
	stats->tap_path = mem_copy_string(path);
	stats->tap_identity = mem_copy_string(identity);
	stats->tap = tap_new(stats->loop, path, identity, log_event);
}

void dnsd_stats_apply(struct dnsd_stats *stats, const struct conf *conf)
{
	stats_apply_tap(stats, conf);
	stats->log_rate = conf->guard.log_rate;
	stats->samples = conf->guard.log_sample != 0 || stats->tap != NULL;
	timer_set(&stats->samples_timer,
		loop_now_ms(stats->loop)); /* also the last ones of what is off now */
}

struct dnsd_stats *dnsd_stats_new(
	struct loop *loop, const struct conf *conf, struct bus_client *bus)
{
	struct dnsd_stats *stats = mem_new(dnsd_stats);

	stats->magic = (uint32_t)MAGIC_dnsd_stats;
	stats->loop = loop;
	stats->bus = bus;
	timer_init(&stats->samples_timer, loop, stats_on_samples, stats);
	timer_init(&stats->report_timer, loop, stats_on_report, stats);
	if (bus != NULL)
		timer_set(&stats->report_timer, loop_now_ms(loop));
	dnsd_stats_apply(stats, conf);
	return stats;
}

void dnsd_stats_leave_bus(struct dnsd_stats *stats)
{
	timer_clear(&stats->report_timer);
	stats->bus = NULL;
}

void dnsd_stats_free(struct dnsd_stats **stats)
{
	struct dnsd_stats *s = *stats;

	if (s == NULL)
		return;
	while (s->workers_len != 0)
		dnsd_stats_remove(s, s->workers[0]);
	timer_done(&s->samples_timer);
	timer_done(&s->report_timer);
	stats_drop_tap(s);
	s->magic = 0;
	mem_free(s);
	*stats = NULL;
}

void dnsd_stats_add(struct dnsd_stats *stats, struct guard_worker *worker)
{
	if (stats->workers_len < WORKERS_MAX)
		stats->workers[stats->workers_len++] = worker;
}

void dnsd_stats_remove(struct dnsd_stats *stats, struct guard_worker *worker)
{
	for (size_t i = 0; i < stats->workers_len; i++) {
		if (stats->workers[i] != worker)
			continue;
		while (stats_drain(stats, worker))
			continue;
		for (int count = 0; count < DNS_COUNTS_LEN; count++)
			stats->before[count] += dns_counters_read(
				guard_worker_counters(worker), (enum dns_count)count);
		stats->workers[i] = stats->workers[--stats->workers_len];
		return;
	}
}
