/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Keeps asking one foreign zone its two test points, and keeps its health (gate/dnsbl.h). Owner:
 * the gatherer. One loop, one thread.
 */
#include "dns/name.h"
#include "gate/dnsbl.h"
#include "loop/loop.h"

struct resolver;
struct dnsbl_probe;

/* What all probes of a gatherer share; lives as long as they. */
struct dnsbl_probe_env {
	struct loop *loop;
	struct resolver *resolver;
	void (*tried)(void *arg); /* after each test */
	void *arg;
	size_t lists; /* that are asked now */
};

/* dnsbl is copied but for its code set, which has to live as long as the configuration it came
 * from: dnsbl_probe_set_conf gives a new one. NULL when its zone is not a domain name. */
struct dnsbl_probe *dnsbl_probe_new(
	const struct dnsbl_probe_env *env, const struct conf_dnsbl *dnsbl);
void dnsbl_probe_free(struct dnsbl_probe **probe);
/* NULL: not configured any more; nothing is asked until it comes back. */
void dnsbl_probe_set_conf(struct dnsbl_probe *probe, const struct conf_dnsbl *dnsbl);

const char *dnsbl_probe_zone(const struct dnsbl_probe *probe);
const struct dns_name *dnsbl_probe_name(const struct dnsbl_probe *probe);
const struct dnsbl_health *dnsbl_probe_health(const struct dnsbl_probe *probe);

/* True until the first test has ended, well or not. */
bool dnsbl_probe_is_trying(const struct dnsbl_probe *probe);
bool dnsbl_probe_is_configured(const struct dnsbl_probe *probe);
/* Whether it is configured and has been tested. */
bool dnsbl_probe_is_tested(const struct dnsbl_probe *probe);
bool dnsbl_probe_may_ask(const struct dnsbl_probe *probe);
/* An answer under a code that no filter of the zone fits. */
void dnsbl_probe_note_unnamed(struct dnsbl_probe *probe, struct ip address);
/* How a lookup for a client went. */
enum dnsbl_lookup {
	DNSBL_LOOKUP_SILENT, /* no answer */
	DNSBL_LOOKUP_CLEAN,
	/* The test points are asked DNSBL_TEST_HITS_MS after the last time: everybody, now? */
	DNSBL_LOOKUP_LISTED,
	DNSBL_LOOKUP_WRONG /* an answer that is not a listing; the test points are asked soon */
};
void dnsbl_probe_answered(struct dnsbl_probe *probe, enum dnsbl_lookup result, struct ip client);
/* Tests it now, or DNSBL_TEST_AGAIN_MS after the last test. */
void dnsbl_probe_hurry(struct dnsbl_probe *probe);
/* Looks now whether a list that is paused is back. When the pause is over it does so by itself. */
void dnsbl_probe_look(struct dnsbl_probe *probe);
