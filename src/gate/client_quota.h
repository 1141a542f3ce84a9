/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What one client may have at once and do in a minute: connections, messages, recipients, unknown
 * recipients, errors. There are two notions of a client, its source and its network (base/ip.h),
 * each with limits of its own (gate.limits.source, gate.limits.network); what is taken is taken of
 * both, or of none. A limit a minute is a bucket: a minute's worth at once, then at a steady pace.
 *
 * There is no limit of a rate for all clients together: whoever reached it would have shut the
 * others out. What all share is bounded where it is held (base/places.h).
 *
 * Who holds nothing any more is remembered for its rates; when many are, who was seen longest ago
 * is forgotten first, and begins anew. Pure but for the key of its table; the caller says what time
 * it is (monotonic milliseconds). One thread.
 */
#include "conf/conf.h"

struct client_quota;
struct quota_client;

/* So many times the limits. */
enum quota_standing { QUOTA_STRANGER = 1, QUOTA_KNOWN_GOOD = 4 };

/* What a connection holds; all NULL: somebody without limits, one of us. */
struct quota_hold {
	struct quota_client *source;
	struct quota_client *network;
};

/* What was in the way. */
struct quota_excess {
	struct prefix who;
	unsigned limit;  /* at once, or a minute */
	int64_t wait_ms; /* of a rate: until there is room again */
};

struct quota_ask {
	const struct conf *conf; /* its limits */
	enum quota_standing standing;
	int64_t now_ms;
	struct quota_excess excess; /* filled in by who says no */
};

/* remembered: who holds nothing. At least 2. */
struct client_quota *client_quota_new(size_t remembered);
/* Nothing is held any more. */
void client_quota_free(struct client_quota **quota);

/* One more connection. False: not one more. */
bool client_quota_open(struct client_quota *quota, struct ip client, struct quota_ask *ask,
	struct quota_hold *ret_hold);
void client_quota_close(struct client_quota *quota, struct quota_hold *hold);

/* One more of what is limited by the minute. */
bool client_quota_take(const struct quota_hold *hold, enum limit_rate rate, struct quota_ask *ask);
/* Whether it would be; nothing is taken. */
bool client_quota_has_room(
	const struct quota_hold *hold, enum limit_rate rate, struct quota_ask *ask);

/* Somebody was refused. How many of its network were since this was told last, this one counted,
 * once a minute; 0: not now. */
unsigned client_quota_refused(struct client_quota *quota, struct ip client, int64_t now_ms);
