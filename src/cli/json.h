/* SPDX-License-Identifier: ISC */
#pragma once
/* Results and complaints for programs: one object a line (jansson). One thread. */
#include <jansson.h>

#include "conf/conf.h"

/* Prints the object as one line and frees it; NULL (a bad json_pack) is a bug and aborts. */
void output_json(json_t *object);
/* The same on standard error: what is said instead of a result. */
void output_json_error(json_t *object);

/* What is wrong with the configuration at path. */
json_t *output_json_report(const struct conf_report *report, const char *path);

/* A time for JSON: ISO 8601 in UTC, or null for 0. */
json_t *output_json_time(int64_t time_s);

/* Bytes of strangers for JSON: what is no UTF-8 becomes '?'. */
json_t *output_json_text(const char *text);
