/* SPDX-License-Identifier: ISC */
#include "gate/zone_watch.h"

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "resolve/resolver.h"

/*
 * The test points of RFC 5782 section 5: 127.0.0.2 is listed, 127.0.0.1 is not. Both count. A list that was emptied passes
 * the second, one whose domain was lost to a seller passes the first. They are asked past our cache; what the resolver
 * keeps, it keeps for the list's own TTL.
 */
enum { POINT_LISTED, POINT_CLEAN, POINTS };

struct point {
	struct zone_watch *watch;
	struct resolver_query *query;
	enum resolver_status status;
	bool broken;
};

struct zone_watch {
	uint32_t magic;
	struct loop *loop;
	struct resolver *resolver;
	char *zone;
	char *shown; /* the configured name: the zone may hold a customer's key */
	struct dns_name name;
	const struct conf_dnsbl *dnsbl; /* NULL: not configured now */
	struct dnsbl_health health;
	bool has_result;
	int64_t tested_ms; /* the end of the last test */
	struct timer timer;
	struct point points[POINTS];
	unsigned waiting;
	void (*tried)(void *arg);
	void *arg;
};

static void watch_log(const struct zone_watch *watch)
{
	log_event(EV_DNSBL_STATE,
		LOG_FIELDS(log_text("list", watch->shown),
			log_text("state", dnsbl_state_name(dnsbl_health_state(&watch->health))),
			log_text("test", dnsbl_test_text(watch->health.last_test)),
			log_number("errors", watch->health.errors)));
}

static void watch_set_timer(struct zone_watch *watch, int64_t after_ms)
{
	timer_set(&watch->timer, loop_now_ms(watch->loop) + after_ms);
}

static enum dnsbl_test points_judge(const struct point points[POINTS])
{
	const struct point *listed = &points[POINT_LISTED];
	const struct point *clean = &points[POINT_CLEAN];

	if (listed->status == RESOLVER_FAILED || clean->status == RESOLVER_FAILED)
		return DNSBL_TEST_SILENT;
	if (listed->broken || clean->broken)
		return DNSBL_TEST_WRONG;
	if (clean->status == RESOLVER_FOUND)
		return DNSBL_TEST_EVERYTHING;
	return listed->status == RESOLVER_FOUND ? DNSBL_TEST_PASSED : DNSBL_TEST_EMPTY;
}

/* When the resolver itself is away nothing was learned about the list. */
static void watch_judge(struct zone_watch *watch)
{
	watch->has_result = true;
	watch->tested_ms = loop_now_ms(watch->loop);
	if (resolver_is_down(watch->resolver)) {
		watch_set_timer(watch, DNSBL_TEST_AGAIN_MS);
	} else {
		if (dnsbl_health_test(
			    &watch->health, points_judge(watch->points), loop_now_s(watch->loop)))
			watch_log(watch);
		watch_set_timer(watch, dnsbl_health_test_after_ms(&watch->health));
	}
	watch->tried(watch->arg);
}

/* Being listed under any code is fine for a test point; what is no answer of a list is not. 127.0.0.1 as an answer is judged
 * by the configured set, as for clients. */
static void point_heard(const struct resolver_answer *answer, void *arg)
{
	struct point *point = arg;
	struct zone_watch *watch = OBJ(zone_watch, point->watch);

	point->query = NULL;
	point->status = answer->status;
	point->broken =
		answer->status == RESOLVER_FOUND && watch->dnsbl != NULL &&
		dnsbl_read(watch->dnsbl, answer->addresses, answer->count, NULL) == DNSBL_BROKEN;
	if (--watch->waiting == 0)
		watch_judge(watch);
}

static void point_ask(struct zone_watch *watch, unsigned i, uint32_t address)
{
	struct point *point = &watch->points[i];
	struct dns_name name;

	*point = (struct point){.watch = watch, .status = RESOLVER_FAILED};
	if (dns_name_reverse(ip_from_v4(address), &watch->name, &name) < 0)
		return; /* zone_watch_new has seen that it fits */
	watch->waiting++;
	point->query = resolver_ask_anew(watch->resolver, &name, DNS_A, point_heard, point);
}

static void watch_on_timer(struct timer *timer, void *arg)
{
	struct zone_watch *watch = OBJ(zone_watch, arg);

	(void)timer;
	if (watch->waiting != 0 || watch->dnsbl == NULL)
		return;
	point_ask(watch, POINT_LISTED, 0x7f000002);
	point_ask(watch, POINT_CLEAN, 0x7f000001);
}

static int watch_parse_zone(struct zone_watch *watch, const char *zone)
{
	struct ip longest = {{0x20, 0x01}}; /* IPv6: 32 labels have to fit before the zone */
	struct dns_name name;

	if (dns_name_parse(span_text(zone), &watch->name) < 0)
		return E_PARSE;
	return dns_name_reverse(longest, &watch->name, &name);
}

struct zone_watch *zone_watch_new(struct loop *loop, struct resolver *resolver,
	const struct conf_dnsbl *dnsbl, void (*tried)(void *arg), void *arg)
{
	struct zone_watch *watch = mem_new(zone_watch);

	watch->magic = (uint32_t)MAGIC_zone_watch;
	watch->loop = loop;
	watch->resolver = resolver;
	watch->tried = tried;
	watch->arg = arg;
	watch->zone = mem_copy_string(dnsbl->zone);
	timer_init(&watch->timer, loop, watch_on_timer, watch);
	if (watch_parse_zone(watch, dnsbl->zone) < 0) {
		zone_watch_free(&watch);
		return NULL;
	}
	zone_watch_set(watch, dnsbl);
	return watch;
}

void zone_watch_free(struct zone_watch **watch)
{
	struct zone_watch *w = *watch;

	if (w == NULL)
		return;
	for (unsigned i = 0; i < POINTS; i++)
		resolver_cancel(&w->points[i].query);
	timer_done(&w->timer);
	mem_free(w->zone);
	mem_free(w->shown);
	w->magic = 0;
	mem_free(w);
	*watch = NULL;
}

void zone_watch_set(struct zone_watch *watch, const struct conf_dnsbl *dnsbl)
{
	bool was_off = watch->dnsbl == NULL;

	watch->dnsbl = dnsbl;
	if (dnsbl == NULL) {
		timer_clear(&watch->timer);
		return;
	}
	mem_free(watch->shown);
	watch->shown = mem_copy_string(dnsbl->name);
	if (was_off && watch->waiting == 0)
		watch_on_timer(&watch->timer, watch);
}

const char *zone_watch_zone(const struct zone_watch *watch)
{
	return watch->zone;
}

const struct dns_name *zone_watch_name(const struct zone_watch *watch)
{
	return &watch->name;
}

const struct dnsbl_health *zone_watch_health(const struct zone_watch *watch)
{
	return &watch->health;
}

bool zone_watch_is_trying(const struct zone_watch *watch)
{
	return watch->dnsbl != NULL && !watch->has_result;
}

bool zone_watch_may_ask(struct zone_watch *watch)
{
	return watch->dnsbl != NULL &&
	       dnsbl_health_may_ask(&watch->health, loop_now_ms(watch->loop));
}

/* A test that is due later than this comes forward. */
static void watch_test_by(struct zone_watch *watch, int64_t at_ms)
{
	if (watch->waiting == 0 && watch->dnsbl != NULL && watch->timer.at_ms > at_ms)
		timer_set(&watch->timer, at_ms);
}

void zone_watch_heard(struct zone_watch *watch, enum zone_heard heard)
{
	int64_t now_ms = loop_now_ms(watch->loop);

	if (heard == ZONE_SILENT && resolver_is_down(watch->resolver))
		return; /* its fault, not the list's */
	if (dnsbl_health_lookup(
		    &watch->health, heard != ZONE_SILENT, now_ms, loop_now_s(watch->loop)))
		watch_log(watch);
	if (heard == ZONE_WRONG)
		watch_test_by(watch, now_ms + DNSBL_TEST_AGAIN_MS);
	else if (heard == ZONE_LISTED && watch->tested_ms + DNSBL_TEST_HITS_MS > now_ms)
		watch_test_by(watch, watch->tested_ms + DNSBL_TEST_HITS_MS);
	else if (heard == ZONE_LISTED)
		watch_test_by(watch, now_ms);
}
