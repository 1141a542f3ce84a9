/* SPDX-License-Identifier: ISC */
#include "courier/schedule.h"

#include <stdio.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/text.h"
#include "courier/upload.h"
#include "courier/xfr_client.h"
#include "courier/zone_file.h"
#include "feed/times.h"

/*
 * Two things are always apart: what the server has (`next`, fetched) and what the keeper has
 * (`zone`). The next zone becomes ours when the keeper has committed it, and only then; until then
 * each question to the server starts from ours again.
 *
 *   time -> fetch --current--> tell the keeper so (an empty change), wait for refresh
 *            |  '---changed--> next, send --taken--> zone = next, file, wait for refresh
 *            |                         |----does not fit--> send all of it
 *            |                         '----not wanted, or nobody there--> offered again, until
 *            |                                                            something newer comes
 *            '--failed--> wait for retry; silent for longer than the SOA allows: tell the keeper
 *                         that it expired
 */
enum {
	/* until what the keeper did not want is offered again: an operator may have said yes */
	OFFER_MS = 10000,
	AGAIN_MS = 1000, /* the keeper was away or busy */
};

enum { FEED_TEXT_MAX = 400 };

struct feed {
	uint32_t magic;
	struct schedule *schedule;
	const struct conf *conf; /* a reference of our own */
	const struct conf_feed *feed;
	struct feed_zone *zone; /* as the keeper has it */
	struct feed_zone *next; /* as it was fetched, until the keeper has taken it */
	bool whole;             /* what is sent next has to be all of it */
	bool expired;
	int64_t confirmed_s, expire_at_ms, fetch_at_ms;
	int64_t send_at_ms; /* 0: nothing to send */
	struct timer timer;
	struct fetch *fetch;
	struct upload *upload;
	enum transfer_style style; /* of `next` */
	bool well;
	char text[FEED_TEXT_MAX];
	int64_t since_s;
};

struct schedule {
	struct schedule_settings settings;
	size_t feeds_len;
	struct feed *feeds;
	/* the one whose change set is on its way: the keeper takes one at a time */
	struct feed *sending;
};

static int64_t feed_now_ms(const struct feed *feed)
{
	return loop_now_ms(feed->schedule->settings.loop);
}

static struct feed_file feed_file(const struct feed *feed)
{
	return (struct feed_file){feed->conf, feed->feed};
}

static struct feed_times schedule_times(const struct feed *feed)
{
	return feed_times_of(feed->zone != NULL ? &feed->zone->soa : NULL, feed->feed->every_s);
}

static struct feed_due schedule_due(const struct feed *feed)
{
	const struct feed *sending = feed->schedule->sending;

	return (struct feed_due){.fetch_at_ms = feed->fetch_at_ms,
		.send_at_ms = feed->send_at_ms,
		.is_busy = feed->fetch != NULL || feed->upload != NULL,
		.others_send = sending != NULL && sending != feed};
}

static enum feed_step schedule_step(const struct feed *feed)
{
	struct feed_due due = schedule_due(feed);

	return feed_due_step(&due, feed_now_ms(feed));
}

/* The end of a fetch or sending arms again. */
static void feed_arm(struct feed *feed)
{
	struct feed_due due = schedule_due(feed);
	int64_t at_ms = feed_due_at_ms(&due, feed_now_ms(feed));

	if (at_ms == INT64_MAX)
		timer_clear(&feed->timer);
	else
		timer_set(&feed->timer, at_ms);
}

static void feed_send_soon(struct feed *feed, int64_t wait_ms)
{
	feed->send_at_ms = feed_now_ms(feed) + wait_ms;
}

/* ---- how it is ---- */

/* The same trouble again is no news. */
static void feed_log(struct feed *feed, bool well, const char *text)
{
	bool news = well != feed->well || (!well && strcmp(text, feed->text) != 0);

	if (news)
		feed->since_s = loop_now_s(feed->schedule->settings.loop);
	if (news && !well)
		log_event(EV_FEED_FAILED,
			LOG_FIELDS(log_text("feed", feed->feed->name),
				log_text("from", feed->feed->from), log_text("why", text)));
	if (news && well && feed->text[0] != '\0')
		log_event(EV_FEED_BACK, LOG_FIELDS(log_text("feed", feed->feed->name)));
	feed->well = well;
	text_format(feed->text, sizeof(feed->text), "%s", text);
	feed->schedule->settings.changed(feed->schedule->settings.arg);
}

/* ---- what the server says ---- */

static void feed_confirm(struct feed *feed)
{
	feed->confirmed_s = loop_now_s(feed->schedule->settings.loop);
	feed->expire_at_ms = feed_now_ms(feed) + schedule_times(feed).expire_s * 1000;
	feed->expired = false;
	feed->fetch_at_ms = feed_now_ms(feed) + schedule_times(feed).refresh_s * 1000;
}

static void feed_fetch_failed(struct feed *feed, const struct fault *why)
{
	feed->fetch_at_ms = feed_now_ms(feed) + schedule_times(feed).retry_s * 1000;
	feed_log(feed, false, why->text);
	if (feed->zone == NULL || feed->expired || feed_now_ms(feed) < feed->expire_at_ms)
		return;
	log_event(EV_FEED_EXPIRED, LOG_FIELDS(log_text("feed", feed->feed->name)));
	feed->expired = true;
	feed_zone_free(&feed->next);
	feed_send_soon(feed, 0);
}

static void feed_on_fetched(
	enum fetch_result result, struct feed_zone *zone, const struct fault *why, void *arg)
{
	struct feed *feed = OBJ(feed, arg);

	feed->style = fetch_style(feed->fetch);
	fetch_free(&feed->fetch);
	if (result == FETCH_FAILED) {
		feed_fetch_failed(feed, why);
	} else {
		feed_zone_free(&feed->next);
		feed->next = zone;
		feed_confirm(feed);
		if (zone == NULL)
			feed_file_confirm(feed_file(feed), feed->confirmed_s);
		feed_send_soon(feed, 0);
	}
	feed_arm(feed);
}

/* ---- what the keeper says ---- */

static void feed_taken(struct feed *feed, const char *text, uint32_t changed)
{
	const struct feed_counts *counts = upload_counts(feed->upload);
	char current[FEED_TEXT_MAX];
	struct fault why = {""};

	if (feed->next != NULL) {
		feed_zone_free(&feed->zone);
		feed->zone = TAKE(feed->next);
		log_event(EV_FEED_TAKEN,
			LOG_FIELDS(log_text("feed", feed->feed->name),
				log_text("by", feed->style == TRANSFER_CHANGES ? "ixfr" : "axfr"),
				log_number("serial", feed->zone->soa.serial),
				log_number("addresses", (int64_t)feed->zone->addresses),
				log_number("changed", changed), log_text("what", text),
				log_number("outside", (int64_t)counts->outside),
				log_number("refusals", (int64_t)counts->refusals),
				log_number("unaccepted", (int64_t)counts->unaccepted),
				log_number("no-source", (int64_t)counts->names),
				log_number("aliases", (int64_t)counts->aliases)));
		if (feed_file_write(feed_file(feed), feed->zone, feed->confirmed_s, &why) < 0)
			log_event(EV_FEED_FILE, LOG_FIELDS(log_text("feed", feed->feed->name),
							log_text("why", why.text)));
		feed_confirm(feed); /* by the times of the new SOA */
	}
	feed->whole = false;
	snprintf(current, sizeof(current), "serial %lu, %zu addresses in the zone",
		(unsigned long)feed->zone->soa.serial, feed->zone->addresses);
	feed_log(feed, true, current);
}

static void feed_not_taken(struct feed *feed, int error, const char *text)
{
	bool away = error == E_AWAY || error == E_AGAIN || error == E_TIMEOUT;

	if (error == E_CONFLICT && !feed->whole) {
		feed->whole = true;
		feed_send_soon(feed, 0);
		return;
	}
	feed_send_soon(feed, away ? AGAIN_MS : OFFER_MS);
	if (!away) /* E_DENIED: purged, as an operator wanted */
		feed_log(feed, error == E_DENIED, text);
}

static void schedule_send_next(struct schedule *schedule);

static void feed_on_sent(int error, const char *text, uint32_t changed, void *arg)
{
	struct feed *feed = OBJ(feed, arg);

	feed->send_at_ms = 0;
	if (error < 0) {
		feed_not_taken(feed, error, text);
	} else if (feed->expired) { /* the keeper ended everything: we have what it has, nothing */
		feed_file_remove(feed_file(feed));
		feed_zone_free(&feed->zone);
		feed->whole = false;
	} else {
		feed_taken(feed, text, changed);
	}
	upload_free(&feed->upload);
	feed->schedule->sending = NULL;
	feed_arm(feed);
	schedule_send_next(feed->schedule);
}

static void feed_send(struct feed *feed)
{
	struct schedule *schedule = feed->schedule;
	const struct feed_zone *to = feed->next != NULL ? feed->next : feed->zone;
	struct upload_plan plan = {.conf = feed->conf,
		.feed = feed->feed,
		.from = feed->whole ? NULL : feed->zone,
		.to = to};

	if (feed->expired)
		plan.from = plan.to = NULL;
	if (!bus_client_is_connected(*schedule->settings.bus)) {
		feed_send_soon(feed, AGAIN_MS);
		return;
	}
	schedule->sending = feed;
	feed->upload = upload_new(schedule->settings.bus, &plan, feed_on_sent, feed);
}

/* The keeper can be spoken to, or another feed is done with it. */
static void schedule_send_next(struct schedule *schedule)
{
	for (size_t i = 0; i < schedule->feeds_len && schedule->sending == NULL; i++) {
		struct feed *feed = &schedule->feeds[i];

		if (schedule_step(feed) == FEED_SEND)
			feed_send(feed);
		feed_arm(feed);
	}
}

/* ---- time ---- */

static void feed_on_timer(struct timer *timer, void *arg)
{
	struct feed *feed = OBJ(feed, arg);
	const struct schedule_settings *settings = &feed->schedule->settings;

	(void)timer;
	schedule_send_next(feed->schedule);
	if (schedule_step(feed) == FEED_FETCH)
		feed->fetch = fetch_new(settings->loop,
			&(struct fetch_plan){.feed = feed->feed,
				.key = keys_find(settings->keys, feed->conf, feed->feed->key),
				.have = feed->zone},
			feed_on_fetched, feed);
	feed_arm(feed);
}

/* ---- life ---- */

/* The clock may have been set while we were away: the zone counts as fresh then, but once. */
static void feed_load(struct feed *feed)
{
	int64_t now_s = loop_now_s(feed->schedule->settings.loop);
	int r = feed_file_read(feed_file(feed), &feed->zone, &feed->confirmed_s);
	int64_t age_s;

	if (r < 0 && r != E_ABSENT)
		log_event(EV_FEED_FILE,
			LOG_FIELDS(log_text("feed", feed->feed->name), log_error(r),
				log_text("why",
					"its file is damaged; all of the zone is fetched again")));
	if (r < 0)
		return;
	age_s = now_s > feed->confirmed_s ? now_s - feed->confirmed_s : 0;
	feed->expire_at_ms = feed_now_ms(feed) + (schedule_times(feed).expire_s - age_s) * 1000;
}

static void feed_init(
	struct feed *feed, struct schedule *schedule, const struct conf_feed *conf_feed)
{
	*feed = (struct feed){.magic = (uint32_t)MAGIC_feed,
		.schedule = schedule,
		.conf = conf_ref(schedule->settings.conf),
		.feed = conf_feed,
		.well = true,
		.since_s = loop_now_s(schedule->settings.loop)};
	timer_init(&feed->timer, schedule->settings.loop, feed_on_timer, feed);
	feed_load(feed);
	feed->fetch_at_ms = feed_now_ms(feed);
	feed_arm(feed);
}

static void feed_done(struct feed *feed)
{
	timer_done(&feed->timer);
	fetch_free(&feed->fetch);
	upload_free(&feed->upload);
	feed_zone_free(&feed->zone);
	feed_zone_free(&feed->next);
	conf_unref(&feed->conf);
	feed->magic = 0;
}

struct schedule *schedule_new(const struct schedule_settings *settings)
{
	const struct conf *conf = settings->conf;
	struct schedule *schedule = mem_new(schedule);

	schedule->settings = *settings;
	schedule->feeds = mem_alloc_array(conf->feeds_len + 1, sizeof(*schedule->feeds));
	for (size_t i = 0; i < conf->feeds_len; i++)
		feed_init(&schedule->feeds[i], schedule, &conf->feeds[i]);
	schedule->feeds_len = conf->feeds_len;
	return schedule;
}

void schedule_free(struct schedule **schedule)
{
	struct schedule *s = *schedule;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->feeds_len; i++)
		feed_done(&s->feeds[i]);
	mem_free(s->feeds);
	mem_free(s);
	*schedule = NULL;
}

size_t schedule_len(const struct schedule *schedule)
{
	return schedule->feeds_len;
}

struct feed_state schedule_state(const struct schedule *schedule, size_t index)
{
	const struct feed *feed = &schedule->feeds[index];

	return (struct feed_state){.name = feed->feed->name,
		.well = feed->well,
		.text = feed->text[0] != '\0' ? feed->text : "not asked yet",
		.since_s = feed->since_s};
}
