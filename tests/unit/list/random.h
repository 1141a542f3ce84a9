/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Random lists that nest, touch and repeat, random changes to them, and the questions that show
 * every difference.
 */
#include "base/serial.h"
#include "list/model.h"

enum { ASKED_MAX = 16384, LIST = 1 };

/* ---- Random sources: few bits vary, so that they nest, touch and repeat ---- */

static inline struct source random_net(void)
{
	static const char *const corners[] = {"0.0.0.0", "255.255.255.255", "0.0.0.0/0", "::/0",
		"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "128.0.0.0/1", "::/64",
		"::fffe:0:0/96", "::/80", "10.0.0.0/8", "2001:db8::/32",
		"ffff:ffff:ffff:ffff::/64"};
	struct prefix net;
	struct source source;
	uint32_t kind = random_below(16);

	if (kind == 0)
		return source_of_text(corners[random_below(COUNTOF(corners))]);
	if (kind < 8) {
		uint32_t address = 0x0a000000 | random_below(4) << 14 | random_below(3) << 7 |
				   random_below(16);
		unsigned bits = random_below(3) == 0 ? 8 + random_below(25) : 24 + random_below(9);

		net = prefix_of(ip_from_v4(address), IP_V4_BITS + bits);
	} else {
		u128 key = (u128)0x20010db800000000 << 64 | (u128)random_below(4) << 78 |
			   (u128)random_below(4) << 64 | (u128)random_below(2) << 63 |
			   random_below(16);
		static const uint8_t lengths[] = {16, 32, 48, 56, 60, 63, 64, 64, 64, 64, 65, 80,
			112, 120, 126, 127, 128, 128, 128, 128};

		net = prefix_of(key_to_ip(key), lengths[random_below(COUNTOF(lengths))]);
	}
	source = (struct source){.kind = SOURCE_NET, .net = net};
	return source;
}

static inline struct source random_domain(void)
{
	static const char *const labels[] = {"a", "b", "ab", "a-b"};
	char text[64] = "";
	uint32_t count = 1 + random_below(4);

	if (random_below(2) == 0)
		strcat(text, ".");
	for (uint32_t i = 0; i < count; i++) {
		strcat(text, labels[random_below(COUNTOF(labels))]);
		if (i + 1 < count)
			strcat(text, ".");
	}
	return source_of_text(text);
}

static inline struct list_entry random_entry(void)
{
	static const char *const reasons[] = {"", "1 trap hit", "2 trap hits", "by hand"};

	return (struct list_entry){
		.source = random_below(4) == 0 ? random_domain() : random_net(),
		.sublist = (uint8_t)random_below(MODEL_SUBLISTS),
		.excluded = random_below(4) == 0,
		.until_s = random_below(4) == 0 ? 0 : INT64_C(5000000000) + random_below(3),
		.reason = span_text(reasons[random_below(COUNTOF(reasons))]),
	};
}

/* ---- Questions: answers can change only at the ends of entries, so these are asked, and their
 * neighbours ---- */

struct questions {
	u128 keys[ASKED_MAX];
	size_t len;
};

static inline void ask_around(struct questions *questions, struct prefix net)
{
	u128 first = key_of_ip(net.ip), last = key_last(first, net.bits);

	assert_true(questions->len + 6 <= ASKED_MAX);
	questions->keys[questions->len++] = first;
	questions->keys[questions->len++] = first - 1;
	questions->keys[questions->len++] = first + 1;
	questions->keys[questions->len++] = last;
	questions->keys[questions->len++] = last + 1;
	questions->keys[questions->len++] = last - 1;
}

static struct questions questions;

static inline void ask_all(const struct model *model)
{
	questions.len = 0;
	for (size_t i = 0; i < model->len; i++) {
		if (model->entries[i].source.kind == SOURCE_NET)
			ask_around(&questions, model->entries[i].source.net);
	}
	ask_around(&questions, prefix_of(key_to_ip(0), 0));
	ask_around(&questions, prefix_of(key_to_ip(key_v4_first), IP_V4_BITS));
}

static inline void fill(struct model *model, size_t count)
{
	model->len = 0;
	for (size_t i = 0; i < count; i++)
		model_add(model, random_entry());
}

/* One random change, and the delta the keeper would send. */
static inline struct source change(struct model *model)
{
	struct source source;

	if (model->len != 0 && random_below(2) == 0) {
		size_t i = random_below((uint32_t)model->len);

		source = model->entries[i].source;
		model->entries[i] = model->entries[--model->len];
		return source;
	}
	model_add(model, random_entry());
	return model->entries[model->len - 1].source;
}

static inline void apply_change(
	const struct model *model, const struct source *source, struct view **view)
{
	AUTO(arena) *arena = arena_new(0);
	struct delta delta = {
		.from_serial = view_serial(*view), .to_serial = serial_after(view_serial(*view))};
	struct delta_pieces pieces = {0};
	struct view *next = NULL;

	assert_int_equal(paint_pieces(&(struct repaint){span_text("main"), source, model->entries,
					      model->len, 100000},
				 arena, &pieces),
		0);
	delta.pieces = pieces.items;
	delta.pieces_len = pieces.len;
	assert_int_equal(view_apply(*view, &delta, &next, NULL), 0);
	assert_int_equal(view_serial(next), delta.to_serial);
	view_free(view);
	*view = next;
}
