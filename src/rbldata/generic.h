/* SPDX-License-Identifier: ISC */
#pragma once
/* Data sets of type generic: names with records of their own, A, MX and TXT. Owner while it grows:
 * the loader, one thread; once settled: immutable, any thread. */
#include "rbldata/entry.h"
#include "rbldata/question.h"
#include "rbldata/special.h"

struct rbl_generic;

struct rbl_generic *rbl_generic_new(void);
void rbl_generic_free(struct rbl_generic **generic);

/* Reads a line like "www 300 A 192.0.2.1" ("@": the apex). 0 (ret_offence->text tells of what
 * was changed, or is NULL), or E_PARSE with *ret_offence; E_NOMEM, E_LIMIT. */
int rbl_generic_add(struct rbl_generic *generic, struct span line, const struct rbl_ttl_rules *ttl,
	struct rbl_offence *ret_offence);

/* Sorts; before the first question. */
void rbl_generic_settle(struct rbl_generic *generic);

unsigned rbl_generic_query(const struct rbl_generic *generic, struct span key, unsigned want,
	const struct rbl_sink *sink);

/* Record number `place`, in the order of names: its name's key, and the record into the sink. */
struct span rbl_generic_key(const struct rbl_generic *generic, size_t place);
void rbl_generic_give(const struct rbl_generic *generic, size_t place, const struct rbl_sink *sink);

size_t rbl_generic_count(const struct rbl_generic *generic);
size_t rbl_generic_memory(const struct rbl_generic *generic);
