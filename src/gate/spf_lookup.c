/* SPDX-License-Identifier: ISC */
#include "gate/spf_lookup.h"

#include <string.h>

#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "resolve/resolver.h"

struct spf_lookup {
	uint32_t magic;
	struct resolver *resolver;
	struct resolver_query *query;
	struct spf_lookup_request request;
	struct arena *arena;   /* what was asked, and the answers */
	struct arena *scratch; /* of the last evaluation */
	struct spf_answers answers;
	struct spf_answer *items; /* answers.items */
	struct spf_outcome outcome;
};

static void lookup_step(struct spf_lookup *lookup);

static void *copy_of(struct arena *arena, const void *items, size_t size)
{
	void *copy = arena_alloc(arena, size + 1);

	memcpy(copy, items, size);
	return copy;
}

static void take_texts(
	struct arena *arena, const struct resolver_answer *found, struct spf_answer *answer)
{
	struct span *texts = arena_alloc(arena, found->count * sizeof(*texts));

	for (size_t i = 0; i < found->count; i++)
		texts[i] = arena_copy(arena, found->texts[i]);
	answer->texts = texts;
}

static void take_records(
	struct arena *arena, const struct resolver_answer *found, struct spf_answer *answer)
{
	answer->state = SPF_ANSWER_FOUND;
	answer->count = found->count;
	switch (answer->question.type) {
	case DNS_TXT:
		take_texts(arena, found, answer);
		break;
	case DNS_MX:
	case DNS_PTR:
		answer->names = copy_of(arena, found->names, found->count * sizeof(*found->names));
		break;
	default:
		answer->addresses =
			copy_of(arena, found->addresses, found->count * sizeof(*found->addresses));
	}
}

static void lookup_take(struct spf_lookup *lookup, const struct resolver_answer *found)
{
	size_t len = lookup->answers.len;
	struct spf_answer *answer;

	lookup->items = mem_resize(lookup->items, (len + 1) * sizeof(*lookup->items));
	answer = &lookup->items[len];
	*answer =
		(struct spf_answer){.question = lookup->outcome.question, .state = SPF_ANSWER_VOID};
	if (found->status == RESOLVER_FOUND)
		take_records(lookup->arena, found, answer);
	else if (resolver_is_unknown(found->status))
		answer->state = SPF_ANSWER_UNKNOWN;
	lookup->answers = (struct spf_answers){len + 1, lookup->items};
}

/* `done` may free the lookup. */
static void lookup_on_answered(const struct resolver_answer *found, void *arg)
{
	struct spf_lookup *lookup = OBJ(spf_lookup, arg);

	lookup->query = NULL;
	lookup_take(lookup, found);
	lookup_step(lookup);
	if (lookup->outcome.result != SPF_UNANSWERED)
		lookup->request.done(lookup->request.arg);
}

/* Who wrote the record chose the names. */
static void lookup_step(struct spf_lookup *lookup)
{
	struct resolver_question question = {.name = &lookup->outcome.question.name,
		.client = &lookup->request.asked.client,
		.of_stranger = true};

	arena_reset(lookup->scratch);
	spf_evaluate(&lookup->request.asked, &lookup->answers, lookup->scratch, &lookup->outcome);
	if (lookup->outcome.result != SPF_UNANSWERED)
		return;
	question.type = lookup->outcome.question.type;
	lookup->query = resolver_ask(lookup->resolver, &question, lookup_on_answered, lookup);
}

struct spf_lookup *spf_lookup_start(
	struct resolver *resolver, const struct spf_lookup_request *request)
{
	struct spf_lookup *lookup = mem_new(spf_lookup);
	struct spf_request *asked = &lookup->request.asked;

	lookup->magic = (uint32_t)MAGIC_spf_lookup;
	lookup->resolver = resolver;
	lookup->request = *request;
	lookup->arena = arena_new(0);
	lookup->scratch = arena_new(0);
	asked->helo = arena_copy(lookup->arena, asked->helo);
	asked->sender = arena_copy(lookup->arena, asked->sender);
	asked->receiver = arena_copy(lookup->arena, asked->receiver);
	lookup_step(lookup);
	return lookup;
}

void spf_lookup_free(struct spf_lookup **lookup)
{
	struct spf_lookup *l = *lookup;

	if (l == NULL)
		return;
	resolver_cancel(&l->query);
	arena_free(&l->arena);
	arena_free(&l->scratch);
	mem_free(l->items);
	l->magic = 0;
	mem_free(l);
	*lookup = NULL;
}

bool spf_lookup_is_for(const struct spf_lookup *lookup, const struct spf_request *asked)
{
	return span_equal(lookup->request.asked.sender, asked->sender) &&
	       span_equal(lookup->request.asked.helo, asked->helo);
}

const struct spf_outcome *spf_lookup_outcome(const struct spf_lookup *lookup)
{
	return &lookup->outcome;
}
