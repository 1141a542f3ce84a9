/* SPDX-License-Identifier: ISC */
/* A file of rbldnsd, of the type that the first octet chooses (its high bit: with -e); then
 * everything is asked. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macro.h"
#include "rbldata/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_note(void *arg, const struct rbl_note *note)
{
	(void)arg;
	ASSERT(note->text != NULL && note->file != NULL);
}

static void take_record(void *arg, const struct rbl_record *record)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < record->rdata.len; i++)
		*bytes += record->rdata.ptr[i];
}

static void ask(const struct rbl_dataset *dataset, struct span name)
{
	struct rbl_question question;
	size_t bytes = 0;
	struct rbl_sink sink = {take_record, &bytes};

	rbl_question_init(&question, name, RBL_KIND_V4 | RBL_KIND_V6 | RBL_KIND_NAME, RBL_WANT_ANY);
	rbl_dataset_query(dataset, &question, &sink);
	question.reply = RBL_REPLY_ALWAYS;
	rbl_dataset_query(dataset, &question, &sink);
}

static void ask_client(const struct rbl_dataset *dataset, struct ip client)
{
	struct rbl_verdict verdict = rbl_dataset_verdict(dataset, client);
	size_t bytes = 0;
	struct rbl_sink sink = {take_record, &bytes};

	rbl_verdict_answer(&verdict, client, RBL_WANT_ANY, &sink);
}

#define WIRE(text) span_of((text), sizeof(text) - 1)

static void ask_all(const struct rbl_dataset *dataset)
{
	uint8_t nibbles[64];
	struct ip client = {{0x20, 0x01, 0x0d, 0xb8}};

	for (size_t i = 0; i < sizeof(nibbles); i += 2) {
		nibbles[i] = 1;
		nibbles[i + 1] = i < 48 ? '0' : (uint8_t) "8bd01002"[(i - 48) / 2];
	}
	ask(dataset, WIRE(""));
	ask(dataset, WIRE("\00210"));
	ask(dataset, WIRE("\0011\00210"));
	ask(dataset, WIRE("\0012\0011\0010\00210"));
	ask(dataset, WIRE("\0012\0011\0010\00210\002s1"));
	ask(dataset, WIRE("\007example"));
	ask(dataset, WIRE("\003www\007example"));
	ask(dataset, span_of(nibbles, sizeof(nibbles)));
	ask(dataset, span_of(nibbles + 32, 32));
	ask_client(dataset, client);
	ask_client(dataset, ip_from_v4(0x0a000102));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rbl_report report = {take_note, NULL};
	struct rbl_options options = {.gzip_max = 1 << 20};
	struct rbl_dataset *dataset = NULL;
	struct fault why;
	char path[32];
	const char *files[] = {path};
	struct rbl_load load = {.files_len = 1,
		.files = files,
		.options = &options,
		.now_s = 1700000000,
		.report = &report};
	int fd;

	if (size == 0)
		return 0;
	fd = memfd_create("rbl", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.host_bits = (data[0] & 0x80) != 0;
	load.type = (enum rbl_type)((data[0] & 0x7f) % RBL_TYPES);
	if (rbl_dataset_load(&load, &dataset, &why) == 0) {
		char summary[RBL_SUMMARY_SIZE];

		rbl_dataset_summary(dataset, summary);
		ask_all(dataset);
	}
	rbl_dataset_unref(&dataset);
	close(fd);
	return 0;
}
