/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Name sets: domains, each alone ("x") or with all below it (".x"), painted and then found through
 * a flat hash.
 *
 * A name is held as its key: the labels from the top down, a NUL between them
 * ("com\0example\0www"). So the ancestors of a name are prefixes of its key, and sorted keys have
 * everything below a name next to each other.
 *
 * Writing: the caller's thread. Reading: pure; any thread.
 */
#include "sets/packed_rows.h"

enum { NAME_KEY_SIZE = 256 };

/* "This name is no entry": the row of its nearest ancestor with all below it holds. */
static const uint32_t names_no_row = UINT32_MAX;

/* The key of a name in lower-case text without a dot at the end; its length, or E_PARSE for what is
 * no name (so it is in no set). The empty name has the empty key. */
int name_key(struct span name, uint8_t key[NAME_KEY_SIZE]);

/* Back to text: NAME_KEY_SIZE bytes are always enough, the NUL included. */
void name_key_print(struct span key, char text[NAME_KEY_SIZE]);

/* Greater than everything at and below key, and not greater than anything else behind it: no label
 * has such a byte. */
struct span name_key_behind(struct span key, uint8_t bytes[NAME_KEY_SIZE + 1]);
/* The least key behind key. */
struct span name_key_least_behind(struct span key, uint8_t bytes[NAME_KEY_SIZE + 1]);

/* The length of the ancestor of key that has one label more than the first `len` bytes; key.len at
 * the end. */
size_t name_key_next(struct span key, size_t len);

/* Whether key is `above` or below it. */
bool name_key_is_within(struct span key, struct span above);

struct name_entry {
	uint32_t key_at; /* in the pool of keys */
	uint32_t value;  /* by answer_rows_value */
	uint8_t key_len;
	bool below; /* ".x" */
};

struct name_entries {
	struct name_entry *items;
	size_t len;
	const uint8_t *keys; /* the pool */
};

struct name_node {
	uint32_t key_at, parent;
	uint32_t self, below; /* rows, or names_no_row */
	uint32_t mask;        /* sublists that list any name below this one */
	uint8_t key_len;
};

struct name_nodes {
	struct name_node *items;
	size_t len, size;
	const uint8_t *keys; /* the pool; borrowed */
};

void name_nodes_done(struct name_nodes *nodes);

/* Sorts the entries and paints them: a node for each name and each of its ancestors, in order of
 * key. E_NOMEM, E_LIMIT. */
int names_paint(struct name_entries *entries, struct answer_rows *rows, struct name_nodes *nodes);

struct names_record {
	uint32_t slots, probes, values, zero;
	uint64_t text_bytes;
	uint64_t first_at, text_at, tag_at, slot_at, value_at;
	struct packed_rows_record packed;
};

struct name_value {
	uint32_t self, below, mask;
};

struct names {
	uint32_t count, slots, probes, values;
	uint64_t text_bytes;
	const uint32_t *first; /* count + 1: where each key begins */
	const uint8_t *text;
	const uint8_t *tag;   /* of each slot: 0 free, else eight bits of the hash */
	const uint32_t *slot; /* node */
	const struct name_value *value;
	struct packed_rows packed;
};

/* Rows in nodes are numbered by frequency already. row_masks: of each. */
void names_write(const struct name_nodes *nodes, const uint32_t *row_masks, struct image *image,
	struct names_record *ret_record);
void names_open(struct names *names, struct sections *sections, const struct names_record *record);

/* Asks for the memory that names_find of this key will read, for the ends of the key that may not
 * be in the caches yet: step 0 for the slots, step 1 for where the nodes begin and their packed,
 * step 2 for their text. Changes no answer. */
enum { NAMES_FETCHES = 3 };
void names_prefetch(const struct names *names, struct span key, unsigned step);

/* What is said at a key. Rows are names_no_row where no entry covers it. */
struct name_answer {
	uint32_t self;  /* the row of the name itself */
	uint32_t below; /* the row of names below it that are no entries */
	uint32_t mask;  /* the sublists of any name below it */
	/* How much of the key the names have that say so: key.len, or less where it is said of what
	 * is below a name. */
	size_t self_len, below_len;
};

struct name_answer names_find(
	const struct names *names, const struct row_set *rows, struct span key);

/* The key of a node; the first node whose key is not less; the rows that stand at a node. */
struct span names_key(const struct names *names, uint32_t node);
uint32_t names_lower(const struct names *names, struct span key);
struct name_value names_value(const struct names *names, uint32_t node);

/* The first node in from..end-1 with a row of its own that the filter lets through; or end. */
uint32_t names_next(
	const struct names *names, const struct row_filter *filter, uint32_t from, uint32_t end);

/* The sublists of the rows that stand at a node. */
uint32_t name_value_mask(const struct row_set *rows, struct name_value value);
