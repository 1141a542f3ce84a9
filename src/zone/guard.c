/* SPDX-License-Identifier: ISC */
#include "zone/guard.h"

#include <sys/random.h>

#include "base/mem.h"
#include "zone/guard_priv.h"

/*
 * What an address may do depends on whether it can be forged. Who asks by TCP, or sends the cookie that we gave to this
 * address, is the one who will get the answer: no rate limit holds them, and their quota is a count of its own, so that
 * nobody can use up somebody else's by forging.
 */
enum { V6_CLIENT_BITS = 56, SAMPLES_SIZE = 1 << 20 };

struct guard_memory *guard_memory_new(void)
{
	struct guard_memory *memory = mem_new(guard_memory);

	memory->clients = dns_quota_new();
	memory->keys = dns_quota_new();
	dns_cookie_secrets_random(&memory->secrets);
	return memory;
}

void guard_memory_free(struct guard_memory **memory)
{
	struct guard_memory *m = *memory;

	if (m == NULL)
		return;
	dns_quota_free(&m->clients);
	dns_quota_free(&m->keys);
	mem_free(m);
	*memory = NULL;
}

/* Never 0, at which xorshift stays. */
static uint32_t desk_seed(void)
{
	uint32_t seed = 0;

	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) && seed != 0 ? seed : 0x9e3779b9;
}

struct guard_desk *guard_desk_new(unsigned workers)
{
	struct guard_desk *desk = mem_new(guard_desk);

	desk->limiter = dns_limiter_new(workers);
	desk->samples = ring_new(SAMPLES_SIZE);
	desk->random = desk_seed();
	return desk;
}

void guard_desk_free(struct guard_desk **desk)
{
	struct guard_desk *d = *desk;

	if (d == NULL)
		return;
	dns_limiter_free(&d->limiter);
	ring_free(&d->samples);
	mem_free(d);
	*desk = NULL;
}

const struct dns_tally *guard_desk_tally(const struct guard_desk *desk)
{
	return &desk->tally;
}

struct ring *guard_desk_samples(struct guard_desk *desk)
{
	return desk->samples;
}

/* ---- before the zone is known ---- */

void guard_open(struct guard_turn *turn, const struct guard *guard, struct guard_desk *desk,
	const struct dns_job *job, const struct dns_query *query, struct dns_now now)
{
	turn->guard = desk != NULL ? guard : NULL;
	turn->key_labels = 0;
	if (turn->guard == NULL)
		return;
	turn->desk = desk;
	turn->job = job;
	turn->query = query;
	turn->now = now;
	turn->key = NULL;
	turn->zone = GUARD_UNREAD;
	turn->exempt = prefix_set_has(guard->exempt, job->client.ip);
	turn->proven = job->transport == DNS_TCP;
	turn->sent_cookie = false;
	turn->counted = DNS_COUNTS_LEN;
}

/* Whether a cookie was sent that proves nothing, where one has to. */
static bool guard_take_cookie(struct guard_turn *turn, struct reply *reply)
{
	const struct guard *guard = turn->guard;
	bool good = dns_cookie_renew(
		guard->secrets.len != 0 ? &guard->secrets : &guard->memory->secrets,
		turn->query->options.cookie, turn->job->client.ip, turn->now.s, turn->cookie);

	turn->sent_cookie = true;
	turn->proven |= good;
	reply->options.cookie = span_of(turn->cookie, sizeof(turn->cookie));
	return !turn->proven && !turn->exempt && guard->cookies == COOKIES_REQUIRE;
}

bool guard_begin(struct guard_turn *turn, struct reply *reply)
{
	const struct guard *guard = turn->guard;
	const struct dns_asked_options *asked;
	bool again = false;

	if (guard == NULL)
		return true;
	asked = &turn->query->options;
	if (!asked->nsid && !asked->keepalive && asked->cookie.len == 0)
		return true;
	if (asked->nsid)
		reply->options.nsid = guard->nsid;
	if (asked->keepalive && turn->job->transport == DNS_TCP) /* RFC 7828 section 3.2.2 */
		reply->options.keepalive_ds = guard->keepalive_ds;
	if (asked->cookie.len != 0 && guard->cookies != COOKIES_OFF)
		again = guard_take_cookie(turn, reply);
	reply_reserve_options(reply);
	if (turn->query->is_empty && reply->options.cookie.len != 0) {
		reply->rcode = DNS_NOERROR; /* it came for the cookie (RFC 7873 section 5.4) */
		return false;
	}
	if (!again || reply->rcode != DNS_NOERROR)
		return true;
	reply->rcode = DNS_BADCOOKIE;
	return false;
}

/* ---- the zone ---- */

void guard_find_key(struct guard_turn *turn, int zone)
{
	const struct dns_query *query = turn->query;
	const struct guard_zone *rules;
	const uint8_t *label;

	if (turn->guard == NULL)
		return;
	turn->zone = zone;
	if (zone < 0)
		return;
	rules = &turn->guard->zones[zone];
	if (rules->keys == NULL || query->labels_len <= rules->apex_labels)
		return;
	label = query->name + query->label_at[query->labels_len - rules->apex_labels - 1];
	turn->key = access_keys_find(rules->keys, span_of(label + 1, label[0]));
	turn->key_labels = turn->key != NULL;
}

static bool guard_refuse(
	struct guard_turn *turn, struct reply *reply, enum dns_count count, struct span words)
{
	turn->counted = count;
	reply->rcode = DNS_REFUSED;
	reply->ede = DNS_EDE_PROHIBITED;
	reply->options.ede_text = words;
	return false;
}

static uint32_t guard_count_client(const struct guard_turn *turn)
{
	struct ip ip = turn->job->client.ip;
	uint8_t who[sizeof(ip.b) + 1];

	if (!ip_is_v4(ip))
		ip = prefix_of(ip, V6_CLIENT_BITS).ip;
	memcpy(who, ip.b, sizeof(ip.b));
	who[sizeof(ip.b)] = turn->proven;
	return dns_quota_count(
		turn->guard->memory->clients, who, sizeof(who), turn->guard->period_s, turn->now.s);
}

/* The zone itself (its SOA and NS records) needs no key: delegations are checked there. */
static bool guard_is_at_apex(const struct guard_turn *turn)
{
	return turn->query->labels_len == turn->guard->zones[turn->zone].apex_labels;
}

bool guard_admit(struct guard_turn *turn, struct reply *reply)
{
	const struct guard *guard = turn->guard;
	const struct guard_zone *zone;
	struct ip client;

	if (guard == NULL)
		return true;
	zone = &guard->zones[turn->zone];
	client = turn->job->client.ip;
	if (turn->key != NULL) {
		if (turn->key->quota != UINT32_MAX &&
			dns_quota_count(guard->memory->keys, turn->key->name, turn->key->name_len,
				guard->period_s, turn->now.s) > turn->key->quota)
			return guard_refuse(turn, reply, DNS_COUNT_OVER_QUOTA,
				span_text(guard->key_quota_words));
		return true;
	}
	if (zone->keys != NULL && !prefix_set_has(zone->allow_from, client) &&
		!guard_is_at_apex(turn))
		return guard_refuse(turn, reply, DNS_COUNT_NO_ACCESS, span_text(guard->key_words));
	if (zone->keys == NULL && !prefix_set_is_empty(zone->allow_from) &&
		!prefix_set_has(zone->allow_from, client))
		return guard_refuse(
			turn, reply, DNS_COUNT_NO_ACCESS, span_text(guard->access_words));
	if (guard->quota != 0 && !turn->exempt && guard_count_client(turn) > guard->quota)
		return guard_refuse(
			turn, reply, DNS_COUNT_OVER_QUOTA, span_text(guard->quota_words));
	return true;
}

/* ---- the answer ---- */

static enum dns_limit_kind reply_kind(const struct reply *reply)
{
	if (reply->rcode == DNS_NXDOMAIN)
		return DNS_LIMIT_NEGATIVE;
	if (reply->rcode != DNS_NOERROR)
		return DNS_LIMIT_ERROR;
	return reply->answers != 0 || reply->full ? DNS_LIMIT_ANSWER : DNS_LIMIT_NEGATIVE;
}

/* Over the limit, a client that knows cookies is told its own, the others to come by TCP; both are as long as the question. */
static bool guard_limit(struct guard_turn *turn, struct reply *reply)
{
	if (turn->proven || turn->exempt)
		return true;
	switch (dns_limiter_take(turn->desk->limiter, &turn->guard->limits, turn->job->client.ip,
		reply_kind(reply), turn->now.ms)) {
	case DNS_LIMIT_PASS:
		return true;
	case DNS_LIMIT_DROP:
		turn->counted = DNS_COUNT_LIMITED;
		return false;
	case DNS_LIMIT_SLIP:
		break;
	}
	turn->counted = DNS_COUNT_SLIPPED;
	reply_empty(reply);
	reply->full = !turn->sent_cookie;
	reply->rcode = turn->sent_cookie ? DNS_BADCOOKIE : DNS_NOERROR;
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

void guard_count(struct guard_turn *turn, enum dns_count count)
{
	struct dns_tally *tally;

	if (turn->guard == NULL)
		return;
	tally = &turn->desk->tally;
	dns_tally_count(tally, count);
	dns_tally_count(tally, turn->job->transport == DNS_TCP ? DNS_COUNT_TCP : DNS_COUNT_UDP);
	dns_tally_add(&tally->counts[DNS_COUNT_BYTES_IN], turn->job->query.len);
}

size_t guard_end(struct guard_turn *turn, struct reply *reply)
{
	struct guard_desk *desk = turn->desk;
	size_t len = 0;

	if (turn->guard == NULL)
		return reply_finish(reply);
	if (turn->guard->limits_on && !guard_limit(turn, reply)) {
		guard_count(turn, turn->counted);
	} else {
		if (turn->counted == DNS_COUNTS_LEN)
			turn->counted = reply_count(reply);
		len = reply_finish(reply);
		guard_count(turn, turn->counted);
		dns_tally_add(&desk->tally.counts[DNS_COUNT_BYTES_OUT], len);
	}
	if (turn->guard->samples_on)
		guard_sample(turn, reply->rcode, len);
	return len;
}
