/* SPDX-License-Identifier: ISC */
#include "bus/check.h"

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "bus/frame.h"
#include "bus/record.h"

/*
 * The limits are those of the field's name; what is not named here gets the default. Strings hold
 * what strangers sent (HELO, PTR, addresses), escaped by the role that read it; this file makes
 * sure that it did.
 */
enum {
	REPEATED_DEFAULT = 1024,
	DEPTH_MAX = 8,
};

struct field_limit {
	const char *name;
	size_t most;
};

static const struct field_limit string_limits[] = {
	{"author", 128},
	{"domain", 255},
	{"domains", 255},
	{"error", 512},
	{"file", 64},
	{"hash", 64},
	{"host", 255},
	{"key", 64},
	{"kind", 32},
	{"list", 255},
	{"mode", 16},
	{"name", 255},
	{"outcome", 32},
	{"policy", 64},
	{"role", 16},
	{"rule", 64},
	{"sensor", 255},
	{"sublist", 64},
	{"text", 4096},
};

static const struct field_limit count_limits[] = {
	{"checks", 128},
	{"conditions", 256},
	{"counters", 256},
	{"domains", MESSAGE_DOMAINS_MAX},
	{"entries", MESSAGE_FEED_ENTRIES_MAX},
	{"feeds", 256},
	{"hits", 32},
	{"lists", 64},
	{"pieces", 65536},
	{"roles", 16},
	{"runs", MESSAGE_RUNS_MAX},
	{"sightings", BUS_SIGHTINGS_MAX},
	{"sources", MESSAGE_SOURCES_MAX},
	{"sublists", 32},
};

static size_t limit_of(
	const struct field_limit *limits, size_t len, const char *name, size_t otherwise)
{
	for (size_t i = 0; i < len; i++) {
		if (strcmp(limits[i].name, name) == 0)
			return limits[i].most;
	}
	return otherwise;
}

static int check_message(const ProtobufCMessage *message, unsigned depth, struct fault *why);

static int check_string(const ProtobufCFieldDescriptor *field, const char *text, struct fault *why)
{
	struct span s = span_text(text);
	size_t most =
		limit_of(string_limits, COUNTOF(string_limits), field->name, MESSAGE_TEXT_MAX);

	if (s.len > most)
		return fault_set(why, E_LIMIT, "%s: %zu octets long, the most is %zu", field->name,
			s.len, most);
	if (!utf8_is_text(s))
		return fault_set(
			why, E_PARSE, "%s: not one line of plain text in UTF-8", field->name);
	return 0;
}

/* Addresses or message ids: sixteen bytes, or none; or many networks. */
static int check_bytes(
	const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes, struct fault *why)
{
	if (strcmp(field->name, "nets") == 0 && bytes->len % MESSAGE_NET_SIZE == 0 &&
		bytes->len <= (size_t)MESSAGE_NETS_MAX * MESSAGE_NET_SIZE)
		return 0;
	if (bytes->len == 0 || bytes->len == MESSAGE_ID_SIZE)
		return 0;
	return fault_set(why, E_PARSE, "field '%s' has %zu bytes, not %s", field->name, bytes->len,
		strcmp(field->name, "nets") == 0 ? "as many as networks have" : "16");
}

static int check_value(
	const ProtobufCFieldDescriptor *field, const void *value, unsigned depth, struct fault *why)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return check_string(field, *(const char *const *)value, why);
	case PROTOBUF_C_TYPE_BYTES:
		return check_bytes(field, value, why);
	case PROTOBUF_C_TYPE_MESSAGE:
		return check_message(*(const ProtobufCMessage *const *)value, depth + 1, why);
	default:
		return 0; /* numbers: judged by those who use them */
	}
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 0; /* repeated numbers hold nothing to check */
	}
}

static int check_repeated(const ProtobufCFieldDescriptor *field, const uint8_t *message,
	unsigned depth, struct fault *why)
{
	size_t count = *(const size_t *)(const void *)(message + field->quantifier_offset);
	const uint8_t *values = *(const uint8_t *const *)(const void *)(message + field->offset);
	size_t most = limit_of(count_limits, COUNTOF(count_limits), field->name, REPEATED_DEFAULT);
	size_t size = value_size(field);

	if (count > most)
		return fault_set(why, E_LIMIT, "field '%s' has %zu values, the most is %zu",
			field->name, count, most);
	for (size_t i = 0; size != 0 && i < count; i++) {
		int r = check_value(field, values + i * size, depth, why);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool field_is_unset(const ProtobufCFieldDescriptor *field, const uint8_t *message)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	       *(const uint32_t *)(const void *)(message + field->quantifier_offset) != field->id;
}

static int check_message(const ProtobufCMessage *message, unsigned depth, struct fault *why)
{
	const uint8_t *bytes = (const uint8_t *)message;

	if (message == NULL)
		return 0;
	if (depth > DEPTH_MAX)
		return fault_set(why, E_LIMIT, "messages are nested too deeply");
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		int r;

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			r = check_repeated(field, bytes, depth, why);
		else if (field_is_unset(field, bytes))
			continue;
		else
			r = check_value(field, bytes + field->offset, depth, why);
		if (r < 0)
			return r;
	}
	return 0;
}

int message_check(const ProtobufCMessage *message, struct fault *why)
{
	return check_message(message, 0, why);
}
