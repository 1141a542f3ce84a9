/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Asks the backend whether it would relay for a stranger who comes through the gate: MAIL and RCPT
 * for a foreign domain, as a client of a documentation network. A backend that takes the gate's
 * connections for its own network's relays for the whole world, and nobody notices until the
 * machine is on every blocklist; so the gate asks before it takes any mail. One loop, one thread;
 * owner: whoever keeps what is known of the backend (smtpd/backend_state.h).
 */
#include "smtpd/backend.h"

struct relay_probe;

enum relay_probe_result {
	PROBE_SAFE,   /* 5xx, or 454 (RFC 3463: relaying put off) */
	PROBE_RELAYS, /* anything else: do not start */
	PROBE_AWAY    /* it could not be asked: ask again later */
};

/* offer is NULL with PROBE_AWAY; reply: what the backend said, or why it could not be asked. */
typedef void relay_probe_call(enum relay_probe_result result, const struct smtp_offer *offer,
	const char *reply, void *arg);

/* Holds a reference to the target's conf. done is called once, never from inside. */
struct relay_probe *relay_probe_new(
	const struct backend_target *target, relay_probe_call *done, void *arg);
void relay_probe_free(struct relay_probe **probe);

/* What an administrator changes when the backend relays. */
const char *relay_probe_advice(enum pass_client pass_client);
