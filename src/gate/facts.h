/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is known of one connection and of the recipient being decided. Filled by gate/gather.c (snapshot, DNS) and
 * gate/session.c (dialogue), or by `stockade explain` and tests; read by verdict_decide alone. A value: spans point into
 * memory of whoever filled it. A fact that is late or failed is "unknown", never "no".
 */
#include "base/ip.h"
#include "conf/conf.h"
#include "list/view.h"

enum fact_state { FACT_UNKNOWN, FACT_NO, FACT_YES, FACT_TEMPORARY };

enum { FACTS_DNSBLS_MAX = 32, FACTS_LIST_HITS_MAX = 8 };

/* One foreign list. */
struct dnsbl_fact {
	enum fact_state state; /* FACT_YES: an address of its code set came back */
	uint8_t code[4];       /* the address that matched */
	struct span list_text; /* its TXT; may be empty */
	bool list_error; /* the list is suspended or answered an error code: never a hit, never an allowance */
};

/* A hit in one of our own lists. */
struct list_fact {
	const struct conf_list *list;
	const struct conf_sublist *sublist;
	int64_t until_s;
	struct span reason;
	struct span domain; /* of a domain list: the name that is listed */
};

struct facts {
	/* the connection */
	struct ip client;
	bool client_is_own;  /* in own.networks */
	bool client_allowed; /* on the allow list (by address, or by confirmed name) */
	struct span allow_reason;
	bool spoke_early;
	enum fact_state ptr;       /* FACT_NO: no PTR record at all */
	struct span ptr_name;      /* the first name, as it came; escaped by whoever shows it */
	enum fact_state confirmed; /* a PTR name points back */
	struct span confirmed_name;
	size_t dnsbls_len; /* same order as conf->dnsbls */
	struct dnsbl_fact dnsbls[FACTS_DNSBLS_MAX];
	size_t list_hits_len;
	struct list_fact list_hits[FACTS_LIST_HITS_MAX];

	/* the dialogue */
	struct span helo;      /* as given */
	struct span sender;    /* reverse-path without brackets; empty: <> */
	struct span recipient; /* forward-path without brackets */
	struct span recipient_domain;
	bool recipient_is_own;       /* its domain is in own.domains */
	bool recipient_is_reachable; /* postmaster, abuse, contact, delisting: taken from anybody */
};
