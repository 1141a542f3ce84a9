/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/serial.h"
#include "keeper/keeper_priv.h"

/* The deltas that are newer than the snapshot, packed, for followers that come late or have fallen
 * behind. */

void told_push(struct publisher *publisher, uint32_t serial, uint8_t *packed, size_t packed_len,
	size_t pieces)
{
	mem_grow(&publisher->told, &publisher->told_room, publisher->told_len + 1,
		sizeof(*publisher->told));
	publisher->told[publisher->told_len++] =
		(struct told){serial, (uint32_t)pieces, packed, packed_len};
	publisher->pieces += pieces;
}

static void told_drop(struct publisher *publisher, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		publisher->pieces -= publisher->told[i].pieces;
		mem_free(publisher->told[i].packed);
	}
	publisher->told_len -= count;
	if (count != 0 && publisher->told_len != 0)
		memmove(publisher->told, publisher->told + count,
			publisher->told_len * sizeof(*publisher->told));
}

/* How many lead up to serial or less far: they ascend. */
static size_t told_up_to(const struct publisher *publisher, uint32_t serial)
{
	size_t first = 0, end = publisher->told_len;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (serial_is_before(serial, publisher->told[middle].to_serial))
			end = middle;
		else
			first = middle + 1;
	}
	return first;
}

void told_drop_up_to(struct publisher *publisher, uint32_t serial)
{
	told_drop(publisher, told_up_to(publisher, serial));
}

void told_drop_all(struct publisher *publisher)
{
	told_drop(publisher, publisher->told_len);
	mem_free(publisher->told);
	publisher->told = NULL;
	publisher->told_room = 0;
}

ssize_t told_behind(const struct publisher *publisher, uint32_t serial)
{
	size_t count = told_up_to(publisher, serial);

	if (publisher->snapshot_serial != 0 && serial == publisher->snapshot_serial)
		return 0;
	if (count != 0 && publisher->told[count - 1].to_serial == serial)
		return (ssize_t)count;
	return -1;
}
