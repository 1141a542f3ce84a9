/* SPDX-License-Identifier: ISC */
#include "list/delta_log.h"

#include <string.h>

#include "base/mem.h"
#include "base/serial.h"

void delta_log_add(struct delta_log *log, const struct logged_delta *delta)
{
	mem_grow(&log->deltas, &log->room, log->len + 1, sizeof(*log->deltas));
	log->deltas[log->len++] = *delta;
	log->ranges += delta->ranges;
}

static void log_drop_first(struct delta_log *log, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		log->ranges -= log->deltas[i].ranges;
		mem_free(log->deltas[i].packed);
	}
	log->len -= count;
	if (count != 0 && log->len != 0)
		memmove(log->deltas, log->deltas + count, log->len * sizeof(*log->deltas));
}

/* How many lead up to serial or less far. */
static size_t log_count_up_to(const struct delta_log *log, uint32_t serial)
{
	size_t first = 0, end = log->len;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (serial_is_before(serial, log->deltas[middle].to_serial))
			end = middle;
		else
			first = middle + 1;
	}
	return first;
}

void delta_log_drop(struct delta_log *log, uint32_t serial)
{
	log_drop_first(log, log_count_up_to(log, serial));
}

void delta_log_clear(struct delta_log *log)
{
	log_drop_first(log, log->len);
	mem_free(log->deltas);
	*log = (struct delta_log){.len = 0};
}

ssize_t delta_log_after(const struct delta_log *log, uint32_t base, uint32_t serial)
{
	size_t count = log_count_up_to(log, serial);

	if (base != 0 && serial == base)
		return 0;
	if (count != 0 && log->deltas[count - 1].to_serial == serial)
		return (ssize_t)count;
	return -1;
}
