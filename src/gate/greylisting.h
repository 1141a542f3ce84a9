/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The gate's greylist (grey/decide.h): asks it for the facts of a recipient, and notes what became
 * of the attempt. Only an attempt that nothing else refuses is noted, for a client that is refused
 * anyway need not be known. What is noted goes to the file within a second.
 *
 * Delays go by the monotonic clock: when the wall clock is set, what is remembered is set along.
 * Owner: the consult; one loop, one thread.
 */
#include "gate/verdict.h"
#include "loop/loop.h"

struct greylisting;

/* path: of the file; NULL: nothing outlives the process, and neither does it when the file cannot
 * be opened, which is logged. To be called before the jail closes. */
struct greylisting *greylisting_new(struct loop *loop, const struct conf *conf, const char *path);
/* For explain: what the gate's file holds, which stays as it is. False: it could not be read. */
bool greylisting_peek(struct greylisting *greylisting, const char *path);
void greylisting_free(struct greylisting **greylisting);
void greylisting_set_conf(struct greylisting *greylisting, const struct conf *conf);

/* Fills facts->grey from the other facts. */
void greylisting_ask(struct greylisting *greylisting, const struct conf *conf, bool at_data,
	struct facts *facts);

/* Part of what is known from now on. True: facts have changed, and are to be decided anew. */
bool greylisting_note(
	struct greylisting *greylisting, const struct verdict *verdict, struct facts *facts);
