/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The stub resolver's edge: asks the site's recursive resolver over UDP (TCP after truncation),
 * with a cache and sharing of equal questions under way. Random source port and id, 0x20 case;
 * answers that do not match are dropped without ending the wait. The bytes are decoded by dns/;
 * they are strangers' bytes. One loop, one thread.
 */
#include "base/err.h"
#include "loop/loop.h"
#include "resolve/result.h"

struct resolver;
struct resolver_query;

struct resolver_settings {
	struct endpoint server;
	int64_t timeout_ms; /* of one try; 1500 */
	unsigned tries;     /* 3 */
	size_t cache_entries;
	size_t questions; /* under way at most, each has a descriptor; 0: RESOLVER_QUESTIONS_MAX */
};

enum {
	RESOLVER_QUESTIONS_MAX = 2048,
	RESOLVER_DOWN_AFTER = 5, /* questions in a row */
	RESOLVER_LOOK_MS = 500   /* between looks while it is down */
};

/* All callbacks stop with resolver_free, which may not be called from one of them. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_settings *settings);
void resolver_free(struct resolver **resolver);
/* After a reload: questions from now on go there; those under way end where they began. */
void resolver_set_server(struct resolver *resolver, struct endpoint server);
void resolver_set_questions(struct resolver *resolver, size_t questions);
/* How many of these are under way, in per cent. */
unsigned resolver_percent(const struct resolver *resolver);

typedef void resolver_call(const struct resolver_answer *answer, void *arg);

/* Calls back once, never from inside (cached answers: in the same turn, by loop_later); may be
 * cancelled until then. */
struct resolver_query *resolver_ask(struct resolver *resolver,
	const struct resolver_question *question, resolver_call *call, void *arg);
void resolver_cancel(struct resolver_query **query);

/* The same without looking into the cache: tests whether a list lives. The answer is kept. */
struct resolver_query *resolver_ask_anew(struct resolver *resolver,
	const struct resolver_question *question, resolver_call *call, void *arg);

struct resolver_stats resolver_stats(const struct resolver *resolver);

/* True after RESOLVER_DOWN_AFTER questions in a row without any answer, when the resolver does not
 * answer for a name that it knows by itself either: the dead name servers of strangers do not
 * count. Or after one, when the machine says that nobody listens there. Then what is under way and
 * whatever is asked ends as RESOLVER_UNASKED, and it is asked for that name again and again: mail
 * is not held up. */
bool resolver_is_down(const struct resolver *resolver);
/* Calls when that has changed. One caller. */
void resolver_on_change(struct resolver *resolver, void (*changed)(void *arg), void *arg);
/* When it last found a record for anybody, not in our cache (loop_now_ms); 0: never. A resolver
 * that is there and cannot ask anybody else answers each question, and finds nothing. */
int64_t resolver_found_ms(const struct resolver *resolver);
