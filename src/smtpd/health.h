/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Tells the keeper, for `stockade status`, how those are that the gate depends on: resolver,
 * backend, certificate, foreign lists. Looks every two seconds and speaks only when something has
 * changed. One loop, one thread; owner: the gate role.
 */
#include "gate/consult.h"
#include "smtpd/server.h"

struct smtpd_health;
struct bus_client;
struct role_context;

/* All arguments have to live longer; the configuration is read anew each time, so a reload needs
 * nothing. */
struct smtpd_health *smtpd_health_new(const struct role_context *context,
	const struct resolver *resolver, const struct consult *consult, struct bus_client *bus);
void smtpd_health_free(struct smtpd_health **health);

/* How full the server is, from now on. */
void smtpd_health_watch(struct smtpd_health *health, const struct smtpd_server *server);
/* What the probe found; until it has found something nothing is said of the backend. */
void smtpd_health_backend(struct smtpd_health *health, const struct backend_finding *finding);
/* When the certificate for clients ends; 0: there is none. */
void smtpd_health_certificate(struct smtpd_health *health, int64_t expires_s);
