/* SPDX-License-Identifier: ISC */
#include "grey/record.h"

#include "base/hash.h"
#include "base/reader.h"

enum { SUM_SIZE = 8 };

static const char head_magic[] = "STKGREY1";
enum { MAGIC_SIZE = sizeof(head_magic) - 1 };

/* Finds torn and damaged octets; nobody has a motive to forge them in the gate's own folder. */
static uint64_t sum_of(uint64_t generation, struct span s)
{
	return hash_mix(hash_words(HASH_START ^ hash_mix(generation), s));
}

/* What was appended since `from`, with its sum. */
static void append_sum(uint64_t generation, size_t from, struct buf *out)
{
	buf_append_u64(out, sum_of(generation, span_from(buf_span(out), from)));
}

void grey_head_print(const struct grey_head *head, struct buf *out)
{
	size_t from = buf_len(out);

	buf_append_text(out, head_magic);
	buf_append_u64(out, head->generation);
	buf_append(out, span_of(head->secret.bytes, GREY_SECRET_SIZE));
	buf_append_u64(out, (uint64_t)head->state);
	append_sum(head->generation, from, out);
}

int grey_head_read(struct span s, struct grey_head *ret_head)
{
	struct reader reader = reader_of(span_first(s, GREY_HEAD_SIZE));
	struct span magic = reader_bytes(&reader, MAGIC_SIZE);
	struct grey_head head = {.generation = reader_u64(&reader)};
	struct span secret = reader_bytes(&reader, GREY_SECRET_SIZE);
	uint64_t state = reader_u64(&reader), sum = reader_u64(&reader);

	if (reader.bad || !span_equal_text(magic, head_magic))
		return E_PARSE;
	if (sum != sum_of(head.generation, span_first(s, GREY_HEAD_SIZE - SUM_SIZE)))
		return E_CHECKSUM;
	if (state != GREY_FILE_BEGUN && state != GREY_FILE_WHOLE)
		return E_PARSE;
	memcpy(head.secret.bytes, secret.ptr, GREY_SECRET_SIZE);
	head.state = (enum grey_file_state)state;
	*ret_head = head;
	return 0;
}

void grey_record_print(uint64_t generation, const struct grey_entry *entry, struct buf *out)
{
	size_t from = buf_len(out);

	buf_append_u64(out, entry->key.high);
	buf_append_u64(out, entry->key.low);
	buf_append_u32(out, entry->first_s);
	buf_append_u32(out, entry->last_s);
	buf_append_u32(out, entry->network);
	buf_append_byte(out, entry->kind);
	buf_append_byte(out, entry->state);
	buf_append_byte(out, entry->passes);
	buf_append_byte(out, 0);
	append_sum(generation, from, out);
}

int grey_record_read(struct span s, uint64_t generation, struct grey_entry *ret_entry)
{
	struct reader reader = reader_of(span_first(s, GREY_RECORD_SIZE));
	struct grey_entry entry = {.key = {.high = reader_u64(&reader)}};
	uint64_t sum;

	entry.key.low = reader_u64(&reader);
	entry.first_s = reader_u32(&reader);
	entry.last_s = reader_u32(&reader);
	entry.network = reader_u32(&reader);
	entry.kind = reader_u8(&reader);
	entry.state = reader_u8(&reader);
	entry.passes = reader_u8(&reader);
	reader_u8(&reader);
	sum = reader_u64(&reader);
	if (reader.bad || sum != sum_of(generation, span_first(s, GREY_RECORD_SIZE - SUM_SIZE)))
		return E_CHECKSUM;
	if (entry.kind == 0 || entry.kind >= GREY_KIND_END ||
		(entry.state != GREY_WAITS && entry.state != GREY_PASSED))
		return E_PARSE;
	*ret_entry = entry;
	return 0;
}

static void take(const struct grey_entry *entry, struct grey_table *table, int64_t now_s)
{
	const struct grey_entry *known = grey_table_find(table, entry->key, now_s);

	if (known == NULL || known->last_s <= entry->last_s)
		grey_table_put(table, entry, now_s);
}

void grey_records_take(
	const struct grey_records *records, struct grey_table *table, struct grey_counts *counts)
{
	struct span rest = records->octets;

	for (; rest.len != 0; rest = span_from(rest, GREY_RECORD_SIZE)) {
		struct grey_entry entry;

		if (grey_record_read(rest, records->generation, &entry) < 0) {
			counts->damaged++;
			continue;
		}
		counts->records++;
		take(&entry, table, records->now_s);
	}
}
