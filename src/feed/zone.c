/* SPDX-License-Identifier: ISC */
#include "feed/zone.h"

#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/reader.h"

/*
 * A record in the run:  key length 1 | key | type 1 | data length 2 | data
 * The file:  "stkfeed2" | confirmed 8 | checksum 8 | serial, refresh, retry, expire, minimum 4 each
 *            | name length 1 | name | the run
 *
 * The checksum is of all behind it and finds torn and damaged files; who could forge one can write
 * to the role's own folder. When the zone was confirmed is written over in place, each time that it
 * is.
 */
static const char FILE_MAGIC[8] = "stkfeed2";

struct feed_zone *feed_zone_new(const struct dns_name *name, const struct dns_soa *soa)
{
	struct feed_zone *zone = mem_new(feed_zone);

	zone->name = *name;
	zone->soa = *soa;
	buf_init(&zone->records, 0);
	return zone;
}

void feed_zone_free(struct feed_zone **zone)
{
	struct feed_zone *z = *zone;

	if (z == NULL)
		return;
	buf_done(&z->records);
	mem_free(z);
	*zone = NULL;
}

void feed_zone_append(struct feed_zone *zone, const struct feed_record *record)
{
	if (record->type == FEED_TXT)
		zone->texts++;
	else
		zone->addresses++;
	feed_record_write(&zone->records, record);
}

int feed_zone_next(const struct feed_zone *zone, size_t *at, struct feed_record *ret_record)
{
	struct span rest = span_from(buf_span(&zone->records), *at);
	size_t before = rest.len;
	int r = feed_record_read(&rest, ret_record);

	*at += before - rest.len;
	return r > 0;
}

/* ---- records ---- */

void feed_record_write(struct buf *out, const struct feed_record *record)
{
	buf_append_byte(out, (uint8_t)record->key.len);
	buf_append(out, record->key);
	buf_append_byte(out, (uint8_t)record->type);
	buf_append_u16(out, (uint16_t)record->data.len);
	buf_append(out, record->data);
}

/* A TXT record is strings, each behind its length (RFC 1035 section 3.3.14). */
static bool text_is_whole(struct span rdata)
{
	struct reader reader = reader_of(rdata);

	while (reader.rest.len != 0 && !reader.bad)
		reader_bytes(&reader, reader_u8(&reader));
	return !reader.bad && rdata.len != 0 && rdata.len <= FEED_DATA_MAX;
}

static bool key_is_whole(struct span key)
{
	return key.len != 0 && key.ptr[key.len - 1] == 0;
}

static bool data_is_whole(const struct feed_record *record)
{
	switch (record->type) {
	case FEED_A:
		return record->data.len == 4;
	case FEED_TXT:
		return text_is_whole(record->data);
	case FEED_CNAME:
		return record->data.len == 0 ||
		       (record->data.len <= FEED_KEY_MAX && key_is_whole(record->data));
	}
	return false;
}

int feed_record_read(struct span *rest, struct feed_record *ret_record)
{
	struct reader reader = reader_of(*rest);
	struct feed_record record;

	if (rest->len == 0)
		return 0;
	record.key = reader_bytes(&reader, reader_u8(&reader));
	record.type = (enum feed_type)reader_u8(&reader);
	record.data = reader_bytes(&reader, reader_u16(&reader));
	if (reader.bad || !key_is_whole(record.key) || !data_is_whole(&record))
		return E_PARSE;
	*rest = reader.rest;
	*ret_record = record;
	return 1;
}

int feed_record_compare(const struct feed_record *a, const struct feed_record *b)
{
	int order = span_compare(a->key, b->key);

	if (order != 0)
		return order;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return span_compare(a->data, b->data);
}

/* Labels from the top, in lower case. 0: at the apex, outside, or with octets that no entry has. */
static size_t record_key(
	const struct dns_name *zone, const struct dns_name *name, uint8_t key[FEED_KEY_MAX])
{
	size_t below =
		name->len - (size_t)zone->len; /* octets of the labels that are not the zone's */
	size_t end = below;

	if (name->len <= zone->len || !dns_name_is_below(name, zone))
		return 0;
	for (size_t at = 0; at < below; at += 1 + (size_t)name->wire[at]) {
		size_t len = name->wire[at];

		key[--end] = 0;
		end -= len;
		for (size_t i = 0; i < len; i++) {
			uint8_t byte = name->wire[at + 1 + i];

			if (byte <= ' ' || byte > '~')
				return 0;
			key[end + i] = ascii_lower(byte);
		}
	}
	return below;
}

/* False: not a type to keep, or not in its form. */
static bool record_data(const struct dns_name *zone, const struct transfer_record *from,
	uint8_t target[FEED_KEY_MAX], struct feed_record *record)
{
	struct dns_name name;

	record->data = from->record->rdata;
	switch (from->record->type) {
	case DNS_A:
		record->type = FEED_A;
		return record->data.len == 4;
	case DNS_TXT:
		record->type = FEED_TXT;
		return text_is_whole(record->data);
	case DNS_CNAME:
		record->type = FEED_CNAME;
		if (dns_record_target(from->message, from->record, &name) < 0)
			return false;
		record->data = span_of(target, record_key(zone, &name, target));
		return true;
	default:
		return false;
	}
}

int feed_record_of(const struct dns_name *zone, const struct transfer_record *from,
	struct feed_record_room *room, struct feed_record *ret_record)
{
	struct feed_record record;
	size_t len;

	if (!record_data(zone, from, room->target, &record))
		return 0;
	len = record_key(zone, &from->record->name, room->key);
	if (len == 0)
		return 0;
	record.key = span_of(room->key, len);
	*ret_record = record;
	return 1;
}

/* ---- files ---- */

/* By words: a file may have a hundred megabytes. */
static uint64_t checksum(struct span s)
{
	return hash_words(HASH_START ^ s.len, s);
}

void feed_file_seal(struct span body, int64_t confirmed_s, struct buf *out)
{
	buf_append(out, span_of(FILE_MAGIC, sizeof(FILE_MAGIC)));
	buf_append_u64(out, (uint64_t)confirmed_s);
	buf_append_u64(out, checksum(body));
	buf_append(out, body);
}

void feed_zone_encode(const struct feed_zone *zone, int64_t confirmed_s, struct buf *out)
{
	const struct dns_soa *soa = &zone->soa;
	struct buf body;

	buf_init(&body, 0);
	buf_append_u32(&body, soa->serial);
	buf_append_u32(&body, soa->refresh_s);
	buf_append_u32(&body, soa->retry_s);
	buf_append_u32(&body, soa->expire_s);
	buf_append_u32(&body, soa->minimum_s);
	buf_append_byte(&body, zone->name.len);
	buf_append(&body, dns_name_span(&zone->name));
	buf_append(&body, buf_span(&zone->records));
	feed_file_seal(buf_span(&body), confirmed_s, out);
	buf_done(&body);
}

/* The records have to be in order: everything that reads a zone relies on it. */
static int zone_take_records(struct feed_zone *zone, struct span rest)
{
	struct feed_record before = {.key = {NULL, 0}};
	struct feed_record record;
	int r;

	while ((r = feed_record_read(&rest, &record)) > 0) {
		if (before.key.len != 0 && feed_record_compare(&before, &record) >= 0)
			return E_PARSE;
		feed_zone_append(zone, &record);
		before = record;
	}
	return r;
}

int feed_zone_decode(struct span bytes, const struct dns_name *name, struct feed_zone **ret_zone,
	int64_t *ret_confirmed_s)
{
	AUTO(feed_zone) *zone = NULL;
	struct reader reader = reader_of(bytes);
	struct span magic = reader_bytes(&reader, sizeof(FILE_MAGIC));
	int64_t confirmed_s = (int64_t)reader_u64(&reader);
	uint64_t sum = reader_u64(&reader);
	struct dns_soa soa = {.serial = 0};
	struct span wire;
	int r;

	if (reader.bad)
		return E_TRUNCATED;
	if (!span_equal(magic, span_of(FILE_MAGIC, sizeof(FILE_MAGIC))))
		return E_VERSION;
	if (sum != checksum(reader.rest))
		return E_CHECKSUM;
	soa.serial = reader_u32(&reader);
	soa.refresh_s = reader_u32(&reader);
	soa.retry_s = reader_u32(&reader);
	soa.expire_s = reader_u32(&reader);
	soa.minimum_s = reader_u32(&reader);
	wire = reader_bytes(&reader, reader_u8(&reader));
	if (reader.bad || !span_equal(wire, dns_name_span(name)))
		return E_PARSE;
	zone = feed_zone_new(name, &soa);
	r = zone_take_records(zone, reader.rest);
	if (r < 0)
		return r;
	*ret_zone = TAKE(zone);
	*ret_confirmed_s = confirmed_s;
	return 0;
}
