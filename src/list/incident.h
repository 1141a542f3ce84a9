/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The incident number: 55 bits as 11 Crockford base32 characters and a Luhn mod 32 check
 * character, shown as XXXX-XXXX-XXXX. Twelve bits say in which week it was given out, so that one
 * that is too old to be known is told from one that never was; 43 are random. The same number
 * stands in the SMTP text, the log, the page, the API and mails. Pure but for incident_number_new;
 * any thread.
 */
#include "base/err.h"
#include "base/span.h"

enum { INCIDENT_TEXT_SIZE = 15 };

/* A value of 0 is no incident. */
uint64_t incident_number_new(int64_t now_s);
/* When the week of it ended. Weeks come again after 78 years. */
int64_t incident_number_week_end_s(uint64_t number);
const char *incident_number_print(uint64_t number, char text[INCIDENT_TEXT_SIZE]);

/* Ignores case, hyphens and blanks, folds O to 0 and I, L to 1. E_PARSE: not of that form;
 * E_CHECKSUM: the form is right and the check character is not: "a character seems mistyped". */
int incident_number_parse(struct span s, uint64_t *ret_number);
