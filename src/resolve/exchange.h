/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One question on its way to the recursive resolver: tries over UDP, each from a fresh random port with a fresh id and a
 * fresh mix of letter case, and TCP when an answer did not fit. What does not answer the question is dropped and the wait
 * goes on (RFC 5452): an attacker who guesses wrong gains nothing, not even an early end.
 * Owner: the resolver; one loop, one thread.
 */
#include "resolve/answer.h"

struct exchange;

struct exchange_settings {
	struct endpoint server;
	int64_t timeout_ms;
	unsigned tries;
};

/* heard: the server sent an answer to the question, if only an error. Called once, never from inside exchange_new; the
 * exchange may be freed in it. */
typedef void exchange_done(
	struct exchange *exchange, struct dns_answer *answer, bool heard, void *arg);

struct exchange *exchange_new(struct loop *loop, const struct exchange_settings *settings,
	const struct dns_name *name, uint16_t type, struct resolver_stats *stats,
	exchange_done *done, void *arg);
/* Whether the last try was answered by the machine itself: nobody listens there. */
bool exchange_was_refused(const struct exchange *exchange);
void exchange_free(struct exchange **exchange);
