/* SPDX-License-Identifier: ISC */
#include "rbldata/special.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/macro.h"
#include "base/mem.h"

enum { SECONDS_A_DAY = 86400 };

void rbl_texts_done(struct rbl_texts *texts)
{
	for (unsigned i = 0; i < RBL_VARIABLES; i++)
		mem_free((void *)(uintptr_t)texts->variable[i].ptr);
	mem_free((void *)(uintptr_t)texts->base.ptr);
	*texts = (struct rbl_texts){0};
}

static struct span text_copy(struct span text)
{
	return text.ptr != NULL ? span_of(mem_copy(text.ptr, text.len), text.len) : text;
}

void rbl_texts_copy(const struct rbl_texts *texts, struct rbl_texts *ret_texts)
{
	for (unsigned i = 0; i < RBL_VARIABLES; i++)
		ret_texts->variable[i] = text_copy(texts->variable[i]);
	ret_texts->base = text_copy(texts->base);
}

bool rbl_is_special(struct span line, struct span *ret_rest)
{
	size_t dollar = line.len > 1 && (rbl_is_comment(line.ptr[0]) || line.ptr[0] == ':');

	if (line.len <= dollar || line.ptr[dollar] != '$')
		return false;
	*ret_rest = span_from(line, dollar + 1);
	return true;
}

/* Whether the first word of rest is that one; the cursor then stands at the next. */
static bool word_is(struct span rest, const char *word, struct rbl_cursor *ret_cursor)
{
	size_t len = strlen(word);

	if (rest.len <= len || !span_equal_nocase(span_first(rest, len), span_text(word)) ||
		!rbl_is_blank(rest.ptr[len]))
		return false;
	*ret_cursor = rbl_cursor_of(span_from(rest, len));
	rbl_skip_blanks(ret_cursor);
	return true;
}

bool rbl_is_dataset(struct span rest, struct span *ret_rest)
{
	struct rbl_cursor cursor;

	if (!word_is(rest, "dataset", &cursor))
		return false;
	*ret_rest = rbl_rest(&cursor);
	return true;
}

static bool is_at_end(const struct rbl_cursor *cursor)
{
	return cursor->ptr == cursor->end;
}

/* Nothing or a blank has to follow a word. */
static int word_end(struct rbl_cursor *cursor)
{
	if (is_at_end(cursor))
		return 0;
	if (!rbl_is_blank(*cursor->ptr))
		return E_PARSE;
	rbl_skip_blanks(cursor);
	return 0;
}

static int number_read(struct rbl_cursor *cursor, uint32_t *ret_number)
{
	int r = rbl_number_read(cursor, UINT32_MAX, ret_number);

	return r < 0 ? r : word_end(cursor);
}

uint32_t rbl_unit_seconds(uint8_t unit)
{
	switch (ascii_lower(unit)) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return SECONDS_A_DAY;
	case 'w':
		return 7 * SECONDS_A_DAY;
	default:
		return 0;
	}
}

int rbl_time_read(struct rbl_cursor *cursor, uint32_t *ret_seconds)
{
	uint32_t number = 0, unit;

	if (rbl_number_read(cursor, UINT32_MAX, &number) < 0)
		return E_PARSE;
	unit = rbl_unit_seconds(rbl_peek(cursor));
	if (unit != 0)
		cursor->ptr++;
	else
		unit = 1;
	if (number > UINT32_MAX / unit)
		return E_PARSE;
	*ret_seconds = number * unit;
	return word_end(cursor);
}

int rbl_ttl_read(struct rbl_cursor *cursor, const struct rbl_ttl_rules *rules, uint32_t *ret_ttl_s)
{
	const struct rbl_options *options = rules->options;
	uint32_t ttl_s = 0;
	int r = rbl_time_read(cursor, &ttl_s);

	if (r < 0)
		return r;
	if (ttl_s == 0)
		ttl_s = rules->default_s;
	else if (ttl_s < options->ttl_min_s)
		ttl_s = options->ttl_min_s;
	else if (options->ttl_max_s != 0 && ttl_s > options->ttl_max_s)
		ttl_s = options->ttl_max_s;
	*ret_ttl_s = ttl_s;
	return 0;
}

static int name_read(struct rbl_cursor *cursor, struct dns_name *ret_name)
{
	struct dns_name name = {0};
	int len;

	if (is_at_end(cursor))
		return E_PARSE;
	len = rbl_name_read(cursor, name.wire);
	if (len < 0)
		return len;
	name.len = (uint8_t)len;
	*ret_name = name;
	return word_end(cursor);
}

/* "ttl server mailbox serial refresh retry expire minimum"; the first one of a data set counts. */
static int soa_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	struct rbl_soa soa = {.present = true};
	struct rbl_ttl_rules rules = {special->options, special->file_scope->ttl_s};
	uint32_t *const times[] = {&soa.refresh_s, &soa.retry_s, &soa.expire_s, &soa.minimum_s};

	if (special->type == RBL_ACL)
		return rbl_offend(offence, cursor->ptr, "an access list has no SOA");
	if (special->head.soa.present)
		return 0;
	if (rbl_ttl_read(cursor, &rules, &soa.ttl_s) < 0 || name_read(cursor, &soa.server) < 0 ||
		name_read(cursor, &soa.mailbox) < 0 || number_read(cursor, &soa.serial) < 0)
		return rbl_offend(offence, cursor->ptr,
			"expected: $SOA ttl server mailbox serial refresh retry expire minimum");
	for (size_t i = 0; i < COUNTOF(times); i++) {
		if (rbl_time_read(cursor, times[i]) < 0)
			return rbl_offend(
				offence, cursor->ptr, "expected a time like 3600, 2h or 1w");
	}
	if (!is_at_end(cursor))
		return rbl_offend(offence, cursor->ptr, "nothing may follow the last time of $SOA");
	special->head.soa = soa;
	return 0;
}

/* "ttl server server ..."; a hyphen switches one off. The first line with a server counts. */
static int ns_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	struct rbl_ttl_rules rules = {special->options, special->file_scope->ttl_s};
	struct dns_name *names = (struct dns_name *)(uintptr_t)special->head.ns;
	uint32_t ttl_s;
	size_t len = 0;

	if (special->type == RBL_ACL)
		return rbl_offend(offence, cursor->ptr, "an access list has no NS");
	if (special->head.ns_len != 0)
		return 0;
	if (rbl_ttl_read(cursor, &rules, &ttl_s) < 0 || is_at_end(cursor))
		return rbl_offend(offence, cursor->ptr, "expected: $NS ttl server server ...");
	if (names == NULL)
		names = mem_alloc_array(RBL_NS_MAX, sizeof(*names));
	special->head.ns = names;
	while (!is_at_end(cursor)) {
		if (*cursor->ptr == '-') {
			while (!is_at_end(cursor) && !rbl_is_blank(*cursor->ptr))
				cursor->ptr++;
			rbl_skip_blanks(cursor);
		} else if (len == RBL_NS_MAX) {
			offence->text = "servers beyond the 32nd are left out";
			offence->at = cursor->ptr;
			break;
		} else if (name_read(cursor, &names[len++]) < 0) {
			return rbl_offend(offence, cursor->ptr, "invalid domain name");
		}
	}
	special->head.ns_len = len;
	special->head.ns_ttl_s = ttl_s;
	return 0;
}

static int ttl_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	struct rbl_ttl_rules rules = {special->options, special->options->ttl_default_s};
	uint32_t ttl_s;

	if (rbl_ttl_read(cursor, &rules, &ttl_s) < 0 || !is_at_end(cursor))
		return rbl_offend(offence, cursor->ptr, "expected a time like 3600, 2h or 1w");
	special->scope->ttl_s = ttl_s;
	return 0;
}

/* "/24" or "256"; later ones may only be smaller. */
static int range4_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	const uint8_t *start = cursor->ptr;
	bool is_length = rbl_peek(cursor) == '/';
	uint32_t number = 0;
	uint64_t count;

	cursor->ptr += is_length;
	if (number_read(cursor, &number) < 0 || !is_at_end(cursor) || number == 0 ||
		(is_length && number > 32))
		return rbl_offend(offence, cursor->ptr,
			"expected a number of addresses, or a length like /24");
	count = is_length ? UINT64_C(1) << (32 - number) : number;
	if (special->range4_max != 0 && special->range4_max < count) {
		offence->text = "$MAXRANGE4 can only become smaller";
		offence->at = start;
		return 0;
	}
	special->range4_max = count;
	return 0;
}

/* ---- Time stamps ---- */

struct stamp_part {
	int min, max, digits;
};

/* One number of a time stamp, with the delimiter that may follow it. */
static int part_read(struct rbl_cursor *cursor, struct stamp_part part, int *ret_number)
{
	int number = 0, digits = 0;

	while (digits < part.digits && ascii_is_digit(rbl_peek(cursor))) {
		number = number * 10 + (*cursor->ptr++ - '0');
		digits++;
	}
	if (digits == 0 || number < part.min || number > part.max)
		return E_PARSE;
	if (rbl_peek(cursor) == ':' || rbl_peek(cursor) == '-')
		cursor->ptr++;
	*ret_number = number;
	return 0;
}

/* yyyy:mm:dd[:hh[:mi[:ss]]], UTC; colons, hyphens or nothing between; "0" or "-": no time, 0. */
static int utc_read(struct rbl_cursor *cursor, int64_t *ret_time_s)
{
	static const struct stamp_part parts[] = {
		{1970, 2100, 4}, {1, 12, 2}, {1, 31, 2}, {0, 23, 2}, {0, 59, 2}, {0, 59, 2}};
	int read[COUNTOF(parts)] = {0};
	uint8_t first = rbl_peek(cursor);
	struct tm tm;

	if ((first == '0' || first == '-' || first == ':') &&
		(cursor->end - cursor->ptr == 1 || rbl_is_blank(cursor->ptr[1]))) {
		cursor->ptr++;
		*ret_time_s = 0;
		return word_end(cursor);
	}
	for (size_t i = 0; i < COUNTOF(parts); i++) {
		if (i >= 3 && (is_at_end(cursor) || rbl_is_blank(*cursor->ptr)))
			break;
		if (part_read(cursor, parts[i], &read[i]) < 0)
			return E_PARSE;
	}
	tm = (struct tm){.tm_year = read[0] - 1900,
		.tm_mon = read[1] - 1,
		.tm_mday = read[2],
		.tm_hour = read[3],
		.tm_min = read[4],
		.tm_sec = read[5]};
	*ret_time_s = timegm(&tm);
	return tm.tm_mday == read[2] ? word_end(cursor) : E_PARSE; /* 30 February is in March */
}

/* "stamp [expiry]", the expiry a stamp or "+time". */
static int expiry_read(struct rbl_cursor *cursor, int64_t stamp_s, int64_t *ret_expires_s)
{
	uint32_t after = 0;

	*ret_expires_s = 0;
	if (is_at_end(cursor))
		return 0;
	if (*cursor->ptr != '+')
		return utc_read(cursor, ret_expires_s);
	cursor->ptr++;
	if (rbl_time_read(cursor, &after) < 0 || stamp_s == 0 || after == 0)
		return E_PARSE;
	*ret_expires_s = stamp_s + after;
	return 0;
}

static int timestamp_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	int64_t stamp_s = 0, expires_s = 0;

	if (utc_read(cursor, &stamp_s) < 0 || expiry_read(cursor, stamp_s, &expires_s) < 0 ||
		!is_at_end(cursor))
		return rbl_offend(offence, cursor->ptr,
			"expected: $TIMESTAMP yyyy:mm:dd[:hh[:mi[:ss]]] [expiry]");
	if (stamp_s > special->now_s) {
		snprintf(offence->buffer, sizeof(offence->buffer),
			"the data is from %" PRId64 " seconds in the future",
			stamp_s - special->now_s);
		rbl_offend(offence, cursor->ptr, offence->buffer);
		return E_RANGE;
	}
	if (expires_s != 0 && (special->head.expires_s == 0 || expires_s < special->head.expires_s))
		special->head.expires_s = expires_s;
	return 0;
}

/* ---- Variables ---- */

/* "1 text", "= text": the first assignment counts. */
static int variable_read(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence)
{
	uint8_t name = *cursor->ptr;
	struct span *variable = name == '=' ? &special->scope->texts.base
					    : &special->scope->texts.variable[name - '0'];

	cursor->ptr++;
	rbl_skip_blanks(cursor);
	if (variable->ptr != NULL)
		return 0;
	if (is_at_end(cursor))
		return rbl_offend(offence, cursor->ptr, "expected a text");
	*variable = text_copy(rbl_rest(cursor));
	return 0;
}

typedef int special_reader(
	struct rbl_special *special, struct rbl_cursor *cursor, struct rbl_offence *offence);

static const struct {
	const char *word;
	special_reader *read;
} readers[] = {
	{"soa", soa_read},
	{"ns", ns_read},
	{"nameserver", ns_read},
	{"ttl", ttl_read},
	{"maxrange4", range4_read},
	{"timestamp", timestamp_read},
};

int rbl_special_read(struct rbl_special *special, struct span rest, struct rbl_offence *ret_offence)
{
	struct rbl_cursor cursor = rbl_cursor_of(rest);

	*ret_offence = (struct rbl_offence){0};
	if (rest.len >= 2 && (ascii_is_digit(rest.ptr[0]) || rest.ptr[0] == '=') &&
		rbl_is_blank(rest.ptr[1]))
		return variable_read(special, &cursor, ret_offence);
	for (size_t i = 0; i < COUNTOF(readers); i++) {
		if (word_is(rest, readers[i].word, &cursor))
			return readers[i].read(special, &cursor, ret_offence);
	}
	rbl_offend(ret_offence, cursor.ptr, "unknown special entry");
	return E_ABSENT;
}
