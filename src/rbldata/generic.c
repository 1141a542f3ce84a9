/* SPDX-License-Identifier: ISC */
#include "rbldata/generic.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "dns/message.h"
#include "rbldata/special.h"

enum { RDATA_MAX = 2 + RBL_NAME_SIZE + 1, TXT_MAX = 255 };

/* Keys and rdata lie in one pool. */
struct record {
	uint32_t key_at, rdata_at, ttl_s;
	uint32_t order; /* of reading: records of one type keep it */
	uint16_t rdata_len;
	uint8_t key_len;
	uint8_t want; /* the bit of its type */
};

struct rbl_generic {
	struct record *records;
	size_t len, size;
	uint8_t *pool;
	size_t pool_len, pool_size;
};

struct rbl_generic *rbl_generic_new(void)
{
	return mem_new(rbl_generic);
}

void rbl_generic_free(struct rbl_generic **generic)
{
	if (*generic != NULL) {
		mem_free((*generic)->records);
		mem_free((*generic)->pool);
	}
	mem_free(*generic);
	*generic = NULL;
}

/* ---- Lines ---- */

struct rdata {
	uint32_t ttl_s;
	enum rbl_want want; /* its type */
	size_t len;
	uint8_t bytes[RDATA_MAX];
};

static int a_read(struct rbl_cursor *cursor, struct rdata *rdata, struct rbl_offence *offence)
{
	rdata->len = 4;
	return rbl_aton_read(cursor, rdata->bytes) > 0
		       ? 0
		       : rbl_offend(offence, cursor->ptr, "expected an IPv4 address");
}

static int mx_read(struct rbl_cursor *cursor, struct rdata *rdata, struct rbl_offence *offence)
{
	struct span number = span_first(rbl_rest(cursor), 0);
	uint64_t preference;
	int len;

	while (ascii_is_digit(rbl_peek(cursor)))
		cursor->ptr++, number.len++;
	if (!rbl_is_blank(rbl_peek(cursor)) || span_parse_u64(number, UINT16_MAX, &preference) < 0)
		return rbl_offend(offence, cursor->ptr, "expected a preference from 0 to 65535");
	rbl_skip_blanks(cursor);
	len = cursor->ptr != cursor->end ? rbl_name_read(cursor, rdata->bytes + 2) : E_PARSE;
	if (len < 0 || cursor->ptr != cursor->end)
		return rbl_offend(offence, cursor->ptr,
			"expected the name of a mail server, and nothing more");
	rdata->bytes[0] = (uint8_t)(preference >> 8);
	rdata->bytes[1] = (uint8_t)preference;
	rdata->len = 2 + (size_t)len;
	return 0;
}

static int txt_read(struct rbl_cursor *cursor, struct rdata *rdata, struct rbl_offence *offence)
{
	struct span text = rbl_rest(cursor);

	if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
		text = span_of(text.ptr + 1, text.len - 2);
	if (text.len > TXT_MAX) {
		offence->text = "the text is cut after 255 bytes";
		offence->at = text.ptr + TXT_MAX;
		text.len = TXT_MAX;
	}
	rdata->bytes[0] = (uint8_t)text.len;
	memcpy(rdata->bytes + 1, text.ptr, text.len);
	rdata->len = 1 + text.len;
	return 0;
}

static const struct {
	const char *name;
	enum rbl_want want;
	uint16_t type;
	int (*read)(struct rbl_cursor *cursor, struct rdata *rdata, struct rbl_offence *offence);
} types[] = {
	{"a", RBL_WANT_A, DNS_A, a_read},
	{"mx", RBL_WANT_MX, DNS_MX, mx_read},
	{"txt", RBL_WANT_TXT, DNS_TXT, txt_read},
};

/* A word with a blank behind it; the cursor then stands at the next. Empty when there is none. */
static struct span word_take(struct rbl_cursor *cursor)
{
	struct span rest = rbl_rest(cursor), word = span_first(rest, 0);

	while (word.len < rest.len && !rbl_is_blank(rest.ptr[word.len]))
		word.len++;
	if (word.len == rest.len)
		return span_first(rest, 0);
	cursor->ptr += word.len;
	rbl_skip_blanks(cursor);
	return word;
}

/* "@" or a name; its key. */
static int owner_read(
	struct rbl_cursor *cursor, uint8_t key[NAME_KEY_SIZE], struct rbl_offence *offence)
{
	uint8_t wire[RBL_NAME_SIZE];
	const uint8_t *start = cursor->ptr;
	int len;

	if (cursor->end - start > 1 && start[0] == '@' && rbl_is_blank(start[1])) {
		cursor->ptr++;
		rbl_skip_blanks(cursor);
		return 0;
	}
	len = rbl_name_read(cursor, wire);
	len = len > 1 ? rbl_name_key(span_of(wire, (size_t)len), key) : E_PARSE;
	if (len < 0) {
		cursor->ptr = start;
		return rbl_offend(offence, cursor->ptr, "invalid domain name");
	}
	rbl_skip_blanks(cursor);
	return len;
}

/* The row of `types`. */
static int type_read(struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	struct span word = word_take(cursor);

	if (span_equal_nocase(word, span_text("in"))) {
		start = cursor->ptr;
		word = word_take(cursor);
	}
	for (size_t i = 0; i < COUNTOF(types); i++) {
		if (span_equal_nocase(word, span_text(types[i].name)))
			return (int)i;
	}
	cursor->ptr = start;
	return rbl_offend(offence, cursor->ptr, "expected A, MX or TXT, and a value");
}

static int record_add(struct rbl_generic *generic, struct span key, const struct rdata *rdata)
{
	size_t bytes = key.len + rdata->len;
	struct record *record;

	if (generic->pool_len + bytes > UINT32_MAX || generic->len == UINT32_MAX)
		return E_LIMIT;
	if (mem_grow_try(&generic->pool, &generic->pool_size, generic->pool_len + bytes, 1) < 0 ||
		mem_grow_try(&generic->records, &generic->size, generic->len + 1,
			sizeof(*generic->records)) < 0)
		return E_NOMEM;
	record = &generic->records[generic->len];
	*record = (struct record){
		.key_at = (uint32_t)generic->pool_len,
		.rdata_at = (uint32_t)(generic->pool_len + key.len),
		.ttl_s = rdata->ttl_s,
		.order = (uint32_t)generic->len,
		.rdata_len = (uint16_t)rdata->len,
		.key_len = (uint8_t)key.len,
		.want = (uint8_t)rdata->want,
	};
	memcpy(generic->pool + record->key_at, key.ptr, key.len);
	memcpy(generic->pool + record->rdata_at, rdata->bytes, rdata->len);
	generic->pool_len += bytes;
	generic->len++;
	return 0;
}

int rbl_generic_add(struct rbl_generic *generic, struct span line, const struct rbl_ttl_rules *ttl,
	struct rbl_offence *ret_offence)
{
	struct rbl_cursor cursor = rbl_cursor_of(line);
	uint8_t key[NAME_KEY_SIZE];
	struct rdata rdata = {.ttl_s = ttl->default_s};
	int key_len, type, r;

	*ret_offence = (struct rbl_offence){0};
	key_len = owner_read(&cursor, key, ret_offence);
	if (key_len < 0)
		return key_len;
	if (ascii_is_digit(rbl_peek(&cursor)) && rbl_ttl_read(&cursor, ttl, &rdata.ttl_s) < 0)
		return rbl_offend(ret_offence, cursor.ptr, "expected a time like 3600, 2h or 1w");
	type = type_read(&cursor, ret_offence);
	if (type < 0)
		return type;
	r = types[type].read(&cursor, &rdata, ret_offence);
	if (r < 0)
		return r;
	rdata.want = types[type].want;
	return record_add(generic, span_of(key, (size_t)key_len), &rdata);
}

/* ---- Asking ---- */

static struct span record_key(const struct rbl_generic *generic, const struct record *record)
{
	return span_of(generic->pool + record->key_at, record->key_len);
}

static int record_compare(const void *a, const void *b, void *generic_arg)
{
	const struct record *left = a, *right = b;
	const struct rbl_generic *generic = generic_arg;
	int order = span_compare(record_key(generic, left), record_key(generic, right));

	if (order != 0)
		return order;
	if (left->want != right->want)
		return (int)left->want - (int)right->want;
	return (left->order > right->order) - (left->order < right->order);
}

void rbl_generic_settle(struct rbl_generic *generic)
{
	if (generic->len != 0)
		qsort_r(generic->records, generic->len, sizeof(*generic->records), record_compare,
			generic);
	mem_shrink(&generic->records, &generic->size, generic->len, sizeof(*generic->records));
	mem_shrink(&generic->pool, &generic->pool_size, generic->pool_len, 1);
}

/* The first record whose key is not less. */
static size_t records_lower(const struct rbl_generic *generic, struct span key)
{
	size_t first = 0, end = generic->len;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (span_compare(record_key(generic, &generic->records[middle]), key) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

static void record_give(
	const struct rbl_generic *generic, const struct record *record, const struct rbl_sink *sink)
{
	struct rbl_record given = {
		.ttl_s = record->ttl_s,
		.rdata = span_of(generic->pool + record->rdata_at, record->rdata_len),
	};

	for (size_t i = 0; i < COUNTOF(types); i++) {
		if (types[i].want == record->want)
			given.type = types[i].type;
	}
	sink->record(sink->arg, &given);
}

unsigned rbl_generic_query(const struct rbl_generic *generic, struct span key, unsigned want,
	const struct rbl_sink *sink)
{
	size_t at = records_lower(generic, key);
	unsigned found = 0;

	for (; at < generic->len; at++) {
		const struct record *record = &generic->records[at];

		if (!span_equal(record_key(generic, record), key))
			break;
		found = RBL_FOUND;
		if ((record->want & want) != 0)
			record_give(generic, record, sink);
	}
	if (at < generic->len &&
		name_key_is_within(record_key(generic, &generic->records[at]), key))
		found |= RBL_BELOW;
	return found;
}

struct span rbl_generic_key(const struct rbl_generic *generic, size_t place)
{
	return record_key(generic, &generic->records[place]);
}

void rbl_generic_give(const struct rbl_generic *generic, size_t place, const struct rbl_sink *sink)
{
	record_give(generic, &generic->records[place], sink);
}

size_t rbl_generic_count(const struct rbl_generic *generic)
{
	return generic->len;
}

size_t rbl_generic_memory(const struct rbl_generic *generic)
{
	return sizeof(*generic) + generic->size * sizeof(*generic->records) + generic->pool_size;
}
