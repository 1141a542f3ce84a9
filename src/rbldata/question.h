/* SPDX-License-Identifier: ISC */
#pragma once
/* What is asked of a data set, and how it answers: records one by one into a sink, so that their
 * number has no limit but that of the message. Pure; any thread. */
#include "base/ip.h"
#include "base/span.h"
#include "rbldata/name.h"
#include "rbldata/type.h"

/* The types of records that are wanted. */
enum rbl_want { RBL_WANT_A = 1, RBL_WANT_TXT = 2, RBL_WANT_MX = 4, RBL_WANT_ANY = 7 };

/* What the access lists (acl) say about data to this client. */
enum rbl_reply {
	RBL_REPLY_DATA,  /* what the data sets hold */
	RBL_REPLY_EMPTY, /* as if they held nothing; only generic ones answer */
	RBL_REPLY_ALWAYS /* every address and name is listed, with the value of the access list */
};

/* What the entry of an acl that covers the client demands; the stronger the later. */
enum rbl_action { RBL_PASS, RBL_ALWAYS, RBL_EMPTY, RBL_REFUSE, RBL_IGNORE };

struct rbl_dataset;

struct rbl_verdict {
	enum rbl_action action;
	const struct rbl_dataset *acl; /* of RBL_ALWAYS, with its value */
	uint32_t value;
};

/* A name below the apex. Its labels lie in wire form as in the message (a length, then the octets),
 * in lower case, and end where the name of the zone begins. The name is borrowed. */
struct rbl_question {
	struct span name;                /* without the zone and the root label; empty: the apex */
	uint8_t starts[RBL_NAME_LABELS]; /* where each label begins in name */
	unsigned labels;
	unsigned want; /* of enum rbl_want; 0: other types, is the name there? */
	enum rbl_reply reply;
	/* the name is a whole address, reversed; both for 2002::/16 in a zone with IPv4 */
	bool has_v4, has_v6;
	uint32_t v4;
	struct ip v6;
	/* where data sets of names look; E_PARSE: a label with a NUL is in none of them */
	int key_len;
	uint8_t key[NAME_KEY_SIZE];
};

/* Reads the name as an address and as a key too, when the zone has such data (kinds: of enum
 * rbl_kind). An IPv6 address inside 2002::/16 or ::ffff:0:0/96 asks for the IPv4 address in it
 * where there is IPv4 data. name holds at most 254 octets. */
void rbl_question_init(
	struct rbl_question *question, struct span name, unsigned kinds, unsigned want);

/* The same question seen from a subzone: without its last `labels` labels. */
void rbl_question_below(const struct rbl_question *question, unsigned labels, unsigned kinds,
	struct rbl_question *ret_question);

struct span rbl_question_label(const struct rbl_question *question, unsigned i);

/* The name read as the beginning of an address, whole or not: false when it cannot be one. The
 * octets (nibbles) that are given count from the left of ret_first, the others are 0. */
bool rbl_question_v4(const struct rbl_question *question, uint32_t *ret_first);
bool rbl_question_v6(const struct rbl_question *question, struct ip *ret_first);

struct rbl_record {
	uint16_t type; /* of enum dns_type: A, TXT, MX */
	uint32_t ttl_s;
	/* TXT: with the octet of its length; MX: the exchange is not compressed */
	struct span rdata;
};

/* Where records go, in the order of the data. The same record may come twice, and records of one
 * type with different times to live; a message has each once and the least time of its type (RFC
 * 2181 section 5.2). rdata dies with the call. */
struct rbl_sink {
	void (*record)(void *arg, const struct rbl_record *record);
	void *arg;
};

/* What a data set knows of a name; flags, to be joined over the data sets of a zone. */
enum rbl_found {
	/* the name is there; its records, if any are of the wanted type, went into the sink */
	RBL_FOUND = 1,
	/* empty non-terminal: something is below the name (RFC 8020). rbldnsd: NXDOMAIN */
	RBL_BELOW = 2,
	RBL_LISTED_ALWAYS = 4 /* RBL_REPLY_ALWAYS applies: answer rbl_verdict_answer once */
};
