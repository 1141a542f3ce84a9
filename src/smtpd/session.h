/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One client's connection, from accept to close. The session belongs to itself and to the server's list: it ends when the
 * client or the gate is done, and session_end may be called at any time, also from its own callbacks. One loop, one thread.
 */
#include "smtpd/server_priv.h"

/* Takes the descriptor over. */
void session_start(struct smtpd_server *server, int fd, struct endpoint peer);
/* At once; a message that was not ended is not delivered. */
void session_end(struct session *session);
/* The role ends: an idle client is told 421, a transaction may end first. */
void session_drain(struct session *session);

struct session *session_next(const struct session *session);
