/* SPDX-License-Identifier: ISC */
#pragma once
/* Special lines, "$SOA ..." (or "#$", ";$", ":$"), in files of every type. Pure; any thread. */
#include "rbldata/entry.h"
#include "rbldata/head.h"
#include "rbldata/rbl_template.h"

/* What special lines set, of a data set or of one inside a combined one. */
struct rbl_scope {
	uint32_t ttl_s;
	struct rbl_texts texts; /* in memory of their own (rbl_texts_done) */
};

struct rbl_special {
	enum rbl_type type; /* of the file */
	const struct rbl_options *options;
	int64_t now_s;
	struct rbl_head head; /* head.ns in memory of its own */
	uint64_t range4_max;
	struct rbl_scope *scope;            /* what $TTL and the variables belong to */
	const struct rbl_scope *file_scope; /* whose $TTL $SOA and $NS without one take */
};

void rbl_texts_done(struct rbl_texts *texts);
void rbl_texts_copy(const struct rbl_texts *texts, struct rbl_texts *ret_texts);

/* Whether the line is a special one; *ret_rest is what follows the dollar sign. */
bool rbl_is_special(struct span line, struct span *ret_rest);

/* "$DATASET ..." of a combined file: *ret_rest is what follows the word. */
bool rbl_is_dataset(struct span rest, struct span *ret_rest);

/* 0; E_PARSE with *ret_offence: the line is left out; E_ABSENT: the same, a word that nobody
 * knows; E_RANGE: the data is from the future, nothing may be loaded. On success ret_offence->text
 * tells of what was left out, or is NULL. */
int rbl_special_read(
	struct rbl_special *special, struct span rest, struct rbl_offence *ret_offence);

/* The seconds of s, m, h, d or w; 0 for other letters. */
uint32_t rbl_unit_seconds(uint8_t unit);

/* "2d", "30": a number with s, m, h, d or w behind it, up to a blank; the cursor then stands at the
 * next word. E_PARSE. */
int rbl_time_read(struct rbl_cursor *cursor, uint32_t *ret_seconds);

/* The same as a time to live: 0 is the default, others are kept within the limits of -t. */
struct rbl_ttl_rules {
	const struct rbl_options *options;
	uint32_t default_s;
};

int rbl_ttl_read(struct rbl_cursor *cursor, const struct rbl_ttl_rules *rules, uint32_t *ret_ttl_s);
