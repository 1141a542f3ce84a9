/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A secondary as RFC 4592 says it, slow and obvious: a heap of records, and names that are looked
 * up in it with closest encloser and wildcard. What it answers is compared with what we answer
 * ourselves.
 */
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "sets/names.h"
#include "zone/ask.h"
#include "zone/diff.h"

struct copy {
	size_t len, size;
	struct span *records; /* zone_record_append; each its own copy; sorted */
	size_t keys_len;
	struct span *keys; /* name_key of each owner; sorted */
};

static int copy_span_compare(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void copy_add(struct copy *copy, struct span record)
{
	if (copy->len == copy->size) {
		copy->size = copy->size != 0 ? 2 * copy->size : 256;
		copy->records = mem_resize(copy->records, copy->size * sizeof(*copy->records));
	}
	copy->records[copy->len++] = span_of(mem_copy(record.ptr, record.len), record.len);
}

static void copy_done(struct copy *copy)
{
	for (size_t i = 0; i < copy->len; i++)
		mem_free((void *)copy->records[i].ptr);
	for (size_t i = 0; i < copy->keys_len; i++)
		mem_free((void *)copy->keys[i].ptr);
	mem_free(copy->records);
	mem_free(copy->keys);
	*copy = (struct copy){0};
}

static size_t copy_owner_text(struct span owner, char *text)
{
	size_t len = 0;

	while (owner.len != 0) {
		if (len != 0)
			text[len++] = '.';
		memcpy(text + len, owner.ptr + 1, owner.ptr[0]);
		len += owner.ptr[0];
		owner = span_from(owner, 1 + (size_t)owner.ptr[0]);
	}
	text[len] = '\0';
	return len;
}

static void copy_index(struct copy *copy)
{
	qsort(copy->records, copy->len, sizeof(*copy->records), copy_span_compare);
	copy->keys = mem_alloc_array(copy->len + 1, sizeof(*copy->keys));
	copy->keys_len = 0;
	for (size_t i = 0; i < copy->len; i++) {
		struct span rest = copy->records[i];
		uint8_t key[NAME_KEY_SIZE];
		struct zone_record record;
		char text[256];
		int len;

		assert_true(zone_record_take(&rest, &record));
		assert_int_equal(rest.len, 0);
		len = name_key(span_of(text, copy_owner_text(record.owner, text)), key);
		assert_true(len > 0);
		copy->keys[copy->keys_len++] = span_of(mem_copy(key, (size_t)len), (size_t)len);
	}
	qsort(copy->keys, copy->keys_len, sizeof(*copy->keys), copy_span_compare);
}

/* All records that the walk gives, of all subtrees; none comes twice. */
static void copy_walk(struct copy *copy, const struct zone_binding *binding)
{
	static struct zone_records records;

	*copy = (struct copy){0};
	for (unsigned subtree = 0; subtree < zone_subtrees(binding->zone); subtree++) {
		struct zone_node node, before;
		struct zone_walk walk;
		bool first = true;
		struct buf buf;

		buf_init(&buf, 0);
		zone_walk_begin(&walk, binding, subtree);
		while (zone_walk_next(&walk, &node)) {
			if (!first && node.domain.len == 0)
				assert_true(zone_node_compare(&before, &node) < 0);
			first = false;
			before = node;
			zone_node_records(binding, &node, &records);
			assert_true(records.len <= zone_node_count(binding, &node));
			for (size_t i = 0; i < records.len; i++) {
				buf_clear(&buf);
				zone_record_append(&buf, &records.records[i]);
				copy_add(copy, buf_span(&buf));
			}
		}
		buf_done(&buf);
	}
	copy_index(copy);
	for (size_t i = 1; i < copy->len; i++)
		assert_true(span_compare(copy->records[i - 1], copy->records[i]) != 0);
}

static size_t copy_lower(const struct span *items, size_t len, struct span wanted)
{
	size_t first = 0;

	while (first < len) {
		size_t middle = first + (len - first) / 2;

		if (span_compare(items[middle], wanted) < 0)
			first = middle + 1;
		else
			len = middle;
	}
	return first;
}

static bool copy_exists(const struct copy *copy, struct span name)
{
	uint8_t key[NAME_KEY_SIZE];
	int len = name_key(name, key);
	size_t at;

	if (name.len == 0)
		return true; /* the apex */
	at = copy_lower(copy->keys, copy->keys_len, span_of(key, (size_t)len));
	return at < copy->keys_len && name_key_is_within(copy->keys[at], span_of(key, (size_t)len));
}

/* What is answered, as octets that can be compared: each rdata with its length, sorted; and the
 * rcode. */
struct reply_copy {
	unsigned rcode;
	size_t len;
	struct span rdata[64];
	uint8_t room[16384];
	size_t used;
};

static void reply_copy_add(struct reply_copy *reply, struct span rdata)
{
	assert_true(reply->len < 64 && reply->used + rdata.len < sizeof(reply->room));
	memcpy(reply->room + reply->used, rdata.ptr, rdata.len);
	reply->rdata[reply->len++] = span_of(reply->room + reply->used, rdata.len);
	reply->used += rdata.len;
}

static void copy_take(
	const struct copy *copy, struct span name, uint16_t type, struct reply_copy *reply)
{
	uint8_t start[1 + 256];
	size_t at = 1;
	struct span labels = name;

	while (labels.len != 0) {
		struct span label = span_split(&labels, '.');

		start[at++] = (uint8_t)label.len;
		memcpy(start + at, label.ptr, label.len);
		at += label.len;
	}
	start[0] = (uint8_t)(at - 1);
	for (size_t i = copy_lower(copy->records, copy->len, span_of(start, at)); i < copy->len;
		i++) {
		struct span rest = copy->records[i];
		struct zone_record record;

		if (!span_equal(span_first(rest, at), span_of(start, at)))
			break;
		assert_true(zone_record_take(&rest, &record));
		if (record.type == type)
			reply_copy_add(reply, record.rdata);
	}
	qsort(reply->rdata, reply->len, sizeof(reply->rdata[0]), copy_span_compare);
}

/* RFC 1034 section 4.3.2, RFC 4592 section 3.3: name is below the apex. */
static inline void copy_ask(
	const struct copy *copy, struct span name, uint16_t type, struct reply_copy *reply)
{
	char wildcard[260] = "*.";
	struct span encloser = name;

	reply->len = reply->used = 0;
	reply->rcode = DNS_NOERROR;
	if (copy_exists(copy, name)) {
		copy_take(copy, name, type, reply);
		return;
	}
	while (!copy_exists(copy, encloser))
		span_split(&encloser, '.');
	memcpy(wildcard + 2, encloser.ptr, encloser.len);
	if (encloser.len == 0 || !copy_exists(copy, span_of(wildcard, 2 + encloser.len)))
		reply->rcode = DNS_NXDOMAIN;
	else
		copy_take(copy, span_of(wildcard, 2 + encloser.len), type, reply);
}

/* The same question asked of ourselves. */
static inline void our_ask(const struct zone_service *service, const struct zone *zone,
	struct span name, uint16_t type, struct reply_copy *reply)
{
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_name relative, full;
	struct dns_message message;
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_record record;
	struct buf query;
	size_t len;

	assert_int_equal(dns_name_parse(name, &relative), 0);
	assert_int_equal(dns_name_join(&relative, &zone->apex, &full), 0);
	buf_init(&query, 0);
	dns_query_encode(&query, 1, &full, type, 0);
	len = ask_zone(service, buf_span(&query), DNS_TCP, 1000, answer);
	buf_done(&query);
	assert_int_equal(dns_message_decode(span_of(answer, len), &message), 0);
	reply->len = reply->used = 0;
	reply->rcode = message.rcode;
	while (dns_message_next(&message, &walk, &record) == 1)
		reply_copy_add(reply, record.rdata);
	qsort(reply->rdata, reply->len, sizeof(reply->rdata[0]), copy_span_compare);
}
