/* SPDX-License-Identifier: ISC */
#pragma once
/* Cases of a verdict as rows of a table: what is unlike the sample (gate/sample.h), and what comes
 * of it. */
#include "unit.h"

#include "gate/sample.h"

enum { NOW_S = 1795300000 };

struct verdict_case {
	const char *name;
	void (*change)(struct sample *s);
	enum verdict_kind kind;
	const char *reply; /* NULL: none; the start of the reply otherwise */
};

static inline void listed(struct sample *s)
{
	sample_list(s, 0, "3 trap hits", 0);
}

static inline void no_ptr(struct sample *s)
{
	s->facts.ptr = FACT_NO;
	s->facts.ptr_name = (struct span){0};
	s->facts.confirmed = FACT_UNKNOWN;
}

static inline void unconfirmed(struct sample *s)
{
	s->facts.confirmed = FACT_NO;
}

static inline void unconfirmed_reject(struct sample *s)
{
	s->facts.confirmed = FACT_NO;
	s->checks[CHECK_FCRDNS].action = ACTION_REJECT;
}

static inline void score_to_reject(struct sample *s)
{
	sample_dnsbl(s, 1);
	unconfirmed(s);
	s->checks[CHECK_FCRDNS].action = ACTION_SCORE;
	s->checks[CHECK_FCRDNS].weight = 4;
}

static inline void welcomed_by_a_foreign_list(struct sample *s)
{
	no_ptr(s);
	sample_dnsbl(s, 0);
	sample_dnsbl(s, 2);
}

static inline void decide(struct sample *s)
{
	verdict_decide(&s->facts, &s->conf, NOW_S, &s->verdict);
	buf_clear(&s->reply);
	verdict_print_reply(&s->verdict, 1, &s->reply);
}

static inline unsigned decided_count(const struct verdict *v)
{
	unsigned count = 0;

	for (size_t i = 0; i < v->results_len; i++)
		count += v->results[i].decided;
	return count;
}

static inline void verdict_cases_hold(const struct verdict_case *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct verdict_case *c = &cases[i];
		struct sample s;

		print_message("  %s\n", c->name);
		sample_init(&s);
		c->change(&s);
		decide(&s);
		assert_string_equal(verdict_kind_name(s.verdict.kind), verdict_kind_name(c->kind));
		if (c->reply != NULL)
			assert_memory_equal(buf_cstr(&s.reply), c->reply, strlen(c->reply));
		else
			assert_int_equal(buf_len(&s.reply), 0);
		assert_int_equal(decided_count(&s.verdict), s.verdict.decider != NULL);
		assert_int_equal(s.verdict.decider != NULL, s.verdict.would != VERDICT_PASS);
		assert_int_equal(s.verdict.results_len, CHECK_COUNT - 1 + SAMPLE_DNSBLS);
		sample_done(&s);
	}
}
