/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Messages signed by a shared secret (TSIG, RFC 8945), of both sides: HMAC-SHA256 and HMAC-SHA512,
 * whole MACs only. An exchange is one query and all messages of its answer; each MAC covers the one
 * before it, so the messages of a transfer cannot be changed, left out or put in another order.
 * Owner of an exchange: whoever asks or answers; one thread. The key has to live longer. Pure: the
 * time is an argument, nothing is allocated.
 *
 *   who asks     tsig_begin(&exchange, key); tsig_sign(&exchange, query ...);
 *                tsig_verify_answer(&exchange, ...) for each message; tsig_is_whole(&exchange)
 *                after the last
 *   who answers  rcode = tsig_verify_query(&exchange, ...); tsig_sign(&exchange, ...) for each
 *                message of the answer, the refusal included
 */
#include <stdalign.h>

#include "dns/message.h"

enum tsig_algorithm { TSIG_HMAC_SHA256, TSIG_HMAC_SHA512 };

/* RFC 8945 section 3: what is wrong with a signature, told in the TSIG record of an answer. */
enum tsig_error { TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18, TSIG_BADTRUNC = 22 };

enum {
	TSIG_MAC_MAX = 64,
	TSIG_SECRET_LEAST = 16,
	TSIG_SECRET_MAX = 256,
	TSIG_FUDGE_S = 300,     /* section 10: the recommended one */
	TSIG_UNSIGNED_MAX = 99, /* messages of a transfer between two signed ones (section 5.3.1) */
	TSIG_STATE_SIZE = 512,
};

struct tsig_key {
	struct dns_name name; /* lower case */
	enum tsig_algorithm algorithm;
	size_t secret_len;
	uint8_t secret[TSIG_SECRET_MAX];
};

struct tsig_exchange {
	const struct tsig_key *key; /* NULL: nobody's, or unknown */
	uint16_t error; /* enum tsig_error: of the query here, or as the other side told it */
	bool is_answer; /* the next MAC covers the one before it */
	bool is_stream; /* an answer was signed: those behind it cover times only */
	bool is_open;   /* state holds messages that no MAC has covered yet */
	bool echo;      /* the error is told with the names of the query */
	struct dns_name key_name; /* of the query, for an answer that tells an error */
	struct dns_name algorithm_name;
	uint64_t query_time_s;
	uint16_t query_fudge_s;
	unsigned unsigned_len;
	size_t mac_len;
	uint8_t mac[TSIG_MAC_MAX]; /* the last one */
	alignas(16) uint8_t state[TSIG_STATE_SIZE];
};

/* A key as it is written: the secret in base64, blanks and line ends allowed. */
struct tsig_key_text {
	struct span name;
	enum tsig_algorithm algorithm;
	struct span base64;
};

/* E_PARSE, E_LIMIT with words; none of them shows the secret. */
int tsig_key_init(struct tsig_key *key, const struct tsig_key_text *from, struct fault *why);
/* Wipes the secret. */
void tsig_key_done(struct tsig_key *key);

/* Before the first tsig_sign of whoever asks. */
void tsig_begin(struct tsig_exchange *exchange, const struct tsig_key *key);

/* The octets that tsig_sign appends at most to the next message; 0 when it appends none. */
size_t tsig_room(const struct tsig_exchange *exchange);

/* A message of len octets in memory of size octets. */
struct tsig_message {
	uint8_t *octets;
	size_t len, size;
};

/* Appends a TSIG record to a message, and counts it in the header. The new length; 0: no room.
 * Without a key: nothing to sign, len. */
size_t tsig_sign(struct tsig_exchange *exchange, const struct tsig_message *message, int64_t now_s);

struct tsig_keys {
	size_t len;
	const struct tsig_key *items;
};

/* A query, and where its TSIG record begins (struct dns_query, struct dns_message). */
struct tsig_signed {
	struct span octets;
	size_t tsig_at;
};

/* Order of the checks: section 5.2, and the MAC before the time and before anything else is
 * believed. DNS_NOERROR: it is from who has exchange->key. DNS_FORMERR: no TSIG record of a valid
 * form, and nothing can be signed. DNS_NOTAUTH: exchange->error says why, and the answer tells it.
 */
int tsig_verify_query(struct tsig_exchange *exchange, const struct tsig_signed *message,
	const struct tsig_keys *keys, int64_t now_s);

/* The next message of an answer; tsig_at 0 when it has no TSIG record. 1: signed, and everything up
 * to here is genuine; 0: not signed, and to be believed only when a later one is; E_DENIED: not
 * genuine, or the other side tells exchange->error; E_PARSE; E_LIMIT: too many unsigned ones. */
int tsig_verify_answer(
	struct tsig_exchange *exchange, struct span message, size_t tsig_at, int64_t now_s);

/* Whether the last message was signed, as the last of a transfer has to be. */
bool tsig_is_whole(const struct tsig_exchange *exchange);

/* "BADKEY" ...; for logs. */
const char *tsig_error_name(unsigned error);
