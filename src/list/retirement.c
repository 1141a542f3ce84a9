/* SPDX-License-Identifier: ISC */
#include "list/retirement.h"

#include <stdio.h>

const char *retirement_sublist(enum retirement_stage stage)
{
	static const char *const names[] = {"announced", "ended"};

	return names[stage];
}

void retirement_source(struct span list, struct source *ret_source)
{
	*ret_source = (struct source){.kind = SOURCE_DOMAIN};
	snprintf(ret_source->domain, sizeof(ret_source->domain), "%.*s.retired",
		(int)(list.len < 64 ? list.len : 64), (const char *)list.ptr);
}

struct retirement retirement_of(const struct view *view, struct span list)
{
	struct retirement retirement = {.is_announced = false};
	struct hits hits;
	struct source source;
	int at = view != NULL ? view_list_find(view, span_text(RETIREMENT_LIST)) : E_ABSENT;

	if (at < 0)
		return retirement;
	retirement_source(list, &source);
	view_lookup_domain(view, at, span_text(source.domain), &hits);
	for (size_t i = 0; i < hits.len; i++) {
		struct span stage = view_sublist_name(view, at, hits.items[i].sublist);

		if (span_equal_text(stage, retirement_sublist(RETIREMENT_ENDED))) {
			retirement.is_ended = true;
		} else {
			retirement.is_announced = true;
			retirement.words = hits.items[i].reason;
		}
	}
	return retirement;
}
