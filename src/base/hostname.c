/* SPDX-License-Identifier: ISC */
#include "base/hostname.h"

static bool is_label(struct span label)
{
	if (label.len == 0 || label.len > HOSTNAME_LABEL_MAX)
		return false;
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		uint8_t byte = label.ptr[i];

		if (!ascii_is_alpha(byte) && !ascii_is_digit(byte) && byte != '-' && byte != '_')
			return false;
	}
	return true;
}

static bool is_number(struct span label)
{
	for (size_t i = 0; i < label.len; i++) {
		if (!ascii_is_digit(label.ptr[i]))
			return false;
	}
	return true;
}

bool hostname_covers(const char *pattern, struct span name)
{
	if (pattern[0] != '.')
		return span_equal_nocase(name, span_text(pattern));
	return span_equal_nocase(name, span_text(pattern + 1)) ||
	       (name.len > strlen(pattern) && span_has_suffix_nocase(name, span_text(pattern)));
}

struct span hostname_without_dot(struct span name)
{
	return name.len != 0 && name.ptr[name.len - 1] == '.' ? span_first(name, name.len - 1)
							      : name;
}

unsigned hostname_labels(struct span name)
{
	struct span rest = name, label = {0};
	unsigned labels = 0;

	/* span_split cannot tell "a." from "a" */
	if (name.len == 0 || name.len > HOSTNAME_MAX || name.ptr[name.len - 1] == '.')
		return 0;
	for (; rest.len != 0; labels++) {
		label = span_split(&rest, '.');
		if (!is_label(label))
			return 0;
	}
	return is_number(label) ? 0 : labels;
}
