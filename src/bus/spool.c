/* SPDX-License-Identifier: ISC */
#include "bus/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/reader.h"

/*
 * Two segments take turns. Records are appended to one until it is half of the limit; by then the
 * other is usually empty and is cut to nothing and used next. So nothing is ever moved or renamed,
 * the size is bounded, and a crash between any two system calls leaves only whole records and at
 * most one torn one, which its checksum gives away.
 *
 *   record:  magic 4 | length 4 | sequence 8 | id 16 | checksum 8 | body
 *
 * A segment without waiting entries is cut as well, but only when it has grown to CUT_SIZE: cutting
 * after each acknowledgement would double the system calls of a quiet gate, and records found again
 * after a crash do no harm.
 */
enum { SEGMENTS = 2, HEAD_SIZE = 40, CUT_SIZE = 64 * 1024, ID_SIZE = 16, BODY_MAX = 1 << 20 };

static const uint32_t record_magic = UINT32_C(0x53504f31); /* SPO1 */

struct segment {
	int fd;
	size_t size, waiting;
};

struct entry {
	uint64_t sequence, offset;
	uint32_t len; /* of the body */
	uint8_t segment;
	bool acked;
	uint8_t id[ID_SIZE];
};

struct spool {
	char *path;
	unsigned place; /* 0: at path itself */
	struct segment segments[SEGMENTS];
	unsigned active;
	size_t segment_limit;
	uint64_t sequence;
	struct entry *entries; /* in order of sequence, from `first` to `end` */
	size_t first;
	size_t next; /* to be sent */
	size_t end, room;
	size_t waiting, waiting_size, in_flight;
};

/* Finds torn and overwritten records; nobody has a motive to forge one in the role's own folder. */
static uint64_t record_sum(uint64_t sequence, const uint8_t id[ID_SIZE], struct span body)
{
	return hash_bytes(hash_bytes(HASH_START ^ sequence, span_of(id, ID_SIZE)), body);
}

static void entries_push(struct spool *spool, const struct entry *entry)
{
	if (spool->end == spool->room && spool->first > spool->room / 2) {
		memmove(spool->entries, spool->entries + spool->first,
			(spool->end - spool->first) * sizeof(*spool->entries));
		spool->end -= spool->first;
		spool->next -= spool->first;
		spool->first = 0;
	}
	mem_grow(&spool->entries, &spool->room, spool->end + 1, sizeof(*spool->entries));
	spool->entries[spool->end++] = *entry;
	spool->segments[entry->segment].waiting++;
	spool->waiting++;
	spool->waiting_size += entry->len;
}

/* ---- what a former process left ---- */

/* The record at the start of s; 0 when there is none. */
static size_t record_read(struct span s, struct entry *ret_entry)
{
	struct reader reader = reader_of(s);
	uint32_t magic = reader_u32(&reader), len = reader_u32(&reader);
	uint64_t sequence = reader_u64(&reader);
	struct span id = reader_bytes(&reader, ID_SIZE);
	uint64_t sum = reader_u64(&reader);
	struct span body = reader_bytes(&reader, len);

	if (reader.bad || magic != record_magic || len > BODY_MAX ||
		record_sum(sequence, id.ptr, body) != sum)
		return 0;
	*ret_entry = (struct entry){.sequence = sequence, .len = len};
	memcpy(ret_entry->id, id.ptr, ID_SIZE);
	return HEAD_SIZE + len;
}

static void segment_scan(struct spool *spool, unsigned number, struct span bytes)
{
	size_t offset = 0;

	while (offset < bytes.len) {
		struct entry entry;
		size_t len = record_read(span_from(bytes, offset), &entry);

		if (len == 0) {
			offset++; /* damaged: look for the next whole one */
			continue;
		}
		entry.segment = (uint8_t)number;
		entry.offset = offset + HEAD_SIZE;
		entries_push(spool, &entry);
		if (entry.sequence >= spool->sequence) {
			spool->sequence = entry.sequence + 1;
			spool->active = number;
		}
		offset += len;
	}
}

static int read_all(int fd, uint8_t *bytes, size_t len, off_t offset)
{
	while (len != 0) {
		ssize_t n = pread(fd, bytes, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		if (n == 0)
			return E_TRUNCATED;
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

static int segment_load(struct spool *spool, unsigned number)
{
	struct segment *segment = &spool->segments[number];
	struct stat status;
	uint8_t *bytes;
	int r;

	if (fstat(segment->fd, &status) < 0)
		return err_from_errno(errno);
	if ((size_t)status.st_size > spool->segment_limit + BODY_MAX + HEAD_SIZE) {
		/* Not ours to read: only this much is written, unless the limit was lowered. */
		status.st_size = (off_t)(spool->segment_limit + BODY_MAX + HEAD_SIZE);
		if (ftruncate(segment->fd, status.st_size) < 0)
			return err_from_errno(errno);
	}
	segment->size = (size_t)status.st_size;
	bytes = mem_alloc_array_try(segment->size + 1, 1);
	if (bytes == NULL)
		return E_NOMEM;
	r = read_all(segment->fd, bytes, segment->size, 0);
	if (r >= 0)
		segment_scan(spool, number, span_of(bytes, segment->size));
	mem_free(bytes);
	return r;
}

static int segment_open(struct spool *spool, unsigned number, int flags, struct fault *why)
{
	char name[PATH_MAX], place[16] = "";
	int fd;

	if (spool->place != 0)
		snprintf(place, sizeof(place), "-%u", spool->place);
	if (snprintf(name, sizeof(name), "%s%s.%c", spool->path, place, 'a' + (int)number) >=
		(int)sizeof(name))
		return fault_set(why, E_LIMIT, "spool path '%s' is too long", spool->path);
	fd = file_open(name, flags | O_RDWR | O_NOFOLLOW, 0600, why);
	if (fd < 0)
		return fault_prefix(why, fd, "spool");
	spool->segments[number].fd = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fault_set(why, E_BUSY, "spool '%s' is in use by another process", name);
	return 0;
}

static int entry_compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

/* The spool at that place beside path; flags: O_CREAT or 0. */
static int spool_open_at(
	struct spool **ret_spool, const struct spool *where, int flags, struct fault *why)
{
	AUTO(spool) *spool = mem_new(spool);
	int r = 0;

	spool->path = mem_copy_string(where->path);
	spool->place = where->place;
	spool->segment_limit = where->segment_limit;
	spool->sequence = 1;
	for (unsigned i = 0; i < SEGMENTS; i++)
		spool->segments[i].fd = -1;
	for (unsigned i = 0; i < SEGMENTS && r >= 0; i++)
		r = segment_open(spool, i, flags, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < SEGMENTS && r >= 0; i++)
		r = segment_load(spool, i);
	if (r < 0)
		return fault_set(why, r, "cannot read spool '%s': %s", spool->path, err_text(r));
	if (spool->end != 0)
		qsort(spool->entries, spool->end, sizeof(*spool->entries), entry_compare);
	*ret_spool = TAKE(spool);
	return 0;
}

int spool_open(const char *path, size_t limit, struct spool **ret_spool, struct fault *why)
{
	struct spool where = {.path = (char *)(uintptr_t)path, .segment_limit = limit / SEGMENTS};
	int r;

	do
		r = spool_open_at(ret_spool, &where, O_CREAT, why);
	while (r == E_BUSY && ++where.place < SPOOLS_MAX);
	return r;
}

static void segment_cut(struct segment *segment)
{
	if (segment->size != 0 && ftruncate(segment->fd, 0) == 0)
		segment->size = 0;
}

void spool_free(struct spool **spool)
{
	struct spool *s = *spool;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (s->segments[i].fd < 0)
			continue;
		if (s->segments[i].waiting == 0)
			segment_cut(&s->segments[i]);
		close(s->segments[i].fd);
	}
	mem_free(s->entries);
	mem_free(s->path);
	mem_free(s);
	*spool = NULL;
}

/* ---- in, out, gone ---- */

/* The segment to append len bytes to, the active one first; NULL: both are full. */
static struct segment *segment_for(struct spool *spool, size_t len)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		unsigned number = (spool->active + i) % SEGMENTS;
		struct segment *segment = &spool->segments[number];

		/* The other segment holds older entries while any wait there: it is not appended to
		 * before it is empty. */
		if (segment->waiting == 0 && (i != 0 || segment->size + len > spool->segment_limit))
			segment_cut(segment);
		else if (i != 0)
			return NULL;
		if (segment->size + len <= spool->segment_limit) {
			spool->active = number;
			return segment;
		}
	}
	return NULL;
}

static int segment_write(struct segment *segment, struct span record)
{
	size_t done = 0;

	while (done < record.len) {
		ssize_t n = pwrite(segment->fd, record.ptr + done, record.len - done,
			(off_t)(segment->size + done));
		int number = errno;

		if (n < 0 && number == EINTR)
			continue;
		if (n < 0) {
			if (done != 0 && ftruncate(segment->fd, (off_t)segment->size) < 0)
				return E_IO; /* a torn record stays: its checksum tells */
			return err_from_errno(number);
		}
		done += (size_t)n;
	}
	return 0;
}

int spool_append(struct spool *spool, const uint8_t id[16], struct span body)
{
	struct segment *segment;
	struct entry entry;
	struct buf record;
	int r;

	if (body.len > BODY_MAX)
		return E_LIMIT;
	segment = segment_for(spool, HEAD_SIZE + body.len);
	if (segment == NULL)
		return E_FULL;
	buf_init(&record, 0);
	buf_append_u32(&record, record_magic);
	buf_append_u32(&record, (uint32_t)body.len);
	buf_append_u64(&record, spool->sequence);
	buf_append(&record, span_of(id, ID_SIZE));
	buf_append_u64(&record, record_sum(spool->sequence, id, body));
	buf_append(&record, body);
	r = segment_write(segment, buf_span(&record));
	buf_done(&record);
	if (r < 0)
		return r;
	entry = (struct entry){.sequence = spool->sequence++,
		.offset = segment->size + HEAD_SIZE,
		.len = (uint32_t)body.len,
		.segment = (uint8_t)spool->active};
	memcpy(entry.id, id, ID_SIZE);
	segment->size += HEAD_SIZE + body.len;
	entries_push(spool, &entry);
	return 0;
}

static void entry_remove(struct spool *spool, struct entry *entry)
{
	struct segment *segment = &spool->segments[entry->segment];

	entry->acked = true;
	spool->waiting--;
	spool->waiting_size -= entry->len;
	if (--segment->waiting == 0 && segment->size >= CUT_SIZE)
		segment_cut(segment);
	while (spool->first < spool->end && spool->entries[spool->first].acked)
		spool->first++;
	if (spool->next < spool->first)
		spool->next = spool->first;
	if (spool->first == spool->end)
		spool->first = spool->next = spool->end = 0;
}

int spool_next(struct spool *spool, struct buf *out)
{
	while (spool->next < spool->end) {
		struct entry *entry = &spool->entries[spool->next++];
		uint8_t *room;

		if (entry->acked)
			continue;
		buf_clear(out);
		room = buf_reserve(out, entry->len);
		if (room != NULL && read_all(spool->segments[entry->segment].fd, room, entry->len,
					    (off_t)entry->offset) == 0) {
			buf_wrote(out, entry->len);
			spool->in_flight++;
			return 1;
		}
		entry_remove(spool, entry);
	}
	return 0;
}

/* All of it or nothing: what is found twice after a crash in between is known by its ids. */
static size_t spool_take(struct spool *spool, struct spool *other)
{
	size_t taken = 0;
	struct buf body;

	if (other->waiting == 0 || spool->waiting_size + other->waiting_size > spool->segment_limit)
		return 0;
	buf_init(&body, 0);
	while (spool_next(other, &body) > 0) {
		struct entry *entry = &other->entries[other->next - 1];

		if (spool_append(spool, entry->id, buf_span(&body)) < 0)
			break;
		entry_remove(other, entry);
		taken++;
	}
	buf_done(&body);
	return taken; /* spool_free cuts what is empty */
}

size_t spool_gather(struct spool *spool)
{
	struct spool where = {.path = spool->path, .segment_limit = spool->segment_limit};
	size_t taken = 0;

	for (; where.place < SPOOLS_MAX; where.place++) {
		AUTO(spool) *other = NULL;

		if (where.place != spool->place && spool_open_at(&other, &where, 0, NULL) == 0)
			taken += spool_take(spool, other);
	}
	return taken;
}

int spool_ack(struct spool *spool, const uint8_t id[16])
{
	for (size_t i = spool->first; i < spool->next; i++) {
		struct entry *entry = &spool->entries[i];

		if (entry->acked || memcmp(entry->id, id, ID_SIZE) != 0)
			continue;
		if (spool->in_flight != 0)
			spool->in_flight--;
		entry_remove(spool, entry);
		return 1;
	}
	return 0;
}

void spool_rewind(struct spool *spool)
{
	spool->next = spool->first;
	spool->in_flight = 0;
}

size_t spool_count(const struct spool *spool)
{
	return spool->waiting;
}

size_t spool_size(const struct spool *spool)
{
	return spool->waiting_size;
}

size_t spool_in_flight(const struct spool *spool)
{
	return spool->in_flight;
}
