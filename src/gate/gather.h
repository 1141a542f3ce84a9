/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Gathers the facts of a connection: own lists and allow list from the view (no wait), PTR with forward confirmation and
 * all foreign lists in parallel through the resolver. One gathering per connection, started with the first packet; the
 * session asks gathering_is_complete before it decides, and waits for `done` or its own deadline otherwise: what is not
 * there by then stays unknown. Also used by `stockade explain`. One loop, one thread; owner: the session.
 */
#include "base/arena.h"
#include "gate/facts.h"
#include "loop/loop.h"

struct gathering;
struct gatherer; /* what all gatherings of a role share: resolver, foreign lists' health and cache */
struct resolver;

struct gatherer *gatherer_new(
	struct loop *loop, struct resolver *resolver, const struct conf *conf);
void gatherer_free(struct gatherer **gatherer);
void gatherer_set_conf(struct gatherer *gatherer, const struct conf *conf); /* after a reload */

/* done: called once, never from inside gathering_start. The facts live as long as the gathering. */
struct gathering *gathering_start(struct gatherer *gatherer, const struct view *view,
	struct ip client, void (*done)(struct gathering *gathering, void *arg), void *arg);
void gathering_free(struct gathering **gathering); /* cancels what is under way */
bool gathering_is_complete(const struct gathering *gathering);

/* Copies what is known now into *facts (connection part only); spans point into the gathering. */
void gathering_facts(const struct gathering *gathering, struct facts *facts);
