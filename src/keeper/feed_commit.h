/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A whole change set becomes one transaction: event, evidence, listings added and ended, serial,
 * and how far the feed was taken over. When too much would change, all of it is taken back, and
 * only that is written down.
 */
#include "keeper/feed_staging.h"

/* ret_changed sources, and a text of what was done, or why not. E_LIMIT: too much, and
 * remembered as refused. Without a text: the store failed. */
feed_commit_call feed_commit;
