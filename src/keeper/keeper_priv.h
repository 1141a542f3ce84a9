/* SPDX-License-Identifier: ISC */
#pragma once
/* The keeper's own state, for the files that are not cut loose from it yet. */
#include "base/clock_guard.h"
#include "base/log.h"
#include "keeper/connection.h"
#include "keeper/parts.h"
#include "keeper/publisher.h"
#include "keeper/store_guard.h"
#include "keeper/transaction.h"
#include "list/delta.h"
#include "process/role.h"

struct evidence;

struct keeper {
	uint32_t magic;
	struct role_context *context;
	struct loop *loop;
	struct store_guard guard;
	struct listener listeners[BUS_SENDER_COUNT];
	struct connections connections;
	struct pending_answer *pending;
	struct timer pending_due;
	struct transaction *transaction;
	struct evidence *evidence;
	struct keeper_parts parts;
	struct publisher *publisher;
	struct timer tick;
	struct timer expiry;
	struct clock_guard clock;
	int64_t keep_at_ms;
};
