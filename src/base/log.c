/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"

enum { LINE_SIZE = PIPE_BUF };

struct event_row {
	enum log_level level;
	const char *name;
};

static const struct event_row rows[] = {
#define EVENT(id, level, name, meaning) [id] = {level, name},
#include "base/events.def"
#undef EVENT
};

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

/* A reload sets these while other threads write lines. */
static const char *_Atomic log_role = "stockade";
static _Atomic enum log_level log_limit = LOG_INFO;
static _Atomic uint64_t log_dropped;
static _Atomic int log_pid; /* of this process since log_open */

/* A line being built; what does not fit is cut, never overrun. */
struct line {
	char *text;
	size_t size, len; /* size: with room for the newline */
};

void log_open(const char *role, enum log_level level)
{
	log_role = role;
	log_limit = level;
	log_pid = (int)getpid();
}

struct log_field log_span(const char *key, struct span value)
{
	return (struct log_field){.key = key, .kind = LOG_KIND_SPAN, .span = value};
}

struct log_field log_text(const char *key, const char *value)
{
	return log_span(key, span_text(value));
}

struct log_field log_number(const char *key, int64_t value)
{
	return (struct log_field){.key = key, .kind = LOG_KIND_NUMBER, .number = value};
}

struct log_field log_ip(const char *key, struct ip value)
{
	return (struct log_field){.key = key, .kind = LOG_KIND_IP, .ip = value};
}

struct log_field log_endpoint(const char *key, struct endpoint value)
{
	return (struct log_field){.key = key, .kind = LOG_KIND_ENDPOINT, .endpoint = value};
}

struct log_field log_error(int error)
{
	return log_text("error", err_text(error));
}

static void line_byte(struct line *line, char byte)
{
	if (line->len + 1 < line->size)
		line->text[line->len++] = byte;
}

static void line_text(struct line *line, const char *text)
{
	while (*text != '\0')
		line_byte(line, *text++);
}

static bool log_needs_quotes(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.ptr[i];

		if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '=' || byte == '\\')
			return true;
	}
	return false;
}

static void line_escaped(struct line *line, struct span value, bool quotes)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.ptr[i];

		if (quotes && (byte == '"' || byte == '\\'))
			line_byte(line, '\\');
		if (ascii_is_print(byte)) {
			line_byte(line, (char)byte);
			continue;
		}
		line_text(line, "\\x");
		line_byte(line, hex[byte >> 4]);
		line_byte(line, hex[byte & 15]);
	}
}

static void line_span(struct line *line, struct span value)
{
	bool quotes = log_needs_quotes(value);

	if (quotes)
		line_byte(line, '"');
	line_escaped(line, value, quotes);
	if (quotes)
		line_byte(line, '"');
}

static void line_field(struct line *line, const struct log_field *field)
{
	char text[ENDPOINT_TEXT_SIZE];

	if (field->kind == LOG_KIND_SPAN && field->span.len == 0)
		return;
	line_byte(line, ' ');
	line_text(line, field->key);
	line_byte(line, '=');
	switch (field->kind) {
	case LOG_KIND_SPAN:
		line_span(line, field->span);
		break;
	case LOG_KIND_NUMBER:
		snprintf(text, sizeof(text), "%" PRId64, field->number);
		line_text(line, text);
		break;
	case LOG_KIND_IP:
		line_text(line, ip_print(field->ip, text));
		break;
	case LOG_KIND_ENDPOINT:
		line_text(line, endpoint_print(field->endpoint, text));
		break;
	}
}

static void line_event(struct line *line, enum log_event_id id, const struct log_field *fields)
{
	line_text(line, "event=");
	line_text(line, rows[id].name);
	line_text(line, " level=");
	line_text(line, level_names[rows[id].level]);
	for (; fields != NULL && fields->key != NULL; fields++)
		line_field(line, fields);
}

static void line_head(struct line *line)
{
	char text[64], time[CLOCK_TEXT_SIZE];

	line_text(line, clock_print_utc(clock_now_s(), time));
	snprintf(text, sizeof(text), " stockade/%s[%d]: ", log_role,
		log_pid != 0 ? log_pid : (int)getpid());
	line_text(line, text);
}

/* A reader that hangs must not hang us. A pipe with room takes a whole line (pipe(7): PIPE_BUF,
 * which LINE_SIZE does not exceed), so that write cannot wait. */
static bool log_has_room(void)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

static void line_write(struct line *line)
{
	line->text[line->len++] = '\n'; /* line_byte leaves one byte of room */
	if (!log_has_room() || write(STDERR_FILENO, line->text, line->len) < 0)
		atomic_fetch_add_explicit(&log_dropped, 1, memory_order_relaxed);
}

static void log_write_event(enum log_event_id id, const struct log_field *fields)
{
	char text[LINE_SIZE];
	struct line line = {text, sizeof(text), 0};

	line_head(&line);
	line_event(&line, id, fields);
	line_write(&line);
}

static void log_tell_dropped(void)
{
	uint64_t dropped;

	if (atomic_load_explicit(&log_dropped, memory_order_relaxed) == 0 || !log_has_room())
		return;
	dropped = atomic_exchange_explicit(&log_dropped, 0, memory_order_relaxed);
	if (dropped != 0)
		log_write_event(EV_LOG_DROPPED, LOG_FIELDS(log_number("lines", (int64_t)dropped)));
}

void log_event(enum log_event_id id, const struct log_field *fields)
{
	if (rows[id].level > log_limit)
		return;
	log_tell_dropped();
	log_write_event(id, fields);
}

void log_postfix_line(struct span text)
{
	char bytes[LINE_SIZE];
	struct line line = {bytes, sizeof(bytes), 0};

	if (log_limit < LOG_INFO)
		return;
	line_head(&line);
	line_escaped(&line, text, false);
	line_write(&line);
}

size_t log_format(enum log_event_id id, const struct log_field *fields, char *text, size_t size)
{
	struct line line = {text, size, 0};

	line_event(&line, id, fields);
	text[line.len] = '\0';
	return line.len;
}
