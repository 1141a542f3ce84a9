/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The hash that chains the audit trail: of an event and the hash of the event before. Whoever
 * changes or removes a row in the middle has to change all behind it, and the last hash may be
 * written down elsewhere. Pure; any thread.
 */
#include "store/store.h"

void chain_hash(struct span before, const struct store_event *event, uint8_t ret_hash[CHAIN_SIZE]);
