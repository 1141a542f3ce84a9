/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "catalogue/catalogue.h"

enum { VALUE_LONG = 2000, PLACEHOLDERS_MAX = 8, REPLY_MAX = 510 };

static char long_value[VALUE_LONG];

/* The names between braces in a text, each with the same value. */
static size_t placeholders(const char *text, struct span value, struct refusal_value *values,
	char names[PLACEHOLDERS_MAX][32])
{
	size_t count = 0;

	for (const char *open = strchr(text, '{'); open != NULL; open = strchr(open + 1, '{')) {
		size_t len = (size_t)(strchr(open, '}') - open - 1);

		assert_true(count < PLACEHOLDERS_MAX);
		snprintf(names[count], sizeof(names[count]), "%.*s", (int)len, open + 1);
		values[count] = (struct refusal_value){names[count], value};
		count++;
	}
	return count;
}

static const char *print_filled(enum refusal_id id, struct span value, struct buf *buf)
{
	struct refusal_value values[PLACEHOLDERS_MAX];
	char names[PLACEHOLDERS_MAX][32];
	size_t count = placeholders(refusal_get(id)->text, value, values, names);

	buf_clear(buf);
	refusal_print(id, values, count, buf);
	return buf_cstr(buf);
}

static void every_reply_fits_whatever_the_values(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	memset(long_value, 'x', sizeof(long_value));
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const char *line =
			print_filled((enum refusal_id)id, span_of(long_value, VALUE_LONG), &buf);
		size_t room = 0;

		assert_true(strlen(line) <= REPLY_MAX);
		/* nothing was cut: the length is that of the text with each value at its cap */
		for (const char *p = refusal_get((enum refusal_id)id)->text; *p != '\0'; p++) {
			if (*p == '{') {
				const char *end = strchr(p, '}');

				room += refusal_cap(span_of(p + 1, (size_t)(end - p - 1)));
				p = end;
			} else {
				room++;
			}
		}
		assert_int_equal(strlen(line),
			room + 5 + strlen(refusal_get((enum refusal_id)id)->enhanced));
	}
	buf_done(&buf);
}

static void every_reply_is_one_line_of_ascii(void **state)
{
	static const char hostile[] = "a\r\n250 ok\xc3\xbc\x7f\x1b[2J\0b";
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const char *line = print_filled(
			(enum refusal_id)id, span_of(hostile, sizeof(hostile) - 1), &buf);

		assert_int_equal(strlen(line), buf_len(&buf));
		for (const char *p = line; *p != '\0'; p++)
			assert_true(isprint((unsigned char)*p));
	}
	buf_done(&buf);
}

static void codes_agree_and_are_refusals(void **state)
{
	(void)state;
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const struct refusal *r = refusal_get((enum refusal_id)id);
		unsigned class, subject, detail;
		char rest;

		assert_true((r->code >= 400 && r->code < 600));
		assert_int_equal(
			sscanf(r->enhanced, "%u.%u.%u%c", &class, &subject, &detail, &rest), 3);
		assert_int_equal(class, r->code / 100); /* RFC 3463 section 2 */
		assert_int_equal(refusal_find(span_text(r->key)), id);
	}
	assert_int_equal(refusal_find(span_text("no-such")), E_ABSENT);
}

static void the_address_of_the_page_stands_last_without_a_full_stop(void **state)
{
	static const char last[] = "{url}";

	(void)state;
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const char *text = refusal_get((enum refusal_id)id)->text;
		const char *url = strstr(text, last);

		if (url != NULL)
			assert_string_equal(url, last);
		assert_true(text[strlen(text) - 1] != '.');
	}
}

/* Who reads it is mostly not who did it; and temporary trouble is never the reader's fault. */
static void no_text_accuses(void **state)
{
	static const char *const words[] = {"spammer", "guilty", "illegal", "abuser", "your fault",
		"criminal", "malicious", "hacker", "bad reputation"};

	(void)state;
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		char text[512];
		size_t i;

		snprintf(text, sizeof(text), "%s", refusal_get((enum refusal_id)id)->text);
		for (i = 0; text[i] != '\0'; i++)
			text[i] = (char)tolower((unsigned char)text[i]);
		for (i = 0; i < COUNTOF(words); i++)
			assert_null(strstr(text, words[i]));
	}
}

static void dns_trouble_is_temporary_in_every_text(void **state)
{
	(void)state;
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const struct refusal *r = refusal_get((enum refusal_id)id);

		if (strstr(r->text, "DNS error") != NULL || strstr(r->text, "Our fault") != NULL)
			assert_true(r->code / 100 == 4);
	}
}

static void a_value_is_cut_at_its_cap_and_a_missing_one_shows(void **state)
{
	struct refusal_value values[] = {{"helo", span_text("friend")},
		{"url", span_text("https://mail.example.org/why/7K3M-9QXT-2FHH")}};
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	refusal_print(REFUSAL_HELO_BAD, values, 2, &buf);
	assert_string_equal(buf_cstr(&buf),
		"550 5.7.1 Helo command rejected: need fully-qualified hostname; 'friend' is not one. Use your mail server's full "
		"DNS name: https://mail.example.org/why/7K3M-9QXT-2FHH");
	buf_clear(&buf);
	refusal_print(REFUSAL_NO_PTR, NULL, 0, &buf);
	assert_string_equal(buf_cstr(&buf),
		"550 5.7.25 Client host rejected: fix reverse DNS for ?, which has no PTR record. How to: ?");
	buf_done(&buf);
}

static void every_check_has_words_and_a_refusal(void **state)
{
	(void)state;
	for (int id = 0; id < CHECK_COUNT; id++) {
		const struct check_words *words = check_words_get((enum check_id)id);

		assert_int_equal(check_find(span_text(words->key)), id);
		assert_true(refusal_find(span_text(words->key)) >= 0);
		assert_true(words->title[0] != '\0' && words->meaning[0] != '\0');
		assert_int_equal(words->meaning[strlen(words->meaning) - 1], '.');
		assert_int_equal(words->remedy[strlen(words->remedy) - 1], '.');
	}
	assert_int_equal(check_find(span_text("no-such-check")), E_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_fits_whatever_the_values),
		cmocka_unit_test(every_reply_is_one_line_of_ascii),
		cmocka_unit_test(codes_agree_and_are_refusals),
		cmocka_unit_test(the_address_of_the_page_stands_last_without_a_full_stop),
		cmocka_unit_test(no_text_accuses),
		cmocka_unit_test(dns_trouble_is_temporary_in_every_text),
		cmocka_unit_test(a_value_is_cut_at_its_cap_and_a_missing_one_shows),
		cmocka_unit_test(every_check_has_words_and_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
