/* SPDX-License-Identifier: ISC */
/*
 * The whole way of a foreign list's answer: message, addresses, hygiene, code set. The first eight
 * octets are a code pattern. Whatever comes, an address outside of 127/8 is never a hit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate/dnsbl.h"
#include "resolve/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_code pattern;
	struct conf_dnsbl dnsbl = {.zone = "list.dnswl.org", .codes_len = 1, .codes = &pattern};
	struct resolver_answer unpacked;
	struct dns_message message;
	struct dns_answer *answer;
	uint8_t code[4] = {0};

	if (size < sizeof(pattern))
		return 0;
	memcpy(&pattern, data, sizeof(pattern));
	if (dns_message_decode(span_of(data + sizeof(pattern), size - sizeof(pattern)), &message) <
		0)
		return 0;
	answer = dns_answer_read(&message, &(struct resolver_question){&message.name, DNS_A});
	dns_answer_unpack(answer, answer->ttl_s, &unpacked);
	if (dnsbl_read(&dnsbl, unpacked.addresses, unpacked.count, code) == DNSBL_LISTED &&
		(code[0] != 127 || (code[1] == 255 && code[2] == 255)))
		abort();
	dns_answer_free(&answer);
	return 0;
}
