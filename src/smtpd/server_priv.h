/* SPDX-License-Identifier: ISC */
#pragma once
/* What the server and its sessions know of each other. */
#include "base/clock_guard.h"
#include "gate/incidents.h"
#include "gate/passed_cache.h"
#include "smtpd/server.h"

enum { LISTENERS_MAX = 64, SESSION_ID_SIZE = 17 };

struct session;

struct smtpd_server {
	uint32_t magic;
	struct smtpd_server_settings settings;
	struct loop *loop;
	const struct smtpd_limits *limits;
	const struct conf *conf;
	struct shelf_item *view; /* held until a newer one is there */

	struct watch *listeners[LISTENERS_MAX];
	size_t listeners_len;
	struct timer accept_again; /* after the process ran out of descriptors */

	struct session *sessions; /* all of them, newest first */
	size_t sessions_len;
	uint64_t next_id;

	struct relay_probe *probe;
	struct timer probe_again;
	bool probed;              /* the backend does not relay */
	bool backend_down_logged; /* that it is away: said once, until it answers */
	struct smtp_offer offer;  /* of the backend, as last seen */

	struct clock_guard guard;    /* for what ends: see smtpd_server_until_now_s */
	struct passed_cache *passed; /* waited for the greeting */
	struct incident_book *incidents;
	struct buf scratch; /* canonical lines on their way; empty between turns */
	struct timer stop_deadline;
	bool stopping;
};

/* The newest view; valid until the next turn of the loop. */
const struct view *smtpd_server_view(struct smtpd_server *server);
/* The time by which listings and allowances are over: the wall clock, but for a jump that is not believed yet. The keeper
 * ends them, by the same rule; this is for while it is away. */
int64_t smtpd_server_until_now_s(struct smtpd_server *server);
void smtpd_server_session_ended(struct smtpd_server *server);
/* A session saw that the backend is there, with what it offers, or that it is not. */
void smtpd_server_backend_seen(
	struct smtpd_server *server, const struct conf *conf, const struct smtp_offer *offer);
void smtpd_server_backend_away(
	struct smtpd_server *server, const struct conf *conf, const char *what, int error);
bool smtpd_server_may_pass(const struct smtpd_server *server, const struct conf *conf);
const char *smtpd_server_new_id(struct smtpd_server *server, char id[SESSION_ID_SIZE]);
