/* SPDX-License-Identifier: ISC */
#pragma once
/* The parts of the keeper that work on a message: keeper.c makes them and alone knows the rest. */
#include <stdint.h>

struct command_queue;
struct connections;
struct publisher;
struct store_guard;
struct transaction;

struct keeper_parts {
	struct store_guard *guard;
	struct publisher *publisher;
	struct transaction *transaction;
	struct connections *connections;
	struct command_queue *queue;
	int64_t started_s;
};
