/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* [0] moves both clocks, [1] the wall clock alone; a file of eight bytes has zeros behind. */
enum { OFFSET_BOTH, OFFSET_WALL, OFFSETS };

static const volatile int64_t *offset_ms;
static pthread_once_t offset_once = PTHREAD_ONCE_INIT;

static void clock_map_offset(void)
{
	const char *path = getenv("STOCKADE_TEST_CLOCK");
	void *page;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	page = mmap(NULL, OFFSETS * sizeof(*offset_ms), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		offset_ms = page;
}

static int64_t clock_read_us(clockid_t id)
{
	struct timespec now;
	int64_t moved_ms = 0;

	pthread_once(&offset_once, clock_map_offset);
	if (offset_ms != NULL)
		moved_ms = offset_ms[OFFSET_BOTH] +
			   (id == CLOCK_REALTIME ? offset_ms[OFFSET_WALL] : 0);
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + moved_ms * 1000;
}

int64_t clock_now_ms(void)
{
	return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_now_s(void)
{
	return clock_read_us(CLOCK_REALTIME) / 1000000;
}

int64_t clock_monotonic_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

static bool clock_parts(int64_t time_s, struct tm *ret_parts)
{
	time_t seconds = (time_t)time_s;

	return gmtime_r(&seconds, ret_parts) != NULL;
}

const char *clock_print_utc(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
	struct tm parts;

	text[0] = '\0';
	if (clock_parts(time_s, &parts))
		strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

const char *clock_print_minute(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
	struct tm parts;

	text[0] = '\0';
	if (clock_parts(time_s, &parts))
		strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M", &parts);
	return text;
}

/* The program sets no locale, so names are those of RFC 9110. */
const char *clock_print_http(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
	struct tm parts;

	text[0] = '\0';
	if (clock_parts(time_s, &parts))
		strftime(text, CLOCK_TEXT_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
	return text;
}
