/* SPDX-License-Identifier: ISC */
/* A HELO argument, as the verdict and the reply text take it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "catalogue/catalogue.h"
#include "gate/helo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal_value value = {"helo", span_of(data, size)};
	struct buf reply;
	struct ip ip = {{0}};
	enum helo_kind kind = helo_parse(value.value, &ip);

	if ((kind == HELO_ABSENT) != (size == 0) || (kind == HELO_NAME && size > 255))
		abort();
	buf_init(&reply, 0);
	refusal_print(REFUSAL_HELO_BAD, &value, 1, &reply);
	for (size_t i = 0; i < buf_len(&reply); i++)
		if (!ascii_is_print(buf_span(&reply).ptr[i]))
			abort();
	if (buf_len(&reply) > 510)
		abort();
	buf_done(&reply);
	return 0;
}
