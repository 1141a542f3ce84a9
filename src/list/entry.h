/* SPDX-License-Identifier: ISC */
#pragma once
/* One entry of a list: what one of its sublists says of a source. A value; borrows the reason. */
#include "list/source.h"
#include "sets/answer_rows.h"

struct list_entry {
	struct source source;
	uint8_t sublist;
	bool excluded;   /* the sublist does NOT list the source although a wider entry covers it */
	int64_t until_s; /* 0: until somebody ends it */
	struct span reason;
};

static inline struct statement list_entry_statement(const struct list_entry *entry)
{
	return (struct statement){entry->sublist, entry->excluded, entry->until_s, entry->reason};
}
