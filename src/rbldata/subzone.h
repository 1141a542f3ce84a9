/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The subzones of a combined data set: which of its parts answer where. Only the closest subzone of a name is asked, and
 * all of its parts. Owner: the data set; immutable once loaded.
 */
#include "base/err.h"
#include "rbldata/question.h"

enum { RBL_SUBZONE_NAME_SIZE = 255 };

struct rbl_subzone {
	uint8_t name
		[RBL_SUBZONE_NAME_SIZE]; /* labels in wire form, lower case, without the root label */
	uint8_t name_len;
	unsigned labels;
	unsigned kinds;  /* of all its parts */
	uint32_t *parts; /* places */
	size_t parts_len, parts_size;
};

struct rbl_subzones {
	struct rbl_subzone *items; /* each before those that it is below */
	size_t len, size;
};

void rbl_subzones_done(struct rbl_subzones *subzones);

/* Connects a part to the subzone of that name, which is made when it is new. E_NOMEM. */
int rbl_subzones_connect(
	struct rbl_subzones *subzones, struct span name, uint32_t part, unsigned kinds);

/* The closest subzone at or above the name asked for; NULL. */
const struct rbl_subzone *rbl_subzones_find(
	const struct rbl_subzones *subzones, const struct rbl_question *question);

/* Whether a subzone lies below the name asked for. */
bool rbl_subzones_have_below(
	const struct rbl_subzones *subzones, const struct rbl_question *question);
