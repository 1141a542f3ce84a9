/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What entries say: an A and the template of a TXT. Equal ones exist once, so ten million addresses
 * share a few. An answer is one value, or several that hold for the same ground; answer 0 is none:
 * excluded, or never listed.
 *
 * Owner while it grows: the loader; one thread. Afterwards: pure, any thread.
 */
#include "base/err.h"
#include "base/span.h"

/* As many as fit into a message of rbldnsd; beyond that the first ones count. */
enum { RBL_ANSWER_VALUES_MAX = 255 };

struct rbl_value {
	uint8_t a[4];
	struct span text;
};

struct rbl_values;

struct rbl_values *rbl_values_new(void);
void rbl_values_free(struct rbl_values **values);

/* The number of a value, which is its answer too. E_NOMEM, E_LIMIT. */
int64_t rbl_values_add(struct rbl_values *values, const struct rbl_value *value);

/* The answer of several values, in any order, with repetitions; those are sorted in place. 0 among
 * them excludes: answer 0. E_NOMEM, E_LIMIT. */
int64_t rbl_values_join(struct rbl_values *values, uint32_t *numbers, size_t len);

/* The numbers of an answer; *one keeps that of a single value. */
const uint32_t *rbl_values_of(
	const struct rbl_values *values, uint32_t answer, uint32_t *one, size_t *ret_len);
struct rbl_value rbl_values_get(const struct rbl_values *values, uint32_t number);

/* Frees what only growing needs. */
void rbl_values_settle(struct rbl_values *values);
size_t rbl_values_memory(const struct rbl_values *values);
