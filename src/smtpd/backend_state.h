/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is known of the mail server behind the gate: whether it relays for strangers (then nothing
 * passes to it), what it offers, and whether it is away. It is probed at the start, from time to
 * time, and when it came back; in between the sessions tell what they saw. What was found before
 * holds until the next answer that says something. One loop, one thread; owner: the server.
 */
#include "smtpd/relay_probe.h"

struct backend_state;

/* What a round of probes found. */
struct backend_finding {
	enum relay_probe_result result; /* SAFE: for one family at least, now or before */
	bool offers_tls;
	bool no_ipv6; /* who comes to an IPv6 address of ours has to wait: it did not say of them */
};

struct backend_state_settings {
	struct backend_target target;
	struct resolver *resolver; /* NULL: none */
	/* After each round. PROBE_RELAYS: nothing passes any more, and nothing is probed. */
	void (*probed)(const struct backend_finding *finding, void *arg);
	void *arg;
};

struct backend_state *backend_state_new(const struct backend_state_settings *settings);
void backend_state_free(struct backend_state **state);
/* Another backend is probed before mail passes to it. */
void backend_state_set_conf(struct backend_state *state, const struct conf *conf);
/* No more probes; those under way still end. */
void backend_state_stop(struct backend_state *state);

/* Whether a session that began with conf may pass a client's mail on. */
bool backend_state_may_pass(
	const struct backend_state *state, const struct conf *conf, struct ip client);
/* What this client may be promised: what the backend offers strangers, without what it did not
 * offer this client when it was seen last (Postfix: smtpd_discard_ehlo_keyword_address_maps).
 * E_ABSENT before anything was heard. */
int backend_state_offer(
	const struct backend_state *state, struct ip client, struct smtp_offer *ret_offer);

/* A session that began with conf saw the backend there, or away; what: a few words for the log,
 * which gets one line until the backend is there again. */
void backend_state_up(struct backend_state *state, const struct conf *conf);
void backend_state_away(
	struct backend_state *state, const struct conf *conf, const char *what, int error);
/* Its TLS fails, or why is NULL; the log gets one line until it is in order. */
void backend_state_tls(struct backend_state *state, const struct conf *conf, const char *why);
/* What it offers a client. Less than others are promised is remembered for this client, and the
 * backend is probed again: it may offer all less than it did. */
void backend_state_offers(
	struct backend_state *state, struct ip client, const struct smtp_offer *offer);
