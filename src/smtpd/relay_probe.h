/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Asks the backend whether it would relay for a stranger who comes through the gate. A backend that
 * takes the gate's connections for its own network's relays for the whole world, and nobody notices
 * until the machine is on every blocklist; so the gate asks before it takes any mail, for each
 * address family of clients. One loop, one thread; owner: whoever keeps what is known of the
 * backend (smtpd/backend_state.h).
 *
 * The stranger is gate.probe-client; without it an address of our own host name, which exists and
 * is refused by no list of addresses that should not, and then those of the documentation networks,
 * one after the other until an answer says something. That the backend relays for our host's
 * address, which may be in its own network, counts only when no other address is refused.
 */
#include "smtpd/probe_dialogue.h"

struct relay_probe;
struct resolver;

enum client_family { CLIENTS_IPV4, CLIENTS_IPV6, CLIENT_FAMILIES };

struct relay_probe_settings {
	struct backend_target target;
	struct resolver *resolver; /* NULL: our host name is not looked up */
	enum client_family family;
};

/* Holds a reference to the target's conf. done is called once, never from inside; it may free the
 * probe. */
struct relay_probe *relay_probe_new(
	const struct relay_probe_settings *settings, relay_probe_call *done, void *arg);
void relay_probe_free(struct relay_probe **probe);

/* Whether clients of a family can come: to a listening address, or in a balancer's words. */
bool conf_takes_family(const struct conf *conf, enum client_family family);
bool conf_listens_to_family(const struct conf *conf, enum client_family family);

/* What an administrator changes when the backend relays. */
const char *relay_probe_advice(enum pass_client pass_client);
