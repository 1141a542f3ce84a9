/* SPDX-License-Identifier: ISC */
/*
 * The whole way of a foreign list's answer: message, addresses, hygiene, filters. The first octet
 * says how long the text of a filter is that stands before the message. Whatever comes, an answer
 * with an address outside of 127/8, in 127.255.255/24 or with 127.0.0.1 is never a hit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/code.h"
#include "gate/dnsbl.h"
#include "resolve/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_error(struct ip address)
{
	const uint8_t *code = &address.b[12];

	return !ip_is_v4(address) || code[0] != 127 || (code[1] == 255 && code[2] == 255) ||
	       memcmp(code, "\x7f\0\0\1", 4) == 0;
}

static void judge(const struct conf_dnsbl *dnsbl, const struct resolver_answer *answer)
{
	int may_add[2] = {0, 0};
	struct dnsbl_hit hit = {{0}, 0};

	if (dnsbl_read(dnsbl, answer->addresses, answer->count, &hit) != DNSBL_LISTED)
		return;
	for (size_t i = 0; i < answer->count; i++)
		if (is_error(answer->addresses[i]))
			abort();
	dnsbl_add_weights(dnsbl, may_add);
	if (hit.weight < may_add[0] || hit.weight > may_add[1])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_filter filter;
	struct conf_dnsbl dnsbl = {
		.zone = "list.dnswl.org", .weight = 2, .codes_len = 1, .codes = &filter};
	struct span text, rest = span_of(data, size);
	struct resolver_answer unpacked;
	struct dns_message message;
	struct dns_answer *answer;

	text = span_first(span_from(rest, 1), size != 0 ? data[0] : 0);
	rest = span_from(rest, 1 + text.len);
	if (filter_parse(text, &filter, NULL) < 0 || dns_message_decode(rest, &message) < 0)
		return 0;
	answer = dns_answer_read(&message, &(struct resolver_question){&message.name, DNS_A});
	dns_answer_unpack(answer, answer->ttl_s, &unpacked);
	judge(&dnsbl, &unpacked);
	dns_answer_free(&answer);
	return 0;
}
