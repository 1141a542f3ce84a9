/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name that parses prints to text that gives the same name, and its wire form decodes to it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char printed[DNS_NAME_TEXT_SIZE];
	struct dns_name again;
	struct dns_name name;
	size_t at = 0;

	if (dns_name_parse(span_of(data, size), &name) < 0)
		return 0;
	dns_name_print(&name, printed);
	ASSERT(dns_name_parse(span_text(printed), &again) == 0);
	ASSERT(span_equal(dns_name_span(&name), dns_name_span(&again)));
	ASSERT(dns_name_decode(dns_name_span(&name), &at, &again) == 0);
	ASSERT(at == name.len && dns_name_equal(&name, &again));
	return 0;
}
