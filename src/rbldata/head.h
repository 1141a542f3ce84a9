/* SPDX-License-Identifier: ISC */
#pragma once
/* A data set beside its entries: how it is read, and what its special lines say. Values. */
#include "dns/name.h"

enum { RBL_NS_MAX = 32, RBL_TTL_DEFAULT_S = 35 * 60 };

struct rbl_options {
	/* -e: 192.0.2.9/24 means 192.0.2.0/24; otherwise such a line is warned of and left out */
	bool host_bits;
	bool no_gzip; /* -C */
	bool no_pipe; /* who reads files again and again cannot wait for a writer (rbldata/lines.h)
		       */
	/* -t: 0 is "the default" and "no limit" */
	uint32_t ttl_default_s, ttl_min_s, ttl_max_s;
	uint64_t gzip_max; /* what a compressed file may hold; 0: a gibibyte (rbldata/lines.h) */
};

struct rbl_soa {
	bool present;
	uint32_t ttl_s;
	struct dns_name server, mailbox;
	uint32_t serial; /* 0: rbl_head.changed_s */
	uint32_t refresh_s, retry_s, expire_s, minimum_s;
};

/* What the special lines said. Of several data sets of a zone, the first with a SOA gives it, the
 * first with NS those. */
struct rbl_head {
	struct rbl_soa soa;
	uint32_t ns_ttl_s;
	size_t ns_len; /* at most RBL_NS_MAX */
	const struct dns_name *ns;
	uint32_t ttl_s;    /* of the records of this data set */
	int64_t expires_s; /* not to be served from then on; 0: no such time */
	int64_t changed_s; /* the time of the newest file, in whole seconds */
};
