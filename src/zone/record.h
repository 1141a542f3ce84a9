/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The records of a zone: of a node of the walk, and those of the apex that no list decides. And
 * records in a row, as differences are kept: owner below the apex, type, rdata. Class and TTL are
 * those of the zone. Pure; any thread.
 */
#include "base/buf.h"
#include "zone/walk.h"

struct zone_record {
	struct span owner; /* labels below the apex without the root; empty: the apex */
	uint16_t type;
	struct span rdata;
};

enum { ZONE_NODE_RECORDS_MAX = 2 * ZONE_SUBLISTS_MAX };

/* All records of one owner. */
struct zone_records {
	size_t len;
	struct zone_record records[ZONE_NODE_RECORDS_MAX];
	uint8_t codes[ZONE_SUBLISTS_MAX][4];
	struct match_txt texts;
};

/* The owners point into node, the rdata into *ret_records. */
void zone_node_records(const struct zone_binding *binding, const struct zone_node *node,
	struct zone_records *ret_records);

/* How many there would be, at most. */
size_t zone_node_count(const struct zone_binding *binding, const struct zone_node *node);

/* The records beside the SOA that the configuration makes (NS, TXT, addresses of hosts); false
 * behind the last. Valid as long as the table. */
bool zone_fixed_record(const struct zone *zone, size_t index, struct zone_record *ret_record);

/* The same and those that tell the end of a list, by the view: rdata of these lies in string. TTL:
 * binding->ttl_s. */
bool zone_binding_record(const struct zone_binding *binding, size_t index,
	uint8_t string[MATCH_STRING_MAX], struct zone_record *ret_record);

/* The rdata of the SOA record with that serial; appended. */
void zone_soa_rdata(const struct zone_binding *binding, uint32_t serial, struct buf *out);

bool zone_record_equal(const struct zone_record *a, const struct zone_record *b);

/* One behind the other. reading: *rest moves behind the record; false at the end. */
void zone_record_append(struct buf *out, const struct zone_record *record);
bool zone_record_take(struct span *rest, struct zone_record *ret_record);
