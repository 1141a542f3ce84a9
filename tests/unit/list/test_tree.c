/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "list/overlay.h"
#include "list/random.h"

/*
 * The overlay beside an array that holds, for each of a few thousand addresses, the number of the
 * change that painted it last. Enough changes that the tree grows several levels high, and shrinks
 * again.
 */
enum { PLACES = 1 << 16, STEPS = 20000, KEPT = 8, BASE = 0x0a000000 };

static int painted[PLACES];

static struct hit hit_of(unsigned number, char text[16])
{
	snprintf(text, 16, "%u", number);
	return (struct hit){
		.sublist = (uint8_t)(number % 3), .until_s = number, .reason = span_text(text)};
}

static void paint(struct overlay *overlay, struct source source, unsigned number)
{
	char text[16];
	struct hit hit = hit_of(number, text);
	struct delta_piece piece = {.source = source, .hits_len = number % 4 != 0, .hits = &hit};
	const struct delta_piece *pieces = &piece;
	struct overlay_change change = {&pieces, 1, 3, number};
	struct overlay next = {NULL, NULL};

	assert_int_equal(overlay_paint(overlay, &change, &next, NULL), 0);
	overlay_done(overlay);
	*overlay = next;
}

static void check_answer(const struct answer *answer, unsigned number)
{
	char text[16];
	struct hit hit = hit_of(number, text);

	assert_non_null(answer);
	assert_int_equal(answer->serial, number);
	assert_int_equal(answer->len, number % 4 != 0);
	if (answer->len == 0)
		return;
	assert_int_equal(answer->hits[0].sublist, hit.sublist);
	assert_true(span_equal(answer->hits[0].reason, hit.reason));
}

static void check_places(const struct overlay *overlay, const int *expected)
{
	for (unsigned i = 0; i < PLACES; i++) {
		const struct answer *answer = overlay_ip(overlay, key_of_ip(ip_from_v4(BASE + i)));

		if (expected[i] == 0)
			assert_null(answer);
		else
			check_answer(answer, (unsigned)expected[i]);
	}
}

/* Every range once, in order; and by mask only those that have it. */
static void check_ranges(const struct overlay *overlay, uint32_t mask, const int *expected)
{
	struct over_range range;
	u128 key = 0;
	uint32_t place = 0;

	while (overlay_range_from(overlay, key, mask, &range)) {
		uint32_t first = ip_to_v4(key_to_ip(range.first)) - BASE;
		uint32_t last = ip_to_v4(key_to_ip(range.last)) - BASE;

		for (; place < first; place++) {
			unsigned number = (unsigned)expected[place];

			assert_true(
				number == 0 ||
				(mask != 0 && (number % 4 == 0 || (mask >> number % 3 & 1) == 0)));
		}
		for (; place <= last; place++)
			assert_int_equal(range.answer->serial, expected[place]);
		key = range.last + 1;
	}
}

static struct source random_place(unsigned *ret_first, unsigned *ret_len)
{
	unsigned bits = random_below(200) == 0 ? 16 + random_below(8) : 24 + random_below(9);
	struct prefix net;

	bits = bits < 24 || random_below(3) == 0 ? bits : 32;
	net = prefix_of(ip_from_v4(BASE + random_below(PLACES)), IP_V4_BITS + bits);
	*ret_first = ip_to_v4(net.ip) - BASE;
	*ret_len = 1u << (32 - bits);
	return (struct source){.kind = SOURCE_NET, .net = net};
}

static void ranges_hold_what_was_painted_last(void **state)
{
	static int kept_places[KEPT][PLACES];
	struct overlay kept[KEPT], overlay = {NULL, NULL};

	(void)state;
	memset(painted, 0, sizeof(painted));
	for (unsigned number = 1; number <= STEPS; number++) {
		unsigned first, len;
		struct source source = random_place(&first, &len);

		paint(&overlay, source, number);
		for (unsigned i = first; i < first + len; i++)
			painted[i] = (int)number;
		if (number % (STEPS / KEPT) == 0) {
			unsigned i = number / (STEPS / KEPT) - 1;

			check_places(&overlay, painted);
			check_ranges(&overlay, 0, painted);
			check_ranges(&overlay, 2, painted);
			kept[i] = overlay_copy(&overlay);
			memcpy(kept_places[i], painted, sizeof(painted));
		}
	}
	overlay_done(&overlay);
	for (unsigned i = 0; i < KEPT; i++) { /* old ones say what they said */
		check_places(&kept[i], kept_places[i]);
		overlay_done(&kept[i]);
	}
}

static void only_what_is_newer_is_kept(void **state)
{
	struct overlay overlay = {NULL, NULL};

	(void)state;
	memset(painted, 0, sizeof(painted));
	for (unsigned number = 1; number <= STEPS; number++) {
		unsigned first, len;
		struct source source = random_place(&first, &len);

		paint(&overlay, source, number);
		for (unsigned i = first; i < first + len; i++)
			painted[i] = (int)number;
	}
	for (unsigned serial = STEPS / 2; serial <= STEPS; serial += STEPS / 4) {
		struct overlay newer = overlay_newer(&overlay, serial);

		for (unsigned i = 0; i < PLACES; i++)
			painted[i] = painted[i] > (int)serial ? painted[i] : 0;
		check_places(&newer, painted);
		check_ranges(&newer, 0, painted);
		assert_true(serial < STEPS || overlay_is_empty(&newer));
		overlay_done(&newer);
	}
	overlay_done(&overlay);
}

/* A wide network paints over all at once, in any number of leaves. */
static void one_wide_piece_takes_the_place_of_many(void **state)
{
	struct overlay overlay = {NULL, NULL};
	struct over_range range;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		paint(&overlay, source_of_key(key_of_ip(ip_from_v4(BASE + 3 * i))), i + 1);
	assert_int_equal(overlay_size(&overlay), 5000);
	paint(&overlay, source_of_text("10.0.16.0/20"), 6000);
	assert_int_equal(overlay_size(&overlay), 5000 - 1365 + 1);
	paint(&overlay, source_of_text("0.0.0.0/0"), 6001);
	assert_int_equal(overlay_size(&overlay), 1);
	paint(&overlay, source_of_text("192.0.2.1"), 6002);
	assert_int_equal(overlay_size(&overlay), 3);
	assert_true(overlay_range_from(&overlay, key_v4_first, 0, &range));
	assert_int_equal(range.answer->serial, 6001);
	assert_true(range.last == key_of_ip(ip_from_v4(0xc0000200)));
	overlay_done(&overlay);
}

/* Keys that differ late, so that the numbers in the tree are equal and the names themselves have to
 * be compared. */
static void names_that_begin_alike_are_told_apart(void **state)
{
	struct overlay overlay = {NULL, NULL};
	enum { NAMES = 3000 };

	(void)state;
	for (unsigned i = 0; i < NAMES; i++) {
		struct source source = {.kind = SOURCE_DOMAIN};
		unsigned number = i * 7919 % NAMES;

		snprintf(source.domain, sizeof(source.domain),
			"%s%u.a-rather-long-label-of-thirty-odd-octets.example",
			i % 2 == 0 ? "." : "", number);
		paint(&overlay, source, number + 1);
	}
	assert_int_equal(overlay_size(&overlay), NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		char text[DOMAIN_SIZE];
		uint8_t bytes[NAME_KEY_SIZE];
		int len;

		snprintf(text, sizeof(text), "%u.a-rather-long-label-of-thirty-odd-octets.example",
			i);
		len = name_key(span_text(text), bytes);
		check_answer(overlay_name(&overlay, span_of(bytes, (size_t)len)), i + 1);
	}
	paint(&overlay, source_of_text(".example"), 1);
	assert_int_equal(overlay_size(&overlay), 1);
	overlay_done(&overlay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_hold_what_was_painted_last),
		cmocka_unit_test(only_what_is_newer_is_kept),
		cmocka_unit_test(one_wide_piece_takes_the_place_of_many),
		cmocka_unit_test(names_that_begin_alike_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
