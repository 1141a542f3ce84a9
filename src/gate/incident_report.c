/* SPDX-License-Identifier: ISC */
#include "gate/incident_report.h"

#include <stdio.h>

#include "bus/client.h"

enum { SHOWN_SIZE = 512 };

/* Printable ASCII as it is, other bytes as \xHH; cut at the size. */
static char *shown(struct span s, char text[SHOWN_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < s.len && at + 5 < SHOWN_SIZE; i++) {
		if (ascii_is_print(s.ptr[i]))
			text[at++] = (char)s.ptr[i];
		else
			at += (size_t)snprintf(text + at, 5, "\\x%02x", s.ptr[i]);
	}
	text[at] = '\0';
	return text;
}

static size_t incident_checks(const struct verdict *verdict, struct bus_check *ret_checks)
{
	for (size_t i = 0; i < verdict->results_len; i++) {
		const struct check_result *result = &verdict->results[i];

		ret_checks[i] = (struct bus_check){.key = check_words_get(result->check)->key,
			.found = result->found,
			.outcome = check_outcome_name(result->outcome),
			.action = action_name(result->action),
			.weight = result->weight,
			.decided = result->decided};
	}
	return verdict->results_len;
}

void incident_report(struct bus_client *bus, const struct verdict *verdict,
	const struct incident_note *note, const char *reply)
{
	const struct facts *facts = verdict->facts;
	struct source source = {.kind = SOURCE_NET, .net = ip_source_of(facts->client)};
	struct bus_check checks[VERDICT_CHECKS_MAX];
	char texts[4][SHOWN_SIZE];
	char list[VERDICT_LIST_SIZE];
	struct bus_incident incident = {.number = note->number,
		.source = &source,
		.first_s = note->first_s,
		.last_s = note->last_s,
		.count = note->count,
		.code = refusal_get(verdict->refusal)->code,
		.rule = verdict_rule(verdict),
		.mode = mode_name(verdict->mode),
		.host = verdict->conf->hostname,
		.text = reply,
		.helo = shown(facts->helo, texts[0]),
		.ptr = shown(facts->ptr_name, texts[1]),
		.list = verdict_print_list(verdict, list),
		.sender = shown(facts->sender, texts[2]),
		.recipient = shown(facts->recipient, texts[3]),
		.checks_len = incident_checks(verdict, checks),
		.checks = checks};

	bus_client_put(bus, &incident);
}
