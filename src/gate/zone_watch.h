/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Keeps asking one foreign zone its two test points, and keeps its health (gate/dnsbl.h). Owner: the gatherer. One loop, one
 * thread.
 */
#include "dns/name.h"
#include "gate/dnsbl.h"
#include "loop/loop.h"

struct resolver;
struct zone_watch;

/* dnsbl is copied but for its code set, which has to live as long as the configuration it came from: zone_watch_set gives a
 * new one. tried: called after each test. NULL when zone is no domain name. */
struct zone_watch *zone_watch_new(struct loop *loop, struct resolver *resolver,
	const struct conf_dnsbl *dnsbl, void (*tried)(void *arg), void *arg);
void zone_watch_free(struct zone_watch **watch);
/* NULL: not configured any more; nothing is asked until it comes back. */
void zone_watch_set(struct zone_watch *watch, const struct conf_dnsbl *dnsbl);

const char *zone_watch_zone(const struct zone_watch *watch);
const struct dns_name *zone_watch_name(const struct zone_watch *watch);
const struct dnsbl_health *zone_watch_health(const struct zone_watch *watch);

/* True until the first test has ended, well or not. */
bool zone_watch_is_trying(const struct zone_watch *watch);
bool zone_watch_may_ask(struct zone_watch *watch);
/* How a lookup for a client went. */
enum zone_heard {
	ZONE_SILENT, /* no answer */
	ZONE_CLEAN,
	ZONE_LISTED, /* the test points are asked within DNSBL_TEST_HITS_MS of the last time: does it list everybody now? */
	ZONE_WRONG   /* an answer that is no listing; the test points are asked soon */
};
void zone_watch_heard(struct zone_watch *watch, enum zone_heard heard);
