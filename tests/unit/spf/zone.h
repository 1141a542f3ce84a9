/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A DNS of made-up records for tests of SPF, and the loop of whoever asks: evaluate, answer the
 * question, evaluate again. Aliases are followed as a resolver does.
 */
#include "unit.h"

#include "base/mem.h"
#include "dns/message.h"
#include "spf/spf.h"

enum { ZONE_MAX = 256, ZONE_ALIASES_MAX = 8, ZONE_ANY = 255 };

struct zone_record {
	struct dns_name owner;
	uint16_t type; /* ZONE_ANY: all that is not there ends without an answer */
	bool silent;
	struct span text;
	struct ip ip;
	struct dns_name target;
};

struct zone {
	size_t len;
	struct zone_record records[ZONE_MAX];
};

static inline void zone_name(struct span text, struct dns_name *ret_name)
{
	if (text.len == 0) { /* the root, of a null MX */
		*ret_name = (struct dns_name){.len = 1};
		return;
	}
	assert_int_equal(dns_name_parse(text, ret_name), 0);
}

static inline uint16_t zone_type(struct span word)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = {{"A", DNS_A}, {"AAAA", DNS_AAAA}, {"MX", DNS_MX}, {"PTR", DNS_PTR},
		{"TXT", DNS_TXT}, {"CNAME", DNS_CNAME}, {"ANY", ZONE_ANY}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (span_equal_text(word, types[i].name))
			return types[i].type;
	}
	fail_msg("no type %.*s", (int)word.len, (const char *)word.ptr);
	return 0;
}

/* data: text that lives as long as the zone. */
static inline void zone_add(
	struct zone *zone, struct span owner, struct span type, struct span data)
{
	struct zone_record *record = &zone->records[zone->len++];

	assert_true(zone->len <= ZONE_MAX);
	*record = (struct zone_record){.type = zone_type(type), .text = data};
	zone_name(owner, &record->owner);
	record->silent = span_equal_text(data, "TIMEOUT");
	if (record->silent || record->type == DNS_TXT)
		return;
	if (record->type == DNS_A || record->type == DNS_AAAA)
		assert_int_equal(ip_parse(data, &record->ip), 0);
	else
		zone_name(data, &record->target);
}

static inline const struct zone_record *zone_alias(
	const struct zone *zone, const struct dns_name *name)
{
	for (size_t i = 0; i < zone->len; i++) {
		if (zone->records[i].type == DNS_CNAME &&
			dns_name_equal(&zone->records[i].owner, name))
			return &zone->records[i];
	}
	return NULL;
}

static inline void zone_take(
	const struct zone_record *record, struct spf_answer *answer, struct arena *arena)
{
	struct ip *addresses = (struct ip *)(uintptr_t)answer->addresses;
	struct dns_name *names = (struct dns_name *)(uintptr_t)answer->names;
	struct span *texts = (struct span *)(uintptr_t)answer->texts;

	if (addresses == NULL) {
		answer->addresses = addresses = arena_alloc(arena, ZONE_MAX * sizeof(*addresses));
		answer->names = names = arena_alloc(arena, ZONE_MAX * sizeof(*names));
		answer->texts = texts = arena_alloc(arena, ZONE_MAX * sizeof(*texts));
	}
	addresses[answer->count] = record->ip;
	names[answer->count] = record->target;
	texts[answer->count++] = record->text;
	answer->state = SPF_ANSWER_FOUND;
}

static inline void zone_answer(const struct zone *zone, const struct spf_question *question,
	struct arena *arena, struct spf_answer *ret_answer)
{
	struct dns_name name = question->name;
	const struct zone_record *alias;
	bool silent = false;

	*ret_answer = (struct spf_answer){.question = *question, .state = SPF_ANSWER_VOID};
	for (int i = 0; i < ZONE_ALIASES_MAX && (alias = zone_alias(zone, &name)) != NULL; i++)
		name = alias->target;
	for (size_t i = 0; i < zone->len; i++) {
		const struct zone_record *record = &zone->records[i];

		if (!dns_name_equal(&record->owner, &name))
			continue;
		if (record->silent && (record->type == ZONE_ANY || record->type == question->type))
			silent = true;
		else if (record->type == question->type)
			zone_take(record, ret_answer, arena);
	}
	if (silent && ret_answer->state == SPF_ANSWER_VOID)
		ret_answer->state = SPF_ANSWER_UNKNOWN;
}

/* To the end. What the outcome points to lives in arena, the zone and the request. */
static inline void zone_evaluate(const struct zone *zone, const struct spf_request *request,
	struct arena *arena, struct spf_outcome *ret_outcome)
{
	struct spf_answer *answers = arena_alloc(arena, SPF_ANSWERS_MAX * sizeof(*answers));
	size_t len = 0;

	while (spf_evaluate(request, &(struct spf_answers){len, answers}, arena, ret_outcome),
		ret_outcome->result == SPF_UNANSWERED) {
		assert_true(len < SPF_ANSWERS_MAX);
		zone_answer(zone, &ret_outcome->question, arena, &answers[len++]);
	}
}
