/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * An SPF record taken apart (RFC 7208 sections 4.6.1, 5, 6 and 12): "v=spf1 ip4:192.0.2.0/24 mx
 * -all". A stranger's bytes; an error anywhere makes all of it invalid (section 4.6). Values that
 * borrow from the text; pure; any thread.
 */
#include "base/err.h"
#include "base/ip.h"

enum spf_result {
	SPF_NONE,    /* the domain says nothing */
	SPF_NEUTRAL, /* it says that it does not say */
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR, /* DNS did not tell */
	SPF_PERMERROR, /* the record cannot be understood, or asks for too much */
	SPF_UNANSWERED /* not there yet: a question is open */
};

enum spf_mechanism { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };

/* One directive. */
struct spf_term {
	struct span text;       /* as it was written */
	enum spf_result result; /* by its qualifier, when it matches */
	enum spf_mechanism mechanism;
	struct span domain;       /* a macro-string; empty: the domain of the record */
	struct prefix network;    /* SPF_IP4, SPF_IP6 */
	uint8_t v4_bits, v6_bits; /* SPF_A, SPF_MX: of a prefix in base/ip.h's form */
};

struct spf_record {
	struct span terms;                 /* behind "v=spf1" */
	struct span redirect, explanation; /* macro-strings; empty: there is none */
};

/* Whether a TXT record is one of SPF, right or wrong (section 4.5). */
bool spf_record_is(struct span text);

/* Looks at all terms. 0, or E_PARSE with *ret_wrong, the one that is wrong. */
int spf_record_read(struct span text, struct spf_record *ret_record, struct span *ret_wrong);

/* Walks over the directives of a record that was read: rest begins as its terms. False at the end.
 */
bool spf_record_next(struct span *rest, struct spf_term *ret_term);

/* "pass"; the words of RFC 7208 section 2.6. */
const char *spf_result_name(enum spf_result result);
