/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes a stream apart; each message lies inside of it, and octets are used up. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct span message;
	size_t used;

	while (dns_frame_next(rest, 512, &message, &used) == 1) {
		ASSERT(message.len <= 512 && used == message.len + 2 && used <= rest.len);
		ASSERT(message.ptr == rest.ptr + 2);
		rest = span_from(rest, used);
	}
	return 0;
}
