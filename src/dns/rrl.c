/* SPDX-License-Identifier: ISC */
#include "dns/rrl.h"

#include <sodium.h>

#include "base/mem.h"
#include "base/token_bucket.h"

/*
 * Buckets of tokens, four to a set, a set to a cache line; the hash of network and kind says which
 * set, and with its other half which bucket. In a full set the bucket that was not asked for
 * longest makes room and is forgotten, which gives its network a full bucket when it comes again.
 * That costs an attacker more than it brings: a bucket under attack is never the one not asked for
 * longest. The hash has a secret key, so that nobody can choose who shares a set.
 */
enum { WAYS = 4, SETS = 8192, SECOND_MS = 1000 };

struct bucket {
	uint32_t tag;
	uint32_t asked_ms;
	int32_t credit;
	uint32_t limited; /* answers withheld since there was credit */
};

struct dns_rrl {
	unsigned workers;
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct bucket sets[SETS][WAYS];
};

struct dns_rrl *dns_rrl_new(unsigned workers)
{
	struct dns_rrl *rrl = mem_new(dns_rrl);

	rrl->workers = workers != 0 ? workers : 1;
	crypto_shorthash_keygen(rrl->key);
	return rrl;
}

void dns_rrl_free(struct dns_rrl **rrl)
{
	mem_free(*rrl);
	*rrl = NULL;
}

static uint64_t network_hash(const struct dns_rrl *rrl, const struct dns_rrl_limits *limits,
	const struct dns_rrl_answer *answer)
{
	unsigned bits = ip_is_v4(answer->client) ? IP_V4_BITS + limits->v4_bits : limits->v6_bits;
	struct prefix network = prefix_of(answer->client, bits);
	uint8_t input[sizeof(network.ip.b) + 1];
	uint64_t hash;

	memcpy(input, network.ip.b, sizeof(network.ip.b));
	input[sizeof(network.ip.b)] = (uint8_t)answer->kind;
	crypto_shorthash((uint8_t *)&hash, input, sizeof(input), rrl->key);
	return hash;
}

/* The bucket of this tag; a full one when it has none yet. */
static struct bucket *set_find(struct bucket set[WAYS], uint32_t tag, uint32_t now_ms, int32_t full)
{
	struct bucket *oldest = set;

	for (struct bucket *bucket = set; bucket < set + WAYS; bucket++) {
		if (bucket->tag == tag)
			return bucket;
		if (now_ms - bucket->asked_ms > now_ms - oldest->asked_ms)
			oldest = bucket;
	}
	*oldest = (struct bucket){.tag = tag, .asked_ms = now_ms, .credit = full};
	return oldest;
}

enum dns_rrl_action dns_rrl_take(struct dns_rrl *rrl, const struct dns_rrl_limits *limits,
	const struct dns_rrl_answer *answer, int64_t now_ms)
{
	unsigned rate = limits->rates[answer->kind];
	struct token_rate pace = {.period_ms = SECOND_MS};
	struct bucket *bucket;
	int64_t credit;
	uint64_t hash;
	bool passed;

	if (rate == 0)
		return DNS_RRL_PASS;
	pace.tokens = rate > rrl->workers ? rate / rrl->workers : 1;
	pace.full = (int64_t)pace.tokens * limits->burst_s * SECOND_MS;
	pace.full = pace.full < INT32_MAX ? pace.full : INT32_MAX;
	hash = network_hash(rrl, limits, answer);
	bucket = set_find(rrl->sets[hash % SETS], (uint32_t)(hash >> 32) | 1, (uint32_t)now_ms,
		(int32_t)pace.full);
	credit = bucket->credit;
	passed = token_bucket_take(&credit, &pace, (uint32_t)now_ms - bucket->asked_ms);
	bucket->asked_ms = (uint32_t)now_ms;
	bucket->credit = (int32_t)credit;
	if (passed) {
		bucket->limited = 0;
		return DNS_RRL_PASS;
	}
	bucket->limited++;
	return limits->slip != 0 && bucket->limited % limits->slip == 0 ? DNS_RRL_SLIP
									: DNS_RRL_DROP;
}
