/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is known of one connection and of the recipient being decided. Filled by gate/gather.c
 * (snapshot, DNS) and smtpd/session.c (dialogue), or by `stockade explain` and tests; read by
 * verdict_decide alone. A value: spans point into memory of whoever filled it. A fact that is late
 * or failed is "unknown", never "no".
 */
#include "base/ip.h"
#include "conf/conf.h"
#include "gate/dnsbl.h"
#include "grey/decide.h"
#include "grey/suspicion.h"
#include "list/source.h"
#include "list/view.h"
#include "spf/spf.h"

enum fact_state { FACT_UNKNOWN, FACT_NO, FACT_YES, FACT_TEMPORARY };

/* Whether mail could go back to the sender's domain. */
enum sender_state {
	SENDER_UNASKED, /* <>, an address literal, a domain of ours, or it does not matter */
	SENDER_UNKNOWN, /* late, or DNS did not tell */
	SENDER_REACHABLE,
	SENDER_MISSING, /* neither MX nor address */
	SENDER_NULL_MX  /* it says that it takes none */
};

enum { FACTS_DNSBLS_MAX = 32, FACTS_LIST_HITS_MAX = 8 };

/* One foreign list. */
struct dnsbl_fact {
	bool asked;            /* not for our own, private and allowed clients: quota and privacy */
	enum fact_state state; /* FACT_YES: an address that a filter fits came back */
	struct dnsbl_hit hit;
	struct span list_text;  /* its TXT, as it came; empty: none, or nobody asked */
	bool list_error;        /* suspended, or an error code: neither a hit nor an allowance */
	const char *error_text; /* what its tests showed then; NULL: not known */
};

/* A hit in one of our own lists. */
struct list_fact {
	const struct conf_list *list;
	const struct conf_sublist *sublist;
	int64_t until_s;
	struct span reason;
	struct span domain; /* of a domain list: the name that is listed */
	/* The entry: the address or name itself, or a network or domain around it. NULL: not known,
	 * since the published lists say only that something is listed. */
	const struct source *entry;
};

/* A name that a PTR record of the client gives: anybody can write any name there. */
struct name_fact {
	struct span name;          /* as it came; escaped by whoever shows it */
	enum fact_state confirmed; /* it points back; FACT_NO also for what is no host name */
};

/* What the greylist knows of this client, sender and recipient. */
struct grey_fact {
	enum {
		GREY_NOT_ASKED,
		GREY_AT_DATA, /* a bounce: who only tries whether a recipient is there quits before
			       */
		GREY_ASKED
	} state;
	struct suspicion suspicion;
	struct grey_keys keys;
	struct grey_decision decision;
};

struct facts {
	/* the connection */
	struct ip client;
	struct ip server;        /* where it came in; all zero: not known */
	bool client_is_own;      /* in own.networks */
	bool lists_known;        /* false: none of ours has come yet */
	enum fact_state allowed; /* on the allow list: by address, or by a confirmed name */
	int64_t allow_until_s;   /* 0: until somebody ends it */
	struct span allow_reason;
	bool spoke_early;
	enum fact_state ptr; /* FACT_NO: no PTR record at all */
	size_t names_len;    /* all that DNS told: which comes first is chance */
	const struct name_fact *names;
	struct span ptr_name;       /* the first one */
	enum fact_state confirmed;  /* one of them points back */
	struct span confirmed_name; /* the first that does */
	size_t dnsbls_len;          /* same order as conf->dnsbls */
	struct dnsbl_fact dnsbls[FACTS_DNSBLS_MAX];
	bool names_may_be_listed; /* on a list that refuses, had DNS told them */
	size_t list_hits_len;     /* the strongest there are, in lists that are not off */
	struct list_fact list_hits[FACTS_LIST_HITS_MAX];

	/* the dialogue */
	struct span helo;              /* as given */
	struct span sender;            /* reverse-path without brackets; empty: <> */
	const struct spf_outcome *spf; /* of the sender, or of HELO; NULL: nobody asked */
	enum sender_state sender_state;
	struct span recipient; /* forward-path without brackets */
	struct span recipient_domain;
	bool recipient_is_own;       /* its domain is in own.domains, or the server's address */
	bool recipient_is_reachable; /* postmaster, abuse, contact, delisting: taken from anybody */
	struct grey_fact grey;
};

/* The client's part in our own lists and allowances, from view: by address, by confirmed name, and,
 * in lists that hold domains, by HELO name, sender domain and PTR name. Replaces what was there.
 * What is over at now_s is not there. Costs microseconds, so the session asks again before each
 * decision and a change counts at once. Reasons live as long as view. */
void facts_look_up(
	struct facts *facts, const struct conf *conf, const struct view *view, int64_t now_s);

/* Whether names of clients are looked up in the list: of domains, or the one of allowances. */
bool facts_list_has_names(const struct conf_list *list);

/* The recipient: its domain, whether it is ours (also by the address that the client connected to,
 * RFC 1123 section 5.2.17), and whether it is taken from anybody (RFC 5321 section 4.5.1, RFC
 * 2142). facts->server is known before. */
void facts_set_recipient(struct facts *facts, const struct conf *conf, struct span recipient);

/* Whether a listing or an allowance has ended that the keeper did not end yet; until_s 0: it has no
 * end. */
bool facts_is_over(int64_t until_s, int64_t now_s);

/* How much an action does to mail: of two settings the milder holds, of two hits the stronger. */
int action_strength(enum action action);

/* Whether client is in own.networks, and a domain in own.domains. */
bool facts_ip_is_own(const struct conf *conf, struct ip client);
bool facts_domain_is_own(const struct conf *conf, struct span domain);

/* Whose SPF record decides: the sender's domain, for <> the HELO name (RFC 7208 section 2.4). */
struct span facts_spf_domain(const struct facts *facts);

/* The part of a mailbox behind its last "@"; empty when there is none. */
struct span facts_mailbox_domain(struct span mailbox);
