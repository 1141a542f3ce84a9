/* SPDX-License-Identifier: ISC */
#include "gate/greylisting.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "gate/helo.h"
#include "grey/file.h"
#include "grey/generic_name.h"

enum {
	ENTRIES_MAX = 1200000, /* 32 octets each, in a table filled to three quarters or more */
	NETWORK_SHARE = 64,    /* one network's part of them, of those that wait: one in so many */
	CLOCK_SET_S = 60,      /* less is how clocks are kept right */
	WRITE_EACH_MS = 1000
};

struct greylisting {
	uint32_t magic;
	struct loop *loop;
	struct greylist list;
	struct grey_file *file; /* may be NULL */
	struct timer writing;
	bool is_unwritable; /* and that was said */
	int64_t wall_less_mono_s;
};

/* ---- time ---- */

static int64_t wall_less_mono_s(const struct greylisting *g)
{
	return loop_now_s(g->loop) - loop_now_ms(g->loop) / 1000;
}

/* The wall clock; when it was set, all that is known moves along. */
static int64_t greylisting_now_s(struct greylisting *g)
{
	int64_t by_s = wall_less_mono_s(g) - g->wall_less_mono_s;

	if (by_s > CLOCK_SET_S || by_s < -CLOCK_SET_S) {
		grey_table_shift(g->list.table, by_s);
		g->wall_less_mono_s += by_s;
		if (g->file != NULL)
			grey_file_renew(g->file);
		log_event(EV_GREY_CLOCK_SET, LOG_FIELDS(log_number("seconds", by_s)));
	}
	return loop_now_s(g->loop);
}

/* ---- the file ---- */

static void greylisting_on_write(struct timer *timer, void *arg)
{
	struct greylisting *g = OBJ(greylisting, arg);

	int r = grey_file_write(g->file, g->list.table);

	if (r < 0 && !g->is_unwritable)
		log_event(EV_GREY_FILE_FAILED, LOG_FIELDS(log_text("error", err_text(r))));
	g->is_unwritable = r < 0;
	timer_set(timer, loop_now_ms(g->loop) + WRITE_EACH_MS);
}

static void greylisting_open(struct greylisting *g, const char *path)
{
	struct grey_counts found;
	struct fault why;

	if (grey_file_open(path, &g->file, &why) < 0) {
		log_event(EV_GREY_FILE_FAILED, LOG_FIELDS(log_text("error", why.text)));
		return;
	}
	grey_file_load(g->file, &g->list, loop_now_s(g->loop), &found);
	if (found.damaged != 0)
		log_event(
			EV_GREY_FILE_BAD, LOG_FIELDS(log_number("damaged", (int64_t)found.damaged),
						  log_number("kept", (int64_t)found.records)));
	log_event(EV_GREY_READ,
		LOG_FIELDS(log_number("entries", (int64_t)grey_table_count(g->list.table)),
			log_number("waiting", (int64_t)grey_table_count_waiting(g->list.table)),
			log_number("octets", (int64_t)grey_table_memory(g->list.table))));
	timer_set(&g->writing, loop_now_ms(g->loop) + WRITE_EACH_MS);
}

static void greylisting_save(struct greylisting *g)
{
	for (size_t i = 0; g->file != NULL && i < g->list.changes_len; i++)
		grey_file_put(g->file, &g->list.changes[i]);
	g->list.changes_len = 0;
}

/* ---- life ---- */

void greylisting_set_conf(struct greylisting *g, const struct conf *conf)
{
	g->list.delay_s = conf->grey.delay_s;
	grey_table_set_times(g->list.table, conf->grey.retry_within_s, conf->grey.remember_s);
}

struct greylisting *greylisting_new(struct loop *loop, const struct conf *conf, const char *path)
{
	const struct grey_limits limits = {
		.entries = ENTRIES_MAX, .network = ENTRIES_MAX / NETWORK_SHARE};
	struct greylisting *g = mem_new(greylisting);

	g->magic = (uint32_t)MAGIC_greylisting;
	g->loop = loop;
	g->list.table = grey_table_new(&limits);
	g->wall_less_mono_s = wall_less_mono_s(g);
	timer_init(&g->writing, loop, greylisting_on_write, g);
	greylisting_set_conf(g, conf);
	grey_secret_make(&g->list.secret);
	if (path != NULL)
		greylisting_open(g, path);
	return g;
}

bool greylisting_peek(struct greylisting *g, const char *path)
{
	return grey_file_peek(path, &g->list, loop_now_s(g->loop));
}

void greylisting_free(struct greylisting **greylisting)
{
	struct greylisting *g = *greylisting;

	if (g == NULL)
		return;
	if (g->file != NULL)
		grey_file_write(g->file, g->list.table);
	grey_file_free(&g->file);
	grey_table_free(&g->list.table);
	timer_done(&g->writing);
	g->magic = 0;
	mem_free(g);
	*greylisting = NULL;
}

/* ---- facts ---- */

static bool is_listed_lightly(const struct facts *facts, const struct conf *conf)
{
	for (size_t i = 0; i < facts->dnsbls_len && i < conf->dnsbls_len; i++)
		if (facts->dnsbls[i].state == FACT_YES && !facts->dnsbls[i].list_error &&
			conf->dnsbls[i].action == ACTION_SCORE && conf->dnsbls[i].weight > 0)
			return true;
	return false;
}

static bool spf_passes(const struct facts *facts)
{
	return facts->spf != NULL && facts->spf->result == SPF_PASS;
}

/* What was not asked, or not told, is no reason. */
static bool spf_says_no_pass(const struct facts *facts)
{
	return facts->spf != NULL && facts->spf->result != SPF_PASS &&
	       facts->spf->result != SPF_TEMPERROR && facts->spf->result != SPF_UNANSWERED;
}

static struct suspicion suspicion_of(const struct facts *facts, const struct conf *conf)
{
	struct span name = facts->confirmed == FACT_YES ? facts->confirmed_name : facts->ptr_name;
	enum helo_kind kind;

	return (struct suspicion){
		.no_name = facts->ptr == FACT_NO,
		.generic_name = facts->ptr == FACT_YES && name_is_generic(name, facts->client),
		.unconfirmed = facts->ptr == FACT_YES && facts->confirmed == FACT_NO,
		.no_spf_pass = spf_says_no_pass(facts),
		.helo_fault = helo_complaint(facts->helo, facts->client, &kind) != NULL,
		.listed = is_listed_lightly(facts, conf),
	};
}

/* "me@example.org" is that recipient, "example.org" all of that domain. */
static bool recipient_is_excepted(const struct facts *facts, const struct conf *conf)
{
	for (size_t i = 0; i < conf->grey.not_for_len; i++) {
		const char *text = conf->grey.not_for[i];
		struct span whom =
			strchr(text, '@') != NULL ? facts->recipient : facts->recipient_domain;

		if (span_equal_nocase(whom, span_text(text)))
			return true;
	}
	return false;
}

/* Whose mail may have to wait: of strangers, to ours. */
static bool facts_are_greylisted(const struct facts *facts, const struct conf *conf)
{
	return conf->checks[CHECK_GREY].action != ACTION_OFF && !facts->client_is_own &&
	       facts->recipient_is_own && facts->recipient.len != 0 &&
	       !recipient_is_excepted(facts, conf);
}

void greylisting_ask(
	struct greylisting *g, const struct conf *conf, bool at_data, struct facts *facts)
{
	struct grey_fact *grey = &facts->grey;
	struct grey_attempt attempt;

	if (!facts_are_greylisted(facts, conf))
		return;
	if (facts->sender.len == 0 && !at_data) {
		grey->state = GREY_AT_DATA;
		return;
	}
	grey->state = GREY_ASKED;
	grey->suspicion = suspicion_of(facts, conf);
	attempt = (struct grey_attempt){
		.client = {.ip = facts->client,
			.v4_bits = (unsigned)conf->grey.group_v4,
			.v6_bits = (unsigned)conf->grey.group_v6},
		.sender = facts->sender,
		.recipient = facts->recipient,
		.suspicion = suspicion_sum(&grey->suspicion),
	};
	if (spf_passes(facts))
		attempt.client.spf_domain = facts_spf_domain(facts);
	if (facts->confirmed == FACT_YES)
		attempt.client.name = facts->confirmed_name;
	grey_keys_make(&g->list, &attempt, &grey->keys);
	grey_decide(&g->list, &grey->keys, greylisting_now_s(g), &grey->decision);
}

/* ---- what became of it ---- */

/* One of ours writes out: who answers is waited for. */
static void note_own(struct greylisting *g, const struct conf *conf, const struct facts *facts)
{
	if (conf->checks[CHECK_GREY].action == ACTION_OFF || facts->recipient_is_own ||
		facts->recipient_domain.len == 0)
		return;
	grey_note_wrote(&g->list, facts->recipient_domain, greylisting_now_s(g));
	greylisting_save(g);
}

static bool verdict_leaves_it_to_grey(const struct verdict *verdict)
{
	return verdict->exemption == EXEMPT_NOT &&
	       (verdict->kind < VERDICT_TEMPFAIL || verdict->decider->check == CHECK_GREY);
}

bool greylisting_note(struct greylisting *g, const struct verdict *verdict, struct facts *facts)
{
	struct grey_fact *grey = &facts->grey;
	enum grey_why why = grey->decision.why;

	if (facts->client_is_own && verdict->kind < VERDICT_TEMPFAIL)
		note_own(g, verdict->conf, facts);
	if (grey->state != GREY_ASKED || !verdict_leaves_it_to_grey(verdict))
		return false;
	grey_note(&g->list, &grey->keys, greylisting_now_s(g), &grey->decision);
	greylisting_save(g);
	return grey->decision.why != why;
}
