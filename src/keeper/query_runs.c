/* SPDX-License-Identifier: ISC */
#include "keeper/query_runs.h"

#include "bus/convert.h"
#include "bus/frame.h"

/* A page under way. Runs take their networks and domains out of one piece of memory each, one run
 * behind the other. */
struct paging {
	const struct encoder *encoder;
	Stockade__Answer *answer;
	Stockade__ListingRun *run; /* the last one */
	uint64_t group;            /* of which it is */
	struct prefix *nets;
	size_t nets_left;
	char **domains;
	size_t domains_left;
};

static void run_begin(struct paging *paging, const struct store_listing *listing)
{
	Stockade__ListingRun *run =
		message_new(&stockade__listing_run__descriptor, paging->encoder->arena);

	run->shared = listing_encode(paging->encoder, listing);
	run->shared->source = NULL;
	run->nets.data = (uint8_t *)paging->nets;
	run->domains = paging->domains;
	paging->answer->runs[paging->answer->n_runs++] = run;
	paging->run = run;
	paging->group = store_group_of(listing->id);
}

static void run_add(struct paging *paging, const struct store_listing *listing)
{
	Stockade__ListingRun *run = paging->run;

	run->shared->id = listing->id;
	if (listing->source.kind == SOURCE_NET) {
		*paging->nets++ = listing->source.net;
		paging->nets_left--;
		run->nets.len += sizeof(*paging->nets);
	} else {
		*paging->domains++ =
			arena_copy_string(paging->encoder->arena, listing->source.domain);
		paging->domains_left--;
		run->n_domains++;
	}
}

static int paging_take(const struct store_listing *listing, void *arg)
{
	struct paging *paging = arg;
	bool begins = paging->run == NULL || paging->group != store_group_of(listing->id);

	if ((begins && paging->answer->n_runs == MESSAGE_RUNS_MAX) || paging->nets_left == 0 ||
		paging->domains_left == 0) {
		paging->answer->more = true;
		return 1;
	}
	if (begins)
		run_begin(paging, listing);
	run_add(paging, listing);
	return 0;
}

int query_runs(
	const struct encoder *encoder, const struct store_select *page, Stockade__Answer *answer)
{
	struct store_select select = *page;
	struct paging paging = {.encoder = encoder,
		.answer = answer,
		.nets = arena_alloc(encoder->arena, MESSAGE_NETS_MAX * sizeof(struct prefix)),
		.nets_left = MESSAGE_NETS_MAX,
		.domains = arena_alloc(encoder->arena, MESSAGE_DOMAINS_MAX * sizeof(char *)),
		.domains_left = MESSAGE_DOMAINS_MAX};
	int r;

	_Static_assert(sizeof(struct prefix) == MESSAGE_NET_SIZE, "a network travels as it is");
	answer->runs = arena_alloc(encoder->arena, MESSAGE_RUNS_MAX * sizeof(*answer->runs));
	select.limit = 0;
	r = store_listings(encoder->store, &select, paging_take, &paging);
	return r < 0 ? r : 0;
}
