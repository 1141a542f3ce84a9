/* SPDX-License-Identifier: ISC */
#pragma once
/* A plain data set: a file, if not combined, or what follows a $DATASET. Immutable; any thread. */
#include "rbldata/generic.h"
#include "rbldata/index.h"
#include "rbldata/question.h"
#include "rbldata/rbl_template.h"

struct rbl_subset {
	enum rbl_type type;
	uint32_t ttl_s;
	struct rbl_texts texts;
	struct rbl_values *values;
	struct rbl_index index;
	struct rbl_generic *generic; /* RBL_GENERIC */
	uint64_t entries, excluded;  /* as read */
};

void rbl_subset_free(struct rbl_subset **subset);
unsigned rbl_subset_query(const struct rbl_subset *subset, const struct rbl_question *question,
	const struct rbl_sink *sink);
void rbl_subset_prefetch(
	const struct rbl_subset *subset, const struct rbl_question *question, unsigned step);
struct rbl_verdict rbl_subset_verdict(const struct rbl_subset *subset, struct ip client);

/* The records of an answer, of the types in want; subject: what "$" stands for. */
struct rbl_wish {
	unsigned want;
	struct span subject;
};

void rbl_subset_give(const struct rbl_subset *subset, uint32_t answer, struct rbl_wish wish,
	const struct rbl_sink *sink);

/* In an acl an answer is a word (enum rbl_word), or a value: */
enum { RBL_ACL_VALUES_FROM = 8 };

size_t rbl_subset_memory(const struct rbl_subset *subset);
