/* SPDX-License-Identifier: ISC */
#include "feed/owner.h"

#include "base/hostname.h"
#include "list/source.h"

enum { V6_LABELS = 32, V6_LABELS_LEAST = 4, V4_LABELS = 4 };

int feed_labels_of(struct span key, struct feed_labels *ret_labels, bool *ret_is_wild)
{
	bool is_wild = false;
	unsigned len = 0;

	while (key.len != 0) {
		struct span label = span_split(&key, 0);

		if (is_wild || len == FEED_LABELS_MAX)
			return E_PARSE;
		is_wild = span_equal_text(label, "*");
		if (!is_wild)
			ret_labels->label[len++] = label;
	}
	ret_labels->len = len;
	*ret_is_wild = is_wild;
	return 0;
}

unsigned feed_labels_common(const struct feed_labels *a, const struct feed_labels *b)
{
	unsigned common = 0;

	while (common < a->len && common < b->len && span_equal(a->label[common], b->label[common]))
		common++;
	return common;
}

/* One form only: "007" is another name than "7", and none that anybody asks for. */
static bool label_octet(struct span label, uint8_t *ret_octet)
{
	uint64_t value;

	if (label.len == 0 || label.len > 3 || (label.len > 1 && label.ptr[0] == '0') ||
		span_parse_u64(label, 255, &value) < 0)
		return false;
	*ret_octet = (uint8_t)value;
	return true;
}

bool feed_net_v4(const struct feed_labels *labels, unsigned len, struct prefix *ret_net)
{
	uint8_t octets[V4_LABELS] = {0};

	if (len == 0 || len > V4_LABELS)
		return false;
	for (unsigned i = 0; i < len; i++) {
		if (!label_octet(labels->label[i], &octets[i]))
			return false;
	}
	*ret_net = prefix_of(ip_from_v4(octets_u32(octets)), IP_V4_BITS + 8 * len);
	return true;
}

bool feed_net_v6(const struct feed_labels *labels, unsigned len, struct prefix *ret_net)
{
	struct ip ip = {{0}};

	if (len < V6_LABELS_LEAST || len > V6_LABELS)
		return false;
	for (unsigned i = 0; i < len; i++) {
		struct span label = labels->label[i];
		uint8_t digit;

		if (label.len != 1 || !ascii_is_hex(label.ptr[0]))
			return false;
		digit = ascii_is_digit(label.ptr[0]) ? (uint8_t)(label.ptr[0] - '0')
						     : (uint8_t)(label.ptr[0] - 'a' + 10);
		ip.b[i / 2] = (uint8_t)(ip.b[i / 2] | digit << (i % 2 == 0 ? 4 : 0));
	}
	*ret_net = prefix_of(ip, 4 * len);
	return true;
}

bool feed_domain(const struct feed_labels *labels, unsigned len, char *text)
{
	size_t at = 0;

	for (unsigned i = len; i-- > 0;) {
		if (at + labels->label[i].len + 2 > DOMAIN_SIZE)
			return false;
		if (at != 0)
			text[at++] = '.';
		memcpy(text + at, labels->label[i].ptr, labels->label[i].len);
		at += labels->label[i].len;
	}
	text[at] = '\0';
	return len >= 2 && hostname_labels(span_of(text, at)) == len;
}
