/* SPDX-License-Identifier: ISC */
#include "list/incident.h"

#include <errno.h>
#include <sys/random.h>

#include "base/macro.h"

/*
 * Luhn mod 32: from the right, every second digit is doubled; a doubled value of 32 or more counts
 * as the sum of its two digits to the base 32. The sum of a valid number, check character included,
 * is a multiple of 32. Doubling permutes the 32 digits, so each single wrong character changes the
 * sum.
 */
enum {
	DIGITS = 12, /* the check character is the last */
	DIGIT_BITS = 5,
	BASE = 1 << DIGIT_BITS,
	WEEK_BITS = 12,
	RANDOM_BITS = (DIGITS - 1) * DIGIT_BITS - WEEK_BITS,
	WEEK_S = 7 * 86400,
};

static const int64_t first_week_s = 1767225600; /* 2026-01-01 */
static const uint64_t random_mask = (UINT64_C(1) << RANDOM_BITS) - 1;
static const char alphabet[BASE + 1] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static unsigned digits_sum(const uint8_t digits[DIGITS])
{
	unsigned sum = 0;

	for (unsigned i = 0; i < DIGITS; i++) {
		unsigned value = (unsigned)digits[DIGITS - 1 - i] << (i % 2);

		sum += value / BASE + value % BASE;
	}
	return sum % BASE;
}

static int digit_of(uint8_t byte)
{
	uint8_t lower = ascii_lower(byte);

	if (lower == 'o')
		return 0;
	if (lower == 'i' || lower == 'l')
		return 1;
	for (int i = 0; i < BASE; i++) {
		if (ascii_lower((uint8_t)alphabet[i]) == lower)
			return i;
	}
	return -1;
}

uint64_t incident_number_new(int64_t now_s)
{
	uint64_t weeks = now_s > first_week_s ? (uint64_t)((now_s - first_week_s) / WEEK_S) : 0;
	uint64_t number = 0;

	while ((number & random_mask) == 0) {
		ssize_t got = getrandom(&number, sizeof(number), 0);

		ASSERT(got == (ssize_t)sizeof(number) || (got < 0 && errno == EINTR));
		if (got < 0)
			number = 0;
	}
	return (number & random_mask) | weeks % (1 << WEEK_BITS) << RANDOM_BITS;
}

int64_t incident_number_week_end_s(uint64_t number)
{
	return first_week_s + (int64_t)((number >> RANDOM_BITS) + 1) * WEEK_S;
}

const char *incident_number_print(uint64_t number, char text[INCIDENT_TEXT_SIZE])
{
	uint8_t digits[DIGITS] = {0};
	char *end = text;

	for (unsigned i = 0; i < DIGITS - 1; i++)
		digits[i] = (uint8_t)(number >> ((DIGITS - 2 - i) * DIGIT_BITS) & (BASE - 1));
	digits[DIGITS - 1] = (uint8_t)((BASE - digits_sum(digits)) % BASE);
	for (unsigned i = 0; i < DIGITS; i++) {
		if (i != 0 && i % 4 == 0)
			*end++ = '-';
		*end++ = alphabet[digits[i]];
	}
	*end = '\0';
	return text;
}

int incident_number_parse(struct span s, uint64_t *ret_number)
{
	uint8_t digits[DIGITS];
	unsigned count = 0;
	uint64_t number = 0;

	for (size_t i = 0; i < s.len; i++) {
		int digit;

		if (s.ptr[i] == '-' || s.ptr[i] == ' ' || s.ptr[i] == '\t')
			continue;
		digit = digit_of(s.ptr[i]);
		if (digit < 0 || count == DIGITS)
			return E_PARSE;
		digits[count++] = (uint8_t)digit;
	}
	if (count != DIGITS)
		return E_PARSE;
	if (digits_sum(digits) != 0)
		return E_CHECKSUM;
	for (unsigned i = 0; i < DIGITS - 1; i++)
		number = number << DIGIT_BITS | digits[i];
	if (number == 0)
		return E_PARSE;
	*ret_number = number;
	return 0;
}
