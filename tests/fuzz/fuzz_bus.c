/* SPDX-License-Identifier: ISC */
/* Frames as the keeper and the roles read them: length, decoding, limits, rights, and the values
 * inside. */
#include "base/macro.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "bus/rights.h"
#include "stockade.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const Stockade__Message *message)
{
	AUTO(arena) *arena = arena_new(0);
	struct delta delta;

	for (int sender = 0; sender < BUS_SENDER_COUNT; sender++)
		rights_check((enum bus_sender)sender, message, NULL);
	if (message->kind_case == STOCKADE__MESSAGE__KIND_DELTA)
		delta_from_wire(message->delta, arena, &delta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);
	struct span body;
	size_t used = 0;

	while (frame_next(input, FRAME_ROLE_MAX, &body, &used) > 0) {
		Stockade__Message *message = NULL;

		if (message_decode(body, &message, NULL) < 0)
			break;
		judge(message);
		message_free(&message);
		input = span_from(input, used);
	}
	return 0;
}
