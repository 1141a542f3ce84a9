/* SPDX-License-Identifier: ISC */
#include "rbldata/subzone.h"

#include "base/mem.h"

void rbl_subzones_done(struct rbl_subzones *subzones)
{
	for (size_t i = 0; i < subzones->len; i++)
		mem_free(subzones->items[i].subsets);
	mem_free(subzones->items);
	*subzones = (struct rbl_subzones){0};
}

static struct span subzone_name(const struct rbl_subzone *subzone)
{
	return span_of(subzone->name, subzone->name_len);
}

/* Whether name ends in the labels of above: both in wire form. */
static bool is_below(struct span name, struct span above)
{
	size_t at = 0;

	while (name.len - at > above.len)
		at += 1 + (size_t)name.ptr[at];
	return at <= name.len && span_equal(span_from(name, at), above);
}

/* The subzone of that name, or a new one before the first that it is below. */
static struct rbl_subzone *subzone_need(struct rbl_subzones *subzones, struct span name)
{
	size_t place = subzones->len;
	struct rbl_subzone *subzone;

	for (size_t i = 0; i < subzones->len; i++) {
		struct span other = subzone_name(&subzones->items[i]);

		if (span_equal(other, name))
			return &subzones->items[i];
		if (place == subzones->len && is_below(name, other))
			place = i;
	}
	if (mem_grow_try(&subzones->items, &subzones->size, subzones->len + 1,
		    sizeof(*subzones->items)) < 0)
		return NULL;
	subzone = &subzones->items[place];
	memmove(subzone + 1, subzone, (subzones->len - place) * sizeof(*subzone));
	subzones->len++;
	*subzone = (struct rbl_subzone){.name_len = (uint8_t)name.len};
	for (size_t at = 0; at < name.len; at += 1 + (size_t)name.ptr[at])
		subzone->labels++;
	if (name.len != 0)
		memcpy(subzone->name, name.ptr, name.len);
	return subzone;
}

int rbl_subzones_connect(
	struct rbl_subzones *subzones, struct span name, uint32_t subset, unsigned kinds)
{
	struct rbl_subzone *subzone = subzone_need(subzones, name);

	if (subzone == NULL || mem_grow_try(&subzone->subsets, &subzone->subsets_size,
				       subzone->subsets_len + 1, sizeof(*subzone->subsets)) < 0)
		return E_NOMEM;
	subzone->subsets[subzone->subsets_len++] = subset;
	subzone->kinds |= kinds;
	return 0;
}

const struct rbl_subzone *rbl_subzones_find(
	const struct rbl_subzones *subzones, const struct rbl_question *question)
{
	for (size_t i = 0; i < subzones->len; i++) {
		if (is_below(question->name, subzone_name(&subzones->items[i])))
			return &subzones->items[i];
	}
	return NULL;
}

bool rbl_subzones_have_below(
	const struct rbl_subzones *subzones, const struct rbl_question *question)
{
	for (size_t i = 0; i < subzones->len; i++) {
		if (subzones->items[i].name_len > question->name.len &&
			is_below(subzone_name(&subzones->items[i]), question->name))
			return true;
	}
	return false;
}
