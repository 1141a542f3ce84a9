/* SPDX-License-Identifier: ISC */
#include "gate/incident_report.h"

#include <stdio.h>

#include "bus/client.h"
#include "stockade.pb-c.h"

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

static size_t incident_checks(const struct verdict *verdict, Stockade__CheckResult *checks,
	Stockade__CheckResult **pointers)
{
	for (size_t i = 0; i < verdict->results_len; i++) {
		const struct check_result *result = &verdict->results[i];

		stockade__check_result__init(&checks[i]);
		checks[i].key = (char *)check_words_get(result->check)->key;
		checks[i].found = (char *)result->found;
		checks[i].outcome = (char *)check_outcome_name(result->outcome);
		checks[i].weight = result->weight;
		checks[i].action = (char *)action_name(result->action);
		checks[i].decided = result->decided;
		pointers[i] = &checks[i];
	}
	return verdict->results_len;
}

void incident_report(struct bus_client *bus, const struct verdict *verdict,
	const struct incident_note *note, const char *reply)
{
	const struct facts *facts = verdict->facts;
	struct ip client = facts->client;
	Stockade__CheckResult checks[VERDICT_CHECKS_MAX];
	Stockade__CheckResult *pointers[VERDICT_CHECKS_MAX];
	char texts[4][SHOWN_SIZE];
	char list[VERDICT_LIST_SIZE];
	Stockade__Put put = STOCKADE__PUT__INIT;
	Stockade__Incident incident = STOCKADE__INCIDENT__INIT;
	Stockade__Source source = STOCKADE__SOURCE__INIT;

	source.address = (ProtobufCBinaryData){sizeof(client.b), client.b};
	source.bits = 128;
	incident.number = note->number;
	incident.source = &source;
	incident.first_s = note->first_s;
	incident.last_s = note->last_s;
	incident.count = note->count;
	incident.rule = (char *)verdict_rule(verdict);
	incident.mode = (char *)mode_name(verdict->mode);
	incident.host = (char *)verdict->conf->hostname;
	incident.code = refusal_get(verdict->refusal)->code;
	incident.text = (char *)reply;
	incident.helo = shown(facts->helo, texts[0]);
	incident.ptr = shown(facts->ptr_name, texts[1]);
	incident.sender = shown(facts->sender, texts[2]);
	incident.recipient = shown(facts->recipient, texts[3]);
	incident.list = (char *)verdict_print_list(verdict, list);
	incident.n_checks = incident_checks(verdict, checks, pointers);
	incident.checks = pointers;
	put.what_case = STOCKADE__PUT__WHAT_INCIDENT;
	put.incident = &incident;
	bus_client_put(bus, &put);
}
