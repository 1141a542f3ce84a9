/* SPDX-License-Identifier: ISC */
#include "keeper/retirement_state.h"

#include "store/store.h"

static int retirement_found(const struct store_listing *listing, void *arg)
{
	retirement_note(arg, listing->sublist, listing->reason, listing->added_event);
	return 0;
}

int retirement_read(struct store *store, struct span list, struct retirement_state *state)
{
	struct source source;
	struct store_select select = {
		.which = STORE_COVERING, .list = span_text(RETIREMENT_LIST), .source = &source};
	int r;

	*state = (struct retirement_state){.when = ""};
	retirement_source(list, &source);
	r = store_listings(store, &select, retirement_found, state);
	return r < 0 ? r : 0;
}

int retirement_refuses(const struct store_guard *guard, struct span list, struct fault *why)
{
	struct retirement_state state;
	int r = retirement_read(guard->store, list, &state);

	return r < 0 ? r : retirement_may_list(&state, list, why);
}
