/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Foreign lists: what an answer means, and whether a list can be believed at all. Lists die, are
 * sold, answer "yes" for everybody or report quota errors as listings; each of that has refused the
 * mail of whole countries. So every answer passes hygiene before code sets are looked at, and every
 * list has to keep passing the test points of RFC 5782 section 5. Pure, `now` is an argument; any
 * thread.
 */
#include "base/ip.h"
#include "conf/conf.h"

enum dnsbl_reading {
	DNSBL_CLEAN,  /* not listed, or under a code that the configuration does not ask for */
	DNSBL_LISTED, /* an address that a filter fits */
	DNSBL_BROKEN  /* an address that no list gives as an answer: the list is out of order */
};

/* What a test of its points showed. */
enum dnsbl_test {
	DNSBL_TEST_PASSED,
	DNSBL_TEST_EMPTY,      /* 127.0.0.2 is not listed */
	DNSBL_TEST_FILTERED,   /* it has a text and no address: somebody took that away */
	DNSBL_TEST_HOLLOW,     /* no address, and no answer that says so: perhaps the same */
	DNSBL_TEST_EVERYTHING, /* 127.0.0.1 is listed */
	DNSBL_TEST_NOBODY,     /* an address that nobody has is listed */
	DNSBL_TEST_MISSPELT,   /* error codes: of the zone's name, */
	DNSBL_TEST_PUBLIC,     /* of a public resolver, */
	DNSBL_TEST_QUOTA,      /* of everything else */
	DNSBL_TEST_WRONG,      /* an answer outside 127/8 */
	DNSBL_TEST_DEAD,       /* not asked: the list is known to have ended */
	DNSBL_TEST_SILENT,     /* no answer, though the resolver finds other things */
	DNSBL_TEST_UNHEARD, /* no answer, nor has anything else been found since: not its fault */
	DNSBL_TEST_COUNT
};

struct dnsbl_hit {
	uint8_t code[4]; /* the address that the first filter fitted, or the one that is wrong */
	int weight;      /* LISTED: of all filters that fitted */
};

/* Reads the addresses of an answer for one entry of the configuration. ret_hit may be NULL, and
 * stays as it is when CLEAN. One wrong address spoils the whole answer. */
enum dnsbl_reading dnsbl_read(const struct conf_dnsbl *dnsbl, const struct ip *addresses,
	size_t count, struct dnsbl_hit *ret_hit);

/* What the address of a BROKEN answer says of the list. */
enum dnsbl_test dnsbl_error_test(const uint8_t code[4]);

/* Addresses that nobody has, for questions whose answer no cache can know: of the networks for
 * benchmarks (RFC 2544) and for documentation (RFC 3849). */
struct ip dnsbl_nobody_v4(uint64_t random);
struct ip dnsbl_nobody_v6(uint64_t random);

/* Whether a filter of the entry fits the address. */
bool dnsbl_names_code(const struct conf_dnsbl *dnsbl, struct ip address);

/* Adds the most that an answer could take off a score, and add to it. */
void dnsbl_add_weights(const struct conf_dnsbl *dnsbl, int may_add[2]);

/* Answers in 127/8 that no filter of a zone fits: no hits, and something to tell. */
enum { DNSBL_UNNAMED_MAX = 4 };
struct dnsbl_unnamed {
	uint64_t answers;
	size_t codes_len; /* the first few */
	uint8_t codes[DNSBL_UNNAMED_MAX][4];
};

void dnsbl_unnamed_note(struct dnsbl_unnamed *unnamed, struct ip address);

/* ---- health ---- */

enum dnsbl_state {
	DNSBL_UNTRIED, /* the first test is under way: does not count yet */
	DNSBL_HEALTHY,
	DNSBL_SUSPENDED, /* failed its test points: does not count */
	DNSBL_PAUSED     /* does not answer: not asked for a while */
};

enum {
	DNSBL_FAILURES_TO_SUSPEND = 3,
	DNSBL_PASSES_TO_RESTORE = 2,
	DNSBL_ERRORS_TO_PAUSE = 5,
	DNSBL_TEST_EVERY_MS = 15 * 60 * 1000,
	DNSBL_TEST_HITS_MS = 30 * 1000,      /* the most between tests while clients are listed */
	DNSBL_TEST_AGAIN_MS = 5 * 1000,      /* between tests while they disagree with the state */
	DNSBL_TEST_UNHEARD_MS = 30 * 1000,   /* while the resolver finds nothing at all */
	DNSBL_TEST_SUSPENDED_MS = 60 * 1000, /* of a suspended list */
	DNSBL_PAUSE_FIRST_MS = 30 * 1000,
	DNSBL_PAUSE_LONGEST_MS = 15 * 60 * 1000
};

struct dnsbl_health {
	bool tried;
	bool suspended;
	enum dnsbl_test last_test;
	unsigned failures; /* tests in a row */
	unsigned passes;
	unsigned unheard; /* DNSBL_TEST_UNHEARD in a row */
	unsigned errors;  /* lookups for clients in a row */
	int64_t pause_ms;
	int64_t paused_until_ms; /* 0: not paused */
	int64_t since_s;         /* of the state; 0: since the start */
	struct dnsbl_unnamed unnamed;
};

/* A lookup for a client; or when a pause is over, the one that looks whether the list is back. */
enum dnsbl_cause { DNSBL_FOR_CLIENT, DNSBL_FOR_US };

struct dnsbl_times {
	int64_t ms, s; /* monotonic; wall */
};

/* Both return whether the state changed: one line in the log, not one for each mail. */
bool dnsbl_health_test(struct dnsbl_health *health, enum dnsbl_test test, int64_t now_s);
bool dnsbl_health_lookup(struct dnsbl_health *health, enum dnsbl_cause cause, bool answered,
	const struct dnsbl_times *now);

enum dnsbl_state dnsbl_health_state(const struct dnsbl_health *health);
/* Whether clients are looked up: what is not known of a list, no client waits to find out. */
bool dnsbl_health_may_ask(const struct dnsbl_health *health);
/* When the next test is due, counted from this one. */
int64_t dnsbl_health_test_after_ms(const struct dnsbl_health *health);

/* "healthy", "suspended" ...; and why: "lists 127.0.0.1, so everything". */
const char *dnsbl_state_name(enum dnsbl_state state);
const char *dnsbl_test_text(enum dnsbl_test test);
/* Nothing came that only the list can have said. */
bool dnsbl_test_is_fruitless(enum dnsbl_test test);
