/* SPDX-License-Identifier: ISC */
/* What somebody typed: when it is understood, its canonical form is understood as the same
 * thing. */
#include "base/macro.h"
#include "http/escape.h"
#include "portal/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) *arena = arena_new(0);
	struct lookup lookup;
	struct lookup again;

	if (lookup_parse(span_of(data, size), &lookup) < 0)
		return 0;
	ASSERT(lookup_parse(span_text(lookup_print(&lookup, arena)), &again) == 0);
	ASSERT(lookup.kind == again.kind);
	if (lookup.kind == LOOKUP_INCIDENT)
		ASSERT(lookup.incident == again.incident);
	else
		ASSERT(source_equal(&lookup.source, &again.source));
	return 0;
}
