/* SPDX-License-Identifier: ISC */
#pragma once
/* What operators ask and order about feeds; the order itself, command_feed, is in command.h. */
#include "base/arena.h"
#include "keeper/connection.h"
#include "keeper/parts.h"

/* The feeds that are configured or were. */
int query_feeds(const struct keeper_parts *parts, struct arena *arena, Stockade__Answer *answer);
