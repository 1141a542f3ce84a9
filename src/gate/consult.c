/* SPDX-License-Identifier: ISC */
#include "gate/consult.h"

#include "base/bucket_table.h"
#include "base/clock_guard.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/shelf.h"
#include "gate/greylisting.h"
#include "gate/incident_report.h"
#include "gate/sender_lookup.h"
#include "gate/spf_lookup.h"

enum { PASSED_ENTRIES = 65536, INCIDENT_ENTRIES = 16384 };

struct consult {
	struct consult_settings settings;
	struct gatherer *gatherer;
	struct shelf_item *view; /* held until a newer one is there */
	struct clock_guard guard;
	struct bucket_table *passed; /* used: until when it counts that somebody waited */
	struct incident_book *incidents;
	struct buf reply; /* of the last decision */
};

struct consultation {
	uint32_t magic;
	struct consult *consult;
	struct ip client;
	const struct conf *conf; /* a reference: the one it began with */
	struct gathering *gathering;
	int64_t until_ms;
	struct spf_lookup *spf;       /* NULL: not asked */
	struct sender_lookup *sender; /* NULL: not asked */
	int64_t dialogue_until_ms;    /* for these two */
	struct {
		uint32_t serial; /* of the view; 0: they did not */
		int64_t until_s;
	} settled; /* by our own lists, when they were last asked */
	struct timer wait;
	void (*ready)(struct consultation *consultation, void *arg);
	void *arg;
};

/* ---- what all share ---- */

static const struct view *consult_view(struct consult *consult)
{
	shelf_refresh(consult->settings.views, &consult->view);
	return shelf_object(consult->view);
}

static int64_t consult_now_s(const struct consult *consult)
{
	return loop_now_s(consult->settings.loop);
}

/* For what lasts so long, whatever the wall clock is set to. */
static int64_t consult_elapsed_s(const struct consult *consult)
{
	return loop_now_ms(consult->settings.loop) / 1000;
}

/* The time by which listings and allowances are over: the wall clock, but for a jump that is not
 * believed yet. The keeper ends them, by the same rule; this is for while it is away. */
static int64_t consult_until_now_s(struct consult *consult)
{
	return clock_guard_now_s(
		&consult->guard, consult_now_s(consult), loop_now_ms(consult->settings.loop));
}

struct consult *consult_new(const struct consult_settings *settings)
{
	const struct consult_limits *limits = settings->limits;
	struct consult *consult = mem_new(consult);

	consult->settings = *settings;
	conf_ref(settings->conf);
	consult->gatherer = gatherer_new(settings->loop, settings->resolver, settings->conf);
	consult_until_now_s(consult); /* from here on a jump shows */
	consult->passed = bucket_table_new(PASSED_ENTRIES, sizeof(struct bucket_entry));
	consult->incidents =
		incident_book_new(INCIDENT_ENTRIES, limits->incident_s, limits->incident_update_s);
	buf_init(&consult->reply, 0);
	return consult;
}

void consult_free(struct consult **consult)
{
	struct consult *c = *consult;

	if (c == NULL)
		return;
	gatherer_free(&c->gatherer);
	shelf_release(c->settings.views, &c->view);
	bucket_table_free(&c->passed);
	incident_book_free(&c->incidents);
	greylisting_free(&c->settings.greylisting);
	buf_done(&c->reply);
	conf_unref(&c->settings.conf);
	mem_free(c);
	*consult = NULL;
}

void consult_set_conf(struct consult *consult, const struct conf *conf)
{
	conf_unref(&consult->settings.conf);
	consult->settings.conf = conf_ref(conf);
	gatherer_set_conf(consult->gatherer, conf);
	if (consult->settings.greylisting != NULL)
		greylisting_set_conf(consult->settings.greylisting, conf);
}

enum lists_reach consult_lists_reach(const struct consult *consult)
{
	return gatherer_lists_reach(consult->gatherer);
}

const struct dnsbl_health *consult_dnsbl_health(const struct consult *consult, size_t dnsbl)
{
	return gatherer_health(consult->gatherer, dnsbl);
}

/* ---- one client ---- */

/* About what the client said, not about the client. */
static bool consultation_is_asking(const struct consultation *c)
{
	return (c->spf != NULL && spf_lookup_outcome(c->spf)->result == SPF_UNANSWERED) ||
	       (c->sender != NULL && !sender_lookup_is_answered(c->sender));
}

/* Until when something is open that is worth to wait for; 0: nothing is. */
static int64_t consultation_deadline_ms(const struct consultation *c)
{
	int64_t until_ms = gathering_is_complete(c->gathering) ? 0 : c->until_ms;

	if (consultation_is_asking(c) && c->dialogue_until_ms > until_ms)
		until_ms = c->dialogue_until_ms;
	return until_ms;
}

/* The last part, or one of two. */
static void consultation_on_told(void *arg)
{
	struct consultation *c = OBJ(consultation, arg);

	if (!consultation_is_ready(c))
		return;
	timer_clear(&c->wait);
	c->ready(c, c->arg);
}

static void consultation_on_gathered(struct gathering *gathering, void *arg)
{
	(void)gathering;
	consultation_on_told(arg);
}

static void consultation_on_wait_over(struct timer *timer, void *arg)
{
	struct consultation *c = OBJ(consultation, arg);

	(void)timer;
	c->ready(c, c->arg);
}

struct consultation *consultation_start(
	struct consult *consult, const struct consult_client *client)
{
	struct loop *loop = consult->settings.loop;
	struct consultation *c = mem_new(consultation);

	c->magic = (uint32_t)MAGIC_consultation;
	c->consult = consult;
	c->client = client->ip;
	c->conf = conf_ref(client->conf);
	c->ready = client->ready;
	c->arg = client->arg;
	c->until_ms = loop_now_ms(loop) + consult->settings.limits->facts_ms;
	timer_init(&c->wait, loop, consultation_on_wait_over, c);
	c->gathering =
		gathering_start(consult->gatherer, &(struct gathering_request){.client = client->ip,
							   .view = consult_view(consult),
							   .now_s = consult_until_now_s(consult),
							   .is_for_person = client->is_person,
							   .done = consultation_on_gathered,
							   .arg = c});
	return c;
}

void consultation_free(struct consultation **consultation)
{
	struct consultation *c = *consultation;

	if (c == NULL)
		return;
	gathering_free(&c->gathering);
	spf_lookup_free(&c->spf);
	sender_lookup_free(&c->sender);
	timer_done(&c->wait);
	conf_unref(&c->conf);
	c->magic = 0;
	mem_free(c);
	*consultation = NULL;
}

bool consultation_is_ready(const struct consultation *c)
{
	return facts_ip_is_own(c->conf, c->client) ||
	       loop_now_ms(c->consult->settings.loop) >= consultation_deadline_ms(c);
}

void consultation_wait(struct consultation *c)
{
	timer_set(&c->wait, consultation_deadline_ms(c));
}

/* What our own lists say stands whatever the checks on the client find. ret_until_s: until it ends,
 * 0: it does not. */
static bool facts_are_settled(const struct facts *facts, int64_t now_s, int64_t *ret_until_s)
{
	const struct list_fact *hit = facts->list_hits;
	const struct list_fact *end = hit + facts->list_hits_len;
	bool is_allowed = facts->allowed == FACT_YES && !facts_is_over(facts->allow_until_s, now_s);

	while (hit < end &&
		(hit->list->action != ACTION_REJECT || facts_is_over(hit->until_s, now_s)))
		hit++;
	if (!facts->client_is_own && !is_allowed && hit == end)
		return false;
	*ret_until_s = facts->client_is_own ? 0 : is_allowed ? facts->allow_until_s : hit->until_s;
	return true;
}

/* A foreign list that refuses by itself. */
static bool dnsbls_refuse(const struct facts *facts, const struct conf *conf)
{
	for (size_t i = 0; i < facts->dnsbls_len; i++)
		if (facts->dnsbls[i].state == FACT_YES && !facts->dnsbls[i].list_error &&
			conf->dnsbls[i].action == ACTION_REJECT)
			return true;
	return false;
}

/* Whether the checks on the client may still come to either end. What settled it once holds as long
 * as the view: names that DNS tells later only add to it. */
static bool consultation_is_open(struct consultation *c)
{
	struct facts facts = {.client = c->client};
	const struct view *view = consult_view(c->consult);
	int64_t now_s = consult_until_now_s(c->consult);

	if (c->settled.serial != 0 && c->settled.serial == view_serial(view) &&
		!facts_is_over(c->settled.until_s, now_s))
		return false;
	gathering_facts(c->gathering, c->conf, &facts);
	facts_look_up(&facts, c->conf, view, now_s);
	if (!facts_are_settled(&facts, now_s, &c->settled.until_s))
		return !dnsbls_refuse(&facts, c->conf);
	c->settled.serial = view_serial(view);
	return false;
}

static bool facts_are_good(struct facts *facts, const struct conf *conf, struct consult *consult)
{
	facts_look_up(facts, conf, consult_view(consult), consult_until_now_s(consult));
	return facts->client_is_own || facts->allowed == FACT_YES;
}

bool consult_knows_as_good(struct consult *consult, const struct conf *conf, struct ip client)
{
	struct facts facts = {.client = client};

	return facts_are_good(&facts, conf, consult);
}

bool consultation_is_known_good(struct consultation *c)
{
	struct facts facts = {.client = c->client};

	gathering_facts(c->gathering, c->conf, &facts);
	return facts_are_good(&facts, c->conf, c->consult);
}

static bool consultation_was_asked(const struct consultation *c, const struct spf_request *asked)
{
	if (c->spf != NULL)
		return spf_lookup_is_for(c->spf, asked);
	return c->sender != NULL &&
	       sender_lookup_is_for(c->sender, facts_mailbox_domain(asked->sender));
}

static bool consultation_needs_spf(const struct consultation *c)
{
	return c->conf->checks[CHECK_SPF_FAIL].action != ACTION_OFF ||
	       (c->conf->checks[CHECK_GREY].action != ACTION_OFF &&
		       c->consult->settings.greylisting != NULL);
}

static void consultation_ask_spf(struct consultation *c, const struct spf_request *asked)
{
	struct spf_lookup_request wanted = {
		.asked = *asked, .done = consultation_on_told, .arg = c};

	if (consultation_needs_spf(c))
		c->spf = spf_lookup_start(c->consult->settings.resolver, &wanted);
}

/* Our own domains are known; so is where a literal leads. */
static void consultation_ask_sender(struct consultation *c, struct span sender)
{
	char text[DOMAIN_SIZE];
	struct sender_lookup_request wanted = {
		.client = c->client, .done = consultation_on_told, .arg = c};

	if (c->conf->checks[CHECK_SENDER_DOMAIN].action != ACTION_OFF &&
		domain_fold(facts_mailbox_domain(sender), text, &wanted.domain) &&
		!facts_domain_is_own(c->conf, wanted.domain))
		c->sender = sender_lookup_start(c->consult->settings.resolver, &wanted);
}

void consultation_hear(struct consultation *c, const struct consult_request *request)
{
	const struct consult_settings *settings = &c->consult->settings;
	struct spf_request asked = {.client = c->client,
		.helo = request->helo,
		.sender = request->sender,
		.receiver = span_text(c->conf->hostname),
		.now_s = consult_now_s(c->consult)};

	if (consultation_was_asked(c, &asked))
		return;
	spf_lookup_free(&c->spf);
	sender_lookup_free(&c->sender);
	if (!consultation_is_open(c))
		return;
	consultation_ask_spf(c, &asked);
	consultation_ask_sender(c, request->sender);
	c->dialogue_until_ms = loop_now_ms(settings->loop) + settings->limits->facts_ms;
}

bool consultation_is_settled(struct consultation *c)
{
	const struct bucket_entry *passed =
		bucket_table_find(c->consult->passed, ip_source_of(c->client).ip, 0);

	return (passed != NULL && passed->used > consult_elapsed_s(c->consult)) ||
	       !consultation_is_open(c);
}

void consultation_passed(struct consultation *c)
{
	struct consult *consult = c->consult;
	struct bucket_entry *passed =
		bucket_table_need(consult->passed, ip_source_of(c->client).ip, 0);

	passed->used = consult_elapsed_s(consult) + consult->settings.limits->passed_s;
}

/* ---- the decision ---- */

void consultation_names(const struct consultation *c, struct facts *ret_facts)
{
	*ret_facts = (struct facts){0};
	gathering_facts(c->gathering, c->conf, ret_facts);
	ret_facts->spf = c->spf != NULL ? spf_lookup_outcome(c->spf) : NULL;
}

void consultation_facts(
	struct consultation *c, const struct consult_request *request, struct facts *ret_facts)
{
	consultation_names(c, ret_facts);
	ret_facts->server = request->server;
	ret_facts->spoke_early = request->spoke_early;
	ret_facts->helo = request->helo;
	ret_facts->sender = request->sender;
	ret_facts->sender_state =
		c->sender != NULL ? sender_lookup_state(c->sender) : SENDER_UNASKED;
	facts_set_recipient(ret_facts, c->conf, request->recipient);
	facts_look_up(
		ret_facts, c->conf, consult_view(c->consult), consult_until_now_s(c->consult));
	if (c->consult->settings.greylisting != NULL)
		greylisting_ask(
			c->consult->settings.greylisting, c->conf, request->at_data, ret_facts);
}

/* What makes refusals of one source the same incident: the rule with its list, the mode that holds
 * and how the mail fared. */
static uint32_t incident_story(const struct verdict *verdict)
{
	char list[VERDICT_LIST_SIZE];
	uint64_t hash = hash_bytes(HASH_START, span_text(verdict_print_list(verdict, list)));

	return (uint32_t)hash_mix(hash ^ ((uint64_t)verdict->refusal << 16 |
						 (uint64_t)verdict->mode << 8 | verdict->kind));
}

/* The keeper hears of an incident when it is new and when its count has grown enough. */
static void consult_note_incident(struct consult *consult, struct consult_answer *answer)
{
	struct incident_note note =
		incident_book_note(consult->incidents, ip_source_of(answer->facts.client).ip,
			incident_story(&answer->verdict), consult_now_s(consult));

	answer->incident = note.number;
	verdict_print_reply(&answer->verdict, note.number, &consult->reply);
	if (note.is_worth && consult->settings.bus != NULL)
		incident_report(
			consult->settings.bus, &answer->verdict, &note, buf_cstr(&consult->reply));
	answer->reply = buf_span(&consult->reply);
}

void consultation_decide(struct consultation *c, const struct consult_request *request,
	struct consult_answer *ret_answer)
{
	struct consult *consult = c->consult;
	struct verdict *verdict = &ret_answer->verdict;

	buf_clear(&consult->reply);
	ret_answer->incident = 0;
	ret_answer->reply = (struct span){0};
	consultation_facts(c, request, &ret_answer->facts);
	verdict_decide(&ret_answer->facts, c->conf, consult_until_now_s(consult), verdict);
	if (consult->settings.greylisting != NULL &&
		greylisting_note(consult->settings.greylisting, verdict, &ret_answer->facts))
		verdict_decide(&ret_answer->facts, c->conf, consult_until_now_s(consult), verdict);
	if (verdict->would >= VERDICT_TEMPFAIL)
		consult_note_incident(consult, ret_answer);
}

void consultation_note(struct consultation *c, const struct consult_request *request,
	const struct verdict_fault *fault, struct consult_answer *ret_answer)
{
	struct consult *consult = c->consult;

	buf_clear(&consult->reply);
	buf_append(&consult->reply, fault->reply);
	consultation_facts(c, request, &ret_answer->facts);
	verdict_of_fault(&ret_answer->facts, c->conf, fault, &ret_answer->verdict);
	consult_note_incident(consult, ret_answer);
}

void consult_note(struct consult *consult, const struct consult_client *client,
	const struct verdict_fault *fault, struct consult_answer *ret_answer)
{
	buf_clear(&consult->reply);
	buf_append(&consult->reply, fault->reply);
	ret_answer->facts = (struct facts){.client = client->ip};
	verdict_of_fault(&ret_answer->facts, client->conf, fault, &ret_answer->verdict);
	consult_note_incident(consult, ret_answer);
}
