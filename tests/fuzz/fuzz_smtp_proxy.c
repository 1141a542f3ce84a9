/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "smtp/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A header that is whole is the same with more behind it and not there with less; what it says can
 * be said again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);
	struct proxy_header header;
	struct proxy_header again;
	struct buf out;
	size_t used = 0;

	if (proxy_header_read(input, &header, &used) != 1)
		return 0;
	ASSERT(used <= size && used <= PROXY_V2_MAX);
	ASSERT(proxy_header_read(span_first(input, used - 1), &again, &used) == 0);
	if (header.client != PROXY_CLIENT_NAMED)
		return 0;
	buf_init(&out, 0);
	proxy_v2_print(header.source, header.destination, &out);
	ASSERT(proxy_header_read(buf_span(&out), &again, &used) == 1 && used == buf_len(&out));
	ASSERT(ip_equal(header.source.ip, again.source.ip));
	ASSERT(header.source.port == again.source.port && again.client == PROXY_CLIENT_NAMED);
	buf_clear(&out);
	proxy_v1_print(header.source, header.destination, &out);
	ASSERT(proxy_header_read(buf_span(&out), &again, &used) == 1 && used == buf_len(&out));
	buf_done(&out);
	return 0;
}
