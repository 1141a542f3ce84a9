/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One connection that asks the backend whether it relays: MAIL and RCPT for a foreign domain, as a
 * client of a given address. A part of smtpd/relay_probe.h, which chooses the addresses. One loop,
 * one thread; owner: the probe.
 *
 * The answer has three readings. Taken (2xx) is yes, unless the next reply shows that the server's
 * replies are out of step. No is a refusal that speaks of relaying; one that does not may be about
 * the client (a list of addresses that nobody should come from, a HELO name that does not resolve),
 * so then the server is asked for a recipient of ours: when it treats that one better, it was the
 * foreign recipient that it refused. All else says nothing about relaying.
 */
#include "smtpd/backend.h"

struct probe_dialogue;

enum relay_probe_result {
	PROBE_SAFE,
	PROBE_RELAYS,
	PROBE_UNCLEAR, /* it answered, but did not say whether it relays */
	PROBE_AWAY     /* it could not be asked */
};

struct relay_probe_report {
	enum relay_probe_result result;
	const struct smtp_offer *offer; /* NULL: not seen */
	const char *reply;              /* what it said, or why it could not be asked */
};

typedef void relay_probe_call(const struct relay_probe_report *report, void *arg);

/* Holds a reference to the target's conf. done is called once, never from inside; it may free the
 * dialogue. */
struct probe_dialogue *probe_dialogue_new(
	const struct backend_target *target, struct ip client, relay_probe_call *done, void *arg);
void probe_dialogue_free(struct probe_dialogue **dialogue);

/* Whether a refusal is about relaying, by its words or its enhanced code. Pure. */
bool reply_denies_relaying(const struct smtp_reply *reply);
