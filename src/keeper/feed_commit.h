/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A whole change set becomes one event: evidence, listings added and ended, and how far the feed
 * was taken over. It is counted first: when too much would change, only that is written down.
 */
#include "keeper/feed_staging.h"

/* What was done, or why not, is answered when it is: E_LIMIT is too much, and remembered as
 * refused. */
feed_commit_call feed_commit;
