/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The configuration as a value: read from YAML, checked against the settings table, immutable
 * afterwards. It is read once, by `stockade run`, and handed to the roles (conf/sealed.h); SIGHUP
 * makes a new one, and the old one stays when the new one has errors. Shared by references: a
 * session keeps the configuration it began with (conf_ref) while new ones start with the newer; the
 * last conf_unref frees. Any number of threads may read, take references and give them back.
 *
 * Every value remembers the line it came from, so that `stockade explain` can name the line that
 * decided: struct conf_location with line 0 is a default.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"

struct conf_location {
	const char *file;
	unsigned line;
	unsigned column;
	unsigned width; /* characters that a caret underlines; 0 is 1 */
};

/* A text of the configuration, and the name of its file. */
struct conf_source {
	const char *file;
	struct span text;
};

enum mode { MODE_OBSERVE, MODE_TAG, MODE_ENFORCE };
enum action {
	ACTION_OFF,
	ACTION_TAG,
	ACTION_SCORE,
	ACTION_REJECT,
	ACTION_ALLOW,
	ACTION_DEFER,
	ACTION_GREYLIST /* asked to come back; of the check grey alone */
};
enum pass_client {
	PASS_CLIENT_XCLIENT,
	PASS_CLIENT_PROXY_V1,
	PASS_CLIENT_PROXY_V2,
	PASS_CLIENT_NONE
};
/* To the mail server behind the gate. AUTO: off when it is on this machine, else may. */
enum backend_tls { BACKEND_TLS_AUTO, BACKEND_TLS_OFF, BACKEND_TLS_MAY, BACKEND_TLS_REQUIRE };
enum holds { LIST_OF_ADDRESSES, LIST_OF_DOMAINS };

/* checks.KEY: an action word, or {action, weight, mode, wait}. */
struct conf_check {
	const char *key; /* the refusal key: "no-ptr" */
	enum action action;
	int weight;    /* with score */
	bool has_mode; /* else the mode of the whole gate holds */
	enum mode mode;
	int64_t wait_ms; /* early only: how long the greeting is held back */
	struct conf_location location;
};

/* checks.grey. */
struct conf_grey {
	enum { GREY_OFF, GREY_TAG, GREY_ON } action;
	bool has_mode;
	enum mode mode;
	int64_t delay_s;
	int64_t retry_within_s;
	int64_t remember_s;
	int group_v4, group_v6; /* bits */
	size_t not_for_len;
	const char *const *not_for; /* mailboxes and domains, in small letters */
	struct conf_location location;
};

/* Some of the 256 octets. */
struct octet_set {
	uint64_t bits[4];
};

/* A pattern of answers (conf/code.h): each octet is in its set. */
struct conf_code {
	struct octet_set octet[4];
};

/* One of dnsbl[].codes. */
struct conf_filter {
	struct conf_code code;
	const char *text; /* as it was written */
	bool has_weight;  /* else that of its entry, once for all filters without one */
	int weight;
};

struct conf_dnsbl {
	const char *preset; /* in catalogue/foreign_lists.def; may be NULL */
	const char *zone;   /* as it is asked, with the key; shown to nobody */
	const char *zone_shown;
	const char *key, *key_shown; /* NULL: it has none that we know of */
	const char *name;            /* what refusals show; the zone may hold a customer key */
	const char *url; /* where the list explains a listing; $ip is replaced; may be NULL */
	size_t codes_len;
	const struct conf_filter *codes;
	/* An entry of this zone names 127.0.0.1 itself: there it is an answer (hostkarma). */
	bool has_one;
	/* Test points that the list does not keep by design; in the order of the setting's words.
	 */
	bool skips_listed, skips_clean, skips_nobody;
	enum action action; /* reject, defer, score, tag, allow, off */
	bool has_action;    /* else that of the preset */
	int weight;
	bool has_mode;
	enum mode mode;
	struct conf_location location;
};

struct conf_policy {
	const char *name;
	unsigned version;
	const char *text;
	bool takes_operator; /* entries made by hand belong here */
	bool takes_feed;     /* the list of another operator does */
	int64_t lasts_s;     /* 0: until review */
	int64_t review_every_s;
	struct conf_location location;
};

struct conf_sublist {
	const char *name;
	struct ip code;
	const char *policy;
	const char *text;     /* TXT and page: words for a listing without its own; may be NULL */
	const char *template; /* of the TXT record (conf/txt_template.h); NULL: dns.template */
	struct conf_location location;
};

enum answer_style { ANSWERS_CODES, ANSWERS_BITMASK };

/* How a zone answers: that of one list, and one that combines several, alike. */
struct conf_serving {
	enum answer_style answers;
	int64_t ttl_s;          /* 0: dns.ttl */
	int64_t negative_ttl_s; /* 0: dns.negative-ttl */
	const char *contact;    /* NULL: that of all */
	const char *scope;      /* a sentence on what is listed; may be NULL */
	const char *policy_url; /* may be NULL */
	size_t nameservers_len; /* 0: dns.nameservers */
	const char *const *nameservers;
	size_t allow_from_len; /* none: dns.allow-from holds */
	const struct prefix *allow_from;
	const char *keys; /* a file; may be NULL */
};

struct conf_list {
	const char *name;
	const char *zone; /* NULL: not served by DNS (the allow list) */
	enum holds holds;
	enum action action;
	size_t sublists_len;
	const struct conf_sublist *sublists;
	bool never_special_use;
	bool never_own;
	struct conf_serving serving;
	struct conf_location location;
};

/* A zone that answers for several lists at once. */
struct conf_zone {
	const char *zone;
	size_t lists_len;
	const char *const *lists;
	struct conf_location lists_location;
	struct conf_serving serving;
	struct conf_location location;
};

/* A name inside of one of our zones that has addresses: a name server's. */
struct conf_address {
	const char *name;
	size_t ips_len;
	const struct ip *ips;
	struct conf_location location;
};

enum cookies { COOKIES_OFF, COOKIES_ON, COOKIES_REQUIRE };

/* Below gate.limits.source and gate.limits.network; 0: no limit. */
enum limit_rate {
	LIMIT_NEW_CONNECTIONS,
	LIMIT_MESSAGES,
	LIMIT_RECIPIENTS,
	LIMIT_UNKNOWN_RECIPIENTS,
	LIMIT_ERRORS,
	LIMIT_RATES
};

struct conf_client_limits {
	unsigned connections; /* at once */
	unsigned a_minute[LIMIT_RATES];
};

/* Below dns: who may ask how much, and who watches. */
struct conf_guard {
	const char *nsid; /* NULL: none */
	size_t allow_from_len;
	const struct prefix *allow_from;
	size_t exempt_len;
	const struct prefix *exempt;

	enum cookies cookies;
	const char *cookie_secrets; /* a file; NULL: a random one */

	unsigned rate_listed, rate_not_listed, rate_errors; /* a second; 0: no limit */
	int64_t burst_s;
	unsigned slip;
	unsigned v4_bits, v6_bits;

	unsigned quota; /* queries of a client; 0: none */
	int64_t quota_period_s;

	unsigned tcp_connections;
	unsigned tcp_per_client;
	int64_t tcp_idle_s;

	unsigned log_sample;
	unsigned log_rate;
	const char *dnstap_socket; /* NULL: none */
	unsigned dnstap_sample;
};

/* A secret that we share with somebody: dns.keys.NAME. The secret itself is in the file, which only
 * a role reads. */
struct conf_key {
	const char *name;
	int algorithm; /* enum tsig_algorithm */
	const char *file;
	struct conf_location location;
};

/* A secondary: it may transfer the zones, and is told when they change. */
struct conf_transfer {
	struct endpoint address;
	const char *key; /* of dns.keys; NULL: the address is enough */
	struct conf_location location;
};

/* feeds[].codes: an answer of the foreign zone, and where it belongs. */
struct conf_feed_code {
	const char *text; /* as written: "127.0.0.4-7" */
	const char *sublist;
	struct conf_code code;
	unsigned sublist_index; /* in the list */
	struct conf_location location;
};

struct conf_feed {
	const char *name;
	const char *from;       /* "axfr://198.51.100.7/bl.partner.example" */
	struct endpoint server; /* from it */
	const char *zone;
	const char *key;  /* of dns.keys; NULL: not signed */
	int64_t every_s;  /* 0: as the SOA says */
	const char *into; /* a list of ours */
	size_t codes_len;
	const struct conf_feed_code *codes; /* the first that fits holds */
	int largest_change;                 /* per cent */
	int limit;
	struct conf_location location;
};

struct conf_secret;

struct conf {
	const char *file;
	int64_t loaded_s;
	bool is_counted; /* made by conf_load: references keep it alive. Others outlive their users
			  */

	/* What it was read from (conf/sources.h, conf/secrets.h). */
	size_t sources_len;
	struct conf_source *sources;
	size_t secrets_len, secrets_room;
	struct conf_secret *secrets;
	struct span sealed; /* the memory they lie in when they were handed over */

	const char *hostname;
	const char *contact;    /* a mailbox */
	const char *portal_url; /* without a slash at the end */
	bool has_mode;
	enum mode mode;
	struct conf_location mode_location;

	size_t roles_len;
	const char *const *roles;
	struct endpoint resolver;
	const char *store;      /* "sqlite:/var/lib/stockade/store/stockade.db" */
	const char *run_path;   /* run.folder: sockets; /run/stockade */
	const char *lists_path; /* run.lists: snapshots; /var/lib/stockade/lists */
	const char *state_path; /* run.state: spools; /var/lib/stockade/state */

	size_t own_domains_len;
	const char *const *own_domains;
	size_t own_networks_len;
	const struct prefix *own_networks;

	size_t gate_listen_len;
	const struct endpoint *gate_listen;
	struct endpoint backend;
	enum pass_client pass_client;
	enum backend_tls backend_tls;
	struct conf_location backend_location;
	const char *tls_certificate, *tls_key; /* files; both or none */
	struct conf_location tls_location;
	size_t proxy_from_len;
	const struct prefix *proxy_from;
	size_t probe_clients_len;
	const struct ip *probe_clients; /* gate.probe-client: at most one of each family */
	struct conf_location probe_clients_location;
	bool fail_open;              /* gate.if-we-fail: accept */
	uint64_t message_size_limit; /* 0: the mail server's */
	struct conf_client_limits source_limits, network_limits;
	unsigned total_connections, total_backend_connections, total_dns_questions;
	unsigned message_least_rate; /* octets a second; 0: any */
	int64_t message_longest_s;

	size_t checks_len;
	/* one for each row of catalogue/checks.def, in that order */
	const struct conf_check *checks;
	int score_tag_at;
	int score_reject_at;
	struct conf_location score_location;
	struct conf_grey grey;

	size_t dnsbls_len;
	const struct conf_dnsbl *dnsbls;
	size_t policies_len;
	const struct conf_policy *policies;
	size_t lists_len;
	/* The last one is always "allow", present without being written: it holds addresses and
	 * domains alike, has no zone and one sublist, "allow", of a policy of that name, which is
	 * likewise the last one in policies. */
	const struct conf_list *lists;

	size_t dns_listen_len;
	const struct endpoint *dns_listen;
	size_t nameservers_len;
	const char *const *nameservers;
	size_t addresses_len;
	const struct conf_address *addresses;
	size_t zones_len;
	const struct conf_zone *zones;
	int64_t ttl_s;
	int64_t negative_ttl_s;
	const char *template; /* of TXT records; NULL: TXT_TEMPLATE of conf/txt_template.h */
	struct conf_location template_location;
	unsigned dns_threads; /* 0: one per core */
	struct conf_guard guard;
	size_t keys_len;
	const struct conf_key *keys;
	size_t transfers_len;
	const struct conf_transfer *transfers;
	unsigned transfer_records;

	size_t feeds_len;
	const struct conf_feed *feeds;

	struct endpoint portal_listen;
	bool has_portal_listen;

	int64_t keep_incidents_s;
	int keep_incidents_max;
	int64_t keep_audit_s;
	int log_level; /* enum log_level */
};

/* One complaint, with its location and the line it is about. */
struct conf_diagnostic {
	struct conf_location location;
	const char *text;
	const char *line; /* of the file; NULL when there is none */
	bool warning;
};

struct conf_report {
	size_t errors_len; /* warnings not counted */
	size_t diagnostics_len;
	struct conf_diagnostic *diagnostics;
	struct arena *arena;
};

/* Reads path. On success *ret_conf belongs to the caller. With errors E_CONFIG (E_ABSENT: no such
 * file), and all of them in *report, which the caller always ends with conf_report_done; warnings
 * may come with success. */
int conf_load(const char *path, int64_t now_s, struct conf **ret_conf, struct conf_report *report);
int conf_load_text(const struct conf_source *source, int64_t now_s, struct conf **ret_conf,
	struct conf_report *report);
/* What sealed_new (conf/sealed.h) made; the descriptor may be closed afterwards. */
int conf_load_sealed(int fd, int64_t now_s, struct conf **ret_conf, struct conf_report *report);
void conf_report_done(struct conf_report *report);

/* One more reference; returns conf. conf_free gives the loader's own back (AUTO); conf_unref is the
 * same for holders of a const one. Both clear the variable and accept NULL. */
const struct conf *conf_ref(const struct conf *conf);
void conf_unref(const struct conf **conf);
void conf_free(struct conf **conf);

/* The whole report as a person reads it: "file:line:col: error: ..." with the line and a caret, and
 * one summary line. */
struct buf;
void conf_report_print(const struct conf_report *report, const char *path, struct buf *out);

/* As YAML again: what differs from the defaults, or everything. */
void conf_print(const struct conf *conf, bool defaults, struct buf *out);

const struct conf_list *conf_list_find(const struct conf *conf, struct span name);
const struct conf_feed *conf_feed_find(const struct conf *conf, struct span name);
/* Stands for how answers of a feed become entries of a list; never 0. Another one: the same zone
 * gives other entries. */
uint64_t conf_feed_rules(const struct conf *conf, const struct conf_feed *feed);
const struct conf_check *conf_check_find(const struct conf *conf, const char *key);

/* NULL when there is none. */
const struct conf_key *conf_key_find(const struct conf *conf, const char *name);
const struct conf_policy *conf_policy_find(const struct conf *conf, const char *name);

const char *mode_name(enum mode mode);
const char *action_name(enum action action);
