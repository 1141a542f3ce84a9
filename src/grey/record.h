/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The greylist's file, as octets:
 *
 *   head:    "STKGREY1" | generation 8 | secret 16 | state 8 | sum 8
 *   record:  key 16 | first 4 | last 4 | network 4 | kind 1 | state 1 | passes 1 | 0 | sum 8
 *
 * Records follow each other, the newest last: of two with one key the later one holds. All are of
 * one size, so that a damaged one is skipped and those behind it are read. The sum begins with the
 * generation: what is left of an older file at the same place is no record of this one. Numbers are
 * big-endian, times seconds of the wall clock. Pure; any thread.
 */
#include "base/buf.h"
#include "grey/decide.h"

enum { GREY_HEAD_SIZE = 48, GREY_RECORD_SIZE = 40 };

enum grey_file_state {
	GREY_FILE_BEGUN = 1, /* not all of the table is in it yet */
	GREY_FILE_WHOLE
};

struct grey_head {
	uint64_t generation;
	struct grey_secret secret;
	enum grey_file_state state;
};

void grey_head_print(const struct grey_head *head, struct buf *out);
/* E_PARSE, E_CHECKSUM. */
int grey_head_read(struct span s, struct grey_head *ret_head);

void grey_record_print(uint64_t generation, const struct grey_entry *entry, struct buf *out);
/* E_CHECKSUM, E_PARSE: nothing that was ever written. */
int grey_record_read(struct span s, uint64_t generation, struct grey_entry *ret_entry);

struct grey_counts {
	size_t records, damaged;
};

/* Records behind a head, read at a time. */
struct grey_records {
	struct span octets;
	uint64_t generation;
	int64_t now_s;
};

/* Adds them to the table, where of one that is there already the newer holds, and to *counts. */
void grey_records_take(
	const struct grey_records *records, struct grey_table *table, struct grey_counts *counts);
