/* SPDX-License-Identifier: ISC */
#pragma once
/* What is to be served, from the words of the command line "zone:type:file,file": data sets, each
 * once however many zones use it, and zones, each with its data sets in the order given. Immutable
 * once it is built; then any thread. Owner: the caller. */
#include "base/err.h"
#include "dns/name.h"
#include "rbldata/type.h"

enum { RBL_NO_ACL = -1 };

struct rbl_source {
	enum rbl_type type;
	const char *name; /* "ip4set:file,file", for messages */
	size_t files_len;
	const char *const *files;
};

struct rbl_plan_zone {
	struct dns_name apex; /* lower case */
	const char *name;     /* the same as text */
	size_t sources_len;
	size_t *sources; /* of the plan, in the order in which they answer */
	int acl;         /* a source of the plan, or RBL_NO_ACL */
};

struct rbl_plan {
	struct arena *arena;
	size_t sources_len;
	struct rbl_source *sources;
	size_t zones_len;
	struct rbl_plan_zone *zones; /* in the order in which they were first named */
	int acl;                     /* for all zones, or RBL_NO_ACL */
};

/* E_PARSE (no zone, no type, no files), E_ABSENT (a type nobody knows), E_CONFLICT (a second acl, a
 * zone with nothing but an acl), with rbldnsd's words. */
int rbl_plan_new(
	const char *const *specs, size_t len, struct rbl_plan **ret_plan, struct fault *why);
void rbl_plan_free(struct rbl_plan **plan);
