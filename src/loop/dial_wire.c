/* SPDX-License-Identifier: ISC */
#include "loop/dial_wire.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/reader.h"

void dial_targets_free(struct dial_targets **targets)
{
	struct dial_targets *t = *targets;

	*targets = NULL;
	for (size_t i = 0; t != NULL && i < t->len; i++)
		mem_free((char *)t->items[i].path);
	if (t != NULL)
		mem_free(t->items);
	mem_free(t);
}

static bool is_same_target(const struct dial_target *a, const struct dial_target *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == DIAL_UNIX ? strcmp(a->path, b->path) == 0
				    : endpoint_equal(a->endpoint, b->endpoint);
}

int dial_targets_find(const struct dial_targets *targets, const struct dial_target *target)
{
	for (size_t i = 0; i < targets->len; i++) {
		if (is_same_target(&targets->items[i], target))
			return (int)i;
	}
	return E_DENIED;
}

int dial_request_read(struct span bytes, size_t targets_len, struct dial_request *ret_request)
{
	struct dial_request request = {.len = bytes.len / DIAL_NUMBER_SIZE};
	struct reader reader = reader_of(bytes);

	if (request.len == 0 || request.len > DIALS_PER_REQUEST ||
		bytes.len % DIAL_NUMBER_SIZE != 0)
		return E_PARSE;
	for (size_t i = 0; i < request.len; i++) {
		request.numbers[i] = reader_u16(&reader);
		if (request.numbers[i] >= targets_len)
			return E_PARSE;
	}
	*ret_request = request;
	return 0;
}

size_t dial_request_print(const struct dial_request *request, uint8_t *bytes)
{
	for (size_t i = 0; i < request->len; i++) {
		bytes[DIAL_NUMBER_SIZE * i] = (uint8_t)(request->numbers[i] >> 8);
		bytes[DIAL_NUMBER_SIZE * i + 1] = (uint8_t)request->numbers[i];
	}
	return request->len * DIAL_NUMBER_SIZE;
}
