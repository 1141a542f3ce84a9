/* SPDX-License-Identifier: ISC */
/* What a role that was taken over may say to its dialer. The first octet is how many targets there
 * are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loop/dial_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dial_request request;
	uint8_t bytes[DIAL_REQUEST_SIZE];
	struct span rest;

	if (size == 0)
		return 0;
	rest = span_of(data + 1, size - 1);
	if (dial_request_read(rest, data[0], &request) < 0)
		return 0;
	if (request.len == 0 || request.len > DIALS_PER_REQUEST)
		abort();
	for (size_t i = 0; i < request.len; i++)
		if (request.numbers[i] >= data[0])
			abort();
	if (dial_request_print(&request, bytes) != rest.len ||
		memcmp(bytes, rest.ptr, rest.len) != 0)
		abort();
	return 0;
}
