/* SPDX-License-Identifier: ISC */
/*
 * Asks a data set without a server: `rbl_ask [-e] TYPE FILE...`. Notes go to stderr as
 * "file:line:column: words". Each line of standard input is a name below the apex, or "." for the
 * apex itself; the answer is the flags of enum rbl_found in one digit, a tab, and the records, each
 * as "TYPE TTL RDATA" in hexadecimal, with tabs between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macro.h"
#include "dns/message.h"
#include "rbldata/dataset.h"
#include "rbldata/entry.h"

static void note_print(void *arg, const struct rbl_note *note)
{
	(void)arg;
	fprintf(stderr, "%s:%llu:%u: %s\n", note->file, (unsigned long long)note->line,
		note->column, note->text);
}

static void record_print(void *arg, const struct rbl_record *record)
{
	FILE *out = arg;

	fprintf(out, "\t%s %u ",
		record->type == DNS_A    ? "A"
		: record->type == DNS_MX ? "MX"
					 : "TXT",
		record->ttl_s);
	for (size_t i = 0; i < record->rdata.len; i++)
		fprintf(out, "%02x", record->rdata.ptr[i]);
}

static void ask(const struct rbl_dataset *dataset, unsigned kinds, struct span name)
{
	struct rbl_cursor cursor = rbl_cursor_of(name);
	uint8_t wire[RBL_NAME_SIZE];
	struct rbl_question question;
	int len = rbl_name_read(&cursor, wire);
	char *records = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&records, &size);
	struct rbl_sink sink = {record_print, out};
	unsigned found;

	for (int i = 0; i < len; i++)
		wire[i] = ascii_lower(wire[i]);
	rbl_question_init(
		&question, span_of(wire, len > 0 ? (size_t)len - 1 : 0), kinds, RBL_WANT_ANY);
	found = rbl_dataset_query(dataset, &question, &sink);
	fclose(out);
	printf("%u%s\n", found, records);
	free(records);
}

int main(int argc, char **argv)
{
	struct rbl_report report = {note_print, NULL};
	struct rbl_options options = {0};
	struct rbl_dataset *dataset = NULL;
	char line[2048], summary[RBL_SUMMARY_SIZE];
	struct rbl_load load;
	struct fault why;
	enum rbl_type type;
	int at = 1;

	if (at < argc && strcmp(argv[at], "-e") == 0) {
		options.host_bits = true;
		at++;
	}
	if (argc - at < 2 || rbl_type_parse(span_text(argv[at]), &type) < 0) {
		fprintf(stderr, "usage: rbl_ask [-e] TYPE FILE...\n");
		return 64;
	}
	load = (struct rbl_load){.type = type,
		.files_len = (size_t)(argc - at - 1),
		.files = (const char *const *)argv + at + 1,
		.options = &options,
		.now_s = time(NULL),
		.report = &report};
	if (rbl_dataset_load(&load, &dataset, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		return 65;
	}
	fprintf(stderr, "%s\n", rbl_dataset_summary(dataset, summary));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct span name = span_trim(span_of(line, strcspn(line, "\n")));

		ask(dataset, rbl_type_kinds(type), name);
	}
	rbl_dataset_unref(&dataset);
	return 0;
}
