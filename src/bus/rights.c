/* SPDX-License-Identifier: ISC */
#include "bus/rights.h"

#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "stockade.pb-c.h"

/*
 * One row a sender, one bit a case. Anything not named is refused, a message without a kind
 * included, so that a new kind of message is closed to everybody until this table says otherwise.
 */
#define BIT(number) (UINT32_C(1) << (number))

struct right {
	const char *name;
	uint32_t kinds, puts, queries, commands;
	bool follows, sees_private;
};

static const struct right rights[BUS_SENDER_COUNT] = {
	[BUS_GATE] = {.name = "gate",
		.kinds = BIT(STOCKADE__MESSAGE__KIND_HELLO) | BIT(STOCKADE__MESSAGE__KIND_PUT) |
			 BIT(STOCKADE__MESSAGE__KIND_HEALTH),
		.follows = true,
		.puts = BIT(STOCKADE__PUT__WHAT_INCIDENT) | BIT(STOCKADE__PUT__WHAT_EVIDENCE)},
	[BUS_DNS] = {.name = "dns",
		.follows = true,
		.kinds = BIT(STOCKADE__MESSAGE__KIND_HELLO) | BIT(STOCKADE__MESSAGE__KIND_HEALTH)},
	[BUS_COURIER] = {.name = "courier",
		.kinds = BIT(STOCKADE__MESSAGE__KIND_HELLO) | BIT(STOCKADE__MESSAGE__KIND_HEALTH) |
			 BIT(STOCKADE__MESSAGE__KIND_FEED)},
	[BUS_WEB] = {.name = "web",
		.follows = true,
		.kinds = BIT(STOCKADE__MESSAGE__KIND_HELLO) | BIT(STOCKADE__MESSAGE__KIND_QUERY),
		.queries = BIT(STOCKADE__QUERY__WHAT_INCIDENT) | BIT(STOCKADE__QUERY__WHAT_SOURCE) |
			   BIT(STOCKADE__QUERY__WHAT_STATUS)},
	[BUS_CONTROL] = {.name = "control",
		.kinds = BIT(STOCKADE__MESSAGE__KIND_QUERY) | BIT(STOCKADE__MESSAGE__KIND_COMMAND),
		.queries = BIT(STOCKADE__QUERY__WHAT_INCIDENT) | BIT(STOCKADE__QUERY__WHAT_SOURCE) |
			   BIT(STOCKADE__QUERY__WHAT_LISTINGS) | BIT(STOCKADE__QUERY__WHAT_STATUS) |
			   BIT(STOCKADE__QUERY__WHAT_HISTORY) | BIT(STOCKADE__QUERY__WHAT_FEEDS) |
			   BIT(STOCKADE__QUERY__WHAT_VERIFY),
		.commands = BIT(STOCKADE__COMMAND__WHAT_ADD) | BIT(STOCKADE__COMMAND__WHAT_REMOVE) |
			    BIT(STOCKADE__COMMAND__WHAT_UNDO) | BIT(STOCKADE__COMMAND__WHAT_FEED) |
			    BIT(STOCKADE__COMMAND__WHAT_RETIRE),
		.sees_private = true},
};

const char *bus_sender_name(enum bus_sender sender)
{
	return rights[sender].name;
}

bool rights_follows(enum bus_sender sender)
{
	return rights[sender].follows;
}

bool rights_sees_private(enum bus_sender sender)
{
	return rights[sender].sees_private;
}

static bool has(uint32_t set, int number)
{
	return number > 0 && number < 32 && (set & BIT(number)) != 0;
}

static bool message_is_allowed(const struct right *right, const Stockade__Message *message)
{
	const Stockade__Put *put = message->put;

	if (!has(right->kinds, (int)message->kind_case))
		return false;
	switch (message->kind_case) {
	case STOCKADE__MESSAGE__KIND_PUT:
		/* What operators enter is evidence of its own kind: no role may claim it. */
		return has(right->puts, (int)put->what_case) &&
		       (put->what_case != STOCKADE__PUT__WHAT_EVIDENCE ||
			       strcmp(put->evidence->kind, "operator") != 0);
	case STOCKADE__MESSAGE__KIND_QUERY:
		return has(right->queries, (int)message->query->what_case);
	case STOCKADE__MESSAGE__KIND_COMMAND:
		return has(right->commands, (int)message->command->what_case);
	default:
		return true;
	}
}

int rights_check(enum bus_sender sender, const Stockade__Message *message, struct fault *why)
{
	const struct right *right = &rights[sender];

	if (message_is_allowed(right, message))
		return 0;
	return fault_set(why, E_DENIED, "'%s' may not send a message of kind %d", right->name,
		(int)message->kind_case);
}
