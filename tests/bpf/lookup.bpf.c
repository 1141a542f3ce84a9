/* SPDX-License-Identifier: ISC */
/*
 * flat.h as a BPF program: what a fast path would do between reading the question and writing the answer. The packet is
 * an address alone (16 octets, mapped form), the return value the mask of the sublists that list it.
 *
 * script/test compiles it. With bpftool and root it can be loaded and run: see doc/fast-path.md.
 */
#include "flat.h"

#define SECTION(name) __attribute__((section(name), used))

struct xdp_md {
	uint32_t data, data_end; /* the kernel makes pointers of them */
};

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;

enum { MAP_TYPE_ARRAY = 2, MAP_MMAPABLE = 1 << 10 };

/* A member for each property, as a pointer to an array of that length: how maps are declared in BTF. */
struct {
	int (*type)[MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	int (*map_flags)[MAP_MMAPABLE];
	int (*key_size)[4];
	int (*value_size)[FLAT_SIZE];
} snapshot SECTION(".maps");

struct {
	int (*type)[MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	int (*map_flags)[MAP_MMAPABLE];
	uint32_t *key;
	struct flat_list *value;
} lists SECTION(".maps");

SECTION("xdp") int lookup(struct xdp_md *context)
{
	const uint64_t *address = (const uint64_t *)(uintptr_t)context->data;
	const void *end = (const void *)(uintptr_t)context->data_end;
	uint32_t zero = 0;
	struct flat_file file = {.bytes = map_lookup(&snapshot, &zero)};
	const struct flat_list *list = map_lookup(&lists, &zero);
	uint64_t high, low;

	if (file.bytes == 0 || list == 0 || (const void *)(address + 2) > end)
		return 0;
	high = __builtin_bswap64(address[0]);
	low = __builtin_bswap64(address[1]);
	return (int)flat_mask(&file, list, flat_find(&file, list, high, low));
}

SECTION("license") const char license_text[] = "ISC";
