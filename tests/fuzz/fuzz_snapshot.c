/* SPDX-License-Identifier: ISC */
/* Opens the input as a snapshot without comparing the checksum, and asks it everything: no step
 * outside the bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "list/snapshot.h"
#include "list/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct view *view, int list)
{
	static const char *const names[] = {"", "example", "bad.example", "a.b.worse.example"};
	struct hits hits;

	for (unsigned bits = 0; bits <= 128; bits += 8) {
		struct ip ip = {{0x20, 0x01, 0x0d, 0xb8}};

		view_lookup_ip(view, list, ip_from_v4(0xc0000201 + bits), &hits);
		view_lookup_ip(view, list, ip, &hits);
		view_has_within(view, list, prefix_of(ip, bits), 1);
		view_has_within(view, list, prefix_of(ip_from_v4(0xc0000201), bits), UINT32_MAX);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		view_lookup_domain(view, list, span_text(names[i]), &hits);
		view_has_below(view, list, span_text(names[i]), UINT32_MAX);
	}
	view_sublist_find(view, list, span_text("bot"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *aligned = malloc(
		size != 0 ? size : 1); /* a map begins at a page, libFuzzer's input anywhere */
	struct view *view = NULL;

	if (aligned == NULL)
		return 0;
	memcpy(aligned, data, size);
	if (view_open_bytes(span_of(aligned, size), false, &view, NULL) == 0) {
		for (int list = 0; list < (int)view_list_count(view); list++)
			ask(view, list);
	}
	view_free(&view);
	free(aligned);
	return 0;
}
