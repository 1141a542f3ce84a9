/* SPDX-License-Identifier: ISC */
#pragma once
/* The subzones of a combined data set: which of its subsets answer where. Only the closest subzone
 * of a name is asked, and all of its subsets. Owner: the data set; immutable once loaded. */
#include "base/err.h"
#include "rbldata/question.h"
#include "rbldata/slots.h"

/* A subzone, or a name above one. */
struct rbl_subzone {
	uint8_t *name; /* labels in wire form, lower case, without the root label */
	uint8_t name_len;
	bool has_below; /* other subzones */
	unsigned labels;
	unsigned kinds;    /* of all its subsets */
	uint32_t *subsets; /* places; none: it is no subzone */
	size_t subsets_len, subsets_size;
};

struct rbl_subzones {
	struct rbl_subzone *items;
	size_t len, size;
	struct rbl_slots slots; /* by name */
	unsigned labels_max;
	size_t count; /* without the names above them */
};

void rbl_subzones_done(struct rbl_subzones *subzones);
size_t rbl_subzones_memory(const struct rbl_subzones *subzones);

/* Connects a subset to the subzone of that name, which is made when it is new. E_NOMEM. */
int rbl_subzones_connect(
	struct rbl_subzones *subzones, struct span name, uint32_t subset, unsigned kinds);

/* The closest subzone at or above the name asked for; NULL. */
const struct rbl_subzone *rbl_subzones_find(
	const struct rbl_subzones *subzones, const struct rbl_question *question);

/* Whether a subzone lies below the name asked for. */
bool rbl_subzones_have_below(
	const struct rbl_subzones *subzones, const struct rbl_question *question);
