/* SPDX-License-Identifier: ISC */
#pragma once
/* What the front and its sessions know of each other. */
#include "base/clock_guard.h"
#include "gate/incidents.h"
#include "gate/passed_cache.h"
#include "smtpd/server.h"

enum { LISTENERS_MAX = 64, SESSION_ID_SIZE = 17 };

struct session;

struct front {
	uint32_t magic;
	struct front_settings settings;
	struct loop *loop;
	const struct gate_limits *limits;
	const struct conf *conf;
	struct shelf_item *view; /* held until a newer one is there */

	struct watch *listeners[LISTENERS_MAX];
	size_t listeners_len;
	struct timer accept_again; /* after the process ran out of descriptors */

	struct session *sessions; /* all of them, newest first */
	size_t sessions_len;
	uint64_t next_id;

	struct probe *probe;
	struct timer probe_again;
	bool probed;             /* the backend does not relay */
	bool backend_told;       /* that it is away: said once, until it answers */
	struct smtp_offer offer; /* of the backend, as last seen */

	struct clock_guard guard;    /* for what ends: see front_until_now_s */
	struct passed_cache *passed; /* waited for the greeting */
	struct incident_book *incidents;
	struct buf scratch; /* canonical lines on their way; empty between turns */
	struct timer stop_deadline;
	bool stopping;
};

/* The newest view; valid until the next turn of the loop. */
const struct view *front_view(struct front *front);
/* The time by which listings and allowances are over: the wall clock, but for a jump that is not believed yet. The keeper
 * ends them, by the same rule; this is for while it is away. */
int64_t front_until_now_s(struct front *front);
void front_session_ended(struct front *front);
/* A session saw that the backend is there, with what it offers, or that it is not. */
void front_backend_seen(
	struct front *front, const struct conf *conf, const struct smtp_offer *offer);
void front_backend_away(struct front *front, const struct conf *conf, const char *what, int error);
bool front_may_pass(const struct front *front, const struct conf *conf);
const char *front_new_id(struct front *front, char id[SESSION_ID_SIZE]);
