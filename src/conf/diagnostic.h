/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Collects what is wrong with a configuration, so that one run names all of it. Everything is
 * copied into the report, which outlives texts and trees. Owner: conf_load, for the time of one
 * load; one thread.
 */
#include "conf/conf.h"

enum { SOURCES_MAX = 64, DIAGNOSTICS_MAX = 100 };

struct diagnostics {
	struct conf_report *report;
	size_t sources_len;
	struct conf_source sources[SOURCES_MAX]; /* that locations point into: for the line */
};

void diagnostics_init(struct diagnostics *diagnostics, struct conf_report *report);

/* File and text have to live as long as the diagnostics. E_LIMIT: too many files. */
int diagnostics_add_source(struct diagnostics *diagnostics, const struct conf_source *source);

/* Beyond DIAGNOSTICS_MAX only errors are counted. */
void error_at(struct diagnostics *diagnostics, struct conf_location location, const char *format,
	...) __attribute__((format(printf, 3, 4)));
void warn_at(struct diagnostics *diagnostics, struct conf_location location, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* Puts the diagnostics into the order of the files and lines. */
void diagnostics_sort(struct diagnostics *diagnostics);
