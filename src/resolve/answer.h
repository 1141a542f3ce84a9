/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One answer as the cache keeps it: the records that were asked for, packed, and how long they
 * hold. Made from a message that was checked (dns/message.h) and matched to its question. Counted:
 * the cache and queries about to be called back hold it together. Pure but for memory; one thread.
 */
#include "dns/message.h"
#include "resolve/result.h"

enum {
	/* RFC 2308 section 5 and 7; RFC 9520 for failures. The floor spares lists whose answers
	 * live for a second. */
	ANSWER_TTL_MIN_S = 60,
	ANSWER_TTL_MAX_S = 3600,
	ANSWER_TTL_FAILED_S = 3,
	ANSWER_BYTES_MAX = 16384,
	ANSWER_CNAMES_MAX = 16
};

struct dns_answer {
	unsigned holders;
	enum resolver_status status;
	uint16_t type;
	uint8_t count;
	uint32_t ttl_s; /* 0: not to be kept */
	size_t len;
	uint8_t bytes[];
};

/* Follows CNAMEs in the message, in any order. Never fails: nonsense is RESOLVER_FAILED. */
struct dns_answer *dns_answer_read(
	const struct dns_message *message, const struct resolver_question *question);
/* RESOLVER_FAILED or RESOLVER_UNASKED. */
struct dns_answer *dns_answer_new_failed(enum resolver_status status);
struct dns_answer *dns_answer_hold(struct dns_answer *answer);
void dns_answer_free(struct dns_answer **answer); /* lets go */

/* Spans of *ret_answer point into answer. */
void dns_answer_unpack(
	const struct dns_answer *answer, uint32_t ttl_s, struct resolver_answer *ret_answer);
