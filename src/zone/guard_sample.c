/* SPDX-License-Identifier: ISC */
#include "base/clock.h"
#include "zone/guard_priv.h"

/*
 * Which queries are watched is decided by counting down from random numbers whose mean is the rate of the sample: a client
 * that asks in a rhythm of its own is seen as often as the others. The rest of this file runs for samples only.
 */
enum { PARTS_MAX = 8 };

/* xorshift32: what it needs is cheapness and no rhythm. */
static uint32_t desk_random(struct guard_desk *desk)
{
	uint32_t x = desk->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	desk->random = x;
	return x;
}

static bool is_turn(struct guard_desk *desk, unsigned *until, unsigned each)
{
	if (each == 0)
		return false;
	if (*until > 1 && *until <= 2 * (uint64_t)each) {
		(*until)--;
		return false;
	}
	*until = 1 + desk_random(desk) % (2 * each - 1);
	return true;
}

struct parts {
	size_t len;
	struct span parts[PARTS_MAX];
};

static void parts_add(struct parts *parts, struct span part)
{
	parts->parts[parts->len++] = part;
}

/* A message, with what is in place of the key written over. at 0: it has none. */
static void parts_add_masked(struct parts *parts, struct span message, size_t at, size_t len)
{
	static const uint8_t mask[] =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	if (at == 0 || at + len > message.len) {
		parts_add(parts, message);
		return;
	}
	parts_add(parts, span_first(message, at));
	parts_add(parts, span_of(mask, len));
	parts_add(parts, span_from(message, at + len));
}

/* Where a key stands in the question, also a wrong one: who mistypes a key writes most of it. */
static size_t key_find(const struct guard_turn *turn, size_t *ret_len)
{
	const struct dns_query *query = turn->query;
	const struct guard_zone *zone;
	uint8_t at;

	if (turn->zone < 0)
		return 0;
	zone = &turn->guard->zones[turn->zone];
	if (zone->keys == NULL || query->labels_len <= zone->apex_labels)
		return 0;
	at = query->label_at[query->labels_len - zone->apex_labels - 1];
	*ret_len = query->name[at];
	return DNS_HEADER_SIZE + (size_t)at + 1;
}

void guard_sample(struct guard_turn *turn, size_t answer_len)
{
	struct guard_desk *desk = turn->desk;
	struct guard_sample head = {.transport = (uint8_t)turn->job->transport};
	struct parts parts = {.len = 0};
	struct span query = turn->job->query;
	struct span answer = span_of(turn->job->out, answer_len);
	size_t key_at, key_len = 0;

	head.for_log = is_turn(desk, &desk->until_log, turn->guard->log_sample);
	head.for_tap = is_turn(desk, &desk->until_tap, turn->guard->tap_sample);
	if (!head.for_log && !head.for_tap)
		return;
	if (turn->zone == GUARD_UNREAD) { /* what is malformed may hold a key anywhere */
		query = span_first(query, DNS_HEADER_SIZE);
		answer = span_first(answer, DNS_HEADER_SIZE);
	}
	head.time_ms = clock_now_ms();
	head.client = turn->job->client;
	head.key_len = turn->key != NULL ? turn->key->name_len : 0;
	head.query_len = (uint16_t)query.len;
	head.answer_len = (uint16_t)answer.len;
	key_at = key_find(turn, &key_len);
	parts_add(&parts, span_of(&head, sizeof(head)));
	if (turn->key != NULL)
		parts_add(&parts, span_of(turn->key->name, turn->key->name_len));
	parts_add_masked(&parts, query, key_at, key_len);
	parts_add_masked(&parts, answer, key_at, key_len);
	if (!ring_put(desk->samples, parts.parts, parts.len))
		dns_tally_count(&desk->tally, DNS_COUNT_UNSEEN);
}
