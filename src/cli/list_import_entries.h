/* SPDX-License-Identifier: ISC */
#pragma once
/* What an import collects before it sends anything, and what it complains of: list_import.c reads
 * plain lists, list_import_rbl.c files of rbldnsd. One thread. */
#include "cli/list_target.h"
#include "rbldata/type.h"

enum { IMPORT_GROUPS_MAX = 1000 };

/* 32 bytes a source, not the 280 of struct source: files have millions. */
struct import_entry {
	struct ip ip;
	const char *domain; /* NULL: a prefix */
	uint8_t bits;
	uint16_t group;
};

/* Entries that one command can carry. */
struct import_group {
	const char *sublist; /* "": the one that takes entries by hand */
	const char *reason;
	bool excluded;
	size_t len; /* entries */
};

struct import {
	struct cli *cli;
	struct list_target target;
	const char *file, *format_name;
	uint64_t min_count;
	int64_t for_ms;
	bool lenient, no_texts;
	enum rbl_type format; /* of rbldnsd, when format_name is not NULL */
	struct import_entry *entries;
	size_t len, size;
	/* room for IMPORT_GROUPS_MAX; the first is that of --sublist and --reason */
	struct import_group *groups;
	size_t groups_len;
	uint64_t below, bad, lines;
	uint64_t slips;      /* that are asked about */
	struct source *slip; /* the first; NULL: none */
};

/* Where something is wrong; column 0: in the line as a whole. */
struct import_at {
	uint64_t line;
	unsigned column;
};

/* "file:line:column: error: text", for the first few. */
void import_complain(struct import *import, struct import_at at, const char *text);

/* Whether the list may hold the source; otherwise complains. */
bool import_may_list(
	struct import *import, const struct source *source, bool excluded, struct import_at at);

void import_add(struct import *import, const struct source *source, uint16_t group);

/* A group after the other, as commands go. */
void import_sort(struct import *import);
void import_entry_source(const struct import_entry *entry, struct source *ret_source);

void import_free(struct import **import);
