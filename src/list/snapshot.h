/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The snapshot file, as list/ itself sees it: a header, one record a list, and the sections the
 * records point to (sets/). Numbers are in host byte order, and the magic number tells when a file
 * comes from the other kind of host. A snapshot is counted: views share it. Reading: pure; any
 * thread.
 */
#include <stdatomic.h>

#include "base/err.h"
#include "list/hit.h"
#include "sets/names.h"
#include "sets/prefix_table.h"

enum { SNAPSHOT_VERSION = 2 };

#define SNAPSHOT_MAGIC UINT64_C(0x1a0a70616e736b53) /* "Sksnap\n\x1a" */

struct snapshot_header {
	uint64_t magic;
	uint64_t checksum; /* XXH3 of everything behind it */
	uint32_t version, serial;
	uint64_t length; /* of the file */
	int64_t time_s;
	uint32_t lists, zero;
	uint64_t lists_at;
};

enum { CHECKSUM_FROM = 16 };

struct text_record {
	uint64_t at;
	uint32_t len, zero;
};

struct list_record {
	struct text_record name;
	uint32_t sublists, zero;
	uint64_t entries;
	struct text_record sublist[SUBLISTS_MAX];
	struct answer_rows_record rows;
	struct prefix_table_record v4_points, v4_steps;
	struct prefix_table_record hosts, nets, steps; /* IPv6: /128, /64, everything else */
	struct names_record names;
};

struct snapshot_list {
	struct span name;
	unsigned sublists_len;
	struct span sublists[SUBLISTS_MAX];
	uint64_t entries;
	struct row_set rows;
	struct prefix_table v4_points, v4_steps;
	struct prefix_table hosts, nets, steps;
	struct names names;
};

struct snapshot {
	atomic_uint refs;
	void *map; /* NULL when the bytes are borrowed */
	size_t map_len;
	uint32_t serial;
	int64_t time_s;
	size_t lists_len;
	struct snapshot_list *lists;
};

int snapshot_map(const char *path, struct snapshot **ret_snapshot, struct fault *why);

/* bytes live as long as the snapshot and lie at a multiple of 16. verify: compare the checksum
 * (fuzzing does not). */
int snapshot_open_bytes(
	struct span bytes, bool verify, struct snapshot **ret_snapshot, struct fault *why);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot **snapshot);

/* The file of a writer in memory: finish without the file system (tests). */
struct snapshot_writer;
int snapshot_writer_image(
	struct snapshot_writer *writer, struct image *ret_image, struct fault *why);

/* The tables of a list, for who builds such a record without a file (rbldata/index.c). */
void snapshot_tables_open(
	struct snapshot_list *list, struct sections *sections, const struct list_record *record);

/* The row that holds at an address; UINT32_MAX when nothing was ever said about it. */
uint32_t snapshot_row(const struct snapshot_list *list, u128 key);

/* Asks for the memory that snapshot_row will read: see prefix_table_prefetch. */
void snapshot_prefetch(const struct snapshot_list *list, u128 key, unsigned step);

/* Whether any address in the range is listed by a sublist of mask. */
bool snapshot_has_range(const struct snapshot_list *list, struct key_range range, uint32_t mask);

/* What one row says about first..last. */
struct snapshot_piece {
	u128 first, last;
	uint32_t row;
};

/* The first address at or after key that is listed, and how far its row reaches (or less far: nets
 * and hosts end it); IPv4 and IPv6 are not in one piece. False when there is none. */
bool snapshot_next(
	const struct snapshot_list *list, u128 key, uint32_t mask, struct snapshot_piece *ret);
