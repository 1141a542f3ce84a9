/* SPDX-License-Identifier: ISC */
#pragma once
/* What went wrong, once for people (portal/page.h) and once for machines (portal/api.h, RFC 9457).
 */
#include <stdbool.h>

#include "base/span.h"

struct trouble {
	unsigned status;
	/* The last part of the URI: not-yet, bad-number, bad-address, unknown, gone, rate,
	 * unavailable, invalid. */
	const char *type;
	const char *title, *advice;
	bool ask; /* show the look-up form again, with what was typed */
	struct span typed;
	const char *wrong;  /* beside the field */
	const char *detail; /* of a problem, where the advice speaks of the page; NULL: wrong, or
			       advice */
	unsigned retry_after_s; /* 0: says nothing about when */
	const char *allow;      /* methods; NULL */
	struct span path;       /* that was asked for */
};
