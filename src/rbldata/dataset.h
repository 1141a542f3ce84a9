/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Data sets of rbldnsd: its files read, its questions answered. A data set is immutable once it is loaded, so a newer one
 * is built in the background while the old one answers; whoever shares it holds a reference.
 *
 * Loading: one thread a data set. Everything else: any number of threads, no locks, no allocation.
 */
#include "base/err.h"
#include "dns/name.h"
#include "rbldata/question.h"
#include "rbldata/report.h"
#include "rbldata/type.h"

enum { RBL_NS_MAX = 32, RBL_TTL_DEFAULT_S = 35 * 60 };

struct rbl_dataset;

struct rbl_options {
	bool host_bits; /* -e: 192.0.2.9/24 means 192.0.2.0/24; otherwise such a line is warned of and left out */
	bool no_gzip; /* -C */
	/* -t: 0 is "the default" and "no limit" */
	uint32_t ttl_default_s, ttl_min_s, ttl_max_s;
	uint64_t gzip_max; /* what a compressed file may hold; 0: a gibibyte (rbldata/lines.h) */
};

/*
 * Reads the files, in order, as one. A line that says nothing sensible is reported and left out. Failures, with words in
 * *why that begin with "file:" or "file:line:column:": E_ABSENT, E_DENIED, E_IO (open, read), E_CORRUPT, E_TRUNCATED (gzip),
 * E_LIMIT (size), E_CONFLICT (the file changed while it was read), E_RANGE (its $TIMESTAMP lies in the future), E_PARSE
 * (what makes the rest meaningless: a line before the first $DATASET, an unknown type behind it), E_NOMEM.
 */
int rbl_dataset_load(enum rbl_type type, const char *const *files, size_t files_len,
	const struct rbl_options *options, int64_t now_s, const struct rbl_report *report,
	struct rbl_dataset **ret_dataset, struct fault *why);

struct rbl_dataset *rbl_dataset_ref(struct rbl_dataset *dataset);
void rbl_dataset_unref(struct rbl_dataset **dataset);

struct rbl_soa {
	bool present;
	uint32_t ttl_s;
	struct dns_name server, mailbox;
	uint32_t serial; /* 0: rbl_head.changed_s */
	uint32_t refresh_s, retry_s, expire_s, minimum_s;
};

/* What the special lines said. Of several data sets of a zone, the first with a SOA gives it, the first with NS those. */
struct rbl_head {
	struct rbl_soa soa;
	uint32_t ns_ttl_s;
	size_t ns_len; /* at most RBL_NS_MAX */
	const struct dns_name *ns;
	uint32_t ttl_s;    /* of the records of this data set */
	int64_t expires_s; /* not to be served from then on; 0: no such time */
	int64_t changed_s; /* the time of the newest file, in whole seconds */
};

enum rbl_type rbl_dataset_type(const struct rbl_dataset *dataset);
const struct rbl_head *rbl_dataset_head(const struct rbl_dataset *dataset);

/* What it holds, in one line: "4 addresses, 2 networks, 1 exclusion". Returns text. */
enum { RBL_SUMMARY_SIZE = 160 };
const char *rbl_dataset_summary(const struct rbl_dataset *dataset, char text[RBL_SUMMARY_SIZE]);

/* Entries as lines gave them, and bytes of memory. */
uint64_t rbl_dataset_entries(const struct rbl_dataset *dataset);
size_t rbl_dataset_memory(const struct rbl_dataset *dataset);

/* Flags of enum rbl_found. At the apex data sets answer as well (generic "@"); that the apex itself is there is the
 * caller's to know. An acl answers nothing here. */
unsigned rbl_dataset_query(const struct rbl_dataset *dataset, const struct rbl_question *question,
	const struct rbl_sink *sink);

/* Asks for the memory that the question will read (rbldata/index.h); steps are below RBL_DATASET_FETCHES. Of a combined data set
 * nothing is fetched: which of its subsets will be asked is known only when the question was read again for a subzone. */
enum { RBL_DATASET_FETCHES = 3 };
void rbl_dataset_prefetch(
	const struct rbl_dataset *dataset, const struct rbl_question *question, unsigned step);

/* All its subsets, each as often as it answers somewhere: below which name (labels in wire form without the root label; empty:
 * the zone itself). Closer subzones hide farther ones. */
struct rbl_subset;

void rbl_dataset_walk(const struct rbl_dataset *dataset,
	void (*call)(void *arg, struct span subzone, const struct rbl_subset *subset), void *arg);

/* ---- acl ---- */

enum rbl_action { RBL_PASS, RBL_IGNORE, RBL_REFUSE, RBL_EMPTY, RBL_ALWAYS };

struct rbl_verdict {
	enum rbl_action action;
	const struct rbl_dataset *acl; /* of RBL_ALWAYS, with its value */
	uint32_t value;
};

/* What an acl says about a client. Of a global and a zone's acl the stronger holds: ignore, refuse, empty, always, pass; of
 * two that say always, the global one. */
struct rbl_verdict rbl_dataset_verdict(const struct rbl_dataset *acl, struct ip client);
struct rbl_verdict rbl_verdict_join(struct rbl_verdict global, struct rbl_verdict zone);

/* The records of RBL_ALWAYS; "$" in the text is the client. */
void rbl_verdict_answer(const struct rbl_verdict *verdict, struct ip client, unsigned want,
	const struct rbl_sink *sink);
