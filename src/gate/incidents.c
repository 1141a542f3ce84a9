/* SPDX-License-Identifier: ISC */
#include "gate/incidents.h"

#include "base/bucket_table.h"
#include "base/mem.h"
#include "list/incident.h"

struct book_entry {
	struct bucket_entry of; /* source and story; used: the last time */
	uint64_t number;        /* 0: free */
	int64_t first_s;
	int64_t told_s;
	uint32_t count;
	uint32_t told_count;
};

struct incident_book {
	int64_t lasts_s;
	int64_t update_s;
	struct bucket_table *entries;
};

struct incident_book *incident_book_new(size_t entries, int64_t lasts_s, int64_t update_s)
{
	struct incident_book *book = mem_new(incident_book);

	book->lasts_s = lasts_s;
	book->update_s = update_s;
	book->entries = bucket_table_new(entries, sizeof(struct book_entry));
	return book;
}

void incident_book_free(struct incident_book **book)
{
	if (*book == NULL)
		return;
	bucket_table_free(&(*book)->entries);
	mem_free(*book);
	*book = NULL;
}

/* A clock that went back must not keep an entry for ever. */
static bool entry_is_over(
	const struct incident_book *book, const struct book_entry *entry, int64_t now_s)
{
	return entry->number == 0 || now_s >= entry->first_s + book->lasts_s ||
	       now_s < entry->first_s - book->lasts_s;
}

/* The entry of this source and story, or the one that has been quiet for longest. */
static struct book_entry *book_find(
	struct incident_book *book, struct ip source, uint32_t story, int64_t now_s)
{
	struct book_entry *entry = bucket_table_bucket(book->entries, source, story);

	for (size_t i = 0; i < BUCKET_WAYS; i++) {
		if (entry_is_over(book, &entry[i], now_s))
			entry[i] = (struct book_entry){0};
	}
	entry = bucket_table_need(book->entries, source, story);
	if (entry->number == 0) {
		entry->number = incident_number_new(now_s);
		entry->first_s = now_s;
	}
	return entry;
}

struct incident_note incident_book_note(
	struct incident_book *book, struct ip source, uint32_t story, int64_t now_s)
{
	struct book_entry *entry = book_find(book, source, story, now_s);
	struct incident_note note;

	entry->count += entry->count != UINT32_MAX;
	entry->of.used = now_s;
	note = (struct incident_note){.number = entry->number,
		.first_s = entry->first_s,
		.last_s = now_s,
		.count = entry->count,
		.is_new = entry->told_count == 0};
	note.is_worth = entry->count <= INCIDENT_TOLD_SINGLY ||
			entry->count / 2 >= entry->told_count ||
			now_s - entry->told_s >= book->update_s;
	if (note.is_worth) {
		entry->told_count = entry->count;
		entry->told_s = now_s;
	}
	return note;
}
