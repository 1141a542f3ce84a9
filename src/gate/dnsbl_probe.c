/* SPDX-License-Identifier: ISC */
#include "gate/dnsbl_probe.h"

#include <sys/random.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "catalogue/foreign_lists.h"
#include "dns/message.h"
#include "gate/dnsbl_rate.h"
#include "resolve/resolver.h"

/*
 * The test points of RFC 5782 section 5: 127.0.0.2 is listed, 127.0.0.1 is not. Both count. A list
 * that was emptied passes the second, one whose domain was lost to a seller passes the first. They
 * are asked past our cache; what the resolver keeps, it keeps for the list's own TTL. So there are
 * two more, addresses that nobody has, others each time: no cache knows them, and who answers for
 * everybody but has learned what is expected of 127.0.0.1 does not know them either.
 *
 * Where 127.0.0.2 has no address its text is asked for, too: protection against DNS rebinding takes
 * the address away, each resolver in its own way (no records, SERVFAIL, REFUSED), and leaves the
 * text.
 *
 * Silence counts against one of several lists only when the resolver has found anything else since
 * it began.
 *
 * So they do not tell whether a list that stopped to answer is back: the resolver may have kept
 * them. When its pause is over the list is asked about the client that it owed an answer last. It
 * is the probe that asks: no client waits for it, and none can leave with it.
 */
enum { POINT_LISTED, POINT_CLEAN, POINT_NOBODY_V4, POINT_NOBODY_V6, POINT_TEXT, POINTS };

struct test_point {
	struct dnsbl_probe *probe;
	struct resolver_query *query;
	enum resolver_status status;
	bool asked, broken;
	struct dnsbl_hit hit; /* broken: by this address */
};

struct dnsbl_probe {
	uint32_t magic;
	const struct dnsbl_probe_env *env;
	char *zone;
	char *shown; /* the configured name: the zone may hold a customer's key */
	struct dns_name name;
	const struct conf_dnsbl *dnsbl; /* NULL: not configured now */
	struct dnsbl_health health;
	struct dnsbl_rate rate;
	bool has_result;
	enum dnsbl_state told;       /* in the log */
	int64_t began_ms, tested_ms; /* the last test */
	int64_t silent_since_ms;     /* 0: it answered last */
	struct timer timer;
	struct test_point points[POINTS];
	unsigned waiting;
	struct ip unanswered; /* the client whose lookup was the last without an answer */
	struct timer look_timer;
	struct resolver_query *look;
};

/* Whether the resolver finds other things while it does not find this list. A single list has none
 * beside it that could be asked. */
static bool probe_is_silent_alone(const struct dnsbl_probe *probe)
{
	return probe->env->lists < 2 ||
	       resolver_found_ms(probe->env->resolver) > probe->silent_since_ms;
}

static void probe_note_silence(struct dnsbl_probe *probe, bool silent, int64_t since_ms)
{
	if (!silent)
		probe->silent_since_ms = 0;
	else if (probe->silent_since_ms == 0)
		probe->silent_since_ms = since_ms;
}

/* Of what all lists share the log has one line (gate/gather.c), not one for each. */
static void probe_log_state(struct dnsbl_probe *probe)
{
	enum dnsbl_state state = dnsbl_health_state(&probe->health);

	if (state == probe->told || (state == DNSBL_PAUSED && !probe_is_silent_alone(probe)))
		return;
	probe->told = state;
	log_event(
		EV_DNSBL_STATE, LOG_FIELDS(log_text("list", probe->shown),
					log_text("state", dnsbl_state_name(state)),
					log_text("test", dnsbl_test_text(probe->health.last_test)),
					log_number("errors", probe->health.errors)));
}

static void probe_set_timer(struct dnsbl_probe *probe, int64_t after_ms)
{
	timer_set(&probe->timer, loop_now_ms(probe->env->loop) + after_ms);
}

static bool point_is_found(const struct test_point *point)
{
	return point->status == RESOLVER_FOUND;
}

/* The first that may not be listed; where a list keeps none of them, the one that is. */
static const struct test_point *points_first_clean(const struct test_point points[POINTS])
{
	for (unsigned i = POINT_CLEAN; i <= POINT_NOBODY_V6; i++)
		if (points[i].asked)
			return &points[i];
	return &points[POINT_LISTED];
}

static enum dnsbl_test points_judge_listed(const struct test_point points[POINTS])
{
	const struct test_point *listed = &points[POINT_LISTED];

	if (!listed->asked || point_is_found(listed))
		return DNSBL_TEST_PASSED;
	if (listed->status == RESOLVER_NODATA || resolver_is_unknown(listed->status))
		return DNSBL_TEST_HOLLOW;
	return DNSBL_TEST_EMPTY;
}

static enum dnsbl_test points_judge(const struct test_point points[POINTS])
{
	for (unsigned i = 0; i < POINTS; i++)
		if (points[i].broken)
			return dnsbl_error_test(points[i].hit.code);
	if (point_is_found(&points[POINT_CLEAN]))
		return DNSBL_TEST_EVERYTHING;
	if (point_is_found(&points[POINT_NOBODY_V4]) || point_is_found(&points[POINT_NOBODY_V6]))
		return DNSBL_TEST_NOBODY;
	if (!point_is_found(&points[POINT_LISTED]) && point_is_found(&points[POINT_TEXT]))
		return DNSBL_TEST_FILTERED;
	if (resolver_is_unknown(points_first_clean(points)->status))
		return DNSBL_TEST_SILENT;
	return points_judge_listed(points);
}

static enum dnsbl_test probe_result(struct dnsbl_probe *probe)
{
	enum dnsbl_test test = points_judge(probe->points);

	probe_note_silence(probe, test == DNSBL_TEST_SILENT, probe->began_ms);
	return test == DNSBL_TEST_SILENT && !probe_is_silent_alone(probe) ? DNSBL_TEST_UNHEARD
									  : test;
}

/* When the resolver itself is away, or there was no room to ask, nothing was learned. */
static bool probe_was_asked(const struct dnsbl_probe *probe)
{
	for (unsigned i = 0; i < POINT_TEXT; i++)
		if (probe->points[i].asked && probe->points[i].status == RESOLVER_UNASKED)
			return false;
	return !resolver_is_down(probe->env->resolver);
}

static void probe_judge(struct dnsbl_probe *probe)
{
	probe->has_result = true;
	probe->tested_ms = loop_now_ms(probe->env->loop);
	if (!probe_was_asked(probe)) {
		probe_set_timer(probe, DNSBL_TEST_AGAIN_MS);
	} else {
		if (dnsbl_health_test(
			    &probe->health, probe_result(probe), loop_now_s(probe->env->loop)))
			probe_log_state(probe);
		probe_set_timer(probe, dnsbl_health_test_after_ms(&probe->health));
	}
	probe->env->tried(probe->env->arg);
}

static void point_ask(struct dnsbl_probe *probe, unsigned i);

/* Being listed under any code is fine for a test point; what a list never answers is not.
 * 127.0.0.1 as an answer is judged by the configured set, as for clients. */
static void point_on_answer(const struct resolver_answer *answer, void *arg)
{
	struct test_point *point = arg;
	struct dnsbl_probe *probe = OBJ(dnsbl_probe, point->probe);

	point->query = NULL;
	point->status = answer->status;
	point->broken = answer->status == RESOLVER_FOUND && point != &probe->points[POINT_TEXT] &&
			probe->dnsbl != NULL &&
			dnsbl_read(probe->dnsbl, answer->addresses, answer->count, &point->hit) ==
				DNSBL_BROKEN;
	if (--probe->waiting != 0)
		return;
	if (probe->points[POINT_LISTED].asked && !point_is_found(&probe->points[POINT_LISTED]) &&
		!probe->points[POINT_TEXT].asked)
		point_ask(probe, POINT_TEXT);
	else
		probe_judge(probe);
}

static struct ip point_address(unsigned i)
{
	uint64_t random;

	if (i == POINT_CLEAN)
		return ip_from_v4(0x7f000001);
	if (i == POINT_LISTED || i == POINT_TEXT)
		return ip_from_v4(0x7f000002);
	ASSERT(getrandom(&random, sizeof(random), 0) == sizeof(random));
	return i == POINT_NOBODY_V4 ? dnsbl_nobody_v4(random) : dnsbl_nobody_v6(random);
}

static void point_ask(struct dnsbl_probe *probe, unsigned i)
{
	struct test_point *point = &probe->points[i];
	struct dns_name name;
	int r = dns_name_reverse(point_address(i), &probe->name, &name);

	ASSERT(r >= 0); /* dnsbl_probe_new has seen that it fits */
	point->asked = true;
	probe->waiting++;
	point->query = resolver_ask_anew(probe->env->resolver,
		&(struct resolver_question){
			.name = &name, .type = i == POINT_TEXT ? DNS_TXT : DNS_A},
		point_on_answer, point);
}

static void probe_on_timer(struct timer *timer, void *arg)
{
	struct dnsbl_probe *probe = OBJ(dnsbl_probe, arg);
	const struct conf_dnsbl *dnsbl = probe->dnsbl;

	(void)timer;
	if (probe->waiting != 0 || dnsbl == NULL)
		return;
	const bool skips[POINT_TEXT] = {
		dnsbl->skips_listed, dnsbl->skips_clean, dnsbl->skips_nobody, dnsbl->skips_nobody};

	probe->began_ms = loop_now_ms(probe->env->loop);
	for (unsigned i = 0; i < POINTS; i++)
		probe->points[i] = (struct test_point){.probe = probe, .status = RESOLVER_UNASKED};
	for (unsigned i = 0; i < POINT_TEXT; i++)
		if (!skips[i])
			point_ask(probe, i);
}

/* ---- whether a list is back ---- */

/* The state is logged when it changed, and while the list is paused the next look is due then. */
static void probe_note_lookup(
	struct dnsbl_probe *probe, enum dnsbl_cause cause, enum resolver_status status)
{
	const struct dnsbl_times now = {
		loop_now_ms(probe->env->loop), loop_now_s(probe->env->loop)};

	probe_note_silence(probe, resolver_is_unknown(status), now.ms);
	if (dnsbl_health_lookup(&probe->health, cause, !resolver_is_unknown(status), &now))
		probe_log_state(probe);
	if (probe->health.paused_until_ms != 0 && probe->look == NULL)
		timer_set(&probe->look_timer, probe->health.paused_until_ms);
}

static void look_on_answer(const struct resolver_answer *answer, void *arg)
{
	struct dnsbl_probe *probe = OBJ(dnsbl_probe, arg);

	probe->look = NULL;
	if (answer->status == RESOLVER_UNASKED || resolver_is_down(probe->env->resolver))
		timer_set(&probe->look_timer, loop_now_ms(probe->env->loop) + DNSBL_TEST_AGAIN_MS);
	else
		probe_note_lookup(probe, DNSBL_FOR_US, answer->status);
}

void dnsbl_probe_look(struct dnsbl_probe *probe)
{
	struct dns_name name;

	if (probe->look != NULL || probe->dnsbl == NULL || probe->health.paused_until_ms == 0 ||
		dns_name_reverse(probe->unanswered, &probe->name, &name) < 0)
		return;
	timer_clear(&probe->look_timer);
	probe->look = resolver_ask_anew(probe->env->resolver,
		&(struct resolver_question){.name = &name, .type = DNS_A}, look_on_answer, probe);
}

static void probe_on_look_due(struct timer *timer, void *arg)
{
	(void)timer;
	dnsbl_probe_look(OBJ(dnsbl_probe, arg));
}

static int probe_parse_zone(struct dnsbl_probe *probe, const char *zone)
{
	struct ip longest = {{0x20, 0x01}}; /* IPv6: 32 labels have to fit before the zone */
	struct dns_name name;

	if (dns_name_parse(span_text(zone), &probe->name) < 0)
		return E_PARSE;
	return dns_name_reverse(longest, &probe->name, &name);
}

struct dnsbl_probe *dnsbl_probe_new(
	const struct dnsbl_probe_env *env, const struct conf_dnsbl *dnsbl)
{
	struct dnsbl_probe *probe = mem_new(dnsbl_probe);

	probe->magic = (uint32_t)MAGIC_dnsbl_probe;
	probe->env = env;
	probe->zone = mem_copy_string(dnsbl->zone);
	probe->told = DNSBL_HEALTHY; /* nobody asks before it is not */
	timer_init(&probe->timer, env->loop, probe_on_timer, probe);
	timer_init(&probe->look_timer, env->loop, probe_on_look_due, probe);
	if (probe_parse_zone(probe, dnsbl->zone) < 0) {
		dnsbl_probe_free(&probe);
		return NULL;
	}
	dnsbl_probe_set_conf(probe, dnsbl);
	if (foreign_dead_find(span_text(dnsbl->zone)) != NULL) {
		probe->health.suspended = true;
		probe->health.last_test = DNSBL_TEST_DEAD;
		probe_log_state(probe);
	}
	return probe;
}

void dnsbl_probe_free(struct dnsbl_probe **probe)
{
	struct dnsbl_probe *w = *probe;

	if (w == NULL)
		return;
	for (unsigned i = 0; i < POINTS; i++)
		resolver_cancel(&w->points[i].query);
	resolver_cancel(&w->look);
	timer_done(&w->timer);
	timer_done(&w->look_timer);
	mem_free(w->zone);
	mem_free(w->shown);
	w->magic = 0;
	mem_free(w);
	*probe = NULL;
}

void dnsbl_probe_set_conf(struct dnsbl_probe *probe, const struct conf_dnsbl *dnsbl)
{
	bool was_off = probe->dnsbl == NULL;

	probe->dnsbl = dnsbl;
	if (dnsbl == NULL) {
		timer_clear(&probe->timer);
		return;
	}
	mem_free(probe->shown);
	probe->shown = mem_copy_string(dnsbl->name);
	if (was_off && probe->waiting == 0)
		probe_on_timer(&probe->timer, probe);
}

const char *dnsbl_probe_zone(const struct dnsbl_probe *probe)
{
	return probe->zone;
}

const struct dns_name *dnsbl_probe_name(const struct dnsbl_probe *probe)
{
	return &probe->name;
}

const struct dnsbl_health *dnsbl_probe_health(const struct dnsbl_probe *probe)
{
	return &probe->health;
}

bool dnsbl_probe_is_trying(const struct dnsbl_probe *probe)
{
	return probe->dnsbl != NULL && !probe->has_result;
}

bool dnsbl_probe_is_configured(const struct dnsbl_probe *probe)
{
	return probe->dnsbl != NULL;
}

bool dnsbl_probe_is_tested(const struct dnsbl_probe *probe)
{
	return probe->dnsbl != NULL && probe->has_result;
}

bool dnsbl_probe_may_ask(const struct dnsbl_probe *probe)
{
	return probe->dnsbl != NULL && dnsbl_health_may_ask(&probe->health);
}

void dnsbl_probe_note_unnamed(struct dnsbl_probe *probe, struct ip address)
{
	dnsbl_unnamed_note(&probe->health.unnamed, address);
}

/* A test that is due later than this comes forward. */
static void probe_test_by(struct dnsbl_probe *probe, int64_t at_ms)
{
	if (probe->waiting == 0 && probe->dnsbl != NULL && probe->timer.at_ms > at_ms)
		timer_set(&probe->timer, at_ms);
}

void dnsbl_probe_hurry(struct dnsbl_probe *probe)
{
	int64_t soon_ms = probe->tested_ms + DNSBL_TEST_AGAIN_MS;
	int64_t now_ms = loop_now_ms(probe->env->loop);

	probe_test_by(probe, soon_ms > now_ms ? soon_ms : now_ms);
}

/* A list that begins to list everybody does so within a minute of many clients. */
static void probe_note_rate(struct dnsbl_probe *probe, bool hit)
{
	enum dnsbl_rate_news news =
		dnsbl_rate_note(&probe->rate, hit, loop_now_ms(probe->env->loop));

	if (news == DNSBL_RATE_SAME)
		return;
	log_event(EV_DNSBL_HITS,
		LOG_FIELDS(log_text("list", probe->shown),
			log_text("state", news == DNSBL_RATE_HIGH ? "high" : "usual"),
			log_number("asked", probe->rate.asked),
			log_number("hits", probe->rate.hits)));
	if (news == DNSBL_RATE_HIGH)
		dnsbl_probe_hurry(probe);
}

void dnsbl_probe_answered(struct dnsbl_probe *probe, enum dnsbl_lookup result, struct ip client)
{
	int64_t now_ms = loop_now_ms(probe->env->loop);

	if (result == DNSBL_LOOKUP_SILENT && resolver_is_down(probe->env->resolver))
		return; /* its fault, not the list's */
	if (result == DNSBL_LOOKUP_SILENT)
		probe->unanswered = client;
	else
		probe_note_rate(probe, result == DNSBL_LOOKUP_LISTED);
	probe_note_lookup(probe, DNSBL_FOR_CLIENT,
		result == DNSBL_LOOKUP_SILENT ? RESOLVER_FAILED : RESOLVER_FOUND);
	if (probe->health.paused_until_ms != 0 && !probe_is_silent_alone(probe))
		dnsbl_probe_hurry(probe); /* whose fault is it? */
	if (result == DNSBL_LOOKUP_WRONG)
		probe_test_by(probe, now_ms + DNSBL_TEST_AGAIN_MS);
	else if (result == DNSBL_LOOKUP_LISTED && probe->tested_ms + DNSBL_TEST_HITS_MS > now_ms)
		probe_test_by(probe, probe->tested_ms + DNSBL_TEST_HITS_MS);
	else if (result == DNSBL_LOOKUP_LISTED)
		probe_test_by(probe, now_ms);
}
