/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Names below which anybody registers domains: "com", "co.uk", "kawasaki.jp" (the ICANN section of
 * the Public Suffix List, publicsuffix.org, by libpsl). What one owner gives out below a domain of
 * his own ("blogspot.com", the private section) is no such name here: he registered it, and answers
 * for it. Any thread.
 */
#include "base/span.h"

/* Reads the machine's list, or takes the one that libpsl brings when that is newer or the only one.
 * It is done by the first call of the other function too, which is too late in a jail. */
void public_suffix_load(void);

/* domain: A-labels in small letters, without a dot at either end; an address is no domain. Names of
 * one label are suffixes, whether the list has them or not. */
bool public_suffix_is(struct span domain);

/* What somebody registered of domain: the label below its public suffix and that ("example.co.uk"
 * of "mx.example.co.uk"). Empty for a public suffix. */
struct span public_suffix_owner(struct span domain);
