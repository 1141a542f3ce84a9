/* SPDX-License-Identifier: ISC */
#include "gate/resolver_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "resolve/resolver.h"

struct resolver_test {
	uint32_t magic;
	struct resolver *resolver;
	struct resolver_query *query;
	struct timer timer;
	bool rewrites;
	void (*changed)(void *arg);
	void *arg;
};

static void test_on_answer(const struct resolver_answer *answer, void *arg)
{
	struct resolver_test *test = OBJ(resolver_test, arg);
	bool known = !resolver_is_unknown(answer->status);
	bool rewrites = answer->status == RESOLVER_FOUND;

	test->query = NULL;
	timer_set(&test->timer,
		loop_now_ms(test->timer.loop) +
			(known && !rewrites ? RESOLVER_TEST_EVERY_MS : RESOLVER_TEST_AGAIN_MS));
	if (!known || rewrites == test->rewrites)
		return;
	test->rewrites = rewrites;
	test->changed(test->arg);
}

static void test_on_timer(struct timer *timer, void *arg)
{
	struct resolver_test *test = OBJ(resolver_test, arg);
	struct dns_name name;
	uint64_t random;
	char text[48];

	(void)timer;
	ASSERT(getrandom(&random, sizeof(random), 0) == sizeof(random));
	snprintf(text, sizeof(text), "stockade-%016" PRIx64 ".invalid", random);
	ASSERT(dns_name_parse(span_text(text), &name) == 0);
	test->query = resolver_ask(test->resolver,
		&(struct resolver_question){.name = &name, .type = DNS_A}, test_on_answer, test);
}

struct resolver_test *resolver_test_new(
	struct loop *loop, struct resolver *resolver, void (*changed)(void *arg), void *arg)
{
	struct resolver_test *test = mem_new(resolver_test);

	test->magic = (uint32_t)MAGIC_resolver_test;
	test->resolver = resolver;
	test->changed = changed;
	test->arg = arg;
	timer_init(&test->timer, loop, test_on_timer, test);
	timer_set(&test->timer, loop_now_ms(loop));
	return test;
}

void resolver_test_free(struct resolver_test **test)
{
	struct resolver_test *t = *test;

	if (t == NULL)
		return;
	resolver_cancel(&t->query);
	timer_done(&t->timer);
	t->magic = 0;
	mem_free(t);
	*test = NULL;
}

bool resolver_test_rewrites(const struct resolver_test *test)
{
	return test->rewrites;
}
