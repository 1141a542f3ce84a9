/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "dns/query.h"
#include "dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1700000000 };

static struct tsig_key key_new(void)
{
	struct tsig_key key;

	ASSERT(tsig_key_init(&key,
		       &(struct tsig_key_text){span_text("transfer.example.org"), TSIG_HMAC_SHA256,
			       span_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")},
		       NULL) == 0);
	return key;
}

/* A server: whatever it makes of the query, its answer is a message that a reader takes. */
static void serve(struct span bytes, const struct tsig_key *key)
{
	struct tsig_exchange exchange;
	struct dns_query query;
	uint8_t answer[2048];
	size_t len = DNS_HEADER_SIZE;
	int r;

	if (dns_query_decode(bytes, &query) != DNS_NOERROR || query.tsig_at == 0)
		return;
	r = tsig_verify_query(&exchange, &(struct tsig_signed){bytes, query.tsig_at},
		&(struct tsig_keys){1, key}, NOW_S);
	ASSERT(r != DNS_NOERROR || exchange.key == key);
	ASSERT(r != DNS_NOTAUTH || exchange.error != 0);
	memcpy(answer, "\0\1\x80\0\0\1\0\0\0\0\0\0", DNS_HEADER_SIZE);
	memcpy(answer + len, query.question.ptr, query.question.len);
	len += query.question.len;
	len = tsig_sign(&exchange, &(struct tsig_message){answer, len, sizeof(answer)}, NOW_S);
	if (r != DNS_FORMERR) {
		struct dns_message message;

		ASSERT(dns_message_decode(span_of(answer, len), &message) == 0);
		ASSERT(message.tsig_at != 0);
	}
}

/* A client: nothing that comes without the secret is taken for genuine. */
static void ask(struct span bytes, const struct tsig_key *key)
{
	struct tsig_exchange exchange;
	struct dns_message message;
	uint8_t query[512] = {0};

	if (dns_message_decode(bytes, &message) < 0)
		return;
	tsig_begin(&exchange, key);
	ASSERT(tsig_sign(&exchange, &(struct tsig_message){query, DNS_HEADER_SIZE, sizeof(query)},
		       NOW_S) != 0);
	ASSERT(tsig_verify_answer(&exchange, bytes, message.tsig_at, NOW_S) < 0);
	ASSERT(!tsig_is_whole(&exchange));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsig_key key = key_new();

	serve(span_of(data, size), &key);
	ask(span_of(data, size), &key);
	return 0;
}
