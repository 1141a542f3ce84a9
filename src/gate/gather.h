/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Gathers the facts of a connection that DNS has to tell: PTR with forward confirmation, and all
 * foreign lists, in parallel through the resolver. One gathering per connection, started with the
 * first packet; who decides asks gathering_is_complete, and waits for `done` or a deadline
 * otherwise: what is not there by then stays unknown. One loop, one thread; owner: the consultation
 * (gate/consult.h).
 */
#include "base/arena.h"
#include "gate/dnsbl.h"
#include "gate/facts.h"
#include "loop/loop.h"

struct gathering;
struct gatherer; /* what all gatherings of a role share: resolver, the foreign lists' health */
struct resolver;

/* Starts to watch the foreign lists at once. conf has to live until gatherer_set_conf or
 * gatherer_free; resolver longer. */
struct gatherer *gatherer_new(
	struct loop *loop, struct resolver *resolver, const struct conf *conf);
/* All gatherings have to be gone. */
void gatherer_free(struct gatherer **gatherer);
void gatherer_set_conf(struct gatherer *gatherer, const struct conf *conf); /* after a reload */

/* For status, metrics and pages: the health of conf->dnsbls[i]. NULL when the list is off. */
const struct dnsbl_health *gatherer_health(const struct gatherer *gatherer, size_t dnsbl);

/* What the resolver lets through of the foreign lists, by what their last tests have in common and
 * by a test of its own. */
enum lists_reach {
	LISTS_REACHED,
	LISTS_FILTERED,  /* it keeps 127.0.0.0/8 away, and with it each listing */
	LISTS_UNREACHED, /* it answers, and finds none of them, nor anything else */
	LISTS_REWRITTEN  /* it has addresses for names that do not exist */
};

enum lists_reach gatherer_lists_reach(const struct gatherer *gatherer);

struct gathering_request {
	struct ip client;
	const struct view *view; /* foreign lists need not know of a client that is allowed ... */
	int64_t now_s;           /* ... and still is */
	/* Somebody looks: the words of all lists that hold the client are part of what is waited
	 * for. Else only of those that refuse are asked, for the page, and nobody waits. */
	bool is_for_person;
	/* Called once, never from inside gathering_start; the gathering may be freed in it. */
	void (*done)(struct gathering *gathering, void *arg);
	void *arg;
};

/* The facts live as long as the gathering; view may go before. */
struct gathering *gathering_start(
	struct gatherer *gatherer, const struct gathering_request *request);
void gathering_free(struct gathering **gathering); /* cancels what is under way */
bool gathering_is_complete(const struct gathering *gathering);

/* Copies what is known now into *facts: client, names, foreign lists in the order of conf; leaves
 * the rest as it is. Spans point into the gathering. */
void gathering_facts(
	const struct gathering *gathering, const struct conf *conf, struct facts *facts);
