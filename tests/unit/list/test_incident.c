/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "list/incident.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char *const examples[] = {"7K3M-9QXT-2FHH", "2B8N-0CWR-D6YJ", "H5V1-TZ4E-J9AM"};

static void the_examples_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(examples); i++) {
		char text[INCIDENT_TEXT_SIZE];
		uint64_t number = 0;

		assert_int_equal(incident_number_parse(span_text(examples[i]), &number), 0);
		assert_string_equal(incident_number_print(number, text), examples[i]);
	}
}

static void people_may_write_it_their_way(void **state)
{
	static const char *const same[] = {"2B8N-OCWR-D6YJ", "2b8n0cwrd6yj", " 2b8n ocwr-d6yj ",
		"2-B-8-N-0-C-W-R-D-6-Y-J", "2B8N\t0CWR\tD6YJ"};
	uint64_t wanted;

	(void)state;
	assert_int_equal(incident_number_parse(span_text("2B8N-0CWR-D6YJ"), &wanted), 0);
	for (size_t i = 0; i < COUNTOF(same); i++) {
		uint64_t number = 0;

		assert_int_equal(incident_number_parse(span_text(same[i]), &number), 0);
		assert_true(number == wanted);
	}
	assert_int_equal(incident_number_parse(span_text("h5vltz4ej9am"), &wanted), 0);
	assert_int_equal(incident_number_parse(span_text("h5vitz4ej9am"), &wanted), 0);
}

static void every_single_error_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(examples); i++) {
		for (size_t place = 0; place < strlen(examples[i]); place++) {
			char text[INCIDENT_TEXT_SIZE];

			strcpy(text, examples[i]);
			if (text[place] == '-')
				continue;
			for (const char *c = alphabet; *c != '\0'; c++) {
				uint64_t number = 42;

				text[place] = *c;
				if (*c == examples[i][place])
					continue;
				assert_int_equal(incident_number_parse(span_text(text), &number),
					E_CHECKSUM);
				assert_true(number == 42);
			}
		}
	}
}

static void other_forms_are_malformed(void **state)
{
	static const char *const bad[] = {"", "-", "7K3M-9QXT-2FH", "7K3M-9QXT-2FHH7",
		"7U3M-9QXT-2FHH", "7K3M_9QXT_2FHH", "0000-0000-0000", "7K3M-9QXT-2FH\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		uint64_t number = 42;

		assert_int_equal(incident_number_parse(span_text(bad[i]), &number), E_PARSE);
		assert_true(number == 42);
	}
}

static void new_numbers_differ_and_come_back(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[INCIDENT_TEXT_SIZE];
		uint64_t number = incident_number_new(1800000000), back = 0;

		assert_true(number != 0 && number >> 55 == 0 && number != last);
		last = number;
		incident_number_print(number, text);
		assert_int_equal(incident_number_parse(span_text(text), &back), 0);
		assert_true(back == number);
	}
}

static void a_number_says_in_which_week_it_was_given_out(void **state)
{
	static const int64_t times_s[] = {
		0, 1767225600, 1800000000, INT64_C(1800000000) + INT64_C(31557600) * 50};

	(void)state;
	for (size_t i = 0; i < COUNTOF(times_s); i++) {
		int64_t end_s = incident_number_week_end_s(incident_number_new(times_s[i]));
		int64_t time_s = times_s[i] > 1767225600 ? times_s[i] : 1767225600;

		assert_true(time_s < end_s && end_s <= time_s + 7 * 86400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_parse_and_print),
		cmocka_unit_test(a_number_says_in_which_week_it_was_given_out),
		cmocka_unit_test(people_may_write_it_their_way),
		cmocka_unit_test(every_single_error_is_noticed),
		cmocka_unit_test(other_forms_are_malformed),
		cmocka_unit_test(new_numbers_differ_and_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
