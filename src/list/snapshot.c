/* SPDX-License-Identifier: ISC */
#include "list/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/macro.h"
#include "base/mem.h"

/*
 * Opening checks that every section lies inside the file; what the sections say is not believed
 * either, but clamped where it is used. So a damaged file is an error here or a wrong answer later,
 * never a read outside the map.
 */

/* ---- Opening ---- */

static struct span text_open(struct sections *sections, const struct text_record *record)
{
	return span_of(sections_get(sections, record->at, record->len, 1), record->len);
}

static void list_open(
	struct snapshot_list *list, struct sections *sections, const struct list_record *record)
{
	list->name = text_open(sections, &record->name);
	list->entries = record->entries;
	list->sublists_len = record->sublists;
	if (record->sublists > SUBLISTS_MAX) {
		sections->bad = true;
		return;
	}
	for (unsigned i = 0; i < record->sublists; i++)
		list->sublists[i] = text_open(sections, &record->sublist[i]);
	snapshot_tables_open(list, sections, record);
}

void snapshot_tables_open(
	struct snapshot_list *list, struct sections *sections, const struct list_record *record)
{
	row_set_open(&list->rows, sections, &record->rows);
	prefix_table_open(&list->v4_points, TABLE_V4_POINTS, sections, &record->v4_points);
	prefix_table_open(&list->v4_steps, TABLE_V4_STEPS, sections, &record->v4_steps);
	prefix_table_open(&list->hosts, TABLE_WHOLE, sections, &record->hosts);
	prefix_table_open(&list->nets, TABLE_NETS, sections, &record->nets);
	prefix_table_open(&list->steps, TABLE_WHOLE, sections, &record->steps);
	names_open(&list->names, sections, &record->names);
}

static int header_check(struct span bytes, bool verify, struct fault *why)
{
	struct snapshot_header header;

	if (bytes.len < sizeof(header))
		return fault_set(why, E_TRUNCATED, "%zu bytes are not a snapshot", bytes.len);
	memcpy(&header, bytes.ptr, sizeof(header));
	if (header.magic == __builtin_bswap64(SNAPSHOT_MAGIC))
		return fault_set(
			why, E_VERSION, "the snapshot was written on a host of other byte order");
	if (header.magic != SNAPSHOT_MAGIC)
		return fault_set(why, E_CORRUPT, "this is not a snapshot");
	if (header.version != SNAPSHOT_VERSION)
		return fault_set(why, E_VERSION, "snapshot format %u, this program reads %d",
			header.version, SNAPSHOT_VERSION);
	if (header.length > bytes.len)
		return fault_set(why, E_TRUNCATED, "%zu of %llu bytes are there", bytes.len,
			(unsigned long long)header.length);
	if (header.length < bytes.len)
		return fault_set(
			why, E_CORRUPT, "%zu bytes too many", bytes.len - (size_t)header.length);
	if (verify && XXH3_64bits(bytes.ptr + CHECKSUM_FROM, bytes.len - CHECKSUM_FROM) !=
			      header.checksum)
		return fault_set(why, E_CHECKSUM, "the checksum does not match");
	return 0;
}

int snapshot_open_bytes(
	struct span bytes, bool verify, struct snapshot **ret_snapshot, struct fault *why)
{
	const struct snapshot_header *header = (const void *)bytes.ptr;
	struct sections sections = {.file = bytes};
	const struct list_record *records;
	struct snapshot *snapshot;
	int r = header_check(bytes, verify, why);

	if (r < 0)
		return r;
	if (header->lists > LISTS_MAX)
		return fault_set(why, E_CORRUPT, "%u lists", header->lists);
	records = sections_get(&sections, header->lists_at, header->lists, sizeof(*records));
	if (records == NULL)
		return fault_set(why, E_CORRUPT, "the lists lie outside the file");
	snapshot = mem_new(snapshot);
	atomic_init(&snapshot->refs, 1);
	snapshot->serial = header->serial;
	snapshot->time_s = header->time_s;
	snapshot->lists_len = header->lists;
	snapshot->lists = mem_alloc_array(header->lists, sizeof(*snapshot->lists));
	for (size_t i = 0; i < snapshot->lists_len; i++)
		list_open(&snapshot->lists[i], &sections, &records[i]);
	if (sections.bad) {
		snapshot_unref(&snapshot);
		return fault_set(why, E_CORRUPT, "a section lies outside the file");
	}
	*ret_snapshot = snapshot;
	return 0;
}

static int file_map(int fd, const char *path, struct span *ret_bytes, struct fault *why)
{
	struct stat status;
	void *map;

	if (fstat(fd, &status) < 0)
		return fault_set(why, err_from_errno(errno), "cannot look at '%s': %m", path);
	if (status.st_size < (off_t)sizeof(struct snapshot_header))
		return fault_set(why, E_TRUNCATED, "'%s': %lld bytes are not a snapshot", path,
			(long long)status.st_size);
	/* All of it is read for the checksum; taking the pages at once is much cheaper. */
	map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return fault_set(why, err_from_errno(errno), "cannot map '%s': %m", path);
	*ret_bytes = span_of(map, (size_t)status.st_size);
	return 0;
}

int snapshot_map(const char *path, struct snapshot **ret_snapshot, struct fault *why)
{
	struct snapshot *snapshot = NULL;
	int fd = file_open(path, O_RDONLY, 0, why);
	struct span bytes = {0};
	void *map;
	int r;

	if (fd < 0)
		return fd;
	r = file_map(fd, path, &bytes, why);
	close(fd);
	if (r < 0)
		return r;
	map = (void *)(uintptr_t)bytes.ptr;
	r = snapshot_open_bytes(bytes, true, &snapshot, why);
	if (r < 0) {
		munmap(map, bytes.len);
		return fault_prefix(why, r, "'%s'", path);
	}
	snapshot->map = map;
	snapshot->map_len = bytes.len;
	*ret_snapshot = snapshot;
	return 0;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	if (snapshot != NULL)
		atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

void snapshot_unref(struct snapshot **snapshot)
{
	struct snapshot *s = TAKE(*snapshot);

	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (s->map != NULL)
		munmap(s->map, s->map_len);
	mem_free(s->lists);
	mem_free(s);
}

/* ---- Asking ---- */

uint32_t snapshot_row(const struct snapshot_list *list, u128 key)
{
	uint32_t row;

	if (key_is_v4(key)) {
		if (prefix_table_get(&list->v4_points, (uint32_t)key, &row) ||
			prefix_table_get_below(&list->v4_steps, (uint32_t)key, &row))
			return row;
		return UINT32_MAX;
	}
	if (prefix_table_get(&list->hosts, key, &row) ||
		prefix_table_get(&list->nets, key >> 64, &row) ||
		prefix_table_get_below(&list->steps, key, &row))
		return row;
	return UINT32_MAX;
}

/* IPv6 hosts and steps are few beside the /64s. */
void snapshot_prefetch(const struct snapshot_list *list, u128 key, unsigned step)
{
	if (step >= TABLE_FETCHES)
		return;
	if (key_is_v4(key))
		prefix_table_prefetch(&list->v4_points, (uint32_t)key, step);
	else
		prefix_table_prefetch(&list->nets, key >> 64, step);
}

static bool points_have(
	const struct prefix_table *points, struct key_range range, const struct row_filter *filter)
{
	uint32_t from = prefix_table_lower(points, range.first);
	uint32_t end = from + prefix_table_count(points, range.first, range.last);

	return prefix_table_next(points, filter, from, end) < end;
}

/* The last key of the step at an index, whose table ends with the key `most`. */
static u128 step_last(const struct prefix_table *steps, uint32_t index, u128 most)
{
	return index + 1 < steps->count ? prefix_table_key(steps, index + 1) - 1 : most;
}

/*
 * Steps are overridden by points. A step in the range counts unless every address of it there has a
 * point of its own, and how many there are is the difference of two indexes.
 */
static bool v4_steps_have(
	const struct snapshot_list *list, struct key_range range, const struct row_filter *filter)
{
	const struct prefix_table *steps = &list->v4_steps;
	uint32_t index = prefix_table_lower(steps, range.first + 1);
	uint32_t end = prefix_table_lower(steps, range.last + 1);

	index -= index != 0;
	while ((index = prefix_table_next(steps, filter, index, end)) < end) {
		u128 from = prefix_table_key(steps, index);
		u128 to = step_last(steps, index, UINT32_MAX);

		from = from < range.first ? range.first : from;
		to = to > range.last ? range.last : to;
		if (from <= to && prefix_table_count(&list->v4_points, from, to) < to - from + 1)
			return true;
		index++;
	}
	return false;
}

/* Whether an address in first..last has no host entry of its own. */
static bool has_no_host(const struct snapshot_list *list, u128 first, u128 last)
{
	uint32_t hosts = prefix_table_count(&list->hosts, first, last);

	return last - first >= hosts;
}

/* Whether a step holds anywhere in first..last, outside all nets and hosts: in their holes. */
static bool steps_show(const struct snapshot_list *list, u128 first, u128 last)
{
	const struct prefix_table *nets = &list->nets;
	uint32_t index = prefix_table_lower(nets, first >> 64);

	while (first <= last) {
		u128 net;

		if (index >= nets->count)
			return has_no_host(list, first, last);
		net = prefix_table_key(nets, index++) << 64;
		if (net > last)
			return has_no_host(list, first, last);
		if (net > first && has_no_host(list, first, net - 1))
			return true;
		if (net >> 64 == UINT64_MAX)
			return false;
		first = net + ((u128)1 << 64);
	}
	return false;
}

static bool steps_have(
	const struct snapshot_list *list, struct key_range range, const struct row_filter *filter)
{
	const struct prefix_table *steps = &list->steps;
	uint32_t end =
		range.last == ~(u128)0 ? steps->count : prefix_table_lower(steps, range.last + 1);
	uint32_t index = range.first == ~(u128)0 ? end : prefix_table_lower(steps, range.first + 1);

	index -= index != 0;
	while ((index = prefix_table_next(steps, filter, index, end)) < end) {
		u128 from = prefix_table_key(steps, index), to = step_last(steps, index, ~(u128)0);

		from = from < range.first ? range.first : from;
		to = to > range.last ? range.last : to;
		if (from <= to && steps_show(list, from, to))
			return true;
		index++;
	}
	return false;
}

static bool nets_have(
	const struct snapshot_list *list, struct key_range range, const struct row_filter *filter)
{
	const struct prefix_table *nets = &list->nets;
	uint32_t index = prefix_table_lower(nets, range.first >> 64);
	uint32_t end = index + prefix_table_count(nets, range.first >> 64, range.last >> 64);

	while ((index = prefix_table_next(nets, filter, index, end)) < end) {
		u128 from = prefix_table_key(nets, index) << 64, to = from | UINT64_MAX;

		from = from < range.first ? range.first : from;
		to = to > range.last ? range.last : to;
		if (from <= to && has_no_host(list, from, to))
			return true;
		index++;
	}
	return false;
}

bool snapshot_has_range(const struct snapshot_list *list, struct key_range range, uint32_t mask)
{
	struct row_filter filter = {&list->rows, mask};

	if (range.first <= key_v4_last && range.last >= key_v4_first) {
		struct key_range v4 = {
			.first = range.first > key_v4_first ? (uint32_t)range.first : 0,
			.last = range.last < key_v4_last ? (uint32_t)range.last : UINT32_MAX,
		};

		if (points_have(&list->v4_points, v4, &filter) || v4_steps_have(list, v4, &filter))
			return true;
	}
	if (range.first >= key_v4_first && range.last <= key_v4_last)
		return false;
	return points_have(&list->hosts, range, &filter) || nets_have(list, range, &filter) ||
	       steps_have(list, range, &filter);
}
