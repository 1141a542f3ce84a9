/* SPDX-License-Identifier: ISC */
#pragma once
/* One conversation with a feed's server: what changed since our zone. One loop, one thread. */
#include "conf/conf.h"
#include "dns/transfer_read.h"
#include "dns/tsig.h"
#include "feed/zone.h"
#include "loop/loop.h"

struct fetch;

enum fetch_result {
	FETCH_FAILED,  /* why says it */
	FETCH_CURRENT, /* the server has what we have */
	FETCH_CHANGED, /* zone is the next one */
};

/* zone belongs to the callee. The fetch may be freed in it. */
typedef void fetch_done(
	enum fetch_result result, struct feed_zone *zone, const struct fault *why, void *arg);

/* What outlives the fetch. */
struct fetch_plan {
	const struct conf_feed *feed;
	const struct tsig_key *key;   /* that signs; NULL */
	const struct feed_zone *have; /* the zone that we have; NULL */
};

/* Never calls done from inside. */
struct fetch *fetch_new(
	struct loop *loop, const struct fetch_plan *plan, fetch_done *done, void *arg);
void fetch_free(struct fetch **fetch);
/* How the zone came. */
enum transfer_style fetch_style(const struct fetch *fetch);
