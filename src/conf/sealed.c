/* SPDX-License-Identifier: ISC */
#include "conf/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"
#include "conf/secrets.h"

enum { KIND_SOURCE = 0 /* else one of enum secrets_of */, HEAD_SIZE = 12 };
enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct sealed_record {
	uint32_t kind;
	const char *name;
	struct span text;
};

/* By hand and not through a buffer, which would keep a copy of the secrets. */
static int sealed_write(int fd, struct span bytes)
{
	while (bytes.len != 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno != EINTR)
			return err_from_errno(errno);
		bytes = span_from(bytes, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

static int sealed_record_write(int fd, const struct sealed_record *record)
{
	size_t name_len = strlen(record->name);
	struct buf head;
	int r;

	buf_init(&head, 0);
	buf_append_u32(&head, record->kind);
	buf_append_u32(&head, (uint32_t)name_len);
	buf_append_u32(&head, (uint32_t)record->text.len);
	buf_append(&head, span_of(record->name, name_len + 1));
	r = sealed_write(fd, buf_span(&head));
	buf_done(&head);
	return r == 0 ? sealed_write(fd, record->text) : r;
}

static int sealed_records_write(int fd, const struct conf *conf, unsigned secrets)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->sources_len; i++)
		r = sealed_record_write(fd, &(struct sealed_record){KIND_SOURCE,
						    conf->sources[i].file, conf->sources[i].text});
	for (size_t i = 0; r == 0 && i < conf->secrets_len; i++) {
		const struct conf_secret *secret = &conf->secrets[i];

		if ((secret->of & secrets) != 0)
			r = sealed_record_write(fd,
				&(struct sealed_record){secret->of, secret->file, secret->text});
	}
	return r;
}

int sealed_new(const struct conf *conf, unsigned secrets, int *ret_fd, struct fault *why)
{
	int fd = memfd_create("stockade configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? err_from_errno(errno) : sealed_records_write(fd, conf, secrets);

	if (r == 0 && fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		r = err_from_errno(errno);
	if (r == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return fault_set(why, r, "cannot hand the configuration over: %s", err_text(r));
}

/* ---- the other side ---- */

static bool sealed_record_read(struct reader *reader, struct sealed_record *ret_record)
{
	uint32_t kind = reader_u32(reader);
	uint32_t name_len = reader_u32(reader);
	uint32_t text_len = reader_u32(reader);
	struct span name = reader_bytes(reader, (size_t)name_len + 1);
	struct span text = reader_bytes(reader, text_len);

	if (reader->bad || name.ptr[name_len] != '\0')
		return false;
	*ret_record = (struct sealed_record){kind, (const char *)name.ptr, text};
	return true;
}

static int sealed_record_take(struct loader *loader, const struct sealed_record *record)
{
	struct conf *conf = loader->conf;

	if (record->kind != KIND_SOURCE) {
		secrets_add(conf, &(struct conf_secret){.file = record->name,
					  .text = record->text,
					  .of = (enum secrets_of)record->kind});
		return 0;
	}
	if (conf->sources_len == SOURCES_MAX)
		return E_CONFIG;
	conf->sources[conf->sources_len++] = (struct conf_source){record->name, record->text};
	return 0;
}

static int sealed_map(struct conf *conf, int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;
	void *map;

	if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS || fstat(fd, &status) < 0 ||
		status.st_size == 0)
		return E_CONFIG;
	map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_from_errno(errno);
	conf->sealed = span_of(map, (size_t)status.st_size);
	return 0;
}

int sealed_read(struct loader *loader, int fd)
{
	struct conf *conf = loader->conf;
	int r = sealed_map(conf, fd);
	struct reader reader = reader_of(conf->sealed);

	conf->sources = arena_alloc(loader->arena, SOURCES_MAX * sizeof(*conf->sources));
	while (r == 0 && reader.rest.len != 0) {
		struct sealed_record record;

		r = sealed_record_read(&reader, &record) ? sealed_record_take(loader, &record)
							 : E_CONFIG;
	}
	if (r == 0 && conf->sources_len == 0)
		r = E_CONFIG;
	if (r < 0) {
		error_at(loader->diagnostics, (struct conf_location){.file = "configuration"},
			"what was handed over is damaged");
		return E_CONFIG;
	}
	conf->file = conf->sources[0].file;
	return 0;
}

void sealed_unmap(struct conf *conf)
{
	if (conf->sealed.ptr != NULL)
		munmap((void *)(uintptr_t)conf->sealed.ptr, conf->sealed.len);
	conf->sealed = (struct span){0};
}
