/* SPDX-License-Identifier: ISC */
#include "gate/sender_lookup.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "resolve/resolver.h"

struct sender_lookup {
	uint32_t magic;
	struct resolver *resolver;
	struct resolver_query *query;
	struct sender_lookup_request request;
	struct dns_name name;
	size_t step; /* in types */
	bool answered;
	enum sender_state state;
};

/* In this order: the next is asked where there is none of the one before. */
static const uint16_t types[] = {DNS_MX, DNS_A, DNS_AAAA};

/* "." is the one name to which nobody can send (RFC 7505 section 3); beside others it is none. */
static bool is_null_mx(const struct resolver_answer *answer)
{
	return answer->count == 1 && dns_name_label_count(&answer->names[0]) == 0;
}

static void lookup_ask(struct sender_lookup *lookup);

/* `done` may free the lookup. */
static void lookup_on_answered(const struct resolver_answer *answer, void *arg)
{
	struct sender_lookup *lookup = OBJ(sender_lookup, arg);

	lookup->query = NULL;
	if (answer->status == RESOLVER_NODATA && lookup->step + 1 < COUNTOF(types)) {
		lookup->step++;
		lookup_ask(lookup);
		return;
	}
	lookup->answered = true;
	if (resolver_is_unknown(answer->status))
		lookup->state = SENDER_UNKNOWN;
	else if (answer->status != RESOLVER_FOUND)
		lookup->state = SENDER_MISSING;
	else if (types[lookup->step] == DNS_MX && is_null_mx(answer))
		lookup->state = SENDER_NULL_MX;
	else
		lookup->state = SENDER_REACHABLE;
	lookup->request.done(lookup->request.arg);
}

static void lookup_ask(struct sender_lookup *lookup)
{
	const struct resolver_question question = {.name = &lookup->name,
		.type = types[lookup->step],
		.client = &lookup->request.client,
		.of_stranger = true};

	lookup->query = resolver_ask(lookup->resolver, &question, lookup_on_answered, lookup);
}

struct sender_lookup *sender_lookup_start(
	struct resolver *resolver, const struct sender_lookup_request *request)
{
	struct sender_lookup *lookup;
	struct dns_name name;

	if (dns_name_parse(request->domain, &name) < 0)
		return NULL;
	lookup = mem_new(sender_lookup);
	lookup->magic = (uint32_t)MAGIC_sender_lookup;
	lookup->resolver = resolver;
	lookup->request = *request;
	lookup->name = name;
	lookup_ask(lookup);
	return lookup;
}

void sender_lookup_free(struct sender_lookup **lookup)
{
	struct sender_lookup *l = *lookup;

	if (l == NULL)
		return;
	resolver_cancel(&l->query);
	l->magic = 0;
	mem_free(l);
	*lookup = NULL;
}

bool sender_lookup_is_for(const struct sender_lookup *lookup, struct span domain)
{
	struct dns_name name;

	return dns_name_parse(domain, &name) >= 0 && dns_name_equal(&name, &lookup->name);
}

bool sender_lookup_is_answered(const struct sender_lookup *lookup)
{
	return lookup->answered;
}

enum sender_state sender_lookup_state(const struct sender_lookup *lookup)
{
	return lookup->state;
}
