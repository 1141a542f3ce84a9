/* SPDX-License-Identifier: ISC */
#include "sets/packed_rows.h"

#include "base/macro.h"

/* Reading a code takes two words, whatever its width. */
enum { WORD_BITS = 32, EXCEPTION_BYTES = 8 };

static uint32_t exception_code_of(unsigned bits)
{
	return bits >= PACKED_BITS_MAX ? UINT32_MAX : (UINT32_C(1) << bits) - 1;
}

void packed_rows_count(struct packed_rows_histogram *histogram, const uint32_t *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t key = rows[i] + 1;

		histogram->keys[key == 0 ? 0 : 32 - (unsigned)__builtin_clz(key)]++;
		if (rows[i] > histogram->row_max)
			histogram->row_max = rows[i];
	}
}

/* Row r is an exception of a code of `bits` bits when r + 1 >= 2^bits: when that is longer. */
static uint64_t exceptions_of(const struct packed_rows_histogram *histogram, unsigned bits)
{
	uint64_t exceptions = 0;

	if (bits >= PACKED_BITS_MAX || histogram->row_max >> bits == 0)
		return 0;
	for (unsigned i = bits + 1; i <= PACKED_BITS_MAX; i++)
		exceptions += histogram->keys[i];
	return exceptions;
}

uint64_t packed_rows_choose(const struct packed_rows_histogram *histogram, uint64_t count,
	unsigned inline_bits, unsigned *ret_extra_bits)
{
	uint64_t best = UINT64_MAX;

	for (unsigned extra = 0; inline_bits + extra <= PACKED_BITS_MAX; extra++) {
		uint64_t exceptions = exceptions_of(histogram, inline_bits + extra);
		uint64_t cost = (count * extra + 7) / 8 + exceptions * EXCEPTION_BYTES;

		if (cost < best) {
			best = cost;
			*ret_extra_bits = extra;
		}
	}
	return best;
}

static uint32_t code_of(const struct packed_rows_record *record, uint32_t row)
{
	uint32_t exception = exception_code_of(record->inline_bits + record->extra_bits);

	return record->exceptions != 0 && row > exception ? exception : row;
}

uint32_t packed_rows_inline(const struct packed_rows_record *record, uint32_t row)
{
	return code_of(record, row) & ((UINT32_C(1) << record->inline_bits) - 1);
}

static uint32_t summary_layout(uint32_t count, uint32_t len[SUMMARY_LEVELS], uint8_t *ret_levels)
{
	uint32_t total = 0;
	uint8_t levels = 0;

	while (count > 1 && levels < SUMMARY_LEVELS) {
		count = count / SUMMARY_FANOUT + (count % SUMMARY_FANOUT != 0);
		len[levels++] = count;
		total += count;
	}
	*ret_levels = levels;
	return total;
}

static void summary_write(const struct numbered_rows *numbered, struct image *image,
	struct packed_rows_record *record)
{
	uint32_t len[SUMMARY_LEVELS];
	uint8_t levels;
	uint32_t total = summary_layout(numbered->count, len, &levels);
	uint32_t *summary = image_room(image, total, sizeof(*summary), &record->summary_at);

	if (summary == NULL || total == 0)
		return;
	for (uint32_t i = 0; i < numbered->count; i++)
		summary[i / SUMMARY_FANOUT] |= numbered->masks[numbered->rows[i]];
	for (uint8_t level = 1; level < levels; level++) {
		for (uint32_t i = 0; i < len[level - 1]; i++)
			summary[len[level - 1] + i / SUMMARY_FANOUT] |= summary[i];
		summary += len[level - 1];
	}
}

static uint64_t extra_words(uint64_t count, unsigned extra_bits)
{
	return extra_bits != 0 ? count * extra_bits / WORD_BITS + 2 : 0;
}

static void extra_write(const uint32_t *rows, uint32_t count, struct image *image,
	struct packed_rows_record *record)
{
	uint32_t *extra = image_room(
		image, extra_words(count, record->extra_bits), sizeof(*extra), &record->extra_at);

	for (uint32_t i = 0; i < count && extra != NULL && record->extra_bits != 0; i++) {
		uint64_t bit = (uint64_t)i * record->extra_bits;
		uint64_t code = code_of(record, rows[i]) >> record->inline_bits;

		code <<= bit % WORD_BITS;
		extra[bit / WORD_BITS] |= (uint32_t)code;
		extra[bit / WORD_BITS + 1] |= (uint32_t)(code >> WORD_BITS);
	}
}

static void exceptions_write(const uint32_t *rows, uint32_t count, struct image *image,
	struct packed_rows_record *record)
{
	uint32_t exception = exception_code_of(record->inline_bits + record->extra_bits);
	uint32_t *index =
		image_room(image, record->exceptions, sizeof(*index), &record->exception_index_at);
	uint32_t *row;
	uint32_t len = 0;

	for (uint32_t i = 0; i < count && index != NULL && record->exceptions != 0; i++) {
		if (rows[i] >= exception)
			index[len++] = i;
	}
	row = image_room(image, record->exceptions, sizeof(*row), &record->exception_row_at);
	len = 0;
	for (uint32_t i = 0; i < count && row != NULL && record->exceptions != 0; i++) {
		if (rows[i] >= exception)
			row[len++] = rows[i];
	}
}

void packed_rows_write(const struct numbered_rows *numbered, struct packed_bits bits,
	struct image *image, struct packed_rows_record *ret_record)
{
	struct packed_rows_histogram histogram = {0};

	packed_rows_count(&histogram, numbered->rows, numbered->count);
	*ret_record = (struct packed_rows_record){
		.count = numbered->count,
		.exceptions = (uint32_t)exceptions_of(&histogram, bits.inlined + bits.extra),
		.inline_bits = (uint8_t)bits.inlined,
		.extra_bits = (uint8_t)bits.extra,
	};
	extra_write(numbered->rows, numbered->count, image, ret_record);
	exceptions_write(numbered->rows, numbered->count, image, ret_record);
	summary_write(numbered, image, ret_record);
}

void packed_rows_open(struct packed_rows *packed, struct sections *sections,
	const struct packed_rows_record *record)
{
	unsigned bits = (unsigned)record->inline_bits + record->extra_bits;
	const uint32_t *summary;
	uint32_t total;

	if (bits > PACKED_BITS_MAX || record->inline_bits > 16)
		sections->bad = true;
	packed->count = record->count;
	packed->exceptions = record->exceptions;
	packed->exception_code = record->exceptions != 0 ? exception_code_of(bits) : UINT32_MAX;
	packed->inline_bits = record->inline_bits;
	packed->extra_bits = record->extra_bits;
	packed->extra = sections_get(sections, record->extra_at,
		extra_words(record->count, record->extra_bits), sizeof(*packed->extra));
	packed->exception_index = sections_get(sections, record->exception_index_at,
		record->exceptions, sizeof(*packed->exception_index));
	packed->exception_row = sections_get(sections, record->exception_row_at, record->exceptions,
		sizeof(*packed->exception_row));
	total = summary_layout(record->count, packed->summary_len, &packed->levels);
	summary = sections_get(sections, record->summary_at, total, sizeof(*summary));
	for (uint8_t level = 0; level < packed->levels && summary != NULL; level++) {
		packed->summary[level] = summary;
		summary += packed->summary_len[level];
	}
}

uint32_t packed_rows_exception(const struct packed_rows *packed, uint32_t index)
{
	uint32_t first = 0, end = packed->exceptions;

	while (first < end) {
		uint32_t middle = first + (end - first) / 2;

		if (packed->exception_index[middle] < index)
			first = middle + 1;
		else
			end = middle;
	}
	if (first == packed->exceptions || packed->exception_index[first] != index)
		return UINT32_MAX; /* a damaged file: a row that does not exist */
	return packed->exception_row[first];
}

/*
 * Climbs while the group of the current level has nothing for us and the next group belongs to
 * another parent, then goes down again into the first group that has.
 */
uint32_t packed_rows_skip(
	const struct packed_rows *packed, uint32_t from, uint32_t end, uint32_t mask)
{
	uint64_t group = from / SUMMARY_FANOUT, index;
	unsigned level = 0;

	if (from >= end || packed->levels == 0)
		return from < end ? from : end;
	while (group < packed->summary_len[level]) {
		if ((packed->summary[level][group] & mask) != 0) {
			if (level == 0)
				break;
			level--;
			group *= SUMMARY_FANOUT;
			continue;
		}
		group++;
		if (group % SUMMARY_FANOUT == 0 && level + 1 < packed->levels) {
			group /= SUMMARY_FANOUT;
			level++;
		}
	}
	if (group >= packed->summary_len[level])
		return end;
	index = group * SUMMARY_FANOUT;
	if (index >= end)
		return end;
	return index > from ? (uint32_t)index : from;
}
