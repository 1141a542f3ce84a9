/* SPDX-License-Identifier: ISC */
#pragma once
/* The subzones of a combined data set: which of its subsets answer where. Only the closest subzone
 * of a name is asked, and all of its subsets. Owner: the data set; immutable once loaded. */
#include "base/err.h"
#include "rbldata/question.h"

enum { RBL_SUBZONE_NAME_SIZE = 255 };

struct rbl_subzone {
	/* labels in wire form, lower case, without the root label */
	uint8_t name[RBL_SUBZONE_NAME_SIZE];
	uint8_t name_len;
	unsigned labels;
	unsigned kinds;    /* of all its subsets */
	uint32_t *subsets; /* places */
	size_t subsets_len, subsets_size;
};

struct rbl_subzones {
	struct rbl_subzone *items; /* each before those that it is below */
	size_t len, size;
};

void rbl_subzones_done(struct rbl_subzones *subzones);

/* Connects a subset to the subzone of that name, which is made when it is new. E_NOMEM. */
int rbl_subzones_connect(
	struct rbl_subzones *subzones, struct span name, uint32_t subset, unsigned kinds);

/* The closest subzone at or above the name asked for; NULL. */
const struct rbl_subzone *rbl_subzones_find(
	const struct rbl_subzones *subzones, const struct rbl_question *question);

/* Whether a subzone lies below the name asked for. */
bool rbl_subzones_have_below(
	const struct rbl_subzones *subzones, const struct rbl_question *question);
