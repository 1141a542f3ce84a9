/* SPDX-License-Identifier: ISC */
/* What the resolver makes of a message: aliases, records of each type it asks for, negative
 * answers. */
#include <stdint.h>
#include <stdlib.h>

#include "resolve/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_PTR, DNS_MX, DNS_TXT, DNS_SOA};
	struct resolver_answer unpacked;
	struct dns_message message;

	if (dns_message_decode(span_of(data, size), &message) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct dns_answer *answer = dns_answer_read(
			&message, &(struct resolver_question){&message.name, types[i]});

		dns_answer_unpack(answer, answer->ttl_s, &unpacked);
		if (unpacked.count > RESOLVER_RECORDS_MAX || unpacked.ttl_s > ANSWER_TTL_MAX_S ||
			(unpacked.status == RESOLVER_FOUND) != (unpacked.count != 0))
			abort();
		dns_answer_free(&answer);
	}
	return 0;
}
