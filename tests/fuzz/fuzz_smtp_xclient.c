/* SPDX-License-Identifier: ISC */
/* What we tell a mail server about a client, from names that strangers chose: one line of at most
 * 512 octets that no server reads as two, with as many values as attributes were asked for. The
 * input is three lines: what HELO said, what PTR said, and what the server lists behind XCLIENT. */
#include <stdint.h>

#include "base/macro.h"
#include "smtp/xclient.h"
#include "smtpd/trace_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_of(struct span s, uint8_t byte)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += s.ptr[i] == byte;
	return count;
}

/* The Received field says the same to people: one field, whatever the names hold. */
static void check_received(const struct smtp_client *client)
{
	const struct trace_header trace = {
		.client = client, .hostname = "mx.example", .id = "1", .now_s = 1795300000};
	struct buf out;
	struct span s;

	buf_init(&out, 0);
	trace_header_print_received(&trace, &out);
	s = buf_span(&out);
	ASSERT(s.len > 2 && s.ptr[s.len - 2] == '\r' && s.ptr[s.len - 1] == '\n');
	for (size_t i = 0; i < s.len; i++) {
		bool ends_line = s.ptr[i] == '\r' && s.ptr[i + 1] == '\n';

		ASSERT(ascii_is_print(s.ptr[i]) || s.ptr[i] == '\t' || ends_line ||
			(s.ptr[i] == '\n' && i != 0 && s.ptr[i - 1] == '\r'));
		ASSERT(!ends_line || i + 2 == s.len || s.ptr[i + 2] == '\t');
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct smtp_client client = {.helo = span_split(&rest, '\n')};
	unsigned attributes;
	struct buf out;

	client.name = client.reverse_name = span_split(&rest, '\n');
	client.name_state = client.reverse_state =
		client.name.len != 0 ? SMTP_NAME_KNOWN : SMTP_NAME_TEMPORARY;
	attributes = smtp_xclient_attributes(rest);
	buf_init(&out, 0);
	smtp_xclient_print(&client, attributes, &out);
	ASSERT(buf_len(&out) <= 512);
	for (size_t i = 0; i < buf_len(&out); i++)
		ASSERT(ascii_is_print(buf_span(&out).ptr[i]));
	ASSERT(count_of(buf_span(&out), ' ') == (size_t)__builtin_popcount(attributes));
	ASSERT(count_of(buf_span(&out), '=') == (size_t)__builtin_popcount(attributes));
	buf_done(&out);
	check_received(&client);
	return 0;
}
