/* SPDX-License-Identifier: ISC */
#include "list/snapshot_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/macro.h"
#include "base/mem.h"
#include "list/snapshot.h"
#include "sets/prefix.h"

/*
 * A list is collected in four heaps by the kind of its entries, because each kind has a table of
 * its own in the file; finishing sorts and paints one list after the other and frees it, so the
 * peak is one list and the file.
 */
struct collected {
	struct arena *texts; /* of the names */
	struct span name;
	struct span sublists[SUBLISTS_MAX];
	unsigned sublists_len;
	uint64_t entries;
	struct answer_rows *rows;
	struct point *points; /* IPv4 /32 */
	struct point *spare;  /* room for as many, while writing */
	size_t points_len, points_size;
	struct prefix_entries v4_nets; /* shorter than /32 */
	struct prefix_entries hosts;   /* IPv6 /128 */
	struct prefix_entries v6_nets; /* shorter than /128 */
	struct name_entry *names;
	size_t names_len, names_size;
	uint8_t *keys; /* of names */
	size_t keys_len, keys_size;
};

struct snapshot_writer {
	uint32_t serial;
	int64_t now_s;
	bool finished;
	size_t lists_len;
	struct collected *lists[LISTS_MAX];
};

/* ---- Collecting ---- */

struct snapshot_writer *snapshot_writer_new(uint32_t serial, int64_t now_s)
{
	struct snapshot_writer *writer = mem_new(snapshot_writer);

	*writer = (struct snapshot_writer){.serial = serial, .now_s = now_s};
	return writer;
}

/* What only painting needs; names stay for the record. */
static void collected_drop(struct collected *list)
{
	answer_rows_free(&list->rows);
	mem_free(list->points);
	mem_free(list->spare);
	mem_free(list->v4_nets.items);
	mem_free(list->hosts.items);
	mem_free(list->v6_nets.items);
	mem_free(list->names);
	mem_free(list->keys);
	list->points = list->spare = NULL;
	list->v4_nets = list->hosts = list->v6_nets = (struct prefix_entries){0};
	list->names = NULL;
	list->keys = NULL;
}

void snapshot_writer_free(struct snapshot_writer **writer)
{
	struct snapshot_writer *w = TAKE(*writer);

	for (size_t i = 0; w != NULL && i < w->lists_len; i++) {
		struct collected *list = w->lists[i];

		collected_drop(list);
		arena_free(&list->texts);
		mem_free(list);
	}
	mem_free(w);
}

int snapshot_writer_add_list(
	struct snapshot_writer *writer, struct span name, const struct span *sublists, size_t count)
{
	struct collected *list;

	if (writer->lists_len == LISTS_MAX || count > SUBLISTS_MAX)
		return E_LIMIT;
	list = mem_new(collected);
	list->texts = arena_new(0);
	list->name = arena_copy(list->texts, name);
	for (size_t i = 0; i < count; i++)
		list->sublists[list->sublists_len++] = arena_copy(list->texts, sublists[i]);
	list->rows = answer_rows_new();
	writer->lists[writer->lists_len] = list;
	return (int)writer->lists_len++;
}

static int nets_add(struct prefix_entries *nets, struct prefix_entry net)
{
	int r = mem_grow_try(&nets->items, &nets->size, nets->len + 1, sizeof(*nets->items));

	if (r == 0)
		nets->items[nets->len++] = net;
	return r;
}

static int point_add(struct collected *list, struct ip ip, uint32_t value)
{
	int r = mem_grow_try(
		&list->points, &list->points_size, list->points_len + 1, sizeof(*list->points));

	if (r == 0)
		list->points[list->points_len++] = (struct point){ip_to_v4(ip), value};
	return r;
}

static int net_add(struct collected *list, struct prefix net, uint32_t value)
{
	struct prefix_entry entry = {key_of_ip(net.ip), value, net.bits};

	if (net.bits > 128 || (net.bits < 128 && !prefix_equal(net, prefix_of(net.ip, net.bits))))
		return E_RANGE;
	if (prefix_is_v4(net))
		return net.bits == 128 ? point_add(list, net.ip, value)
				       : nets_add(&list->v4_nets, entry);
	return nets_add(net.bits == 128 ? &list->hosts : &list->v6_nets, entry);
}

static int domain_add(struct collected *list, const char *domain, uint32_t value)
{
	bool below = domain[0] == '.';
	uint8_t key[NAME_KEY_SIZE];
	int len = name_key(span_text(domain + below), key);

	if (len <= 0)
		return E_RANGE;
	if (list->keys_len + NAME_KEY_SIZE > UINT32_MAX)
		return E_LIMIT;
	if (mem_grow_try(&list->keys, &list->keys_size, list->keys_len + (size_t)len, 1) < 0 ||
		mem_grow_try(&list->names, &list->names_size, list->names_len + 1,
			sizeof(*list->names)) < 0)
		return E_NOMEM;
	memcpy(list->keys + list->keys_len, key, (size_t)len);
	list->names[list->names_len++] =
		(struct name_entry){(uint32_t)list->keys_len, value, (uint8_t)len, below};
	list->keys_len += (size_t)len;
	return 0;
}

int snapshot_writer_add(
	struct snapshot_writer *writer, int list_index, const struct list_entry *entry)
{
	const struct source *source = &entry->source;
	struct statement statement = list_entry_statement(entry);
	struct collected *list;
	int64_t value;
	int r;

	if (writer->finished)
		return E_USAGE;
	if (list_index < 0 || (size_t)list_index >= writer->lists_len)
		return E_RANGE;
	list = writer->lists[list_index];
	if (entry->sublist >= list->sublists_len)
		return E_RANGE;
	value = answer_rows_value(list->rows, &statement);
	if (value < 0)
		return (int)value;
	r = source->kind == SOURCE_NET ? net_add(list, source->net, (uint32_t)value)
				       : domain_add(list, source->domain, (uint32_t)value);
	if (r == 0 && !entry->excluded)
		list->entries++;
	return r;
}

/* ---- Painting ---- */

struct painted {
	struct steps v4_steps, nets, hosts, steps;
	struct name_nodes names;
};

static void painted_done(struct painted *painted)
{
	steps_done(&painted->v4_steps);
	steps_done(&painted->nets);
	steps_done(&painted->hosts);
	steps_done(&painted->steps);
	name_nodes_done(&painted->names);
}

/* In an IPv6 list the mapped block says nothing: an IPv6 network lists no IPv4 address. */
static int blank_v4(struct prefix_entries *nets)
{
	struct prefix_entry v4 = {key_v4_first, prefix_value_blank, IP_V4_BITS};

	for (size_t i = 0; i < nets->len; i++) {
		const struct prefix_entry *net = &nets->items[i];

		if (net->first <= key_v4_first && key_last(net->first, net->bits) >= key_v4_last)
			return nets_add(nets, v4);
	}
	return 0;
}

/* Whether the next entries lie inside the /64 at i, which then cannot be a point. */
static bool net_is_cut(const struct prefix_entries *nets, size_t i)
{
	const struct prefix_entry *net = &nets->items[i];

	while (i < nets->len && nets->items[i].first == net->first &&
		nets->items[i].bits == net->bits)
		i++;
	return i < nets->len && nets->items[i].first >> 64 == net->first >> 64;
}

/* Takes the /64s that are whole out of the sorted nets, in order. */
static int nets_split(struct prefix_entries *nets, struct prefix_entries *whole)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < nets->len && r == 0; i++) {
		if (nets->items[i].bits != 64 || net_is_cut(nets, i)) {
			nets->items[kept++] = nets->items[i];
			continue;
		}
		r = nets_add(whole, nets->items[i]);
	}
	nets->len = kept;
	return r;
}

static int v6_paint(struct collected *list, struct painted *painted)
{
	struct prefix_entries whole = {0};
	int r = blank_v4(&list->v6_nets);

	if (r == 0)
		r = prefix_sort(&list->v6_nets);
	if (r == 0)
		r = prefix_sort(&list->hosts);
	if (r == 0)
		r = nets_split(&list->v6_nets, &whole);
	if (r == 0)
		r = prefix_paint(&list->v6_nets, list->rows, &painted->steps);
	if (r == 0)
		r = prefix_paint_points(&whole, &(struct beneath){&painted->steps, NULL},
			list->rows, &painted->nets);
	if (r == 0)
		r = prefix_paint_points(&list->hosts,
			&(struct beneath){&painted->steps, &painted->nets}, list->rows,
			&painted->hosts);
	mem_free(whole.items);
	return r;
}

static int v4_paint(struct collected *list, struct painted *painted)
{
	int64_t kept;
	int r = prefix_sort(&list->v4_nets);

	if (r == 0)
		r = prefix_paint(&list->v4_nets, list->rows, &painted->v4_steps);
	if (r < 0)
		return r;
	/* Behind the last IPv4 address there is nothing to end. */
	if (painted->v4_steps.len != 0 &&
		painted->v4_steps.items[painted->v4_steps.len - 1].first > key_v4_last)
		painted->v4_steps.len--;
	point_sort(list->points, list->spare, list->points_len);
	kept = point_paint(list->points, list->points_len, &painted->v4_steps, list->rows);
	if (kept < 0)
		return (int)kept;
	list->points_len = (size_t)kept;
	return 0;
}

/* ---- Numbering rows by frequency ---- */

struct numbering {
	struct image *image; /* into which the tables go */
	uint64_t *counts;
	uint32_t *order;   /* the row of each number */
	uint32_t *numbers; /* the number of each row */
	uint32_t *masks;   /* of each number */
	uint32_t len;
};

static void numbering_done(struct numbering *numbering)
{
	mem_free(numbering->counts);
	mem_free(numbering->order);
	mem_free(numbering->numbers);
	mem_free(numbering->masks);
}

static void count_steps(struct numbering *numbering, const struct steps *steps)
{
	for (size_t i = 0; i < steps->len; i++)
		numbering->counts[steps->items[i].row]++;
}

static void count_rows(
	struct numbering *numbering, const struct collected *list, const struct painted *painted)
{
	count_steps(numbering, &painted->v4_steps);
	count_steps(numbering, &painted->nets);
	count_steps(numbering, &painted->hosts);
	count_steps(numbering, &painted->steps);
	for (size_t i = 0; i < list->points_len; i++)
		numbering->counts[list->points[i].number]++;
	for (size_t i = 0; i < painted->names.len; i++) {
		const struct name_node *node = &painted->names.items[i];

		if (node->self != names_no_row)
			numbering->counts[node->self]++;
		if (node->below != names_no_row)
			numbering->counts[node->below]++;
	}
}

static int by_frequency(const void *a, const void *b, void *counts_arg)
{
	const uint64_t *counts = counts_arg;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	if (counts[left] != counts[right])
		return counts[left] > counts[right] ? -1 : 1;
	return (left > right) - (left < right);
}

static int numbering_make(
	struct numbering *numbering, const struct collected *list, const struct painted *painted)
{
	size_t rows = answer_rows_count(list->rows);

	numbering->counts = mem_alloc_array_try(rows, sizeof(*numbering->counts));
	numbering->order = mem_alloc_array_try(rows, sizeof(*numbering->order));
	numbering->numbers = mem_alloc_array_try(rows, sizeof(*numbering->numbers));
	numbering->masks = mem_alloc_array_try(rows, sizeof(*numbering->masks));
	if (numbering->counts == NULL || numbering->order == NULL || numbering->numbers == NULL ||
		numbering->masks == NULL)
		return E_NOMEM;
	count_rows(numbering, list, painted);
	for (uint32_t row = 0; row < rows; row++) {
		if (numbering->counts[row] != 0)
			numbering->order[numbering->len++] = row;
	}
	qsort_r(numbering->order, numbering->len, sizeof(*numbering->order), by_frequency,
		numbering->counts);
	for (uint32_t i = 0; i < numbering->len; i++) {
		numbering->numbers[numbering->order[i]] = i;
		numbering->masks[i] = answer_rows_mask(list->rows, numbering->order[i]);
	}
	return 0;
}

/* ---- Writing the tables ---- */

static void steps_write(const struct numbering *numbering, struct steps *steps,
	enum prefix_table_kind kind, struct prefix_table_record *ret_record)
{
	for (size_t i = 0; i < steps->len; i++)
		steps->items[i].row = numbering->numbers[steps->items[i].row];
	prefix_table_write_steps(&(struct painted_steps){kind, steps, numbering->masks},
		numbering->image, ret_record);
}

/* The spare room takes the points as two arrays. */
static void points_write(const struct numbering *numbering, const struct collected *list,
	struct prefix_table_record *ret_record)
{
	uint32_t *keys = (uint32_t *)(void *)list->spare, *rows = keys + list->points_len;

	if (list->points_len > UINT32_MAX / 2) {
		numbering->image->bad = true;
		return;
	}
	for (size_t i = 0; i < list->points_len; i++) {
		keys[i] = list->points[i].address;
		rows[i] = numbering->numbers[list->points[i].number];
	}
	prefix_table_write(&(struct prefix_table_content){TABLE_V4_POINTS, keys,
				   {rows, (uint32_t)list->points_len, numbering->masks}},
		numbering->image, ret_record);
}

static void names_number(struct name_nodes *nodes, const struct numbering *numbering)
{
	for (size_t i = 0; i < nodes->len; i++) {
		struct name_node *node = &nodes->items[i];

		if (node->self != names_no_row)
			node->self = numbering->numbers[node->self];
		if (node->below != names_no_row)
			node->below = numbering->numbers[node->below];
	}
}

static void tables_write(struct collected *list, struct painted *painted,
	const struct numbering *numbering, struct list_record *record)
{
	struct row_order order = {numbering->order, numbering->len};

	answer_rows_write(list->rows, order, numbering->image, &record->rows);
	points_write(numbering, list, &record->v4_points);
	steps_write(numbering, &painted->v4_steps, TABLE_V4_STEPS, &record->v4_steps);
	steps_write(numbering, &painted->hosts, TABLE_WHOLE, &record->hosts);
	steps_write(numbering, &painted->nets, TABLE_NETS, &record->nets);
	steps_write(numbering, &painted->steps, TABLE_WHOLE, &record->steps);
	names_number(&painted->names, numbering);
	names_write(&painted->names, numbering->masks, numbering->image, &record->names);
}

static struct text_record text_write(struct image *image, struct span text)
{
	return (struct text_record){
		.at = image_add(image, text.ptr, text.len, 1), .len = (uint32_t)text.len};
}

static int list_write(struct collected *list, struct image *image, struct list_record *record)
{
	struct name_entries names = {list->names, list->names_len, list->keys};
	struct painted painted = {0};
	struct numbering numbering = {.image = image};
	int r;

	list->spare = mem_alloc_array_try(list->points_len, sizeof(*list->spare));
	r = list->spare != NULL ? v4_paint(list, &painted) : E_NOMEM;
	if (r == 0)
		r = v6_paint(list, &painted);
	if (r == 0)
		r = names_paint(&names, list->rows, &painted.names);
	if (r == 0)
		r = numbering_make(&numbering, list, &painted);
	if (r == 0) {
		tables_write(list, &painted, &numbering, record);
		record->name = text_write(image, list->name);
		record->entries = list->entries;
		record->sublists = list->sublists_len;
		for (unsigned i = 0; i < list->sublists_len; i++)
			record->sublist[i] = text_write(image, list->sublists[i]);
	}
	numbering_done(&numbering);
	painted_done(&painted);
	collected_drop(list);
	return r == 0 && image->bad ? E_NOMEM : r;
}

/* ---- The file ---- */

static int image_build(struct snapshot_writer *writer, struct image *image)
{
	struct snapshot_header header = {
		.magic = SNAPSHOT_MAGIC,
		.version = SNAPSHOT_VERSION,
		.serial = writer->serial,
		.time_s = writer->now_s,
		.lists = (uint32_t)writer->lists_len,
	};
	struct list_record *records = mem_alloc_array_try(writer->lists_len, sizeof(*records));
	int r = records != NULL ? 0 : E_NOMEM;

	image_add(image, &header, 1, sizeof(header));
	for (size_t i = 0; i < writer->lists_len && r == 0; i++)
		r = list_write(writer->lists[i], image, &records[i]);
	if (r == 0)
		header.lists_at = image_add(image, records, writer->lists_len, sizeof(*records));
	mem_free(records);
	if (r == 0 && image->bad)
		r = E_NOMEM;
	if (r < 0)
		return r;
	header.length = image->len;
	memcpy(image->bytes, &header, sizeof(header));
	header.checksum = XXH3_64bits(image->bytes + CHECKSUM_FROM, image->len - CHECKSUM_FROM);
	memcpy(image->bytes, &header, sizeof(header));
	return 0;
}

static int bytes_write(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t written = write(fd, bytes.ptr, bytes.len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_from_errno(errno);
		bytes = span_from(bytes, (size_t)written);
	}
	return fsync(fd) < 0 ? err_from_errno(errno) : 0;
}

/* A rename is kept by the folder, so the folder is synced too. */
static int folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd, r = 0;

	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
		slash != NULL ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	if (fsync(fd) < 0)
		r = err_from_errno(errno);
	close(fd);
	return r;
}

int snapshot_rename(const char *from, const char *to, struct fault *why)
{
	int r;

	if (rename(from, to) < 0) {
		r = fault_set(why, err_from_errno(errno), "cannot rename '%s': %m", from);
		unlink(from);
		return r;
	}
	r = folder_sync(to);
	if (r < 0) {
		unlink(to);
		return fault_set(why, r, "cannot sync the folder of '%s'", to);
	}
	return 0;
}

static int file_write(struct span bytes, const char *path, struct fault *why)
{
	char part[PATH_MAX];
	int fd, r;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part))
		return fault_set(why, E_LIMIT, "the path '%.64s...' is too long", path);
	fd = file_open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, why);
	if (fd < 0)
		return fd;
	r = bytes_write(fd, bytes);
	if (r < 0)
		fault_set(why, r, "cannot write '%s': %m", part);
	if (close(fd) < 0 && r == 0)
		r = fault_set(why, err_from_errno(errno), "cannot close '%s': %m", part);
	if (r == 0)
		return snapshot_rename(part, path, why);
	unlink(part);
	return r;
}

int snapshot_writer_image(
	struct snapshot_writer *writer, struct image *ret_image, struct fault *why)
{
	struct image image = {0};
	int r;

	if (writer->finished)
		return fault_set(why, E_USAGE, "this snapshot has been written already");
	writer->finished = true;
	r = image_build(writer, &image);
	if (r < 0) {
		image_done(&image);
		return fault_set(why, r, "cannot build the snapshot: %s", err_text(r));
	}
	*ret_image = image;
	return 0;
}

int snapshot_writer_finish(struct snapshot_writer *writer, const char *path, struct fault *why)
{
	struct image image;
	int r = snapshot_writer_image(writer, &image, why);

	if (r < 0)
		return r;
	r = file_write(span_of(image.bytes, image.len), path, why);
	image_done(&image);
	return r;
}
