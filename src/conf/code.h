/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a list answers, as a pattern: codes of feeds and filters of foreign lists. Pure; any thread.
 * Results are untouched on failure.
 */
#include "conf/conf.h"

enum { FILTER_WEIGHT_MAX = 100 };

/* "127.0.0.2", "127.0.0.2-11", "127.0.*.1-3"; as postscreen_dnsbl_sites(5) writes it
 * "127.0.0.[2..4;7]"; "127.0.0.&0x06" for a last octet with any bit of 6, and "&0x06" for short. */
int code_parse(struct span s, struct conf_code *ret_code, struct fault *why);
bool code_matches(const struct conf_code *code, const uint8_t address[4]);
/* Whether it is this address and no other. */
bool code_is_just(const struct conf_code *code, const uint8_t address[4]);

/* A code, or "CODE*WEIGHT". The text is not set: it is its owner's. */
int filter_parse(struct span s, struct conf_filter *ret_filter, struct fault *why);
