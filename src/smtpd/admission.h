/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who may have a session, and what is said to who may not. A client has its limits
 * (gate/client_quota.h: source and network), and one network never has more than a quarter of the
 * sessions that are free (base/places.h); own.networks are in the way of nobody. Behind a balancer
 * it is its client who counts. Refusals are counted; the log hears of them once a minute and
 * network. One loop, one thread; owner: the server.
 */
#include "base/places.h"
#include "gate/client_quota.h"
#include "gate/consult.h"

struct admission;

struct admission_settings {
	struct loop *loop;
	struct consult *consult;
	size_t sessions;
};

/* What a session holds, to be given back; all zero: nothing. */
struct admitted {
	bool has_place;
	struct place_hold place;
	struct quota_hold quota;
	enum quota_standing standing;
};

struct admission *admission_new(const struct admission_settings *settings);
/* All sessions have given back what they held. */
void admission_free(struct admission **admission);

void admission_set_sessions(struct admission *admission, size_t sessions);

/* False: nothing is held, and admission_reply is what the client hears. */
bool admission_take(struct admission *admission, const struct conf *conf, struct endpoint client,
	struct admitted *ret_admitted);
void admission_give(struct admission *admission, struct admitted *admitted);
/* All sessions are taken: admission_reply is what the client hears. */
void admission_is_full(
	struct admission *admission, const struct conf *conf, struct endpoint client);
/* With its line end; until the next refusal. */
struct span admission_reply(const struct admission *admission);

/* Mail of a client was refused for a limit: how many of its network were since the log heard of it,
 * 0: it has heard within this minute. */
unsigned admission_note_mail(struct admission *admission, struct ip client);

struct admission_counts {
	uint64_t connections; /* refused, since the start */
	uint64_t mail;        /* messages and recipients put off */
};

struct admission_counts admission_counts(const struct admission *admission);
