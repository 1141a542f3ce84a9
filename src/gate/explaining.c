/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "gate/explain.h"

/* The edge of explain: gathers as the gate does, then hands facts to the pure part. */
struct explaining {
	uint32_t magic;
	struct loop *loop;
	const struct conf *conf;
	const struct view *view;
	struct explain_request request;
	struct gathering *gathering;
	struct timer timer;
	struct explanation explanation;
	void (*done)(const struct explanation *explanation, void *arg);
	void *arg;
};

static void explaining_finish(struct explaining *e)
{
	struct facts facts = {
		.helo = e->request.helo, .sender = e->request.sender, .client = e->request.client};

	timer_clear(&e->timer);
	gathering_facts(e->gathering, &facts);
	facts_set_recipient(&facts, e->conf, e->request.recipient);
	if (e->request.recipient.len == 0)
		facts.recipient_is_own = true;
	facts_look_up(&facts, e->conf, e->view);
	explain_fill(&facts, e->conf, loop_now_s(e->loop), &e->explanation);
	e->done(&e->explanation, e->arg);
}

static void explaining_on_gathered(struct gathering *gathering, void *arg)
{
	(void)gathering;
	explaining_finish(OBJ(explaining, arg));
}

static void explaining_on_timer(struct timer *timer, void *arg)
{
	struct explaining *e = OBJ(explaining, arg);

	(void)timer;
	gathering_stop(e->gathering); /* one of both calls back */
	explaining_finish(e);
}

struct explaining *explaining_start(struct loop *loop, struct gatherer *gatherer,
	const struct conf *conf, const struct view *view, const struct explain_request *request,
	int64_t wait_ms, void (*done)(const struct explanation *explanation, void *arg), void *arg)
{
	struct explaining *e = mem_new(explaining);

	e->magic = (uint32_t)MAGIC_explaining;
	e->loop = loop;
	e->conf = conf;
	e->view = view;
	e->request = *request;
	e->done = done;
	e->arg = arg;
	timer_init(&e->timer, loop, explaining_on_timer, e);
	timer_set(&e->timer, loop_now_ms(loop) + wait_ms);
	e->gathering = gathering_start(gatherer, view, request->client, explaining_on_gathered, e);
	return e;
}

void explaining_free(struct explaining **explaining)
{
	struct explaining *e = *explaining;

	if (e == NULL)
		return;
	gathering_free(&e->gathering);
	timer_done(&e->timer);
	e->magic = 0;
	mem_free(e);
	*explaining = NULL;
}
