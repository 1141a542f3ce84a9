/* SPDX-License-Identifier: ISC */
#include "zone/guard_sample.h"

#include "zone/guard_rules.h"

/*
 * Which queries are watched is decided by counting down from random numbers whose mean is the rate
 * of the sample: a client that asks in a rhythm of its own is seen as often as the others. The rest
 * of this file runs for samples only.
 */
enum {
	LABELS_MASKED = 16, /* more labels that are long enough to be keys do not fit a name */
	PARTS_MAX = 2 + 2 * (2 * LABELS_MASKED + 1),
};

/* xorshift32: what it needs is cheapness and no rhythm. */
static uint32_t worker_random(struct guard_worker *worker)
{
	uint32_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	worker->random = x;
	return x;
}

static bool is_turn(struct guard_worker *worker, unsigned *until, unsigned each)
{
	if (each == 0)
		return false;
	if (*until > 1 && *until <= 2 * (uint64_t)each) {
		(*until)--;
		return false;
	}
	*until = 1 + worker_random(worker) % (2 * each - 1);
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

/* The places of labels that are written over: offset of the text in the message, and length. */
struct masks {
	size_t len;
	struct {
		size_t at, len;
	} labels[LABELS_MASKED];
};

static void parts_add_masked(struct parts *parts, struct span message, const struct masks *masks)
{
	static const uint8_t cover[] =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	size_t at = 0;

	for (size_t i = 0; i < masks->len; i++) {
		if (masks->labels[i].at + masks->labels[i].len > message.len)
			break; /* the header alone */
		parts_add(parts, span_of(message.ptr + at, masks->labels[i].at - at));
		parts_add(parts, span_of(cover, masks->labels[i].len));
		at = masks->labels[i].at + masks->labels[i].len;
	}
	parts_add(parts, span_from(message, at));
}

static bool is_key_of_any(const struct guard *guard, struct span label)
{
	for (size_t i = 0; i < guard->zones_len; i++) {
		if (guard->zones[i].keys != NULL &&
			access_keys_find(guard->zones[i].keys, label) != NULL)
			return true;
	}
	return false;
}

/* Whatever stands in the place of a key, since who mistypes a key writes most of it; and each key
 * in any other place. */
static bool is_masked(const struct guard_query *query, unsigned index, struct span label)
{
	const struct guard_zone *zone = query->zone >= 0 ? &query->guard->zones[query->zone] : NULL;

	if (zone != NULL && zone->keys != NULL &&
		index + zone->apex_labels + 1 == query->dns->labels_len)
		return true;
	return label.len >= ACCESS_KEY_MIN && is_key_of_any(query->guard, label);
}

static void masks_find(const struct guard_query *query, struct masks *masks)
{
	const struct dns_query *dns = query->dns;

	masks->len = 0;
	for (unsigned i = 0; i < dns->labels_len && masks->len < LABELS_MASKED; i++) {
		uint8_t at = dns->label_at[i];
		struct span label = span_of(dns->name + at + 1, dns->name[at]);

		if (!is_masked(query, i, label))
			continue;
		masks->labels[masks->len].at = DNS_HEADER_SIZE + (size_t)at + 1;
		masks->labels[masks->len++].len = label.len;
	}
}

void guard_sample(const struct guard_query *query, uint16_t rcode, size_t answer_len)
{
	struct guard_worker *worker = query->worker;
	struct guard_sample head = {
		.transport = (uint8_t)query->request->transport, .rcode = rcode};
	struct parts parts = {.len = 0};
	struct span bytes = query->request->query;
	struct span answer = span_of(query->request->out, answer_len);
	struct masks masks = {.len = 0};

	head.for_log = is_turn(worker, &worker->until_log, query->guard->log_sample);
	head.for_tap = is_turn(worker, &worker->until_tap, query->guard->tap_sample);
	if (!head.for_log && !head.for_tap)
		return;
	if (query->zone == GUARD_UNREAD) { /* what is malformed may hold a key anywhere */
		bytes = span_first(bytes, DNS_HEADER_SIZE);
		answer = span_first(answer, DNS_HEADER_SIZE);
	}
	head.time_ms = query->now.wall_ms;
	head.client = query->request->client;
	head.key_len = query->key != NULL ? query->key->name_len : 0;
	head.query_len = (uint16_t)bytes.len;
	head.answer_len = (uint16_t)answer.len;
	if (query->zone != GUARD_UNREAD)
		masks_find(query, &masks);
	parts_add(&parts, span_of(&head, sizeof(head)));
	if (query->key != NULL)
		parts_add(&parts, span_of(query->key->name, query->key->name_len));
	parts_add_masked(&parts, bytes, &masks);
	parts_add_masked(&parts, answer, &masks);
	if (!ring_put(worker->samples, parts.parts, parts.len))
		dns_counters_count(&worker->counters, DNS_COUNT_UNSEEN);
}
