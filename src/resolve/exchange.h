/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One question on its way to the recursive resolver: tries over UDP, each from a fresh random port
 * with a fresh id and a fresh mix of letter case, and TCP when an answer did not fit. What does not
 * answer the question is dropped and the wait goes on (RFC 5452): an attacker who guesses wrong
 * gains nothing, not even an early end.
 * Owner: the resolver; one loop, one thread.
 */
#include "loop/loop.h"
#include "resolve/answer.h"

struct exchange;

/* The recursive resolver, and what exchanges with it have shown. */
struct exchange_server {
	struct endpoint endpoint;
	bool loses_case; /* it answers in small letters: names go out so */
};

struct exchange_settings {
	struct loop *loop;
	struct resolver_stats *stats;   /* counted into */
	struct exchange_server *server; /* learned from; the endpoint is read by each try */
	int64_t timeout_ms;
	unsigned tries;
};

enum exchange_end {
	EXCHANGE_HEARD,  /* the server sent an answer to the question, if only an error */
	EXCHANGE_SILENT, /* it did not */
	/* nor did it to the last try, which the machine itself answered: nobody listens there */
	EXCHANGE_REFUSED,
	EXCHANGE_UNSENT /* the last try found no descriptor or memory: nothing was learned */
};

/* Takes the answer over. Called once, never from inside exchange_new; may free the exchange. */
typedef void exchange_done(struct dns_answer *answer, enum exchange_end end, void *arg);

struct exchange *exchange_new(const struct exchange_settings *settings,
	const struct resolver_question *question, exchange_done *done, void *arg);
void exchange_free(struct exchange **exchange);
