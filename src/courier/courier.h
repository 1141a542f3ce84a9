/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The courier's own header: what its files share. Nobody else includes it; the rest of the program sees role_courier.
 *
 *   roles/courier.c  the role: its feeds, what it tells the keeper of them
 *   courier/schedule.c   one feed over time: when it is asked, what becomes of the answer
 *   courier/xfr_client.c  one conversation with its server
 *   courier/upload.c   one change set on its way to the keeper
 *   courier/zone_file.c   the zone in the state folder
 *
 * One loop, one thread. A reload makes all feeds anew.
 */
#include "bus/client.h"
#include "conf/tsig_keys.h"
#include "dns/transfer_read.h"
#include "feed/changes.h"
#include "feed/set.h"
#include "feed/times.h"
#include "feed/zone.h"
#include "loop/loop.h"
#include "process/role.h"

enum { FEED_TEXT_MAX = 400 };

struct courier {
	uint32_t magic;
	struct role_context *context;
	struct bus_client *bus;
	struct keys *keys; /* of the configuration that the feeds are of */
	struct feed *feeds;
	size_t feeds_len;
	struct feed *
		sending; /* the one whose change set is on its way: the keeper takes one at a time */
	struct timer tell;
};

/* ---- one conversation ---- */

struct fetch;

enum fetch_result {
	FETCH_FAILED,  /* why says it */
	FETCH_CURRENT, /* the server has what we have */
	FETCH_CHANGED, /* zone is the next one */
};

/* zone belongs to the callee. The fetch may be freed in it. */
typedef void fetch_done(
	enum fetch_result result, struct feed_zone *zone, const struct fault *why, void *arg);

/* key: that signs, or NULL. have: the zone that we have, or NULL; both have to outlive the fetch. Never calls done from inside. */
struct fetch *fetch_new(struct loop *loop, const struct conf_feed *feed, const struct tsig_key *key,
	const struct feed_zone *have, fetch_done *done, void *arg);
void fetch_free(struct fetch **fetch);
/* How the zone came. */
enum transfer_style fetch_style(const struct fetch *fetch);

/* ---- one change set ---- */

struct sending;

struct sending_plan {
	const struct conf *conf;
	const struct conf_feed *feed;
	const struct feed_zone *from; /* NULL: the whole of `to` */
	const struct feed_zone *to;   /* NULL: the feed expired */
};

/* error: of the keeper's answer, text its text. changed: sources. The sending may be freed in it. */
typedef void sending_done(int error, const char *text, uint32_t changed, void *arg);

/* Never calls done from inside. */
struct sending *sending_new(
	struct bus_client **bus, const struct sending_plan *plan, sending_done *done, void *arg);
void sending_free(struct sending **sending);
/* What the zone holds beside entries; of the last one that was sent. */
const struct feed_counts *sending_counts(const struct sending *sending);

/* ---- the file ---- */

/* E_ABSENT; or damaged, as feed_zone_decode says. */
int feed_file_read(const struct conf *conf, const struct conf_feed *feed,
	struct feed_zone **ret_zone, int64_t *ret_confirmed_s);
int feed_file_write(const struct conf *conf, const struct conf_feed *feed,
	const struct feed_zone *zone, int64_t confirmed_s, struct fault *why);
/* The zone is still the newest. */
void feed_file_confirm(const struct conf *conf, const struct conf_feed *feed, int64_t confirmed_s);
void feed_file_remove(const struct conf *conf, const struct conf_feed *feed);

/* ---- one feed over time ---- */

struct feed {
	uint32_t magic;
	struct courier *courier;
	const struct conf *conf; /* a reference of our own */
	const struct conf_feed *feed;
	struct feed_zone *zone; /* as the keeper has it */
	struct feed_zone *next; /* as it was fetched, until the keeper has taken it */
	bool whole;             /* what is sent next has to be all of it */
	bool expired;
	int64_t confirmed_s;
	int64_t expire_at_ms;
	int64_t fetch_at_ms;
	int64_t send_at_ms; /* 0: nothing to send */
	struct timer timer;
	struct fetch *fetch;
	struct sending *sending;
	enum transfer_style style; /* of `next` */
	bool well;
	char text[FEED_TEXT_MAX];
	int64_t since_s;
};

void feed_init(struct feed *feed, struct courier *courier, const struct conf_feed *conf_feed);
void feed_done(struct feed *feed);
/* The keeper can be spoken to, or another feed is done with it. */
void feed_send_next(struct courier *courier);
/* Something of a feed changed that the keeper shall show. */
void courier_tell(struct courier *courier);
