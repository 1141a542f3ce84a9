/* SPDX-License-Identifier: ISC */
#pragma once
/* One line of a data set, understood: which ground, and what is said about it. Pure; any thread. */
#include "base/err.h"
#include "rbldata/name.h"
#include "rbldata/type.h"
#include "rbldata/values.h"

/* What a line of an acl does: a word instead of a value. */
enum rbl_word { RBL_WORD_NONE, RBL_WORD_IGNORE, RBL_WORD_REFUSE, RBL_WORD_EMPTY, RBL_WORD_PASS };

enum rbl_ground {
	/* no ground: the value is that of the following entries that have none */
	RBL_GROUND_DEFAULT,
	RBL_GROUND_V4,
	RBL_GROUND_V6,
	RBL_GROUND_NAME
};

struct rbl_entry {
	enum rbl_ground ground;
	bool excluded;
	bool by_default; /* the value is the default one */
	/* V4 */
	uint32_t first, last;
	/* V4: 0 to 32, and 32 for what was written as a range; V6: 0 to 128 */
	uint8_t bits;
	struct ip v6;
	/* NAME */
	unsigned covers; /* of enum rbl_covers */
	uint8_t key_len;
	uint8_t key[NAME_KEY_SIZE]; /* sets/names.h */
	/* where they stand in the line, from 1; value_column 0: there is none */
	unsigned column, value_column;
	/* what is said, unless excluded */
	struct rbl_value value; /* borrowed from the line or from the default */
	enum rbl_word word;
};

struct rbl_entry_rules {
	enum rbl_type type;
	bool host_bits;
	uint64_t range4_max;                   /* addresses; 0: any number */
	const struct rbl_value *default_value; /* of the scope, for what an entry leaves out */
	enum rbl_word default_word;            /* acl */
};

/* What is wrong with a line: words, and where in it. */
struct rbl_offence {
	const char *text;
	const uint8_t *at; /* in the line; NULL: all of it */
	bool is_bad;       /* the entry is left out; otherwise it was taken, changed as said */
	bool is_comment;   /* or it was none at all, like "#$Id: ... $" */
	char buffer[128];
};

/* The line is bad, at that octet: E_PARSE. */
int rbl_offend(struct rbl_offence *offence, const uint8_t *at, const char *text);

/* 127.0.0.2 without a text. */
extern const struct rbl_value rbl_value_standard;

/* Reads a line without blanks at its ends that is neither empty, nor a comment, nor special, of any
 * type but generic and combined. 0, or E_PARSE with *ret_offence. On success ret_offence->text
 * tells of what was changed, or is NULL. */
int rbl_entry_read(struct span line, const struct rbl_entry_rules *rules,
	struct rbl_entry *ret_entry, struct rbl_offence *ret_offence);
