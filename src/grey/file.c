/* SPDX-License-Identifier: ISC */
#include "grey/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/macro.h"
#include "base/mem.h"

enum {
	HALVES = 2,
	PART = 16384,        /* entries written with one call while the table is */
	GROWTH_MIN = 65536,  /* records appended before the table is written anew */
	PENDING_MAX = 65536, /* entries between two calls; more are written with the table */
	READ_SIZE = GREY_RECORD_SIZE * 4096
};

struct half {
	int fd;
	uint64_t generation;
	size_t size; /* where the next record goes */
};

/* The two files of one process. */
struct pair {
	struct half halves[HALVES];
};

struct grey_file {
	char *path;
	unsigned number; /* 0: of path itself */
	struct pair pair;
	struct grey_secret secret;
	uint64_t generation;    /* the highest there is */
	unsigned active;        /* the half that holds all; HALVES: none does yet */
	unsigned next;          /* the half that the table is being written to; HALVES: none */
	bool must_renew;        /* begin with that */
	size_t appended;        /* records, since the table was written */
	struct grey_key walked; /* the writing of the table goes on from here */
	struct grey_entry *pending;
	size_t pending_len, pending_room;
	/* of processes that are gone: emptied when all is ours */
	struct pair others[GREY_FILES_MAX];
};

void grey_secret_make(struct grey_secret *ret_secret)
{
	ASSERT(getrandom(ret_secret->bytes, GREY_SECRET_SIZE, 0) == GREY_SECRET_SIZE);
}

/* ---- files ---- */

static const struct pair pair_none = {{{.fd = -1}, {.fd = -1}}};

static void pair_close(struct pair *pair)
{
	for (unsigned i = 0; i < HALVES; i++) {
		if (pair->halves[i].fd >= 0)
			close(pair->halves[i].fd);
		pair->halves[i].fd = -1;
	}
}

static int pair_name(const char *path, unsigned number, unsigned half, char name[PATH_MAX])
{
	char suffix[16] = "";

	if (number != 0)
		snprintf(suffix, sizeof(suffix), "-%u", number);
	return snprintf(name, PATH_MAX, "%s%s.%c", path, suffix, 'a' + (int)half) < PATH_MAX
		       ? 0
		       : E_LIMIT;
}

/* Two processes that begin at once both want the first half first. */
static int pair_open(const char *path, unsigned number, int flags, struct pair *ret_pair)
{
	struct pair pair = pair_none;
	char name[PATH_MAX];
	int r = 0;

	for (unsigned i = 0; i < HALVES && r >= 0; i++) {
		r = pair_name(path, number, i, name);
		if (r < 0)
			break;
		pair.halves[i].fd = file_open(name, flags | O_NOFOLLOW, 0600, NULL);
		if (pair.halves[i].fd < 0)
			r = pair.halves[i].fd;
	}
	if (r >= 0)
		*ret_pair = pair;
	else
		pair_close(&pair);
	return r;
}

static bool pair_lock(const struct pair *pair)
{
	for (unsigned i = 0; i < HALVES; i++)
		if (flock(pair->halves[i].fd, LOCK_EX | LOCK_NB) < 0)
			return false;
	return true;
}

int grey_file_open(const char *path, struct grey_file **ret_file, struct fault *why)
{
	struct pair pair;
	unsigned number = 0;

	for (;; number++) {
		int r = number < GREY_FILES_MAX ? pair_open(path, number, O_RDWR | O_CREAT, &pair)
						: E_BUSY;

		if (r < 0)
			return fault_set(
				why, r, "cannot open the greylist '%s': %s", path, err_text(r));
		if (pair_lock(&pair))
			break;
		pair_close(&pair);
	}
	*ret_file = mem_new(grey_file);
	(*ret_file)->path = mem_copy_string(path);
	(*ret_file)->number = number;
	(*ret_file)->pair = pair;
	for (unsigned i = 0; i < GREY_FILES_MAX; i++)
		(*ret_file)->others[i] = pair_none;
	(*ret_file)->active = (*ret_file)->next = HALVES;
	return 0;
}

void grey_file_free(struct grey_file **file)
{
	struct grey_file *f = *file;

	if (f == NULL)
		return;
	pair_close(&f->pair);
	for (unsigned i = 0; i < GREY_FILES_MAX; i++)
		pair_close(&f->others[i]);
	mem_free(f->pending);
	mem_free(f->path);
	mem_free(f);
	*file = NULL;
}

/* Up to len octets; fewer at the end of the file, or when it cannot be read. */
static size_t read_at(int fd, uint8_t *octets, size_t len, size_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, octets + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static int write_at(int fd, struct span s, size_t offset)
{
	while (s.len != 0) {
		ssize_t n = pwrite(fd, s.ptr, s.len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		s = span_from(s, (size_t)n);
		offset += (size_t)n;
	}
	return 0;
}

/* ---- what former processes left ---- */

struct loading {
	struct grey_file *file;
	struct greylist *list;
	int64_t now_s;
	struct grey_counts *found;
};

static void half_load(const struct loading *l, struct half *half)
{
	uint8_t *octets = mem_alloc(READ_SIZE);
	struct stat status;
	size_t len;

	if (fstat(half->fd, &status) == 0)
		grey_table_reserve(l->list->table, (size_t)status.st_size / GREY_RECORD_SIZE);
	half->size = GREY_HEAD_SIZE;
	while ((len = read_at(half->fd, octets, READ_SIZE, half->size)) != 0) {
		const struct grey_records records = {
			span_of(octets, len), half->generation, l->now_s};

		grey_records_take(&records, l->list->table, l->found);
		half->size +=
			len - len % GREY_RECORD_SIZE; /* over a torn one the next is written */
		if (len < READ_SIZE)
			break;
	}
	mem_free(octets);
}

/* Whether a half holds a whole table, and one that was made with our secret: the first that is
 * found decides which that is. */
static bool half_is_whole(const struct loading *l, struct half *half)
{
	uint8_t octets[GREY_HEAD_SIZE];
	struct grey_head head;
	size_t len = read_at(half->fd, octets, sizeof(octets), 0);

	if (len == 0)
		return false;
	if (grey_head_read(span_of(octets, len), &head) < 0) {
		l->found->damaged++;
		return false;
	}
	half->generation = head.generation;
	if (head.state != GREY_FILE_WHOLE)
		return false;
	if (l->file->generation == 0)
		l->file->secret = head.secret;
	if (head.generation > l->file->generation)
		l->file->generation = head.generation;
	return memcmp(&l->file->secret, &head.secret, sizeof(head.secret)) == 0;
}

/* The newer of two whole halves is all there is. Which; HALVES: none. */
static unsigned pair_load(const struct loading *l, struct pair *pair)
{
	bool whole[HALVES];
	unsigned newest = HALVES;

	for (unsigned i = 0; i < HALVES; i++)
		whole[i] = half_is_whole(l, &pair->halves[i]);
	for (unsigned i = 0; i < HALVES; i++)
		if (whole[i] && (newest == HALVES || pair->halves[i].generation >
							     pair->halves[newest].generation))
			newest = i;
	if (newest != HALVES)
		half_load(l, &pair->halves[newest]);
	return newest;
}

/* Of a process that still runs we read what it has by now, and keep nothing open. */
static bool others_load(const struct loading *l)
{
	bool some = false;

	for (unsigned i = 0; i < GREY_FILES_MAX; i++) {
		struct pair *other = &l->file->others[i];

		if (i == l->file->number || pair_open(l->file->path, i, O_RDWR, other) < 0)
			continue;
		some |= pair_load(l, other) != HALVES;
		if (!pair_lock(other))
			pair_close(other);
	}
	return some;
}

void grey_file_load(
	struct grey_file *file, struct greylist *list, int64_t now_s, struct grey_counts *ret_found)
{
	const struct loading l = {file, list, now_s, ret_found};

	*ret_found = (struct grey_counts){0};
	file->active = pair_load(&l, &file->pair);
	file->must_renew = others_load(&l) || file->active == HALVES || ret_found->damaged != 0;
	if (file->generation == 0)
		grey_secret_make(&file->secret);
	list->secret = file->secret;
	file->appended = ret_found->records;
}

bool grey_file_peek(const char *path, struct greylist *list, int64_t now_s)
{
	struct grey_counts found = {0};
	struct grey_file file = {0};
	const struct loading l = {&file, list, now_s, &found};

	for (unsigned i = 0; i < GREY_FILES_MAX; i++) {
		struct pair pair;

		if (pair_open(path, i, O_RDONLY, &pair) < 0)
			continue;
		pair_load(&l, &pair);
		pair_close(&pair);
	}
	list->secret = file.secret;
	return file.generation != 0;
}

/* ---- writing ---- */

void grey_file_put(struct grey_file *file, const struct grey_entry *entry)
{
	if (file->pending_len == PENDING_MAX) {
		file->must_renew = true;
		return;
	}
	mem_grow(&file->pending, &file->pending_room, file->pending_len + 1, sizeof(*entry));
	file->pending[file->pending_len++] = *entry;
}

void grey_file_renew(struct grey_file *file)
{
	file->must_renew = true;
}

static int half_append(struct half *half, const struct grey_entry *entries, size_t count)
{
	struct buf octets;
	int r;

	if (count == 0)
		return 0;
	buf_init(&octets, 0);
	for (size_t i = 0; i < count; i++)
		grey_record_print(half->generation, &entries[i], &octets);
	r = write_at(half->fd, buf_span(&octets), half->size);
	if (r >= 0)
		half->size += buf_len(&octets);
	buf_done(&octets);
	return r;
}

static int half_write_head(
	const struct grey_file *file, const struct half *half, enum grey_file_state state)
{
	const struct grey_head head = {half->generation, file->secret, state};
	struct buf octets;
	int r;

	buf_init(&octets, 0);
	grey_head_print(&head, &octets);
	r = write_at(half->fd, buf_span(&octets), 0);
	buf_done(&octets);
	return r;
}

static int renewal_begin(struct grey_file *file)
{
	unsigned next = file->active == HALVES ? 0 : HALVES - 1 - file->active;
	struct half *half = &file->pair.halves[next];

	if (ftruncate(half->fd, 0) < 0)
		return err_from_errno(errno);
	half->generation = ++file->generation;
	half->size = GREY_HEAD_SIZE;
	file->must_renew = false;
	file->walked = (struct grey_key){0, 0};
	file->next = next;
	return half_write_head(file, half, GREY_FILE_BEGUN);
}

/* What cannot be emptied stays, and is read again, to no harm. */
static void half_empty(struct half *half)
{
	if (half->fd >= 0 && ftruncate(half->fd, 0) == 0)
		half->size = GREY_HEAD_SIZE;
}

/* From here on the new half is all there is. */
static int renewal_end(struct grey_file *file)
{
	int r = half_write_head(file, &file->pair.halves[file->next], GREY_FILE_WHOLE);

	if (r < 0)
		return r;
	if (file->active != HALVES)
		half_empty(&file->pair.halves[file->active]);
	file->active = file->next;
	file->next = HALVES;
	file->appended = 0;
	for (unsigned i = 0; i < GREY_FILES_MAX; i++) {
		for (unsigned k = 0; k < HALVES; k++)
			half_empty(&file->others[i].halves[k]);
		pair_close(&file->others[i]);
	}
	return 0;
}

static int renewal_go_on(struct grey_file *file, const struct grey_table *table)
{
	struct grey_entry *entries = mem_alloc_array(PART, sizeof(*entries));
	size_t count = grey_table_walk(table, file->walked, entries, PART);
	int r = half_append(&file->pair.halves[file->next], entries, count);

	if (count != 0) {
		file->walked = entries[count - 1].key;
		file->walked.high += ++file->walked.low == 0;
	}
	mem_free(entries);
	return r < 0 || count == PART ? r : renewal_end(file);
}

static int write_pending(struct grey_file *file)
{
	int r = 0;

	if (file->active != HALVES)
		r = half_append(&file->pair.halves[file->active], file->pending, file->pending_len);
	if (r >= 0 && file->next != HALVES)
		r = half_append(&file->pair.halves[file->next], file->pending, file->pending_len);
	file->appended += file->pending_len;
	file->pending_len = 0;
	return r;
}

static int write_all(struct grey_file *file, const struct grey_table *table)
{
	int r = 0;

	if (file->appended > GROWTH_MIN + 4 * grey_table_count(table))
		file->must_renew = true;
	if (file->must_renew && file->next == HALVES)
		r = renewal_begin(file);
	if (r >= 0)
		r = write_pending(file);
	if (r >= 0 && file->next != HALVES)
		r = renewal_go_on(file, table);
	return r;
}

int grey_file_write(struct grey_file *file, const struct grey_table *table)
{
	int r = write_all(file, table);

	if (r < 0) {
		file->next = HALVES;
		file->must_renew = true;
		file->pending_len = 0;
	}
	return r;
}
