/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How many queries somebody has asked in the period that runs: a table of fixed size that all
 * workers share. Nothing is locked; counts are atomic, and two workers that meet in the same place
 * may lose a count, never gain one. Periods begin at multiples of their length since 1970, so that
 * a day is a day of UTC. What was counted is forgotten when the process ends.
 */
#include "base/span.h"

struct dns_quota;

struct dns_quota *dns_quota_new(void);
void dns_quota_free(struct dns_quota **quota);

/* One more query of whoever these octets name; how many they are now. Any thread. */
uint32_t dns_quota_count(struct dns_quota *quota, struct span who, int64_t period_s, int64_t now_s);
