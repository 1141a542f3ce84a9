/* SPDX-License-Identifier: ISC */
/* What holds of every verdict: random facts and settings. */
#include <stdlib.h>

#include "gate/verdict_case.h"

static const struct conf_filter some_filters[] = {{.text = "127.0.0.2"},
	{.text = "127.0.0.3*5", .has_weight = true, .weight = 5},
	{.text = "127.0.0.4*-3", .has_weight = true, .weight = -3}};

static unsigned pick(unsigned *seed, unsigned count)
{
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 16) % count;
}

static enum fact_state any_state(unsigned *seed)
{
	return (enum fact_state)pick(seed, 4);
}

/* What one answer of those that the filters name would weigh. */
static void any_hit(struct sample *s, size_t i, unsigned *seed)
{
	const struct conf_dnsbl *dnsbl = &s->dnsbls[i];
	unsigned fitting = 1 + pick(seed, 7);

	s->facts.dnsbls[i].hit.weight = 0;
	for (size_t k = 0; k < dnsbl->codes_len; k++)
		if ((fitting >> k & 1) != 0)
			s->facts.dnsbls[i].hit.weight +=
				dnsbl->codes[k].has_weight ? dnsbl->codes[k].weight : dnsbl->weight;
}

static void randomise(struct sample *s, unsigned *seed)
{
	static const char *const helos[] = {"", "friend", "mx.example.net", "[192.0.2.7]", "a.b"};
	static const char *const recipients[] = {"b@example.net", "postmaster@example.net",
		"b@elsewhere.test", "a%b@example.net", "joe", ""};

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		s->checks[i].action = (enum action)pick(seed, 4);
		s->checks[i].weight = (int)pick(seed, 9) - 2;
		s->checks[i].has_mode = pick(seed, 3) == 0;
		s->checks[i].mode = (enum mode)pick(seed, 3);
	}
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		s->dnsbls[i].action = (enum action)pick(seed, 6);
		s->dnsbls[i].weight = (int)pick(seed, 9) - 4;
		s->dnsbls[i].codes = some_filters;
		s->dnsbls[i].codes_len = COUNTOF(some_filters);
		any_hit(s, i, seed);
		s->facts.dnsbls[i].asked = pick(seed, 5) != 0;
		s->facts.dnsbls[i].state = any_state(seed);
		s->facts.dnsbls[i].list_error = pick(seed, 5) == 0;
	}
	s->conf.mode = (enum mode)pick(seed, 3);
	s->conf.fail_open = pick(seed, 2) != 0;
	s->facts.ptr = any_state(seed);
	s->facts.confirmed = any_state(seed);
	s->facts.allowed = pick(seed, 3) == 0 ? any_state(seed) : FACT_NO;
	s->facts.lists_known = pick(seed, 9) != 0;
	s->facts.spoke_early = pick(seed, 6) == 0;
	if (pick(seed, 6) == 0)
		sample_list(s, pick(seed, 2), "r", (int64_t)pick(seed, 2) * (NOW_S + 9));
	s->facts.helo = span_text(helos[pick(seed, COUNTOF(helos))]);
	facts_set_recipient(&s->facts, &s->conf, span_text(recipients[pick(seed, 6)]));
}

static void find_out(enum fact_state *state, unsigned *seed)
{
	if (*state == FACT_UNKNOWN || *state == FACT_TEMPORARY)
		*state = pick(seed, 2) != 0 ? FACT_YES : FACT_NO;
}

/* The same world, in one of the states that it may be in for all that was told. */
static void find_all_out(struct sample *s, unsigned *seed)
{
	struct facts *facts = &s->facts;

	find_out(&facts->ptr, seed);
	find_out(&facts->confirmed, seed);
	find_out(&facts->allowed, seed);
	for (size_t i = 0; i < facts->dnsbls_len; i++)
		find_out(&facts->dnsbls[i].state, seed);
	if (!facts->lists_known && pick(seed, 2) != 0)
		sample_list(s, pick(seed, 2), "r", 0);
	facts->lists_known = true;
}

static void a_refusal_for_good_holds_whatever_is_found_out(void **state)
{
	unsigned seed = 20261122;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (s.verdict.kind == VERDICT_REFUSE) {
			refused++;
			find_all_out(&s, &seed);
			verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
			assert_int_equal(s.verdict.kind, VERDICT_REFUSE);
		}
		sample_done(&s);
	}
	assert_true(refused > 1000); /* or nothing was shown */
}

/* if-we-fail: tempfail lets nobody in whom something unknown might refuse. */
static void who_is_let_in_for_sure_is_let_in_whatever_is_found_out(void **state)
{
	unsigned seed = 5;
	unsigned passed = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		s.conf.fail_open = false;
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (s.verdict.would < VERDICT_TEMPFAIL) {
			passed++;
			find_all_out(&s, &seed);
			verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
			assert_true(s.verdict.would < VERDICT_TEMPFAIL);
		}
		sample_done(&s);
	}
	assert_true(passed > 1000);
}

static void strangers_never_relay(void **state)
{
	unsigned seed = 4711;
	unsigned tried = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (!s.facts.recipient_is_own ||
			memchr(s.facts.recipient.ptr, '%', s.facts.recipient.len) != NULL) {
			tried++;
			assert_true(s.verdict.would >= VERDICT_TEMPFAIL);
			if (s.conf.mode == MODE_ENFORCE) {
				assert_int_equal(s.verdict.kind, VERDICT_REFUSE);
				assert_int_equal(s.verdict.decider->check, CHECK_RELAY_DENIED);
			}
		}
		sample_done(&s);
	}
	assert_true(tried > 1000);
}

/* A fact more against the client never makes the verdict milder, and one result at most decides. */
static void replies_agree_with_verdicts(void **state)
{
	unsigned seed = 99;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		struct sample s;
		const struct refusal *refusal;

		sample_init(&s);
		randomise(&s, &seed);
		decide(&s);
		assert_int_equal(decided_count(&s.verdict), s.verdict.decider != NULL);
		assert_true(s.verdict.kind <= s.verdict.would || s.verdict.kind == VERDICT_TAG);
		if (s.verdict.would >= VERDICT_TEMPFAIL) {
			refusal = refusal_get(s.verdict.refusal);
			assert_int_equal(
				refusal->code / 100, s.verdict.would == VERDICT_TEMPFAIL ? 4 : 5);
			assert_true(buf_len(&s.reply) > 10 && buf_len(&s.reply) <= 510);
		}
		sample_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_for_good_holds_whatever_is_found_out),
		cmocka_unit_test(who_is_let_in_for_sure_is_let_in_whatever_is_found_out),
		cmocka_unit_test(strangers_never_relay),
		cmocka_unit_test(replies_agree_with_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
