/* SPDX-License-Identifier: ISC */
#pragma once
/* The feeds of a configuration over time: when each is asked, what becomes of the answer, when it
 * goes to the keeper. A reload makes all of them anew. One loop, one thread. */
#include "bus/client.h"
#include "conf/tsig_keys.h"
#include "loop/loop.h"

struct schedule;

/* What outlives the schedule; of the configuration it takes a reference. */
struct schedule_settings {
	struct loop *loop;
	const struct conf *conf;
	const struct keys *keys;
	struct bus_client **bus;    /* NULL behind it: no answers come any more */
	void (*changed)(void *arg); /* schedule_state says something new of a feed */
	void *arg;
};

struct schedule *schedule_new(const struct schedule_settings *settings);
void schedule_free(struct schedule **schedule);

/* How a feed is, for `stockade status`. Texts live until it changes. */
struct feed_state {
	const char *name;
	bool well;
	const char *text;
	int64_t since_s;
};

size_t schedule_len(const struct schedule *schedule);
struct feed_state schedule_state(const struct schedule *schedule, size_t index);
