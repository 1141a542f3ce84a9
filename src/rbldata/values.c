/* SPDX-License-Identifier: ISC */
#include "rbldata/values.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "rbldata/rbl_template.h"
#include "rbldata/slots.h"

/* Answers below `several` are values; from there on they number sets of values in `members`. Both
 * are found through open hash tables of numbers, which are dropped when loading is done. */
static const uint32_t several = UINT32_C(1) << 31;

enum { FIRST_SIZE = 64 };

struct stored {
	uint32_t text_at;
	uint8_t a[4];
	uint8_t text_len;
};

struct rbl_values {
	struct stored *stored; /* stored[0] is nobody's */
	size_t len, size;
	uint8_t *text;
	size_t text_len, text_size;
	uint32_t *set_first; /* sets + 1 */
	size_t sets, sets_size;
	uint32_t *members;
	size_t members_len, members_size;
	struct rbl_slots value_slots, set_slots;
};

struct rbl_values *rbl_values_new(void)
{
	struct rbl_values *values = mem_new(rbl_values);

	values->stored = mem_alloc_array(FIRST_SIZE, sizeof(*values->stored));
	values->size = FIRST_SIZE;
	values->len = 1;
	values->set_first = mem_alloc_array(FIRST_SIZE, sizeof(*values->set_first));
	values->sets_size = FIRST_SIZE;
	return values;
}

void rbl_values_free(struct rbl_values **values)
{
	struct rbl_values *v = *values;

	*values = NULL;
	if (v == NULL)
		return;
	rbl_values_settle(v);
	mem_free(v->stored);
	mem_free(v->text);
	mem_free(v->set_first);
	mem_free(v->members);
	mem_free(v);
}

static uint64_t value_hash(const uint8_t a[4], struct span text)
{
	return hash_mix(hash_words(hash_words(text.len, span_of(a, 4)), text));
}

static struct span set_of(const struct rbl_values *values, size_t set)
{
	uint32_t first = values->set_first[set];

	return span_of(values->members + first,
		(values->set_first[set + 1] - first) * sizeof(*values->members));
}

/* A value, or a set of them, that is looked for. */
struct wanted {
	const struct rbl_values *values;
	const struct rbl_value *value;
	struct span set;
};

static bool value_is(const void *arg, uint32_t number)
{
	const struct wanted *wanted = arg;
	struct rbl_value known = rbl_values_get(wanted->values, number);

	return memcmp(known.a, wanted->value->a, sizeof(known.a)) == 0 &&
	       span_equal(known.text, wanted->value->text);
}

static bool set_is(const void *arg, uint32_t number)
{
	const struct wanted *wanted = arg;

	return span_equal(set_of(wanted->values, number), wanted->set);
}

int64_t rbl_values_add(struct rbl_values *values, const struct rbl_value *value)
{
	const struct wanted wanted = {.values = values, .value = value};
	const struct rbl_sought sought = {value_hash(value->a, value->text), value_is, &wanted};
	struct stored stored = {
		.text_at = (uint32_t)values->text_len, .text_len = (uint8_t)value->text.len};
	int64_t known = rbl_slots_find(&values->value_slots, &sought);

	if (known >= 0)
		return known;
	if (value->text.len > RBL_TEMPLATE_MAX || values->len >= several ||
		values->text_len + value->text.len > UINT32_MAX)
		return E_LIMIT;
	if (mem_grow_try(&values->text, &values->text_size, values->text_len + value->text.len, 1) <
			0 ||
		mem_grow_try(&values->stored, &values->size, values->len + 1, sizeof(stored)) < 0 ||
		rbl_slots_add(&values->value_slots, sought.hash, (uint32_t)values->len) < 0)
		return E_NOMEM;
	if (value->text.len != 0)
		memcpy(values->text + values->text_len, value->text.ptr, value->text.len);
	values->text_len += value->text.len;
	memcpy(stored.a, value->a, sizeof(stored.a));
	values->stored[values->len] = stored;
	return (int64_t)values->len++;
}

static int number_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* Sorted, each once. */
static size_t numbers_sort(uint32_t *numbers, size_t len)
{
	size_t kept = 0;

	qsort(numbers, len, sizeof(*numbers), number_compare);
	for (size_t i = 0; i < len; i++) {
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

static int64_t set_add(struct rbl_values *values, const uint32_t *numbers, size_t len)
{
	const struct wanted wanted = {
		.values = values, .set = span_of(numbers, len * sizeof(*numbers))};
	const struct rbl_sought sought = {hash_mix(hash_words(0, wanted.set)), set_is, &wanted};
	int64_t known = rbl_slots_find(&values->set_slots, &sought);

	if (known >= 0)
		return several + known;
	if (values->sets + 1 >= several || values->members_len + len > UINT32_MAX)
		return E_LIMIT;
	if (mem_grow_try(&values->set_first, &values->sets_size, values->sets + 2,
		    sizeof(*values->set_first)) < 0 ||
		mem_grow_try(&values->members, &values->members_size, values->members_len + len,
			sizeof(*values->members)) < 0 ||
		rbl_slots_add(&values->set_slots, sought.hash, (uint32_t)values->sets) < 0)
		return E_NOMEM;
	memcpy(values->members + values->members_len, numbers, wanted.set.len);
	values->members_len += len;
	values->set_first[values->sets + 1] = (uint32_t)values->members_len;
	return several + (int64_t)values->sets++;
}

int64_t rbl_values_join(struct rbl_values *values, uint32_t *numbers, size_t len)
{
	len = numbers_sort(numbers, len);
	if (len == 0 || numbers[0] == 0)
		return 0;
	if (len == 1)
		return numbers[0];
	return set_add(values, numbers, len < RBL_ANSWER_VALUES_MAX ? len : RBL_ANSWER_VALUES_MAX);
}

const uint32_t *rbl_values_of(
	const struct rbl_values *values, uint32_t answer, uint32_t *one, size_t *ret_len)
{
	struct span members;

	if (answer < several) {
		*one = answer;
		*ret_len = answer != 0;
		return one;
	}
	members = set_of(values, answer - several);
	*ret_len = members.len / sizeof(*values->members);
	return values->members + values->set_first[answer - several];
}

struct rbl_value rbl_values_get(const struct rbl_values *values, uint32_t number)
{
	const struct stored *stored = &values->stored[number];
	struct rbl_value value = {.text = span_of(NULL, 0)};

	if (stored->text_len != 0) /* there may be no texts at all */
		value.text = span_of(values->text + stored->text_at, stored->text_len);
	memcpy(value.a, stored->a, sizeof(value.a));
	return value;
}

void rbl_values_settle(struct rbl_values *values)
{
	mem_free(values->value_slots.items);
	mem_free(values->set_slots.items);
	values->value_slots = values->set_slots = (struct rbl_slots){0};
	mem_shrink(&values->stored, &values->size, values->len, sizeof(*values->stored));
	mem_shrink(&values->text, &values->text_size, values->text_len, 1);
	mem_shrink(&values->set_first, &values->sets_size, values->sets + 1,
		sizeof(*values->set_first));
	mem_shrink(&values->members, &values->members_size, values->members_len,
		sizeof(*values->members));
}

size_t rbl_values_memory(const struct rbl_values *values)
{
	return sizeof(*values) + values->size * sizeof(*values->stored) + values->text_size +
	       values->sets_size * sizeof(*values->set_first) +
	       values->members_size * sizeof(*values->members);
}
