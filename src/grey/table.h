/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a greylist remembers, within a bound. Open addressing in the order of the keys: a key stands
 * at its share of the room or a little behind it, so that looking for it ends soon whether it is
 * there or not, and the table grows by one walk. 32 octets an entry, at most 7/8 of the room used.
 *
 * Strangers make the entries that wait. When the table is full the oldest of those goes (of a
 * sample), and a network that has its share of them makes room among its own; entries that passed
 * are never pushed out by one that waits, and hold three quarters of the table at most. What is
 * over goes a few entries at a time with each that comes. Pure: no clock. One thread.
 */
#include "grey/key.h"

enum grey_state {
	GREY_WAITS = 1, /* nobody came back yet */
	GREY_PASSED
};

/* Times in seconds of the wall clock, up to the year 2106. */
struct grey_entry {
	struct grey_key key;
	uint32_t first_s; /* of what waits: the first attempt; of a group: the last pass counted */
	uint32_t last_s;  /* it was used */
	uint32_t network; /* a hash of the client's */
	uint8_t kind;     /* enum grey_kind; 0: free */
	uint8_t state;    /* enum grey_state */
	uint8_t passes;   /* of a group */
	uint8_t unused;
};

struct grey_limits {
	size_t entries;         /* at most */
	size_t network;         /* waiting at most of one network */
	int64_t retry_within_s; /* what waits for longer is over */
	int64_t remember_s;     /* what passed and was not used for so long is over */
};

struct grey_table;

struct grey_table *grey_table_new(const struct grey_limits *limits);
void grey_table_free(struct grey_table **table);
/* Room for so many, as far as the limit lets: before many come in the order of their keys, which
 * would all want the first places of a small table. */
void grey_table_reserve(struct grey_table *table, size_t entries);
void grey_table_set_times(struct grey_table *table, int64_t retry_within_s, int64_t remember_s);

/* NULL: not there, or over. Until the next change. */
const struct grey_entry *grey_table_find(
	const struct grey_table *table, struct grey_key key, int64_t now_s);

/* Adds the entry or replaces that of its key. E_FULL: no room that it may take. */
int grey_table_put(struct grey_table *table, const struct grey_entry *entry, int64_t now_s);

/* The wall clock was set by so much: all that is remembered goes along, so that nobody waits longer
 * or shorter for it. */
void grey_table_shift(struct grey_table *table, int64_t by_s);

/* Up to count entries in the order of their keys, from the key on; how many. The next walk begins
 * behind the last one. What is over may be among them. */
size_t grey_table_walk(const struct grey_table *table, struct grey_key from,
	struct grey_entry *ret_entries, size_t count);

size_t grey_table_count(const struct grey_table *table);
size_t grey_table_count_waiting(const struct grey_table *table);
size_t grey_table_memory(const struct grey_table *table); /* octets */

uint32_t grey_time(int64_t now_s);
bool grey_entry_is_over(
	const struct grey_entry *entry, const struct grey_limits *limits, int64_t now_s);
