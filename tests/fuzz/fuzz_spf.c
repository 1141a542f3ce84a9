/* SPDX-License-Identifier: ISC */
/*
 * A whole evaluation of SPF: the first line is the sender, each further one the answer to the next
 * question. Whatever they say, it ends within the limits of RFC 7208 section 4.6.4, asks nothing
 * twice, and an explanation is ASCII.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dns/message.h"
#include "spf/spf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ip client = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};

static size_t take_names(struct span line, struct arena *arena, const struct dns_name **ret_names)
{
	struct dns_name *names = arena_alloc(arena, (line.len + 1) * sizeof(*names));
	size_t len = 0;

	while (line.len != 0)
		len += dns_name_parse(span_split(&line, ' '), &names[len]) == 0;
	*ret_names = names;
	return len;
}

static size_t take_addresses(struct span line, struct arena *arena, const struct ip **ret_addresses)
{
	struct ip *addresses = arena_alloc(arena, (line.len + 1) * sizeof(*addresses));

	for (size_t i = 0; i < line.len; i++) {
		addresses[i] = client;
		addresses[i].b[15] = (uint8_t)(line.ptr[i] - 'a');
	}
	*ret_addresses = addresses;
	return line.len;
}

static void answer_question(struct span line, struct arena *arena, struct spf_answer *answer)
{
	struct span *text = arena_alloc(arena, sizeof(*text));

	if (answer->question.name.wire[answer->question.name.len - 1] != 0)
		abort(); /* no whole name */
	*text = line;
	answer->texts = text;
	answer->count = 1;
	if (answer->question.type == DNS_A)
		answer->count = take_addresses(line, arena, &answer->addresses);
	else if (answer->question.type != DNS_TXT)
		answer->count = take_names(line, arena, &answer->names);
	answer->state = line.len == 0 || answer->count == 0 ? SPF_ANSWER_VOID
			: line.ptr[0] == '!'                ? SPF_ANSWER_UNKNOWN
							    : SPF_ANSWER_FOUND;
}

static void check_is_new(const struct spf_answer *answers, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (answers[i].question.type == answers[len].question.type &&
			dns_name_equal(&answers[i].question.name, &answers[len].question.name))
			abort();
	}
}

static void check_outcome(const struct spf_outcome *outcome)
{
	if (!span_is_ascii(outcome->explanation) || outcome->terms > SPF_TERMS_MAX + 1)
		abort();
	if ((outcome->result == SPF_PERMERROR || outcome->result == SPF_TEMPERROR) !=
		(outcome->cause != SPF_CAUSE_NONE))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct spf_request request = {.client = client, .helo = span_text("mail.example.com")};
	struct arena *arena = arena_new(0), *scratch = arena_new(0);
	struct spf_answer *answers = arena_alloc(arena, SPF_ANSWERS_MAX * sizeof(*answers));
	struct spf_outcome outcome;
	size_t len = 0;

	request.sender = span_split(&rest, '\n');
	while (spf_evaluate(&request, &(struct spf_answers){len, answers}, scratch, &outcome),
		outcome.result == SPF_UNANSWERED) {
		if (len == SPF_ANSWERS_MAX)
			abort();
		answers[len].question = outcome.question;
		check_is_new(answers, len);
		answer_question(span_split(&rest, '\n'), arena, &answers[len++]);
		arena_reset(scratch);
	}
	check_outcome(&outcome);
	arena_free(&scratch);
	arena_free(&arena);
	return 0;
}
