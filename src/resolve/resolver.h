/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The stub resolver's edge: asks the site's recursive resolver over UDP (TCP after truncation), with a cache and sharing of
 * equal questions under way. Random source port and id, 0x20 case; answers that do not match are dropped without ending the
 * wait. The bytes are decoded by dns/; they are strangers' bytes. One loop, one thread.
 */
#include "base/err.h"
#include "base/ip.h"
#include "dns/name.h"
#include "loop/loop.h"

struct resolver;
struct resolver_query;

enum resolver_status {
	RESOLVER_FOUND,  /* at least one record of the type asked */
	RESOLVER_NODATA, /* the name exists, not with this type */
	RESOLVER_NXDOMAIN,
	RESOLVER_FAILED, /* SERVFAIL, REFUSED, malformed, time-out, no resolver */
};

enum { RESOLVER_RECORDS_MAX = 32 };

/* What came back, in presentation-free form. Lives until the callback returns; copy what is kept. */
struct resolver_answer {
	enum resolver_status status;
	uint32_t ttl_s;
	size_t count; /* further records beyond RESOLVER_RECORDS_MAX are ignored */
	struct ip addresses[RESOLVER_RECORDS_MAX];   /* A, AAAA */
	struct dns_name names[RESOLVER_RECORDS_MAX]; /* PTR, MX targets */
	struct span texts[RESOLVER_RECORDS_MAX];     /* TXT, strings joined */
};

struct resolver_settings {
	struct endpoint server;
	int64_t timeout_ms; /* of one try; 1500 */
	unsigned tries;     /* 3 */
	size_t cache_entries;
};

/* All callbacks stop with resolver_free, which may not be called from one of them. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_settings *settings);
void resolver_free(struct resolver **resolver);
/* After a reload: questions from now on go there; those under way end where they began. */
void resolver_set_server(struct resolver *resolver, struct endpoint server);

/* Calls back once, never from inside (also for cached answers: in the same turn of the loop, by loop_later). The query may
 * be cancelled until then. type: DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT, DNS_MX. */
struct resolver_query *resolver_ask(struct resolver *resolver, const struct dns_name *name,
	uint16_t type, void (*call)(const struct resolver_answer *answer, void *arg), void *arg);
void resolver_cancel(struct resolver_query **query);

/* The same without looking into the cache first: tests of whether a list lives. The answer is kept all the same. */
struct resolver_query *resolver_ask_anew(struct resolver *resolver, const struct dns_name *name,
	uint16_t type, void (*call)(const struct resolver_answer *answer, void *arg), void *arg);

/* The answer from the cache at once: 1 found and filled, 0 has to be asked. */
int resolver_peek(struct resolver *resolver, const struct dns_name *name, uint16_t type,
	struct resolver_answer *ret_answer);

struct resolver_stats {
	uint64_t asked;    /* by callers */
	uint64_t cached;   /* of these from the cache */
	uint64_t sent;     /* datagrams and TCP queries */
	uint64_t failed;   /* questions that ended as RESOLVER_FAILED */
	uint64_t timeouts; /* tries without an answer */
	uint64_t dropped;  /* datagrams that were no answer to the question */
};
struct resolver_stats resolver_stats(const struct resolver *resolver);

/* True after RESOLVER_DOWN_AFTER questions in a row without any answer, when the resolver does not answer for a name that it
 * knows by itself either: the dead name servers of strangers do not count. Or after one, when the machine says that nobody
 * listens there. Then one question at a time goes out to see whether
 * it is back, and all others fail at once instead of holding mail up. */
enum { RESOLVER_DOWN_AFTER = 5 };
bool resolver_is_down(const struct resolver *resolver);
