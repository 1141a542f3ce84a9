/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A zone of another operator as we keep it: the addresses, texts and CNAMEs of its names, without
 * the apex, as one sorted run of octets. Immutable: a transfer makes the next zone out of this one,
 * and when anything of it fails this one is untouched. Owner: whoever made it. Pure; any thread.
 *
 * The order is the tree's (RFC 4034 section 6.1): names are kept with their labels from the top,
 * each closed by a zero octet, so that a name stands before all that is below it, and `*` before
 * its brothers that make up addresses.
 */
#include "base/buf.h"
#include "dns/transfer_read.h"

enum feed_type { FEED_A = 1, FEED_TXT = 2, FEED_CNAME = 3 };

enum {
	/* where the file says when the zone was confirmed: 8 octets, outside of its checksum */
	FEED_CONFIRMED_AT = 8,
	FEED_KEY_MAX = 255,
	FEED_DATA_MAX = 1024, /* of a TXT record; longer ones are left out */
};

struct feed_record {
	struct span key; /* "192\0" "2\0": labels below the apex, from the top; never empty */
	enum feed_type type;
	/* rdata as it was sent; of a CNAME the key of the name that it leads to, empty when that is
	 * not below the apex */
	struct span data;
};

struct feed_zone {
	struct dns_name name;
	struct dns_soa soa;
	size_t addresses; /* A records, and the CNAMEs that stand in their place */
	size_t texts;
	struct buf records;
};

struct feed_zone *feed_zone_new(const struct dns_name *name, const struct dns_soa *soa);
void feed_zone_free(struct feed_zone **zone);

/* Appends one that stands behind all others in the order. */
void feed_zone_append(struct feed_zone *zone, const struct feed_record *record);

/* Walks the run: *at begins as 0; 1: *ret_record filled, 0: no more. */
int feed_zone_next(const struct feed_zone *zone, size_t *at, struct feed_record *ret_record);

/* Octets as feed_zone_append writes them: 1: one was taken from *rest; 0: no more; E_PARSE. For
 * files and collections. */
int feed_record_read(struct span *rest, struct feed_record *ret_record);
void feed_record_write(struct buf *out, const struct feed_record *record);
int feed_record_compare(const struct feed_record *a, const struct feed_record *b);

/* Where the octets of a record lie that are not those of the message. */
struct feed_record_room {
	uint8_t key[FEED_KEY_MAX];
	uint8_t target[FEED_KEY_MAX];
};

/* Turns a record of a transfer into one that is kept. 0: not one to keep. */
int feed_record_of(const struct dns_name *zone, const struct transfer_record *from,
	struct feed_record_room *room, struct feed_record *ret_record);

/* The file in which a zone outlives the process. Octets of our own, but from a disk: E_CHECKSUM,
 * E_VERSION, E_TRUNCATED, E_PARSE, also when it holds another zone. confirmed_s: when the server
 * said last that this is the newest. */
void feed_zone_encode(const struct feed_zone *zone, int64_t confirmed_s, struct buf *out);
int feed_zone_decode(struct span bytes, const struct dns_name *name, struct feed_zone **ret_zone,
	int64_t *ret_confirmed_s);
/* The head of such a file before a body: for feed_zone_encode, and tests that write bad ones. */
void feed_file_seal(struct span body, int64_t confirmed_s, struct buf *out);
