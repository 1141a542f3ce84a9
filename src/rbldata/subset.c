/* SPDX-License-Identifier: ISC */
#include "rbldata/subset.h"

#include "base/mem.h"
#include "dns/message.h"
#include "rbldata/entry.h"

void rbl_subset_free(struct rbl_subset **subset)
{
	struct rbl_subset *p = *subset;

	*subset = NULL;
	if (p == NULL)
		return;
	rbl_texts_done(&p->texts);
	rbl_values_free(&p->values);
	rbl_index_done(&p->index);
	rbl_generic_free(&p->generic);
	mem_free(p);
}

size_t rbl_subset_memory(const struct rbl_subset *subset)
{
	return sizeof(*subset) + subset->index.image.size + rbl_values_memory(subset->values) +
	       (subset->generic != NULL ? rbl_generic_memory(subset->generic) : 0);
}

/* ---- Records ---- */

static void value_give(const struct rbl_subset *subset, const struct rbl_value *value,
	struct rbl_wish wish, const struct rbl_sink *sink)
{
	struct rbl_record record = {.ttl_s = subset->ttl_s};
	struct rbl_txt txt;

	if ((wish.want & RBL_WANT_A) != 0) {
		record.type = DNS_A;
		record.rdata = span_of(value->a, sizeof(value->a));
		sink->record(sink->arg, &record);
	}
	if ((wish.want & RBL_WANT_TXT) == 0)
		return;
	rbl_txt_expand(&subset->texts, value->text, wish.subject, &txt);
	if (txt.rdata[0] == 0)
		return;
	record.type = DNS_TXT;
	record.rdata = span_of(txt.rdata, 1 + (size_t)txt.rdata[0]);
	sink->record(sink->arg, &record);
}

void rbl_subset_give(const struct rbl_subset *subset, uint32_t answer, struct rbl_wish wish,
	const struct rbl_sink *sink)
{
	uint32_t one;
	size_t len;
	const uint32_t *numbers = rbl_values_of(subset->values, answer, &one, &len);

	for (size_t i = 0; i < len; i++) {
		struct rbl_value value = rbl_values_get(subset->values, numbers[i]);

		value_give(subset, &value, wish, sink);
	}
}

/* ---- Questions ---- */

/* Whether an address of IPv4 is listed that is asked for in a network of IPv6, of so many bits:
 * those in the mapped block stand there in the index, and 2002::/16 holds each of them a second
 * time, as rbl_question_init reads it. */
static bool index_has_v4_inside(const struct rbl_index *index, u128 first, unsigned bits)
{
	enum { BITS = 128, TO_V4_BITS = 16, BEHIND_V4_BITS = BITS - TO_V4_BITS - 32 };
	const u128 to_v4 = (u128)0x2002 << (BITS - TO_V4_BITS);
	unsigned v4_bits = bits > TO_V4_BITS ? bits - TO_V4_BITS : 0;

	if (rbl_index_has(index, first, bits))
		return true;
	if ((first ^ to_v4) >> (BITS - (bits - v4_bits)) != 0)
		return false;
	return rbl_index_has(index, key_v4_first + (uint32_t)(first >> BEHIND_V4_BITS),
		IP_V4_BITS + (v4_bits < 32 ? v4_bits : 32));
}

/* Whether something is listed below the name: it is there then (RFC 8020). */
static bool v4_has_below(const struct rbl_subset *subset, const struct rbl_question *question)
{
	uint32_t first_v4;
	struct ip first;

	if (question->labels == 0)
		return false;
	if (question->labels < 4 && rbl_question_v4(question, &first_v4) &&
		rbl_index_has(
			&subset->index, key_v4_first + first_v4, IP_V4_BITS + 8 * question->labels))
		return true;
	return question->labels < 32 && rbl_question_v6(question, &first) &&
	       index_has_v4_inside(&subset->index, key_of_ip(first), 4 * question->labels);
}

static unsigned query_v4(const struct rbl_subset *subset, const struct rbl_question *question,
	const struct rbl_sink *sink)
{
	char text[IP_TEXT_SIZE] = "";
	uint32_t answer = question->has_v4 ? rbl_index_v4(&subset->index, question->v4) : 0;

	if (answer == 0)
		return v4_has_below(subset, question) ? RBL_BELOW : 0;
	if ((question->want & RBL_WANT_TXT) != 0)
		ip_print(ip_from_v4(question->v4), text);
	rbl_subset_give(subset, answer, (struct rbl_wish){question->want, span_text(text)}, sink);
	return RBL_FOUND;
}

static unsigned query_v6(const struct rbl_subset *subset, const struct rbl_question *question,
	const struct rbl_sink *sink)
{
	char text[RBL_IP6_TEXT_SIZE] = "";
	struct ip first;
	uint32_t answer;

	if (question->has_v6) {
		answer = rbl_index_v6(&subset->index, question->v6);
		if (answer == 0)
			return 0;
		if ((question->want & RBL_WANT_TXT) != 0)
			rbl_ip6_print(question->v6, text);
		rbl_subset_give(
			subset, answer, (struct rbl_wish){question->want, span_text(text)}, sink);
		return RBL_FOUND;
	}
	if (question->labels == 0 || question->labels >= 32 || !rbl_question_v6(question, &first))
		return 0;
	return rbl_index_has(&subset->index, key_of_ip(first), 4 * question->labels) ? RBL_BELOW
										     : 0;
}

static unsigned query_name(const struct rbl_subset *subset, const struct rbl_question *question,
	struct span key, const struct rbl_sink *sink)
{
	struct rbl_named named = rbl_index_name(&subset->index, key);
	char text[RBL_NAME_TEXT_SIZE];
	size_t len = 0;

	if (named.answer == 0)
		return named.has_below ? RBL_BELOW : 0;
	if ((question->want & RBL_WANT_TXT) != 0)
		len = rbl_key_print(span_first(key, named.entry_len), text);
	rbl_subset_give(
		subset, named.answer, (struct rbl_wish){question->want, span_of(text, len)}, sink);
	return RBL_FOUND;
}

static unsigned query_key(const struct rbl_subset *subset, const struct rbl_question *question,
	const struct rbl_sink *sink)
{
	struct span key;

	if (question->key_len < 0)
		return 0;
	key = span_of(question->key, (size_t)question->key_len);
	if (subset->type == RBL_GENERIC)
		return rbl_generic_query(subset->generic, key, question->want, sink);
	return key.len != 0 ? query_name(subset, question, key, sink) : 0;
}

/* What an acl says goes before what is listed, for all that could be: addresses and names. */
static unsigned query_overruled(
	const struct rbl_subset *subset, const struct rbl_question *question)
{
	bool could_be = subset->type == RBL_DNSET                           ? question->labels != 0
			: (rbl_type_kinds(subset->type) & RBL_KIND_V4) != 0 ? question->has_v4
									    : question->has_v6;

	return question->reply == RBL_REPLY_ALWAYS && could_be ? RBL_LISTED_ALWAYS : 0;
}

unsigned rbl_subset_query(const struct rbl_subset *subset, const struct rbl_question *question,
	const struct rbl_sink *sink)
{
	if (subset->type == RBL_ACL)
		return 0;
	if (subset->type == RBL_GENERIC)
		return query_key(subset, question, sink);
	if (question->reply != RBL_REPLY_DATA)
		return query_overruled(subset, question);
	if (subset->type == RBL_DNSET)
		return query_key(subset, question, sink);
	if ((rbl_type_kinds(subset->type) & RBL_KIND_V4) != 0)
		return query_v4(subset, question, sink);
	return query_v6(subset, question, sink);
}

void rbl_subset_prefetch(
	const struct rbl_subset *subset, const struct rbl_question *question, unsigned step)
{
	unsigned kinds = rbl_type_kinds(subset->type);

	if (subset->type == RBL_DNSET && question->key_len > 0)
		rbl_index_prefetch_name(
			&subset->index, span_of(question->key, (size_t)question->key_len), step);
	else if ((kinds & RBL_KIND_V4) != 0 && question->has_v4)
		rbl_index_prefetch(&subset->index, key_v4_first + question->v4, step);
	else if ((kinds & RBL_KIND_V6) != 0 && question->has_v6)
		rbl_index_prefetch(&subset->index, key_of_ip(question->v6), step);
}

struct rbl_verdict rbl_subset_verdict(const struct rbl_subset *subset, struct ip client)
{
	uint32_t answer = ip_is_v4(client) ? rbl_index_v4(&subset->index, ip_to_v4(client))
					   : rbl_index_v6(&subset->index, client);
	static const enum rbl_action actions[RBL_ACL_VALUES_FROM] = {[RBL_WORD_IGNORE] = RBL_IGNORE,
		[RBL_WORD_REFUSE] = RBL_REFUSE,
		[RBL_WORD_EMPTY] = RBL_EMPTY}; /* others pass */

	if (answer < RBL_ACL_VALUES_FROM)
		return (struct rbl_verdict){.action = actions[answer]};
	return (struct rbl_verdict){.action = RBL_ALWAYS, .value = answer - RBL_ACL_VALUES_FROM};
}
