/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Data sets of rbldnsd: its files read, its questions answered. A data set is immutable once it is
 * loaded, so a newer one is built in the background while the old one answers; whoever shares it
 * holds a reference.
 *
 * Loading: one thread a data set. Everything else: any number of threads, no locks, no allocation.
 */
#include "base/err.h"
#include "rbldata/head.h"
#include "rbldata/question.h"
#include "rbldata/report.h"
#include "rbldata/type.h"

struct rbl_dataset;

/* Reads the files, in order, as one. A line that says nothing sensible is reported and left out.
 * Failures, with words in *why that begin with "file:" or "file:line:column:": E_ABSENT, E_DENIED,
 * E_IO (open, read), E_CORRUPT, E_TRUNCATED (gzip), E_LIMIT (size), E_CONFLICT (the file changed
 * while it was read), E_RANGE (its $TIMESTAMP lies in the future), E_PARSE (what makes the rest
 * meaningless: a line before the first $DATASET, an unknown type behind it), E_NOMEM. */
struct rbl_load {
	enum rbl_type type;
	size_t files_len;
	const char *const *files;
	const struct rbl_options *options;
	int64_t now_s;
	const struct rbl_report *report; /* may be NULL */
};

int rbl_dataset_load(
	const struct rbl_load *load, struct rbl_dataset **ret_dataset, struct fault *why);

struct rbl_dataset *rbl_dataset_ref(struct rbl_dataset *dataset);
void rbl_dataset_unref(struct rbl_dataset **dataset);

const struct rbl_head *rbl_dataset_head(const struct rbl_dataset *dataset);

/* What it holds, in one line: "4 addresses, 2 networks, 1 exclusion". Returns text. */
enum { RBL_SUMMARY_SIZE = 160 };
const char *rbl_dataset_summary(const struct rbl_dataset *dataset, char text[RBL_SUMMARY_SIZE]);

/* Entries as lines gave them, and bytes of memory. */
uint64_t rbl_dataset_entries(const struct rbl_dataset *dataset);
size_t rbl_dataset_memory(const struct rbl_dataset *dataset);

/* Flags of enum rbl_found. At the apex data sets answer as well (generic "@"); that the apex itself
 * is there is the caller's to know. An acl answers nothing here. */
unsigned rbl_dataset_query(const struct rbl_dataset *dataset, const struct rbl_question *question,
	const struct rbl_sink *sink);

/* Asks for the memory that the question will read (rbldata/index.h); steps are below
 * RBL_DATASET_FETCHES. Of a combined data set nothing is fetched: which of its subsets will be
 * asked is known only when the question was read again for a subzone. */
enum { RBL_DATASET_FETCHES = 3 };
void rbl_dataset_prefetch(
	const struct rbl_dataset *dataset, const struct rbl_question *question, unsigned step);

/* All its subsets, each as often as it answers somewhere: below which name (labels in wire form
 * without the root label; empty: the zone itself). Closer subzones hide farther ones. */
struct rbl_subset;

void rbl_dataset_walk(const struct rbl_dataset *dataset,
	void (*call)(void *arg, struct span subzone, const struct rbl_subset *subset), void *arg);

/* ---- acl ---- */

/* What an acl says about a client. Of a global and a zone's acl the stronger holds: ignore, refuse,
 * empty, always, pass; of two that say always, the global one. */
struct rbl_verdict rbl_dataset_verdict(const struct rbl_dataset *acl, struct ip client);
struct rbl_verdict rbl_verdict_join(struct rbl_verdict global, struct rbl_verdict zone);

/* The records of RBL_ALWAYS; "$" in the text is the client. */
void rbl_verdict_answer(const struct rbl_verdict *verdict, struct ip client, unsigned want,
	const struct rbl_sink *sink);
