/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the web role serves: which address gets which page, who may ask how often, and where the
 * answers come from. What is listed now comes from the view on the shelf, so that pages work while
 * the keeper is away; dates, history and incidents are asked of the keeper.
 *
 * Owner: the role; one loop, one thread.
 */
#include "base/err.h"
#include "base/shelf.h"
#include "bus/record.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "portal/rate.h"

struct portal;

struct portal_settings {
	int fd;                  /* listening socket; the caller closes it after the portal */
	const struct conf *conf; /* the portal takes a reference */
	struct shelf *shelf;     /* of struct view; lives as long as the portal */
	struct rate_settings rate;
	/* Asks the keeper, as bus_client_ask does: `call` comes exactly once, unless the portal is
	 * freed before. */
	void (*ask)(void *ask_arg, const struct bus_query *query, bus_answer_call *call, void *arg);
	void *ask_arg;
};

/* 120 questions at once, then one a second. */
struct rate_settings portal_rate_default(void);

int portal_new(struct loop *loop, const struct portal_settings *settings,
	struct portal **ret_portal, struct fault *why);
/* Whatever calls `ask` back has to be gone already. */
void portal_free(struct portal **portal);
void portal_set_conf(struct portal *portal, const struct conf *conf);
/* Takes no more requests; `done` when the last answer is out, or after a few seconds. */
void portal_stop(struct portal *portal, void (*done)(void *arg), void *arg);
