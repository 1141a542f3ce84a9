/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * logfmt to stderr, one line an event, names and fields from events.def. From floor 4 on: lower
 * floors return errors and let the caller decide whether something is news. Bytes of strangers are
 * escaped here, not by callers. Any thread; one line is one write(2), so that lines of several
 * processes do not mix. A log that cannot be written never blocks a role: lines for a pipe or
 * socket that nobody empties are dropped, and their number is told when there is room again.
 */
#include <stdarg.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/span.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

enum log_event_id {
#define EVENT(id, level, name, meaning) id,
#include "base/events.def"
#undef EVENT
	LOG_EVENT_COUNT
};

/* One field of a line. Make them with the functions below; the list ends with LOG_END. */
struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_KIND_SPAN, LOG_KIND_NUMBER, LOG_KIND_IP, LOG_KIND_ENDPOINT } kind;
	union {
		struct span span;
		int64_t number;
		struct ip ip;
		struct endpoint endpoint;
	};
};

struct log_field log_span(const char *key, struct span value);
struct log_field log_text(const char *key, const char *value);
struct log_field log_number(const char *key, int64_t value);
struct log_field log_ip(const char *key, struct ip value);
struct log_field log_endpoint(const char *key, struct endpoint value);
struct log_field log_error(int error); /* error="not found" */

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {.key = NULL}})

/* role: the word before each line, "gate"; kept by reference. */
void log_open(const char *role, enum log_level level);

/* log_event(EV_ROLE_STARTED, LOG_FIELDS(log_number("pid", pid))); empty spans are left out. */
void log_event(enum log_event_id id, const struct log_field *fields);

/* A line in the shape that mail administrators' tools read, after "stockade/gate[PID]: ". No
 * newline in text. */
void log_postfix_line(struct span text);

/* What log_event would write, without the newline; for tests and for the manual. */
size_t log_format(enum log_event_id id, const struct log_field *fields, char *text, size_t size);
