/* SPDX-License-Identifier: ISC */
#include "zone/guard.h"

#include "base/mem.h"
#include "dns/quota.h"
#include "zone/guard_rules.h"
#include "zone/guard_sample.h"

/*
 * What an address may do depends on whether it can be forged. Who asks by TCP, or sends the cookie
 * that we gave to this address, is the one who will get the answer: no rate limit holds them, and
 * their quota is a count of its own, so that nobody can use up somebody else's by forging.
 */
enum { V6_CLIENT_BITS = 56, SAMPLES_SIZE = 1 << 20 };

struct guard_state {
	struct dns_quota *clients;
	struct dns_quota *keys;
	struct dns_cookie_secrets secrets;
};

struct guard_state *guard_state_new(void)
{
	struct guard_state *state = mem_new(guard_state);

	state->clients = dns_quota_new();
	state->keys = dns_quota_new();
	dns_cookie_secrets_random(&state->secrets);
	return state;
}

void guard_state_free(struct guard_state **state)
{
	struct guard_state *s = *state;

	if (s == NULL)
		return;
	dns_quota_free(&s->clients);
	dns_quota_free(&s->keys);
	mem_free(s);
	*state = NULL;
}

struct guard_worker *guard_worker_new(struct guard_state *state, unsigned workers, uint32_t seed)
{
	struct guard_worker *worker = mem_new(guard_worker);

	worker->state = state;
	worker->rrl = dns_rrl_new(workers);
	worker->samples = ring_new(SAMPLES_SIZE);
	worker->random = seed != 0 ? seed : 0x9e3779b9; /* at 0 xorshift stays */
	return worker;
}

void guard_worker_free(struct guard_worker **worker)
{
	struct guard_worker *w = *worker;

	if (w == NULL)
		return;
	dns_rrl_free(&w->rrl);
	ring_free(&w->samples);
	mem_free(w);
	*worker = NULL;
}

const struct dns_counters *guard_worker_counters(const struct guard_worker *worker)
{
	return &worker->counters;
}

struct ring *guard_worker_samples(struct guard_worker *worker)
{
	return worker->samples;
}

void guard_free(struct guard **guard)
{
	struct guard *g = *guard;

	if (g == NULL)
		return;
	for (size_t i = 0; i < g->zones_len; i++) {
		prefix_set_free(&g->zones[i].allow_from);
		access_keys_free(&g->zones[i].keys);
	}
	prefix_set_free(&g->exempt);
	mem_free(g);
	*guard = NULL;
}

/* ---- before the zone is known ---- */

void guard_open(struct guard_query *query, const struct guard *guard, struct guard_worker *worker)
{
	query->guard = worker != NULL ? guard : NULL;
	query->key_labels = 0;
	if (query->guard == NULL)
		return;
	query->worker = worker;
	query->key = NULL;
	query->zone = GUARD_UNREAD;
	query->is_exempt = prefix_set_has(guard->exempt, query->request->client.ip);
	query->is_proven = query->request->transport == DNS_TCP;
	query->sent_cookie = false;
	query->counted = DNS_COUNTS_LEN;
}

/* Whether a cookie was sent that proves nothing, where one has to. */
static bool guard_take_cookie(struct guard_query *query, struct reply *reply)
{
	const struct guard *guard = query->guard;
	struct dns_cookie_asked asked = {
		query->dns->options.cookie, query->request->client.ip, query->now.s};
	bool good = dns_cookie_renew(
		guard->secrets.len != 0 ? &guard->secrets : &query->worker->state->secrets, &asked,
		query->cookie);

	query->sent_cookie = true;
	query->is_proven |= good;
	reply->options.cookie = span_of(query->cookie, sizeof(query->cookie));
	return !query->is_proven && !query->is_exempt && guard->cookies == COOKIES_REQUIRE;
}

bool guard_begin(struct guard_query *query, struct reply *reply)
{
	const struct guard *guard = query->guard;
	const struct dns_asked_options *asked;
	bool again = false;

	if (guard == NULL)
		return true;
	asked = &query->dns->options;
	if (!asked->nsid && !asked->keepalive && asked->cookie.len == 0)
		return true;
	if (asked->nsid)
		reply->options.nsid = guard->nsid;
	if (asked->keepalive && query->request->transport == DNS_TCP) /* RFC 7828 section 3.2.2 */
		reply->options.keepalive_ds = guard->keepalive_ds;
	if (asked->cookie.len != 0 && guard->cookies != COOKIES_OFF)
		again = guard_take_cookie(query, reply);
	reply_reserve_options(reply);
	if (query->dns->is_empty && reply->options.cookie.len != 0) {
		reply->rcode = DNS_NOERROR; /* it came for the cookie (RFC 7873 section 5.4) */
		return false;
	}
	if (!again || reply->rcode != DNS_NOERROR)
		return true;
	reply->rcode = DNS_BADCOOKIE;
	return false;
}

/* ---- the zone ---- */

void guard_find_key(struct guard_query *query, int zone)
{
	const struct dns_query *dns = query->dns;
	const struct guard_zone *rules;
	const uint8_t *label;

	if (query->guard == NULL)
		return;
	query->zone = zone;
	if (zone < 0)
		return;
	rules = &query->guard->zones[zone];
	if (rules->keys == NULL || dns->labels_len <= rules->apex_labels)
		return;
	label = dns->name + dns->label_at[dns->labels_len - rules->apex_labels - 1];
	query->key = access_keys_find(rules->keys, span_of(label + 1, label[0]));
	query->key_labels = query->key != NULL;
}

static bool guard_refuse(
	struct guard_query *query, struct reply *reply, enum dns_count count, struct span words)
{
	query->counted = count;
	reply->rcode = DNS_REFUSED;
	reply->ede = DNS_EDE_PROHIBITED;
	reply->options.ede_text = words;
	return false;
}

static uint32_t guard_count_client(const struct guard_query *query)
{
	struct ip ip = query->request->client.ip;
	uint8_t who[sizeof(ip.b) + 1];

	if (!ip_is_v4(ip))
		ip = prefix_of(ip, V6_CLIENT_BITS).ip;
	memcpy(who, ip.b, sizeof(ip.b));
	who[sizeof(ip.b)] = query->is_proven;
	return dns_quota_count(query->worker->state->clients, span_of(who, sizeof(who)),
		query->guard->period_s, query->now.s);
}

/* The zone itself needs no key, whatever the type: delegations are checked there, resolvers that
 * ask label by label pass with types of their choice (RFC 9156), and TXT says who gives keys. */
static bool guard_is_at_apex(const struct guard_query *query)
{
	return query->dns->labels_len == query->guard->zones[query->zone].apex_labels;
}

bool guard_admit(struct guard_query *query, struct reply *reply)
{
	const struct guard *guard = query->guard;
	const struct guard_zone *zone;
	struct ip client;

	if (guard == NULL)
		return true;
	zone = &guard->zones[query->zone];
	client = query->request->client.ip;
	if (query->key != NULL) {
		if (query->key->quota != UINT32_MAX &&
			dns_quota_count(query->worker->state->keys,
				span_of(query->key->name, query->key->name_len), guard->period_s,
				query->now.s) > query->key->quota)
			return guard_refuse(query, reply, DNS_COUNT_OVER_QUOTA,
				span_text(guard->key_quota_words));
		return true;
	}
	if (zone->keys != NULL && !prefix_set_has(zone->allow_from, client) &&
		!guard_is_at_apex(query))
		return guard_refuse(query, reply, DNS_COUNT_NO_ACCESS, span_text(guard->key_words));
	if (zone->keys == NULL && !prefix_set_is_empty(zone->allow_from) &&
		!prefix_set_has(zone->allow_from, client))
		return guard_refuse(
			query, reply, DNS_COUNT_NO_ACCESS, span_text(guard->access_words));
	if (guard->quota != 0 && !query->is_exempt && guard_count_client(query) > guard->quota)
		return guard_refuse(
			query, reply, DNS_COUNT_OVER_QUOTA, span_text(guard->quota_words));
	return true;
}

/* ---- the answer ---- */

static enum dns_rrl_kind reply_kind(const struct reply *reply)
{
	if (reply->rcode == DNS_NXDOMAIN)
		return DNS_RRL_NEGATIVE;
	if (reply->rcode != DNS_NOERROR)
		return DNS_RRL_ERROR;
	return reply->answers != 0 || reply->full ? DNS_RRL_ANSWER : DNS_RRL_NEGATIVE;
}

/* Over the limit, a client that knows cookies is told its own, the others to come by TCP; both are
 * as long as the question. */
static bool guard_limit(struct guard_query *query, struct reply *reply)
{
	struct dns_rrl_answer answer = {query->request->client.ip, reply_kind(reply)};

	if (query->is_proven || query->is_exempt)
		return true;
	switch (dns_rrl_take(query->worker->rrl, &query->guard->limits, &answer, query->now.ms)) {
	case DNS_RRL_PASS:
		return true;
	case DNS_RRL_DROP:
		query->counted = DNS_COUNT_LIMITED;
		return false;
	case DNS_RRL_SLIP:
		break;
	}
	query->counted = DNS_COUNT_SLIPPED;
	reply_empty(reply);
	reply->full = !query->sent_cookie;
	reply->rcode = query->sent_cookie ? DNS_BADCOOKIE : DNS_NOERROR;
	return true;
}

static enum dns_count reply_count(const struct reply *reply)
{
	switch (reply->rcode) {
	case DNS_NOERROR:
		if (reply->full)
			return DNS_COUNT_TRUNCATED;
		return reply->answers != 0 ? DNS_COUNT_ANSWERED : DNS_COUNT_EMPTY;
	case DNS_NXDOMAIN:
		return DNS_COUNT_NXDOMAIN;
	case DNS_REFUSED:
		return DNS_COUNT_REFUSED;
	case DNS_SERVFAIL:
		return DNS_COUNT_FAILED;
	case DNS_BADCOOKIE:
		return DNS_COUNT_BADCOOKIE;
	default:
		return DNS_COUNT_MALFORMED;
	}
}

void guard_count(struct guard_query *query, enum dns_count count)
{
	struct dns_counters *counters;

	if (query->guard == NULL)
		return;
	counters = &query->worker->counters;
	dns_counters_count(counters, count);
	dns_counters_count(
		counters, query->request->transport == DNS_TCP ? DNS_COUNT_TCP : DNS_COUNT_UDP);
	dns_counter_add(&counters->counts[DNS_COUNT_BYTES_IN], query->request->query.len);
}

size_t guard_end(struct guard_query *query, struct reply *reply)
{
	struct guard_worker *worker = query->worker;
	size_t len = 0;

	if (query->guard == NULL)
		return reply_finish(reply);
	if (query->guard->limits_on && !guard_limit(query, reply)) {
		guard_count(query, query->counted);
	} else {
		if (query->counted == DNS_COUNTS_LEN)
			query->counted = reply_count(reply);
		len = reply_finish(reply);
		guard_count(query, query->counted);
		dns_counter_add(&worker->counters.counts[DNS_COUNT_BYTES_OUT], len);
	}
	if (query->guard->samples_on)
		guard_sample(query, reply->rcode, len);
	return len;
}
