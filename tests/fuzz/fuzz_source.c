/* SPDX-License-Identifier: ISC */
/* What source_parse accepts prints as text that parses to the same source again. */
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "list/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source, again;
	char text[SOURCE_TEXT_SIZE];
	struct fault why;

	if (source_parse(span_of(data, size), &source, &why) < 0)
		return 0;
	ASSERT(source_parse(span_text(source_print(&source, text)), &again, &why) == 0);
	ASSERT(source_equal(&source, &again));
	return 0;
}
