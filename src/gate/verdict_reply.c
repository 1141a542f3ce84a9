/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "gate/verdict.h"
#include "list/incident.h"

/*
 * The words of a refusal: fills the placeholders of catalogue/refusals.def from facts and verdict.
 * The catalogue sees to lengths and to bytes of strangers.
 */
enum { TEXT_SIZE = 256 };

struct refusal_texts {
	char ip[IP_TEXT_SIZE];
	char url[TEXT_SIZE];
	char list[VERDICT_LIST_SIZE];
	char count[24];
	char wait[24];
	char names[TEXT_SIZE];
	char dnsbl_url[TEXT_SIZE];
};

static void names_add(char names[TEXT_SIZE], const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, TEXT_SIZE - len, "%s%s", len != 0 ? ", " : "", name);
}

static const char *result_name(const struct check_result *r)
{
	return r->dnsbl != NULL ? r->dnsbl->name : check_words_get(r->check)->key;
}

/* Whether one before it that counts has its name: several entries may be one list. */
static bool is_named_before(const struct verdict *verdict, const struct check_result *r)
{
	for (const struct check_result *before = verdict->results; before != r; before++)
		if (verdict_counts(verdict, before) &&
			strcmp(result_name(before), result_name(r)) == 0)
			return true;
	return false;
}

/* ext-dnsbl-many: the lists that refuse; score: the checks that were added up. Others: themselves.
 */
static size_t texts_names(const struct verdict *verdict, char names[TEXT_SIZE])
{
	size_t count = 0;

	names[0] = '\0';
	for (size_t i = 0; i < verdict->results_len; i++) {
		const struct check_result *r = &verdict->results[i];

		if (!verdict_counts(verdict, r) || is_named_before(verdict, r))
			continue;
		names_add(names, result_name(r));
		count++;
	}
	return count;
}

/* "https://list.example/why?ip=$ip". The zone is never shown: it may hold the customer's key. */
static void texts_dnsbl_url(const struct conf_dnsbl *dnsbl, const char *ip, char url[TEXT_SIZE])
{
	const char *place = dnsbl->url != NULL ? strstr(dnsbl->url, "$ip") : NULL;

	if (dnsbl->url == NULL)
		snprintf(url, TEXT_SIZE, "see their site.");
	else if (place == NULL)
		snprintf(url, TEXT_SIZE, "%s", dnsbl->url);
	else
		snprintf(url, TEXT_SIZE, "%.*s%s%s", (int)(place - dnsbl->url), dnsbl->url, ip,
			place + 3);
}

static void texts_fill(struct refusal_texts *w, const struct verdict *verdict, uint64_t incident)
{
	char number[INCIDENT_TEXT_SIZE];

	ip_print(verdict->facts->client, w->ip);
	snprintf(w->url, sizeof(w->url), "%s/%s", verdict->conf->portal_url,
		incident != 0 ? incident_number_print(incident, number) : "...");
	verdict_print_list(verdict, w->list);
	snprintf(w->count, sizeof(w->count), "%zu", texts_names(verdict, w->names));
	snprintf(w->wait, sizeof(w->wait), "%" PRId64, verdict->facts->grey.decision.wait_s);
	w->dnsbl_url[0] = '\0';
	if (verdict->decider->dnsbl != NULL)
		texts_dnsbl_url(verdict->decider->dnsbl, w->ip, w->dnsbl_url);
}

void verdict_print_reply(const struct verdict *verdict, uint64_t incident, struct buf *out)
{
	const struct facts *facts = verdict->facts;
	const struct list_fact *hit;
	struct refusal_texts w;

	if (verdict->decider == NULL || verdict->would < VERDICT_TEMPFAIL)
		return;
	hit = verdict->decider->hit;
	texts_fill(&w, verdict, incident);
	const struct refusal_value values[] = {
		{"ip", span_text(w.ip)},
		{"url", span_text(w.url)},
		{"helo", facts->helo},
		{"ptr", facts->ptr_name},
		{"rcpt_domain", facts->recipient_domain},
		{"list", span_text(w.list)},
		{"short_reason", hit != NULL ? list_fact_reason(hit) : (struct span){0}},
		{"domain", hit != NULL ? hit->domain : facts_spf_domain(facts)},
		{"dnsbl_name", span_text(w.list)},
		{"dnsbl_url", span_text(w.dnsbl_url)},
		{"n", span_text(w.count)},
		{"wait", span_text(w.wait)},
		{"names", span_text(w.names)},
	};
	refusal_print(verdict->refusal, values, COUNTOF(values), out);
}
