/* SPDX-License-Identifier: ISC */
#include "rbldata/build.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"

enum { HOST_BITS = 128, V4_SHIFT = 96, DEFAULT_UNKNOWN = -1 };

struct rbl_builder *rbl_builder_new(enum rbl_type type)
{
	struct rbl_builder *builder = mem_new(rbl_builder);

	rbl_section_start(&builder->own_section, type);
	builder->section = &builder->own_section;
	builder->values = rbl_values_new();
	builder->default_number = DEFAULT_UNKNOWN;
	if (type == RBL_GENERIC)
		builder->generic = rbl_generic_new();
	return builder;
}

static void ground_done(struct rbl_builder *builder)
{
	rbl_leveled_done(&builder->leveled);
	mem_free(builder->origins);
	builder->origins = NULL;
	rbl_prefixes_done(&builder->prefixes_v4);
	rbl_prefixes_done(&builder->prefixes_v6);
	rbl_names_done(&builder->names);
}

void rbl_builder_free(struct rbl_builder **builder)
{
	struct rbl_builder *b = *builder;

	*builder = NULL;
	if (b == NULL)
		return;
	rbl_section_done(&b->own_section);
	rbl_values_free(&b->values);
	ground_done(b);
	rbl_generic_free(&b->generic);
	mem_free(b);
}

/* ---- Entries ---- */

/* Nearly all entries say the default, whose number is kept. */
static int64_t default_number(struct rbl_builder *builder)
{
	const struct rbl_section *section = builder->section;

	if (section->type == RBL_ACL && section->default_word != RBL_WORD_NONE)
		return section->default_word;
	if (builder->default_number < 0 || builder->default_serial != section->default_serial) {
		builder->default_number = rbl_values_add(builder->values, &section->default_value);
		builder->default_serial = section->default_serial;
	}
	if (builder->default_number >= 0 && section->type == RBL_ACL)
		return builder->default_number + RBL_ACL_VALUES_FROM;
	return builder->default_number;
}

/* What the entry says: 0 for an exclusion. A trivial set says one thing, known at the end. */
static int64_t entry_number(struct rbl_builder *builder, const struct rbl_entry *entry)
{
	enum rbl_type type = builder->section->type;
	int64_t number;

	if (entry->excluded)
		return 0;
	if (type == RBL_IP4TSET || type == RBL_IP6TSET)
		return 1;
	if (entry->by_default)
		return default_number(builder);
	if (entry->word != RBL_WORD_NONE)
		return entry->word;
	number = rbl_values_add(builder->values, &entry->value);
	return number >= 0 && type == RBL_ACL ? number + RBL_ACL_VALUES_FROM : number;
}

static int origin_reserve(struct rbl_builder *builder, size_t points)
{
	return mem_grow_try(&builder->origins, &builder->origins_size,
		builder->leveled.points_len + points, sizeof(*builder->origins));
}

/* A point of a trie; its number leads to its origin. */
static int trie_point_add(
	struct rbl_builder *builder, uint32_t address, uint32_t value, uint64_t line)
{
	struct rbl_leveled *leveled = &builder->leveled;
	int r = rbl_leveled_reserve(leveled, 1);

	if (r == 0)
		r = origin_reserve(builder, 1);
	if (r < 0)
		return r;
	builder->origins[leveled->points_len] = (struct rbl_point_origin){value, (uint32_t)line};
	leveled->points[leveled->points_len] =
		(struct point){address, (uint32_t)leveled->points_len};
	leveled->points_len++;
	return 0;
}

static int v4_add(
	struct rbl_builder *builder, const struct rbl_entry *entry, uint32_t value, uint64_t line)
{
	enum rbl_type type = builder->section->type;

	if (type == RBL_IP4SET || type == RBL_IP4TSET)
		return rbl_leveled_add(&builder->leveled, entry->first, entry->last, value);
	if (type == RBL_IP4TRIE && entry->bits == 32)
		return trie_point_add(builder, entry->first, value, line);
	return rbl_prefixes_add(
		&builder->prefixes_v4, (struct rbl_prefix){entry->first, value, (uint32_t)line,
					       (uint8_t)(V4_SHIFT + entry->bits)});
}

int rbl_builder_entry(struct rbl_builder *builder, const struct rbl_entry *entry, uint64_t line)
{
	int64_t number;

	if (entry->ground == RBL_GROUND_DEFAULT)
		return 0;
	number = entry_number(builder, entry);
	if (number < 0)
		return (int)number;
	if (line > UINT32_MAX)
		return E_LIMIT;
	builder->entries += !entry->excluded;
	builder->excluded += entry->excluded;
	switch (entry->ground) {
	case RBL_GROUND_V4:
		return v4_add(builder, entry, (uint32_t)number, line);
	case RBL_GROUND_V6:
		return rbl_prefixes_add(&builder->prefixes_v6,
			(struct rbl_prefix){key_of_ip(entry->v6), (uint32_t)number, (uint32_t)line,
				entry->bits});
	case RBL_GROUND_NAME:
		return rbl_names_add(&builder->names, span_of(entry->key, entry->key_len),
			(uint32_t)number, entry->covers);
	case RBL_GROUND_DEFAULT:
		break;
	}
	return E_BUG;
}

/* ---- Plain lines: "192.0.2.1\n", by far the most of them ---- */

/* One octet and the byte behind it. The newline at the line's end stops it at the latest. */
static inline const uint8_t *octet_read(const uint8_t *at, uint32_t *address)
{
	uint32_t octet = (uint32_t)*at++ - '0', digit;

	if (octet > 9)
		return NULL;
	digit = (uint32_t)*at - '0';
	if (digit <= 9) {
		octet = octet * 10 + digit;
		digit = (uint32_t) * ++at - '0';
		if (digit <= 9) {
			octet = octet * 10 + digit;
			at++;
		}
	}
	*address = *address << 8 | octet;
	return octet <= 255 ? at : NULL;
}

/* The start of the next line, or NULL when this one is not plain. */
static inline const uint8_t *address_read(const uint8_t *at, uint32_t *ret_address)
{
	uint32_t address = 0;

	for (int i = 0; i < 4; i++) {
		at = octet_read(at, &address);
		if (at != NULL && i == 3)
			at += *at == '\r';
		if (at == NULL || *at++ != (i < 3 ? '.' : '\n'))
			return NULL;
	}
	*ret_address = address;
	return at;
}

enum { PLAIN_LINE_MIN = 8 }; /* "1.2.3.4\n" */

int rbl_builder_plain(struct rbl_builder *builder, struct rbl_plain_lines *lines)
{
	enum rbl_type type = builder->section->type;
	bool is_trie = type == RBL_IP4TRIE;
	const uint8_t *at = lines->text.ptr, *end = at + lines->text.len, *next;
	struct rbl_leveled *leveled = &builder->leveled;
	size_t most = lines->text.len / PLAIN_LINE_MIN, len;
	int64_t value = 1;
	uint32_t address;
	int r;

	if (type != RBL_IP4SET && type != RBL_IP4TSET && !is_trie)
		return 0;
	if (address_read(at, &address) == NULL) /* spares all that follows where no line is plain */
		return 0;
	if (type != RBL_IP4TSET)
		value = default_number(builder);
	r = value < 0 ? (int)value : rbl_leveled_reserve(leveled, most);
	if (r == 0 && is_trie)
		r = lines->line + most <= UINT32_MAX ? origin_reserve(builder, most) : E_LIMIT;
	if (r < 0)
		return r;
	len = leveled->points_len;
	for (; at < end && (next = address_read(at, &address)) != NULL; at = next) {
		if (is_trie)
			builder->origins[len] = (struct rbl_point_origin){(uint32_t)value,
				(uint32_t)(lines->line + len - leveled->points_len)};
		leveled->points[len] =
			(struct point){address, is_trie ? (uint32_t)len : (uint32_t)value};
		len++;
	}
	lines->line += len - leveled->points_len;
	lines->text = span_from(lines->text, (size_t)(at - lines->text.ptr));
	builder->entries += len - leveled->points_len;
	leveled->points_len = len;
	return 0;
}

/* ---- Painting ---- */

static void tell_repeated(struct rbl_reader *reader, struct ip ip, unsigned bits, uint32_t line)
{
	char text[IP_TEXT_SIZE + 64], address[IP_TEXT_SIZE];

	snprintf(text, sizeof(text), "duplicated entry for %s/%u; the first counts",
		ip_print(ip, address), ip_is_v4(ip) && bits >= V4_SHIFT ? bits - V4_SHIFT : bits);
	rbl_reader_note(reader, line, 0, text);
}

static void repeated_v4(void *arg, const struct rbl_prefix *prefix)
{
	tell_repeated(arg, ip_from_v4((uint32_t)prefix->first), prefix->bits, prefix->order);
}

static void repeated_v6(void *arg, const struct rbl_prefix *prefix)
{
	tell_repeated(arg, key_to_ip(prefix->first), prefix->bits, prefix->order);
}

static void repeated_quietly(void *arg, const struct rbl_prefix *prefix)
{
	(void)arg;
	(void)prefix;
}

/* Of repeated addresses the first counts (a stable sort); what the steps say is dropped. */
static void trie_points_paint(
	struct rbl_builder *builder, struct rbl_reader *reader, const struct steps *steps)
{
	struct rbl_leveled *leveled = &builder->leveled;
	struct point *points = leveled->points;
	uint64_t before = UINT64_MAX;
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < leveled->points_len; i++) {
		struct point point = points[i];
		const struct rbl_point_origin *origin = &builder->origins[point.number];

		if (point.address == before) {
			tell_repeated(reader, ip_from_v4(point.address), HOST_BITS, origin->line);
			continue;
		}
		before = point.address;
		if (origin->value != steps_row(steps, point.address, &at))
			points[kept++] = (struct point){point.address, origin->value};
	}
	leveled->points_len = kept;
}

static int trie_paint_v4(
	struct rbl_builder *builder, struct rbl_reader *reader, struct rbl_painted *painted)
{
	struct rbl_leveled *leveled = &builder->leveled;
	int r = rbl_leveled_sort(leveled);

	if (r == 0)
		r = rbl_prefixes_sort(&builder->prefixes_v4, repeated_v4, reader);
	if (r == 0)
		r = rbl_prefixes_paint(&builder->prefixes_v4, UINT32_MAX, &painted->v4_steps);
	if (r < 0)
		return r;
	trie_points_paint(builder, reader, &painted->v4_steps);
	painted->points = leveled->points;
	painted->points_len = leveled->points_len;
	return 0;
}

static int trie_paint_v6(
	struct rbl_builder *builder, struct rbl_reader *reader, struct rbl_painted *painted)
{
	bool is_trivial = builder->section->type == RBL_IP6TSET;
	int r = rbl_prefixes_sort(
		&builder->prefixes_v6, is_trivial ? repeated_quietly : repeated_v6, reader);

	return r < 0 ? r : rbl_prefixes_paint_v6(&builder->prefixes_v6, painted);
}

static int paint(
	struct rbl_builder *builder, struct rbl_reader *reader, struct rbl_painted *painted)
{
	int r;

	switch (builder->section->type) {
	case RBL_IP4SET:
	case RBL_IP4TSET:
		return rbl_leveled_paint(&builder->leveled, builder->values, painted);
	case RBL_IP4TRIE:
		return trie_paint_v4(builder, reader, painted);
	case RBL_IP6TSET:
	case RBL_IP6TRIE:
		return trie_paint_v6(builder, reader, painted);
	case RBL_DNSET:
		return rbl_names_paint(&builder->names, builder->values, painted);
	case RBL_ACL:
		r = trie_paint_v4(builder, reader, painted);
		return r < 0 ? r : trie_paint_v6(builder, reader, painted);
	case RBL_GENERIC:
		rbl_generic_settle(builder->generic);
		return 0;
	case RBL_COMBINED:
	case RBL_TYPES:
		break;
	}
	return E_BUG;
}

/* The one value of a trivial set is number 1: no other was added. */
static int trivial_value(struct rbl_builder *builder)
{
	enum rbl_type type = builder->section->type;
	int64_t number;

	if (type != RBL_IP4TSET && type != RBL_IP6TSET)
		return 0;
	number = rbl_values_add(builder->values, &builder->section->default_value);
	return number < 0 ? (int)number : 0;
}

int rbl_builder_finish(
	struct rbl_builder *builder, struct rbl_reader *reader, struct rbl_subset **ret_subset)
{
	AUTO(rbl_subset) *subset = mem_new(rbl_subset);
	struct rbl_painted painted = {0};
	int r = trivial_value(builder);

	if (r == 0)
		r = paint(builder, reader, &painted);
	if (r == 0)
		r = rbl_index_build(&painted, &subset->index);
	rbl_painted_done(&painted);
	ground_done(builder);
	if (r < 0)
		return r;
	subset->type = builder->section->type;
	subset->ttl_s = builder->section->scope.ttl_s;
	rbl_texts_copy(&builder->section->scope.texts, &subset->texts);
	subset->values = TAKE(builder->values);
	rbl_values_settle(subset->values);
	subset->generic = TAKE(builder->generic);
	subset->entries =
		subset->generic != NULL ? rbl_generic_count(subset->generic) : builder->entries;
	subset->excluded = builder->excluded;
	*ret_subset = TAKE(subset);
	return 0;
}
