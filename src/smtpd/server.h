/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The SMTP front: what all sessions of the role share, and the sockets they come from. Mail passes only after the start
 * probe said that the backend does not relay for strangers; until then clients are told 451. One loop, one thread; owner:
 * the role.
 */
#include "base/shelf.h"
#include "gate/gather.h"
#include "smtpd/limits.h"
#include "smtpd/relay_probe.h"

struct front;
struct bus_client;

struct front_settings {
	struct loop *loop;
	const struct conf *conf; /* the front takes a reference */
	const struct gate_limits *limits;
	struct gatherer *gatherer;
	struct shelf *views;    /* of struct view */
	struct bus_client *bus; /* for incidents; NULL: they are only logged */
	/* The first answer of the start probe; and later ones that change anything. PROBE_RELAYS: end the role. */
	void (*probed)(enum probe_result result, void *arg);
	/* After front_stop: the last session has ended. */
	void (*stopped)(void *arg);
	void *arg;
};

/* Starts probing; nothing is accepted before front_listen. */
struct front *front_new(const struct front_settings *settings);
void front_free(struct front **front);

/* Takes clients from a listening socket, which stays the caller's. */
void front_listen(struct front *front, int fd);
/* Sessions under way keep the configuration they began with. A changed backend is probed before mail passes to it. */
void front_set_conf(struct front *front, const struct conf *conf);
/* No new clients; idle ones are told 421, transactions may end within limits->stop_ms; then `stopped`. */
void front_stop(struct front *front);
