/* SPDX-License-Identifier: ISC */
#pragma once
/* A plain data set while its lines are read, and its painting. Owner: the loader; one thread. */
#include "rbldata/paint.h"
#include "rbldata/read.h"
#include "rbldata/subset.h"

/* What a trie knows of a whole address, to choose among repeated ones and to tell of the others. */
struct rbl_point_origin {
	uint32_t value, line;
};

struct rbl_builder {
	struct rbl_section own_section; /* of a $DATASET; that of a file belongs to the reader */
	struct rbl_section *section;
	struct rbl_values *values;
	struct rbl_leveled leveled; /* ip4set, ip4tset; the whole addresses of ip4trie */
	struct rbl_point_origin *origins;
	size_t origins_size;
	struct rbl_prefixes prefixes_v4, prefixes_v6;
	struct rbl_names names;
	struct rbl_generic *generic;
	uint64_t entries, excluded;
	int64_t default_number; /* of the value; negative: not known */
	unsigned default_serial;
};

struct rbl_builder *rbl_builder_new(enum rbl_type type);
void rbl_builder_free(struct rbl_builder **builder);

/* As struct rbl_taker has them; section is that of the builder. */
int rbl_builder_entry(struct rbl_builder *builder, const struct rbl_entry *entry, uint64_t line);
int rbl_builder_plain(struct rbl_builder *builder, struct rbl_plain_lines *lines);

/* Makes the data set of what was read; the builder is empty then. reader: is told what was
 * repeated. E_NOMEM, E_LIMIT. */
int rbl_builder_finish(
	struct rbl_builder *builder, struct rbl_reader *reader, struct rbl_subset **ret_subset);
