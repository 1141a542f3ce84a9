/* SPDX-License-Identifier: ISC */
/* The file in which a zone outlives the process, whatever a disk made of it: as it is, or as a body
 * with a checksum that is right, so that what lies behind it is read, too. */
#include <stdint.h>

#include "base/macro.h"
#include "feed/set.h"

#define ALL_OCTETS                                             \
	{                                                      \
		UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX \
	}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Every answer is accepted, so that addresses, aliases and texts become entries. */
	static const struct feed_rule all = {
		.code.octet = {{ALL_OCTETS}, {ALL_OCTETS}, {ALL_OCTETS}, {ALL_OCTETS}}};
	AUTO(feed_zone) *zone = NULL;
	struct feed_rules rules = {.domains = size % 2 != 0, .len = 1, .rules = &all};
	AUTO(feed_set) *set = NULL;
	struct dns_name name;
	int64_t confirmed_s;
	struct buf file;
	int r;

	ASSERT(dns_name_parse(span_text("bl.test"), &name) == 0);
	buf_init(&file, 0);
	feed_file_seal(span_of(data, size), 0, &file);
	r = feed_zone_decode(size != 0 && data[0] == 's' ? span_of(data, size) : buf_span(&file),
		&name, &zone, &confirmed_s);
	if (r == 0)
		ASSERT(feed_set_new(zone, &rules, &set) == 0);
	buf_done(&file);
	return 0;
}
