/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The SMTP server: the sockets that sessions come from, and what they share. Mail passes only after
 * the start probe said that the backend does not relay for strangers; until then clients are told
 * 451. One loop, one thread; owner: the role.
 */
#include "gate/consult.h"
#include "smtpd/admission.h"
#include "smtpd/backend_state.h"

struct smtpd_server;

struct smtpd_server_settings {
	struct loop *loop;
	const struct conf *conf; /* the server takes a reference */
	/* The owner may change them before smtpd_server_set_conf. */
	const struct smtpd_limits *limits;
	struct consult *consult;
	struct resolver *resolver; /* for the probe; NULL: none */
	/* What the start probe found, and later ones. PROBE_RELAYS: let sessions end, end the role.
	 */
	void (*probed)(const struct backend_finding *finding, void *arg);
	/* After smtpd_server_stop: the last session has ended. */
	void (*stopped)(void *arg);
	void *arg;
};

/* Starts probing; nothing is accepted before smtpd_server_listen. */
struct smtpd_server *smtpd_server_new(const struct smtpd_server_settings *settings);
void smtpd_server_free(struct smtpd_server **server);

/* Takes clients from a listening socket, which stays the caller's. */
void smtpd_server_listen(struct smtpd_server *server, int fd);
/* Takes a connected client over. */
void smtpd_server_take(struct smtpd_server *server, int fd, struct endpoint peer);
/* After consult_set_conf. Sessions under way keep the configuration they began with. A changed
 * backend is probed before mail passes to it. */
void smtpd_server_set_conf(struct smtpd_server *server, const struct conf *conf);
/* When the certificate for clients ends; 0: there is none. */
int64_t smtpd_server_certificate_expires_s(const struct smtpd_server *server);
/* No new clients; idle ones are told 421, transactions may end within limits->stop_ms; then
 * `stopped`. */
/* No new sessions; those that are there go on to their end, after which `stopped` is called. */
/* How full it is: the most of sessions, connections to the mail server and questions to the
 * resolver, in per cent. */
struct smtpd_load {
	unsigned sessions, backends, questions;
	bool is_stressed; /* times are short */
	bool is_felt;     /* that is so, or something was full in the last minutes */
	struct admission_counts refused;
};

struct smtpd_load smtpd_server_load(const struct smtpd_server *server);

void smtpd_server_retire(struct smtpd_server *server);
void smtpd_server_stop(struct smtpd_server *server);
