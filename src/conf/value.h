/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What single words of the configuration and of the command line mean. All of the span has to fit;
 * *why says what was expected, with the word quoted. Pure; any thread. E_PARSE, E_RANGE.
 */
#include "conf/conf.h"

/* "90s", "5m", "24h", "30d", "2w", "2y" (365 days), "250ms", or "0". */
int duration_parse(struct span s, int64_t *ret_ms, struct fault *why);

enum { DURATION_TEXT_SIZE = 24 };

/* The shortest exact form: "90s", "5m", "1d". */
const char *duration_print(int64_t ms, char text[DURATION_TEXT_SIZE]);

/* "65536", "64K", "50M", "1G": powers of 1024. */
int size_parse(struct span s, uint64_t *ret_size, struct fault *why);
const char *size_print(uint64_t size, char text[DURATION_TEXT_SIZE]);

/* "1/1000", "all" (1), "off" (0): one in N. */
int sample_parse(struct span s, unsigned *ret_each, struct fault *why);
const char *sample_print(unsigned each, char text[DURATION_TEXT_SIZE]);

/* One letter or digits only: below a zone that is a nibble or octet of a reversed address (RFC 5782
 * section 2). */
bool label_is_of_address(const char *label);

/* Printable ASCII only: what may stand in replies and records. */
bool text_is_ascii(const char *text);

/* A full DNS name in text form: labels of letters, digits, hyphens and underscores, at least two,
 * the last not of digits only, no dot at the end (RFC 1123 section 2.1, RFC 1035 section 2.3.4). */
int domain_check(struct span s, struct fault *why);

/* "name@domain" (RFC 5321 section 4.1.2 without quoting). */
int mailbox_check(struct span s, struct fault *why);

/* "http://..." or "https://..." with a host, printable ASCII without blanks, quotes and angle
 * brackets. */
int url_check(struct span s, struct fault *why);

/* The name of a list, sublist or policy: 1 to 32 of a-z, 0-9 and "-", beginning and ending with a
 * letter or digit. */
int name_check(struct span s, struct fault *why);
