/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What those who answer and those who transfer work from: the newest rules and the newest view,
 * which whoever holds them keeps for as long as a batch or a transfer takes. Filled by the main
 * thread (dnsd/rules.h makes them); any thread may take.
 */
#include "base/shelf.h"

struct dns_shelves {
	struct shelf *rules; /* of struct dns_rules; has one from the start */
	struct shelf *views; /* of struct view; may be empty for now */
};
