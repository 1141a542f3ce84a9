/* SPDX-License-Identifier: ISC */
#include "rbldata/question.h"

#include "base/err.h"

enum { V4_LABELS = 4, V6_LABELS = 32 };

static bool octet_read(struct span label, uint32_t *ret_octet)
{
	uint32_t octet = 0;

	if (label.len == 0 || label.len > 3)
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!ascii_is_digit(label.ptr[i]))
			return false;
		octet = octet * 10 + (uint32_t)(label.ptr[i] - '0');
	}
	*ret_octet = octet;
	return octet <= 255;
}

struct span rbl_question_label(const struct rbl_question *question, unsigned i)
{
	size_t at = question->starts[i];

	return span_of(question->name.ptr + at + 1, question->name.ptr[at]);
}

bool rbl_question_v4(const struct rbl_question *question, uint32_t *ret_first)
{
	uint32_t address = 0, octet;

	if (question->labels > V4_LABELS)
		return false;
	for (unsigned i = question->labels, shift = 24; i-- > 0; shift -= 8) {
		if (!octet_read(rbl_question_label(question, i), &octet))
			return false;
		address |= octet << shift;
	}
	*ret_first = address;
	return true;
}

bool rbl_question_v6(const struct rbl_question *question, struct ip *ret_first)
{
	struct ip address = {{0}};

	if (question->labels > V6_LABELS)
		return false;
	for (unsigned i = question->labels, at = 0; i-- > 0; at++) {
		struct span label = rbl_question_label(question, i);

		if (label.len != 1 || !ascii_is_hex(label.ptr[0]))
			return false;
		address.b[at / 2] |=
			(uint8_t)(ascii_hex_value(label.ptr[0]) << (at % 2 == 0 ? 4 : 0));
	}
	*ret_first = address;
	return true;
}

/* RFC 3056 section 2 and RFC 4291 section 2.5.5.2: addresses of IPv6 that stand for one of IPv4. */
static void v4_inside(struct rbl_question *question)
{
	const uint8_t *b = question->v6.b;

	if (b[0] == 0x20 && b[1] == 0x02) {
		question->v4 = octets_u32(b + 2);
		question->has_v4 = true;
	} else if (ip_is_v4(question->v6)) {
		question->v4 = octets_u32(b + 12);
		question->has_v4 = true;
		question->has_v6 = false;
	}
}

static void read_address(struct rbl_question *question, unsigned kinds)
{
	question->has_v4 = question->has_v6 = false;
	if ((kinds & (RBL_KIND_V4 | RBL_KIND_V6)) == 0)
		return;
	if (question->labels == V4_LABELS)
		question->has_v4 = rbl_question_v4(question, &question->v4);
	else if (question->labels == V6_LABELS)
		question->has_v6 = rbl_question_v6(question, &question->v6);
	if (question->has_v6 && (kinds & RBL_KIND_V4) != 0)
		v4_inside(question);
}

static void read_as(struct rbl_question *question, unsigned kinds)
{
	read_address(question, kinds);
	question->key_len = (kinds & RBL_KIND_NAME) != 0
				    ? rbl_name_key(question->name, question->key)
				    : E_PARSE;
}

void rbl_question_init(
	struct rbl_question *question, struct span name, unsigned kinds, unsigned want)
{
	question->name = name;
	question->labels = 0;
	question->want = want;
	question->reply = RBL_REPLY_DATA;
	for (size_t at = 0; at < name.len && question->labels < RBL_NAME_LABELS;) {
		question->starts[question->labels++] = (uint8_t)at;
		at += 1 + (size_t)name.ptr[at];
	}
	read_as(question, kinds);
}

void rbl_question_below(const struct rbl_question *question, unsigned labels, unsigned kinds,
	struct rbl_question *ret_question)
{
	ret_question->labels = question->labels - labels;
	ret_question->name = span_first(question->name,
		labels != 0 ? question->starts[ret_question->labels] : question->name.len);
	memcpy(ret_question->starts, question->starts, ret_question->labels);
	ret_question->want = question->want;
	ret_question->reply = question->reply;
	read_as(ret_question, kinds);
}
