/* SPDX-License-Identifier: ISC */
#pragma once
/* A store of its own for each test: a real file in a folder that goes away with the test. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "store/store.h"

static char temp_folder[64];
static struct store *temp_store;
static char temp_url[96];

static int temp_store_make(void **state)
{
	struct fault why = {""};

	(void)state;
	strcpy(temp_folder, "/tmp/stockade-keeper-XXXXXX");
	if (mkdtemp(temp_folder) == NULL)
		return -1;
	snprintf(temp_url, sizeof(temp_url), "sqlite:%s/s.db", temp_folder);
	return store_open(
		&(struct store_opening){.url = temp_url, .create = true}, &temp_store, &why);
}

static int temp_store_remove(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-reserve"};

	(void)state;
	store_free(&temp_store);
	for (size_t i = 0; i < COUNTOF(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/s.db%s", temp_folder, suffixes[i]);
		unlink(path);
	}
	return rmdir(temp_folder);
}

static inline struct source temp_source(const char *text)
{
	struct source source;

	assert_true(source_parse(span_text(text), &source, NULL) >= 0);
	return source;
}

static inline int event_counted(const struct store_event *event, void *arg)
{
	(void)event;
	(*(int *)arg)++;
	return 0;
}

static inline int temp_store_events(void)
{
	int count = 0;

	assert_true(store_events_of(temp_store, NULL, 100, event_counted, &count) >= 0);
	return count;
}
