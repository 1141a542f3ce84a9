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
#include "stockade.pb-c.h"
#include "zone/guard.h"

/*
 * Workers cannot wake this thread without a system call, so it looks for samples itself: often enough that a ring of one
 * megabyte does not run over while every query of a busy worker is sampled, and not at all when nothing is.
 */
enum {
	LOOK_MS = 20,
	TELL_MS = 2000,
	SAMPLES_AT_ONCE = 1000,
	WORKERS_MAX = 256 * 16 + 1, /* dns.threads at each address of dns.listen, and TCP */
};

struct dns_watch {
	uint32_t magic;
	struct loop *loop;
	struct bus_client *bus;
	size_t workers_len;
	struct guard_worker *workers[WORKERS_MAX];
	uint64_t before[DNS_COUNTS_LEN]; /* of workers that were closed */
	struct timer look;
	struct timer tell;
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
static bool may_log(struct dns_watch *watch)
{
	int64_t second = loop_now_ms(watch->loop) / 1000;

	if (second != watch->log_second) {
		if (watch->unlogged != 0)
			log_event(EV_DNS_QUERY_SKIPPED,
				LOG_FIELDS(log_number("count", (int64_t)watch->unlogged)));
		watch->log_second = second;
		watch->logged = 0;
		watch->unlogged = 0;
	}
	if (watch->logged < watch->log_rate) {
		watch->logged++;
		return true;
	}
	watch->unlogged++;
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

static void watch_sample(struct dns_watch *watch, struct span record)
{
	struct guard_sample head;
	struct span key, query, answer;

	memcpy(&head, record.ptr, sizeof(head));
	record = span_from(record, sizeof(head));
	key = span_first(record, head.key_len);
	query = span_first(span_from(record, key.len), head.query_len);
	answer = span_first(span_from(record, key.len + query.len), head.answer_len);
	if (head.for_log && may_log(watch))
		log_sample(&head, key, query, answer);
	if (head.for_tap && watch->tap != NULL)
		tap_sample(watch->tap, &head, query, answer);
}

/* Some of a worker's samples; whether there may be more. A busy worker may write faster than this reads, and views and secondaries
 * have to have their turn. */
static bool watch_drain(struct dns_watch *watch, struct guard_worker *worker)
{
	struct ring *ring = guard_worker_samples(worker);
	struct span record;

	for (unsigned i = 0; i < SAMPLES_AT_ONCE; i++) {
		if (!ring_peek(ring, &record))
			return false;
		watch_sample(watch, record);
		ring_drop(ring);
	}
	return true;
}

static void watch_on_look(struct timer *timer, void *arg)
{
	struct dns_watch *watch = OBJ(dns_watch, arg);

	bool more = false;

	for (size_t i = 0; i < watch->workers_len; i++)
		more |= watch_drain(watch, watch->workers[i]);
	if (watch->tap != NULL)
		tap_send(watch->tap);
	if (watch->samples || more)
		timer_set(timer, loop_now_ms(timer->loop) + (more ? 0 : LOOK_MS));
}

/* ---- counts ---- */

uint64_t dns_watch_sum(const struct dns_watch *watch, enum dns_count count)
{
	uint64_t sum = watch->before[count];

	for (size_t i = 0; i < watch->workers_len; i++)
		sum += dns_tally_read(guard_worker_tally(watch->workers[i]), count);
	return sum;
}

static void add_counter(
	struct arena *arena, Stockade__Health *health, const char *name, uint64_t value)
{
	Stockade__Counter *counter = arena_alloc(arena, sizeof(*counter));

	stockade__counter__init(counter);
	counter->name = (char *)name;
	counter->value = value;
	health->counters[health->n_counters++] = counter;
}

static void watch_tell(struct dns_watch *watch)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Health health = STOCKADE__HEALTH__INIT;

	health.counters = arena_alloc(arena, (DNS_COUNTS_LEN + 1) * sizeof(*health.counters));
	for (int i = 0; i < DNS_COUNTS_LEN; i++)
		add_counter(arena, &health, dns_count_name((enum dns_count)i),
			dns_watch_sum(watch, (enum dns_count)i));
	if (watch->tap != NULL)
		add_counter(arena, &health, "untapped", tap_dropped(watch->tap));
	bus_client_tell(watch->bus, &health);
}

static void watch_on_tell(struct timer *timer, void *arg)
{
	watch_tell(OBJ(dns_watch, arg));
	timer_set(timer, loop_now_ms(timer->loop) + TELL_MS);
}

/* ---- life ---- */

static void watch_drop_tap(struct dns_watch *watch)
{
	tap_free(&watch->tap);
	mem_free(watch->tap_path);
	mem_free(watch->tap_identity);
	watch->tap_path = watch->tap_identity = NULL;
}

/* A tap goes on when neither its socket nor what we call ourselves changed. */
static void watch_apply_tap(struct dns_watch *watch, const struct conf *conf)
{
	const char *path = conf->guard.dnstap_sample != 0 ? conf->guard.dnstap_socket : NULL;
	const char *identity = conf->guard.nsid != NULL ? conf->guard.nsid : conf->hostname;

	if (path != NULL && watch->tap_path != NULL && strcmp(path, watch->tap_path) == 0 &&
		strcmp(identity, watch->tap_identity) == 0)
		return;
	watch_drop_tap(watch);
	if (path == NULL)
		return;
	watch->tap_path = mem_copy_string(path);
	watch->tap_identity = mem_copy_string(identity);
	watch->tap = tap_new(watch->loop, path, identity, log_event);
}

void dns_watch_apply(struct dns_watch *watch, const struct conf *conf)
{
	watch_apply_tap(watch, conf);
	watch->log_rate = conf->guard.log_rate;
	watch->samples = conf->guard.log_sample != 0 || watch->tap != NULL;
	timer_set(
		&watch->look, loop_now_ms(watch->loop)); /* also the last ones of what is off now */
}

struct dns_watch *dns_watch_new(struct loop *loop, const struct conf *conf, struct bus_client *bus)
{
	struct dns_watch *watch = mem_new(dns_watch);

	watch->magic = (uint32_t)MAGIC_dns_watch;
	watch->loop = loop;
	watch->bus = bus;
	timer_init(&watch->look, loop, watch_on_look, watch);
	timer_init(&watch->tell, loop, watch_on_tell, watch);
	if (bus != NULL)
		timer_set(&watch->tell, loop_now_ms(loop));
	dns_watch_apply(watch, conf);
	return watch;
}

void dns_watch_free(struct dns_watch **watch)
{
	struct dns_watch *w = *watch;

	if (w == NULL)
		return;
	while (w->workers_len != 0)
		dns_watch_remove(w, w->workers[0]);
	timer_done(&w->look);
	timer_done(&w->tell);
	watch_drop_tap(w);
	w->magic = 0;
	mem_free(w);
	*watch = NULL;
}

void dns_watch_add(struct dns_watch *watch, struct guard_worker *worker)
{
	if (watch->workers_len < WORKERS_MAX)
		watch->workers[watch->workers_len++] = worker;
}

void dns_watch_remove(struct dns_watch *watch, struct guard_worker *worker)
{
	for (size_t i = 0; i < watch->workers_len; i++) {
		if (watch->workers[i] != worker)
			continue;
		while (watch_drain(watch, worker))
			continue;
		for (int count = 0; count < DNS_COUNTS_LEN; count++)
			watch->before[count] +=
				dns_tally_read(guard_worker_tally(worker), (enum dns_count)count);
		watch->workers[i] = watch->workers[--watch->workers_len];
		return;
	}
}
