/* SPDX-License-Identifier: ISC */
#include "gate/client_quota.h"

#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/token_bucket.h"

enum { CHAINS = 65536, MINUTE_MS = 60000 };

/* A token bucket told from its full state, so that zeroes are a full one, and another limit is
 * another bucket only from now on. */
struct quota_rate {
	int64_t used;
	int64_t at_ms;
};

struct quota_client {
	struct quota_client *next; /* in its chain */
	/* Among those who hold nothing, by when they were seen. */
	struct quota_client *older, *newer;
	struct prefix who;
	uint32_t held;
	uint32_t refused; /* since it was told */
	int64_t told_ms;
	struct quota_rate rates[LIMIT_RATES];
};

struct client_quota {
	uint64_t key;
	size_t idle_len, idle_most;
	struct quota_client idle; /* a ring: idle.newer is the oldest */
	struct quota_client *chains[CHAINS];
};

struct client_quota *client_quota_new(size_t remembered)
{
	struct client_quota *quota = mem_new(client_quota);

	quota->key = hash_key();
	quota->idle_most = remembered;
	quota->idle.newer = quota->idle.older = &quota->idle;
	return quota;
}

/* ---- who is known ---- */

static struct quota_client **quota_chain(struct client_quota *quota, const struct prefix *who)
{
	return &quota->chains[hash_ip(quota->key, who->ip, who->bits) % CHAINS];
}

static void quota_rest(struct client_quota *quota, struct quota_client *client)
{
	client->newer = &quota->idle;
	client->older = quota->idle.older;
	client->older->newer = client;
	quota->idle.older = client;
	quota->idle_len++;
}

static void quota_wake(struct client_quota *quota, struct quota_client *client)
{
	client->newer->older = client->older;
	client->older->newer = client->newer;
	quota->idle_len--;
}

static void quota_forget_oldest(struct client_quota *quota)
{
	struct quota_client *client = quota->idle.newer;
	struct quota_client **at = quota_chain(quota, &client->who);

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	quota_wake(quota, client);
	mem_free(client);
}

static struct quota_client *quota_meet(struct client_quota *quota, struct prefix who)
{
	struct quota_client **chain = quota_chain(quota, &who);
	struct quota_client *client = *chain;

	while (client != NULL && !prefix_equal(client->who, who))
		client = client->next;
	if (client != NULL) {
		if (client->held == 0)
			quota_wake(quota, client);
	} else {
		client = mem_new(quota_client);
		client->who = who;
		client->next = *chain;
		*chain = client;
	}
	if (client->held == 0)
		quota_rest(quota, client);
	while (quota->idle_len > quota->idle_most)
		quota_forget_oldest(quota);
	return client;
}

void client_quota_free(struct client_quota **quota)
{
	struct client_quota *q = *quota;

	if (q == NULL)
		return;
	while (q->idle_len != 0)
		quota_forget_oldest(q);
	mem_free(q);
	*quota = NULL;
}

/* ---- rates ---- */

static struct token_rate token_rate_of(unsigned limit, enum quota_standing standing)
{
	uint32_t tokens = limit * (uint32_t)standing;

	return (struct token_rate){tokens, MINUTE_MS, (int64_t)tokens * MINUTE_MS};
}

static int64_t rate_credit(
	const struct quota_rate *rate, const struct token_rate *by, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - rate->at_ms;
	int64_t back = elapsed_ms >= MINUTE_MS ? rate->used : elapsed_ms * by->tokens;

	return back >= rate->used ? by->full : by->full - rate->used + back;
}

static bool rate_has_room(const struct quota_client *client, enum limit_rate rate, unsigned limit,
	struct quota_ask *ask)
{
	const struct token_rate by = token_rate_of(limit, ask->standing);
	int64_t credit;

	if (client == NULL || limit == 0)
		return true;
	credit = rate_credit(&client->rates[rate], &by, ask->now_ms);
	if (credit >= MINUTE_MS)
		return true;
	ask->excess =
		(struct quota_excess){client->who, by.tokens, token_bucket_wait_ms(credit, &by)};
	return false;
}

static void quota_rate_take(struct quota_client *client, enum limit_rate rate, unsigned limit,
	const struct quota_ask *ask)
{
	const struct token_rate by = token_rate_of(limit, ask->standing);

	if (client != NULL && limit != 0)
		client->rates[rate] = (struct quota_rate){
			by.full - rate_credit(&client->rates[rate], &by, ask->now_ms) + MINUTE_MS,
			ask->now_ms};
}

bool client_quota_has_room(
	const struct quota_hold *hold, enum limit_rate rate, struct quota_ask *ask)
{
	const struct conf *conf = ask->conf;

	return rate_has_room(hold->source, rate, conf->source_limits.a_minute[rate], ask) &&
	       rate_has_room(hold->network, rate, conf->network_limits.a_minute[rate], ask);
}

bool client_quota_take(const struct quota_hold *hold, enum limit_rate rate, struct quota_ask *ask)
{
	if (!client_quota_has_room(hold, rate, ask))
		return false;
	quota_rate_take(hold->source, rate, ask->conf->source_limits.a_minute[rate], ask);
	quota_rate_take(hold->network, rate, ask->conf->network_limits.a_minute[rate], ask);
	return true;
}

/* ---- connections ---- */

static bool client_has_room(
	const struct quota_client *client, unsigned limit, struct quota_ask *ask)
{
	limit *= (unsigned)ask->standing;
	if (limit == 0 || client->held < limit)
		return true;
	ask->excess = (struct quota_excess){client->who, limit, 0};
	return false;
}

static void client_hold(struct client_quota *quota, struct quota_client *client)
{
	if (client->held++ == 0)
		quota_wake(quota, client);
}

static void client_let_go(struct client_quota *quota, struct quota_client *client)
{
	if (client != NULL && --client->held == 0)
		quota_rest(quota, client);
}

bool client_quota_open(struct client_quota *quota, struct ip client, struct quota_ask *ask,
	struct quota_hold *ret_hold)
{
	const struct conf *conf = ask->conf;
	const struct quota_hold hold = {
		quota_meet(quota, ip_source_of(client)), quota_meet(quota, ip_network_of(client))};

	if (!client_has_room(hold.source, conf->source_limits.connections, ask) ||
		!client_has_room(hold.network, conf->network_limits.connections, ask) ||
		!client_quota_take(&hold, LIMIT_NEW_CONNECTIONS, ask))
		return false;
	client_hold(quota, hold.source);
	client_hold(quota, hold.network);
	*ret_hold = hold;
	return true;
}

void client_quota_close(struct client_quota *quota, struct quota_hold *hold)
{
	client_let_go(quota, hold->source);
	client_let_go(quota, hold->network);
	*hold = (struct quota_hold){0};
	while (quota->idle_len > quota->idle_most)
		quota_forget_oldest(quota);
}

unsigned client_quota_refused(struct client_quota *quota, struct ip client, int64_t now_ms)
{
	struct quota_client *network = quota_meet(quota, ip_network_of(client));
	unsigned refused = ++network->refused;

	if (network->told_ms != 0 && now_ms - network->told_ms < MINUTE_MS)
		return 0;
	network->told_ms = now_ms;
	network->refused = 0;
	return refused;
}
