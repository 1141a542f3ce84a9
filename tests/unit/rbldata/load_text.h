/* SPDX-License-Identifier: ISC */
#pragma once
/* A data set from a text, as if it stood in a file. */
#include <stdlib.h>
#include <unistd.h>

#include "rbldata/dataset.h"
#include "unit.h"

/* The result of rbl_dataset_load. */
static inline int load_text(enum rbl_type type, const char *text, const struct rbl_report *report,
	struct rbl_dataset **ret_dataset, struct fault *why)
{
	struct rbl_options options = {0};
	char path[] = "/tmp/rbl-test-XXXXXX";
	const char *files[] = {path};
	struct rbl_load load = {type, 1, files, &options, 1700000000, report};
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = rbl_dataset_load(&load, ret_dataset, why);
	unlink(path);
	return r;
}
