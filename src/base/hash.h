/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Hashes for finding things and for seeing that something changed. Against somebody who chooses the
 * input only a secret key helps: hash_ip takes one, and dns/ uses SipHash where an attacker may try
 * millions of times a second. hash_bytes and hash_words end up in files: what they give for an
 * input never changes. Pure but for hash_key; any thread.
 */
#include "base/ip.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a (draft-eastlake-fnv): begins with HASH_START, goes on with what it gave. */
uint64_t hash_bytes(uint64_t hash, struct span s);

/* The same by eight octets at a time: for much data of our own; low bits need hash_mix. Whoever
 * chooses the input finds two that are equal, whatever it began with. */
uint64_t hash_words(uint64_t hash, struct span s);

/* The finishing step of SplitMix64: each bit of the input changes half of the output. */
uint64_t hash_mix(uint64_t value);

/* Random, from the system. */
uint64_t hash_key(void);

/* Of an address together with a small number. */
uint64_t hash_ip(uint64_t key, struct ip ip, uint32_t number);
