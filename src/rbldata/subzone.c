/* SPDX-License-Identifier: ISC */
#include "rbldata/subzone.h"

#include "base/hash.h"
#include "base/mem.h"

void rbl_subzones_done(struct rbl_subzones *subzones)
{
	for (size_t i = 0; i < subzones->len; i++) {
		mem_free(subzones->items[i].name);
		mem_free(subzones->items[i].subsets);
	}
	mem_free(subzones->items);
	mem_free(subzones->slots.items);
	*subzones = (struct rbl_subzones){0};
}

size_t rbl_subzones_memory(const struct rbl_subzones *subzones)
{
	size_t bytes = subzones->size * sizeof(*subzones->items) +
		       subzones->slots.size * sizeof(*subzones->slots.items);

	for (size_t i = 0; i < subzones->len; i++)
		bytes += subzones->items[i].name_len +
			 subzones->items[i].subsets_size * sizeof(*subzones->items[i].subsets);
	return bytes;
}

/* ---- by name ---- */

struct named {
	const struct rbl_subzones *subzones;
	struct span name;
};

static bool subzone_is(const void *arg, uint32_t number)
{
	const struct named *named = arg;
	const struct rbl_subzone *subzone = &named->subzones->items[number];

	return span_equal(span_of(subzone->name, subzone->name_len), named->name);
}

static uint64_t name_hash(struct span name)
{
	return hash_mix(hash_words(name.len, name));
}

static struct rbl_subzone *subzone_get(const struct rbl_subzones *subzones, struct span name)
{
	struct named named = {subzones, name};
	int64_t number = rbl_slots_find(
		&subzones->slots, &(struct rbl_sought){name_hash(name), subzone_is, &named});

	return number >= 0 ? &subzones->items[number] : NULL;
}

static unsigned labels_count(struct span name)
{
	unsigned labels = 0;

	for (size_t at = 0; at < name.len; at += 1 + (size_t)name.ptr[at])
		labels++;
	return labels;
}

/* The one of that name, or a new one; NULL: no memory. */
static struct rbl_subzone *subzone_need(struct rbl_subzones *subzones, struct span name)
{
	struct rbl_subzone *subzone = subzone_get(subzones, name);

	if (subzone != NULL)
		return subzone;
	if (mem_grow_try(&subzones->items, &subzones->size, subzones->len + 1,
		    sizeof(*subzones->items)) < 0 ||
		rbl_slots_add(&subzones->slots, name_hash(name), (uint32_t)subzones->len) < 0)
		return NULL;
	subzone = &subzones->items[subzones->len++];
	*subzone = (struct rbl_subzone){.name_len = (uint8_t)name.len,
		.name = name.len != 0 ? mem_copy(name.ptr, name.len) : NULL,
		.labels = labels_count(name)};
	if (subzones->labels_max < subzone->labels)
		subzones->labels_max = subzone->labels;
	return subzone;
}

/* All names above it lead to it. */
static int subzones_lead_to(struct rbl_subzones *subzones, struct span name)
{
	while (name.len != 0) {
		struct rbl_subzone *above;

		name = span_from(name, 1 + (size_t)name.ptr[0]);
		above = subzone_need(subzones, name);
		if (above == NULL)
			return E_NOMEM;
		if (above->has_below)
			return 0;
		above->has_below = true;
	}
	return 0;
}

int rbl_subzones_connect(
	struct rbl_subzones *subzones, struct span name, uint32_t subset, unsigned kinds)
{
	struct rbl_subzone *subzone = subzone_need(subzones, name);

	if (subzone == NULL || mem_grow_try(&subzone->subsets, &subzone->subsets_size,
				       subzone->subsets_len + 1, sizeof(*subzone->subsets)) < 0)
		return E_NOMEM;
	subzones->count += subzone->subsets_len == 0;
	subzone->subsets[subzone->subsets_len++] = subset;
	subzone->kinds |= kinds;
	return subzones_lead_to(subzones, name);
}

/* ---- by question ---- */

/* The last labels of the name asked for. */
static struct span name_end(const struct rbl_question *question, unsigned labels)
{
	unsigned skipped = question->labels - labels;

	return span_from(
		question->name, labels != 0 ? question->starts[skipped] : question->name.len);
}

const struct rbl_subzone *rbl_subzones_find(
	const struct rbl_subzones *subzones, const struct rbl_question *question)
{
	unsigned labels =
		question->labels < subzones->labels_max ? question->labels : subzones->labels_max;
	const struct rbl_subzone *found;

	do {
		found = subzone_get(subzones, name_end(question, labels));
		if (found != NULL && found->subsets_len != 0)
			return found;
	} while (labels-- != 0);
	return NULL;
}

bool rbl_subzones_have_below(
	const struct rbl_subzones *subzones, const struct rbl_question *question)
{
	const struct rbl_subzone *found = question->labels < subzones->labels_max
						  ? subzone_get(subzones, question->name)
						  : NULL;

	return found != NULL && found->has_below;
}
