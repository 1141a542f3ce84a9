/* SPDX-License-Identifier: ISC */
#include "resolve/resolver.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "resolve/cache.h"
#include "resolve/exchange.h"
#include "resolve/shares.h"

/*
 *   resolver_ask --in the cache--> ready (called back later in this turn)
 *        |------ being asked ----> joins the question under way
 *        |------ otherwise ------> a question of its own
 *
 * A query is one caller; a question is one exchange with all callers who wait for it. A cancelled
 * query leaves its question running: the answer is for the next who asks.
 */
enum { BUCKETS = 1024, CHECK_TRIES = 2 };

struct question {
	struct question *next; /* in its bucket */
	struct resolver *resolver;
	struct exchange *exchange;
	struct dns_name name;
	uint16_t type;
	uint64_t hash;
	struct place_hold hold;
	struct resolver_query *waiting;
};

struct resolver_query {
	uint32_t magic;
	struct resolver_query *next;  /* in its list: a question's, or the ready ones */
	struct resolver_query **link; /* what points to it there */
	struct dns_answer *answer;    /* of a ready one */
	uint32_t ttl_s;
	resolver_call *call;
	void *arg;
};

/* What loop_later holds: it may outlive the resolver. */
struct resolver_turn {
	uint32_t magic;
	struct resolver *resolver;
};

struct resolver {
	struct loop *loop;
	struct exchange_server server;
	struct exchange_settings settings;
	struct cache *cache;
	uint8_t key[QUESTION_KEY];
	struct shares *shares;
	struct question *buckets[BUCKETS];
	struct resolver_query *ready;
	struct resolver_turn *turn; /* set while one is due */
	unsigned unheard;           /* questions in a row without any answer */
	bool down;
	int64_t found_ms;       /* of the last answer with a record */
	struct exchange *check; /* the resolver is asked for a name that it knows by itself */
	struct timer look;      /* for the next check while it is down */
	unsigned calling;       /* depth of callbacks */
	struct resolver_stats stats;
	void (*changed)(void *arg);
	void *changed_arg;
};

static void resolver_on_look(struct timer *timer, void *arg);

struct resolver *resolver_new(struct loop *loop, const struct resolver_settings *settings)
{
	struct resolver *resolver = mem_new(resolver);

	resolver->loop = loop;
	resolver->server.endpoint = settings->server;
	resolver->settings = (struct exchange_settings){.loop = loop,
		.stats = &resolver->stats,
		.server = &resolver->server,
		.timeout_ms = settings->timeout_ms,
		.tries = settings->tries};
	resolver->cache = cache_new(settings->cache_entries);
	resolver->shares =
		shares_new(settings->questions != 0 ? settings->questions : RESOLVER_QUESTIONS_MAX);
	question_key_draw(resolver->key);
	timer_init(&resolver->look, loop, resolver_on_look, resolver);
	return resolver;
}

void resolver_on_change(struct resolver *resolver, void (*changed)(void *arg), void *arg)
{
	resolver->changed = changed;
	resolver->changed_arg = arg;
}

static void resolver_set_down(struct resolver *resolver, bool down)
{
	if (resolver->down == down)
		return;
	resolver->down = down;
	if (resolver->changed != NULL)
		resolver->changed(resolver->changed_arg);
}

void resolver_set_questions(struct resolver *resolver, size_t questions)
{
	shares_set_places(resolver->shares, questions);
}

unsigned resolver_percent(const struct resolver *resolver)
{
	return shares_percent(resolver->shares);
}

/* Nothing is known of another server yet, so that it is not taken for down. */
void resolver_set_server(struct resolver *resolver, struct endpoint server)
{
	struct endpoint old = resolver->server.endpoint;

	if (old.port == server.port && ip_equal(old.ip, server.ip))
		return;
	resolver->server = (struct exchange_server){.endpoint = server};
	resolver->unheard = 0;
	exchange_free(&resolver->check);
	timer_clear(&resolver->look);
	resolver_set_down(resolver, false);
}

/* ---- queries ---- */

static void query_link(struct resolver_query *query, struct resolver_query **link)
{
	query->link = link;
	query->next = *link;
	if (query->next != NULL)
		query->next->link = &query->next;
	*link = query;
}

static void query_free(struct resolver_query *query)
{
	*query->link = query->next;
	if (query->next != NULL)
		query->next->link = query->link;
	dns_answer_free(&query->answer);
	query->magic = 0;
	mem_free(query);
}

void resolver_cancel(struct resolver_query **query)
{
	if (*query == NULL)
		return;
	query_free(OBJ(resolver_query, *query));
	*query = NULL;
}

/* The query is gone before its caller hears: the caller may ask again, or cancel others, but not
 * this one. */
static void query_call(struct resolver *resolver, struct resolver_query *query,
	const struct resolver_answer *answer)
{
	resolver_call *call = query->call;
	void *arg = query->arg;

	query_free(query);
	resolver->calling++;
	call(answer, arg);
	resolver->calling--;
}

/* ---- answers that are there already: called back at the end of this turn of the loop ---- */

static void resolver_run_ready(void *arg)
{
	struct resolver_turn *turn = OBJ(resolver_turn, arg);
	struct resolver *resolver = turn->resolver;
	struct resolver_answer unpacked;

	turn->magic = 0;
	mem_free(turn);
	if (resolver == NULL)
		return;
	resolver->turn = NULL;
	while (resolver->ready != NULL) {
		struct resolver_query *query = resolver->ready;
		struct dns_answer *answer = dns_answer_hold(query->answer);

		dns_answer_unpack(answer, query->ttl_s, &unpacked);
		query_call(resolver, query, &unpacked);
		dns_answer_free(&answer);
	}
}

static void resolver_add_ready(struct resolver *resolver, struct resolver_query *query,
	struct dns_answer *answer, uint32_t ttl_s)
{
	query->answer = answer;
	query->ttl_s = ttl_s;
	query_link(query, &resolver->ready);
	if (resolver->turn != NULL)
		return;
	resolver->turn = mem_new(resolver_turn);
	resolver->turn->magic = (uint32_t)MAGIC_resolver_turn;
	resolver->turn->resolver = resolver;
	loop_later(resolver->loop, resolver_run_ready, resolver->turn);
}

/* ---- questions ---- */

/* Where the question hangs, or where the bucket ends. */
static struct question **question_find(
	struct resolver *resolver, uint64_t hash, const struct resolver_question *asked)
{
	struct question **at = &resolver->buckets[hash % BUCKETS];

	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->hash == hash && (*at)->type == asked->type &&
			dns_name_equal(&(*at)->name, asked->name))
			break;
	return at;
}

static void question_free(struct question *question)
{
	struct resolver_question asked = {.name = &question->name, .type = question->type};
	struct resolver *resolver = question->resolver;

	*question_find(resolver, question->hash, &asked) = question->next;
	shares_give(resolver->shares, &question->hold);
	while (question->waiting != NULL)
		query_free(question->waiting);
	exchange_free(&question->exchange);
	mem_free(question);
}

/* The question ends with this answer, which is the caller's. */
static void question_end(struct question *question, const struct dns_answer *answer)
{
	struct resolver *resolver = question->resolver;
	struct resolver_query *waiting = NULL;
	struct resolver_answer unpacked;

	if (question->waiting != NULL) { /* the list moves, so that callbacks may cancel */
		waiting = TAKE(question->waiting);
		waiting->link = &waiting;
	}
	question_free(question);
	dns_answer_unpack(answer, answer->ttl_s, &unpacked);
	while (waiting != NULL)
		query_call(resolver, waiting, &unpacked);
}

/* Nobody waits for a resolver that is away. What callbacks ask meanwhile is answered from the cache
 * or not at all, so this comes to an end. */
static void resolver_end_questions(struct resolver *resolver)
{
	struct dns_answer *answer = dns_answer_new_failed(RESOLVER_UNASKED);

	for (size_t i = 0; i < BUCKETS; i++)
		while (resolver->buckets[i] != NULL)
			question_end(resolver->buckets[i], answer);
	dns_answer_free(&answer);
}

/*
 * Silence may be the resolver's, or that of the name servers a stranger chose: a PTR record with
 * ten names in a dead zone costs its owner nothing. So many questions without an answer only raise
 * the suspicion; what decides is a name for which the resolver needs nobody (RFC 6761 section 6.3).
 * Whoever could switch DNS off from outside could switch the lists off. The same name tells whether
 * it is back: no client's question looks, so none waits, and none can hold the place.
 */
static void check_done(struct dns_answer *answer, enum exchange_end end, void *arg)
{
	struct resolver *resolver = arg;

	exchange_free(&resolver->check);
	dns_answer_free(&answer);
	if (end == EXCHANGE_HEARD) {
		resolver->unheard = 0;
		resolver_set_down(resolver, false);
		return;
	}
	if (end != EXCHANGE_UNSENT && resolver->unheard >= RESOLVER_DOWN_AFTER)
		resolver_set_down(resolver, true);
	if (!resolver->down)
		return;
	resolver_end_questions(resolver);
	timer_set(&resolver->look, loop_now_ms(resolver->loop) + RESOLVER_LOOK_MS);
}

static void resolver_check(struct resolver *resolver)
{
	struct exchange_settings settings = resolver->settings;
	unsigned tries = resolver->down ? 1 : CHECK_TRIES;
	struct dns_name name;
	struct resolver_question question = {.name = &name, .type = DNS_A};

	if (resolver->check != NULL)
		return;
	settings.tries = settings.tries < tries ? settings.tries : tries;
	ASSERT(dns_name_parse(span_text("localhost"), &name) == 0);
	resolver->check = exchange_new(&settings, &question, check_done, resolver);
}

static void resolver_on_look(struct timer *timer, void *arg)
{
	(void)timer;
	resolver_check(arg);
}

/* When the machine itself refuses, the silence is nobody else's. */
static void resolver_learn(struct resolver *resolver, enum exchange_end end)
{
	if (end == EXCHANGE_HEARD) {
		resolver->unheard = 0;
	} else if (end == EXCHANGE_REFUSED) {
		resolver->unheard = RESOLVER_DOWN_AFTER;
		resolver_set_down(resolver, true);
		resolver_check(resolver);
	} else if (end == EXCHANGE_SILENT && ++resolver->unheard >= RESOLVER_DOWN_AFTER) {
		resolver_check(resolver);
	}
}

static void question_done(struct dns_answer *answer, enum exchange_end end, void *arg)
{
	struct question *question = arg;
	struct resolver_question asked = {.name = &question->name, .type = question->type};
	struct resolver *resolver = question->resolver;

	resolver_learn(resolver, end);
	resolver->stats.failed += resolver_is_unknown(answer->status);
	if (answer->status == RESOLVER_FOUND)
		resolver->found_ms = loop_now_ms(resolver->loop);
	cache_put(resolver->cache, &asked, answer, loop_now_ms(resolver->loop));
	question_end(question, answer);
	dns_answer_free(&answer);
	if (resolver->down)
		resolver_end_questions(resolver);
}

/* NULL: there is no place for it. */
static struct question *question_new(
	struct resolver *resolver, uint64_t hash, const struct resolver_question *asked)
{
	struct question **bucket = &resolver->buckets[hash % BUCKETS];
	struct place_hold hold;
	struct question *question;

	if (!shares_take(resolver->shares, asked, &hold)) {
		resolver->stats.unasked++;
		return NULL;
	}
	question = mem_new(question);
	question->resolver = resolver;
	question->name = *asked->name;
	question->type = asked->type;
	question->hash = hash;
	question->next = *bucket;
	*bucket = question;
	question->hold = hold;
	question->exchange = exchange_new(&resolver->settings, asked, question_done, question);
	return question;
}

static struct resolver_query *query_new(struct resolver *resolver, resolver_call *call, void *arg)
{
	struct resolver_query *query = mem_new(resolver_query);

	query->magic = (uint32_t)MAGIC_resolver_query;
	query->call = call;
	query->arg = arg;
	resolver->stats.asked++;
	return query;
}

struct resolver_query *resolver_ask(struct resolver *resolver,
	const struct resolver_question *question, resolver_call *call, void *arg)
{
	struct resolver_query *query;
	uint32_t ttl_s = 0;
	struct dns_answer *cached =
		cache_get(resolver->cache, question, loop_now_ms(resolver->loop), &ttl_s);

	if (cached == NULL)
		return resolver_ask_anew(resolver, question, call, arg);
	query = query_new(resolver, call, arg);
	resolver->stats.cached++;
	resolver_add_ready(resolver, query, dns_answer_hold(cached), ttl_s);
	return query;
}

struct resolver_query *resolver_ask_anew(struct resolver *resolver,
	const struct resolver_question *asked, resolver_call *call, void *arg)
{
	uint64_t hash = question_hash(resolver->key, asked);
	struct question *question = *question_find(resolver, hash, asked);
	struct resolver_query *query = query_new(resolver, call, arg);

	if (question == NULL && !resolver->down)
		question = question_new(resolver, hash, asked);
	if (question != NULL) {
		query_link(query, &question->waiting);
	} else {
		resolver->stats.failed++;
		resolver_add_ready(resolver, query, dns_answer_new_failed(RESOLVER_UNASKED), 0);
	}
	return query;
}

struct resolver_stats resolver_stats(const struct resolver *resolver)
{
	return resolver->stats;
}

bool resolver_is_down(const struct resolver *resolver)
{
	return resolver->down;
}

int64_t resolver_found_ms(const struct resolver *resolver)
{
	return resolver->found_ms;
}

void resolver_free(struct resolver **resolver)
{
	struct resolver *r = *resolver;

	if (r == NULL)
		return;
	ASSERT(r->calling == 0);
	for (size_t i = 0; i < BUCKETS; i++)
		while (r->buckets[i] != NULL)
			question_free(r->buckets[i]);
	while (r->ready != NULL)
		query_free(r->ready);
	if (r->turn != NULL)
		r->turn->resolver = NULL;
	exchange_free(&r->check);
	timer_done(&r->look);
	shares_free(&r->shares);
	cache_free(&r->cache);
	mem_free(r);
	*resolver = NULL;
}
