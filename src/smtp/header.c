/* SPDX-License-Identifier: ISC */
#include "smtp/header.h"

#include "base/macro.h"

static const char results_name[] = "Authentication-Results";

void smtp_header_filter_init(
	struct smtp_header_filter *filter, const char *prefix, const char *authserv_id)
{
	*filter = (struct smtp_header_filter){
		.prefix = prefix, .authserv_id = authserv_id, .state = HEADER_FIRST};
}

static void filter_release(struct smtp_header_filter *filter, struct buf *out)
{
	buf_append(out, span_of(filter->held, filter->held_len));
	filter->held_len = 0;
}

static void filter_keep(struct smtp_header_filter *filter, struct buf *out)
{
	filter_release(filter, out);
	filter->state = HEADER_KEEP;
	filter->dropping = false;
}

static void filter_drop(struct smtp_header_filter *filter)
{
	filter->held_len = 0;
	filter->state = HEADER_DROP;
	filter->dropping = true;
	filter->dropped++;
}

static void filter_hold(struct smtp_header_filter *filter, uint8_t byte)
{
	if (filter->held_len < sizeof(filter->held))
		filter->held[filter->held_len++] = byte;
	else
		filter_drop(filter);
}

/* Whether the line begins as name does, as far as both are known. */
static bool filter_agrees(const struct smtp_header_filter *filter, const char *name)
{
	size_t len = strlen(name) < filter->held_len ? strlen(name) : filter->held_len;

	return span_equal_nocase(span_of(filter->held, len), span_of(name, len));
}

/* A byte while the line may still be one of ours. False: it is what follows that takes it. */
static bool filter_match(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	bool ours, results;

	filter_hold(filter, byte);
	ours = filter->prefix != NULL && filter_agrees(filter, filter->prefix);
	results = filter->authserv_id != NULL && filter_agrees(filter, results_name);
	if (ours && filter->held_len == strlen(filter->prefix)) {
		filter_drop(filter);
	} else if (results && filter->held_len == sizeof(results_name) - 1) {
		filter->state = HEADER_COLON;
	} else if (!ours && !results) {
		filter->held_len--;
		filter_keep(filter, out);
		return false;
	}
	return true;
}

/* The obsolete form has blanks before the colon (RFC 5322 section 4.5.8). */
static bool filter_colon(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	if (byte != ':' && byte != ' ' && byte != '\t') {
		filter_keep(filter, out);
		return false;
	}
	if (byte == ':') {
		filter->state = HEADER_VALUE;
		smtp_authserv_init(&filter->authserv, filter->authserv_id);
	}
	filter_hold(filter, byte);
	return true;
}

static void filter_value(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	enum authserv_is is = smtp_authserv_read(&filter->authserv, byte);

	if (is == AUTHSERV_OURS) {
		filter_drop(filter);
		return;
	}
	filter_hold(filter, byte);
	if (is == AUTHSERV_OTHER && filter->state == HEADER_VALUE)
		filter_keep(filter, out);
	else if (byte == '\n' && filter->state == HEADER_VALUE)
		filter->state = HEADER_FOLD;
}

/* False: another field begins, and this one had no authserv-id. */
static bool filter_fold(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	if (byte == ' ' || byte == '\t') {
		filter->state = HEADER_VALUE;
		filter_value(filter, byte, out);
		return true;
	}
	filter_keep(filter, out);
	filter->state = HEADER_START;
	return false;
}

/* The first byte of the message. */
static void filter_begin(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	bool continues = byte == ' ' || byte == '\t';

	if (continues)
		buf_append_text(out, "\r\n");
	filter->state = continues || (filter->prefix == NULL && filter->authserv_id == NULL)
				? HEADER_DONE
				: HEADER_START;
}

/* False: what follows takes the byte. */
static bool filter_begin_line(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	if (byte == ' ' || byte == '\t') {
		filter->state = filter->dropping ? HEADER_DROP : HEADER_KEEP;
	} else if (byte == '\r') {
		filter->state = HEADER_CR;
		buf_append_byte(out, byte);
	} else {
		filter->state = HEADER_MATCH;
	}
	return byte == '\r';
}

/* The empty line if LF follows, otherwise a line that is not ours. */
static void filter_cr(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	filter->state = byte == '\n' ? HEADER_DONE : HEADER_KEEP;
	filter->dropping = false;
	buf_append_byte(out, byte);
}

/* The rest of a line. Returns the bytes used. */
static size_t filter_line(struct smtp_header_filter *filter, struct span input, struct buf *out)
{
	size_t end = span_find(input, '\n'), len = end < input.len ? end + 1 : end;

	if (filter->state == HEADER_KEEP)
		buf_append(out, span_first(input, len));
	if (end < input.len)
		filter->state = HEADER_START;
	return len;
}

/* A byte of a line that is not decided yet. False: it is not used, and the state is another one. */
static bool filter_byte(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	switch (filter->state) {
	case HEADER_FIRST:
		filter_begin(filter, byte, out);
		return false;
	case HEADER_START:
		return filter_begin_line(filter, byte, out);
	case HEADER_MATCH:
		return filter_match(filter, byte, out);
	case HEADER_COLON:
		return filter_colon(filter, byte, out);
	case HEADER_VALUE:
		filter_value(filter, byte, out);
		return true;
	case HEADER_FOLD:
		return filter_fold(filter, byte, out);
	case HEADER_CR:
		filter_cr(filter, byte, out);
		return true;
	case HEADER_KEEP:
	case HEADER_DROP:
	case HEADER_DONE:
		break;
	}
	return false;
}

void smtp_header_filter_read(struct smtp_header_filter *filter, struct span input, struct buf *out)
{
	size_t used;

	while (input.len != 0 && filter->state != HEADER_DONE) {
		if (filter->state == HEADER_KEEP || filter->state == HEADER_DROP)
			used = filter_line(filter, input, out);
		else
			used = filter_byte(filter, input.ptr[0], out);
		input = span_from(input, used);
	}
	buf_append(out, input);
}

void smtp_header_filter_finish(struct smtp_header_filter *filter, struct buf *out)
{
	filter_release(filter, out);
}
