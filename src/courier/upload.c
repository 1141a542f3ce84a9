/* SPDX-License-Identifier: ISC */
#include "courier/upload.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/frame.h"

/* A change set goes in parts, each sent when the one before was answered: begin, entries, ..., end.
 * So the keeper is never flooded, and what goes wrong ends it; the keeper forgets its part. */
enum {
	ENTRIES_PER_PART = 1500, /* at their longest still within FRAME_ROLE_MAX */
};

_Static_assert((int)ENTRIES_PER_PART <= (int)MESSAGE_FEED_ENTRIES_MAX, "bus/check.h");

struct named_rules {
	struct feed_rules rules;
	struct feed_rule rule[64];
	size_t names_len;
	const char *names[SUBLISTS_MAX]; /* by bit */
};

struct upload {
	uint32_t magic;
	struct bus_client **bus; /* the courier's; NULL behind it: no answers come any more */
	struct upload_plan plan;
	struct named_rules named;
	struct feed_set *from, *to;
	struct feed_difference difference;
	uint64_t sent;
	bool exhausted, ended, freed;
	unsigned asked; /* answers that are due */
	upload_done *done;
	void *arg;
};

static void upload_on_answer(int error, const struct bus_answer *answer, void *arg);

/* ---- rules: which answer belongs to which of the feed's sublists ---- */

static uint8_t rules_bit(struct named_rules *named, const char *sublist)
{
	for (size_t i = 0; i < named->names_len; i++) {
		if (strcmp(named->names[i], sublist) == 0)
			return (uint8_t)i;
	}
	named->names[named->names_len] = sublist;
	return (uint8_t)named->names_len++;
}

/* The configuration has no more sublists and codes than fit. */
static void rules_make(const struct upload_plan *plan, struct named_rules *ret_rules)
{
	const struct conf_feed *feed = plan->feed;
	const struct conf_list *list = conf_list_find(plan->conf, span_text(feed->into));

	*ret_rules = (struct named_rules){.names_len = 0};
	for (size_t i = 0; i < feed->codes_len && i < COUNTOF(ret_rules->rule); i++) {
		ret_rules->rule[i].code = feed->codes[i].code;
		ret_rules->rule[i].sublist = rules_bit(ret_rules, feed->codes[i].sublist);
		ret_rules->rules.len++;
	}
	ret_rules->rules.rules = ret_rules->rule; /* so it is not to be moved */
	ret_rules->rules.domains = list->holds == LIST_OF_DOMAINS;
}

/* ---- parts ---- */

static void upload_send(struct upload *upload, struct bus_feed_part part)
{
	part.feed = upload->plan.feed->name;
	upload->asked++;
	bus_client_feed(*upload->bus, &part, upload_on_answer, upload);
}

static void upload_begin(struct upload *upload)
{
	const struct upload_plan *plan = &upload->plan;
	struct bus_feed_begin begin = {.whole = plan->from == NULL,
		.expired = plan->to == NULL,
		.from_serial = plan->from != NULL ? plan->from->soa.serial : 0,
		.to_serial = plan->to != NULL ? plan->to->soa.serial : 0,
		.rules = conf_feed_rules(plan->conf, plan->feed),
		.sublists_len = upload->named.names_len,
		.sublists = upload->named.names};

	upload_send(upload, (struct bus_feed_part){.what = BUS_FEED_BEGIN, .begin = &begin});
}

/* False: there are no more. */
static bool upload_next(struct upload *upload, struct bus_feed_entry *entry)
{
	const struct feed_set *set = NULL;
	struct feed_entry next;

	if (feed_difference_next(&upload->difference, &next, &set) == 0)
		return false;
	feed_entry_source(set, &next, &entry->source);
	entry->listed = next.listed;
	entry->excluded = next.excluded;
	if ((next.listed | next.excluded) != 0) /* texts of the pool end with a NUL */
		entry->reason = (const char *)feed_entry_reason(set, &next).ptr;
	return true;
}

static void upload_entries(struct upload *upload)
{
	struct bus_feed_entry *entries = mem_alloc_array(ENTRIES_PER_PART, sizeof(*entries));
	size_t len = 0;

	while (len < ENTRIES_PER_PART && upload_next(upload, &entries[len]))
		len++;
	upload->exhausted = len < ENTRIES_PER_PART;
	upload->sent += len;
	upload_send(
		upload, (struct bus_feed_part){
				.what = BUS_FEED_ENTRIES, .entries = entries, .entries_len = len});
	mem_free(entries);
}

static void upload_destroy(struct upload *upload)
{
	upload->magic = 0;
	mem_free(upload);
}

/* The sets are made when the keeper wants them: what it refuses at once is offered often. */
static int upload_make_sets(struct upload *upload)
{
	const struct upload_plan *plan = &upload->plan;
	int r = 0;

	if (upload->to != NULL)
		return 0;
	if (plan->from != NULL)
		r = feed_set_new(plan->from, &upload->named.rules, &upload->from);
	if (r >= 0)
		r = feed_set_new(plan->to, &upload->named.rules, &upload->to);
	upload->difference = (struct feed_difference){.from = upload->from, .to = upload->to};
	return r;
}

static void upload_on_answer(int error, const struct bus_answer *answer, void *arg)
{
	struct upload *upload = OBJ(upload, arg);

	upload->asked--;
	if (upload->freed) {
		upload_destroy(upload);
		return;
	}
	if (error < 0 || upload->ended) {
		upload->done(error, answer != NULL ? answer->text : err_text(error),
			answer != NULL ? answer->changed : 0, upload->arg);
	} else if (upload->exhausted) {
		upload->ended = true;
		upload_send(
			upload, (struct bus_feed_part){.what = BUS_FEED_END, .sent = upload->sent});
	} else {
		error = upload_make_sets(upload);
		if (error < 0)
			upload->done(error, "the texts of the zone are too long", 0, upload->arg);
		else
			upload_entries(upload);
	}
}

/* ---- life ---- */

struct upload *upload_new(
	struct bus_client **bus, const struct upload_plan *plan, upload_done *done, void *arg)
{
	struct upload *upload = mem_new(upload);

	upload->magic = (uint32_t)MAGIC_upload;
	upload->bus = bus;
	upload->plan = *plan;
	upload->done = done;
	upload->arg = arg;
	upload->exhausted =
		plan->from == plan->to; /* nothing changed: only that it is so is told */
	rules_make(plan, &upload->named);
	upload_begin(upload);
	return upload;
}

/* An answer may still be due; the rest is freed with it. */
void upload_free(struct upload **upload)
{
	struct upload *s = *upload;

	if (s == NULL)
		return;
	*upload = NULL;
	feed_set_free(&s->from);
	feed_set_free(&s->to);
	s->freed = true;
	if (s->asked == 0 || *s->bus == NULL)
		upload_destroy(s);
}

const struct feed_counts *upload_counts(const struct upload *upload)
{
	static const struct feed_counts none = {0};

	return upload->to != NULL ? &upload->to->counts : &none;
}
