/* SPDX-License-Identifier: ISC */
#include "portal/time_text.h"

#include <inttypes.h>
#include <time.h>

#include "base/macro.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static struct tm words_tm(int64_t time_s)
{
	time_t time = (time_t)time_s;
	struct tm tm = {0};

	gmtime_r(&time, &tm);
	return tm;
}

static const char *words_moment(struct arena *arena, int64_t time_s)
{
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm = words_tm(time_s);

	return arena_format(arena, "%d %s %d, %02d:%02d", tm.tm_mday, months[tm.tm_mon],
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
}

const char *words_time(struct arena *arena, int64_t time_s)
{
	return arena_format(arena, "%s UTC", words_moment(arena, time_s));
}

const char *words_window(struct arena *arena, int64_t from_s, int64_t to_s)
{
	struct tm to = words_tm(to_s);

	if (from_s / DAY != to_s / DAY)
		return arena_format(arena, "%s to %s UTC", words_moment(arena, from_s),
			words_moment(arena, to_s));
	return arena_format(
		arena, "%s to %02d:%02d UTC", words_moment(arena, from_s), to.tm_hour, to.tm_min);
}

const char *words_duration(struct arena *arena, int64_t duration_s)
{
	static const struct {
		int64_t from_s, unit_s;
		const char *one, *many;
	} units[] = {{2 * DAY, DAY, "day", "days"}, {HOUR, HOUR, "hour", "hours"},
		{MINUTE, MINUTE, "minute", "minutes"}};

	for (size_t i = 0; i < COUNTOF(units); i++) {
		int64_t count = (duration_s + units[i].unit_s / 2) / units[i].unit_s;

		if (duration_s >= units[i].from_s)
			return arena_format(arena, "%" PRId64 " %s", count,
				count == 1 ? units[i].one : units[i].many);
	}
	return "less than a minute";
}

const char *words_times(struct arena *arena, uint64_t count)
{
	if (count <= 1)
		return "once";
	return count == 2 ? "twice" : arena_format(arena, "%" PRIu64 " times", count);
}
