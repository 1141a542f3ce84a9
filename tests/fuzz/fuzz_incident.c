/* SPDX-License-Identifier: ISC */
/* What incident_number_parse accepts prints as text that parses to the same number again. */
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "list/incident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[INCIDENT_TEXT_SIZE];
	uint64_t number, again;

	if (incident_number_parse(span_of(data, size), &number) < 0)
		return 0;
	incident_number_print(number, text);
	ASSERT(incident_number_parse(span_text(text), &again) == 0 && again == number);
	return 0;
}
