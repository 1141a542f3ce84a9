/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One client's connection, from accept to close. The session belongs to itself and to its
 * environment's list: it ends when the client or the gate is done. One loop, one thread.
 */
#include "gate/consult.h"
#include "smtpd/admission.h"
#include "smtpd/backend_places.h"
#include "smtpd/backend_state.h"

struct session;

/* What sessions need of the world around them, and what they share. Filled by the server; lives
 * longer than all sessions. */
struct session_env {
	struct loop *loop;
	const struct smtpd_limits *limits; /* those of the moment; none ends before the sessions */
	const struct conf *conf; /* a session takes a reference to the one it begins with */
	struct consult *consult;
	struct backend_state *backend;
	struct admission *admission;
	struct backend_places *places;
	struct tls_context *tls;         /* for clients; NULL: they are offered none */
	struct tls_context *backend_tls; /* to the backend */
	void (*ended)(void *arg);        /* one of them has ended */
	void *arg;
	uint64_t next_id; /* of a session */

	/* theirs */
	struct session *sessions; /* all of them, newest first */
	size_t sessions_len;
	struct buf scratch; /* canonical lines on their way; empty between turns */
};

/* Takes the descriptor over. */
void session_start(struct session_env *env, int fd, struct endpoint peer);
/* The role ends: idle clients are told 421, transactions may end first. */
void sessions_drain(struct session_env *env);
/* limits are shorter now: those who have waited longer already are at their end. */
void sessions_hurry(struct session_env *env);
/* At once; messages that were not ended are not delivered. */
void sessions_end(struct session_env *env);
