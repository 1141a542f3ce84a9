/* SPDX-License-Identifier: ISC */
#include "base/bucket_table.h"

#include "base/hash.h"
#include "base/mem.h"

struct bucket_table {
	uint64_t key;
	size_t buckets; /* a power of two */
	size_t size;
	char *entries;
};

struct bucket_table *bucket_table_new(size_t entries, size_t size)
{
	struct bucket_table *table = mem_new(bucket_table);

	table->key = hash_key();
	table->size = size;
	for (table->buckets = 1; table->buckets * BUCKET_WAYS < entries;)
		table->buckets *= 2;
	table->entries = mem_alloc_array(table->buckets * BUCKET_WAYS, size);
	return table;
}

void bucket_table_free(struct bucket_table **table)
{
	if (*table == NULL)
		return;
	mem_free((*table)->entries);
	mem_free(*table);
	*table = NULL;
}

void *bucket_table_bucket(const struct bucket_table *table, struct ip ip, uint32_t number)
{
	size_t bucket = hash_ip(table->key, ip, number) & (table->buckets - 1);

	return table->entries + bucket * BUCKET_WAYS * table->size;
}

/* The entry, or in *ret_oldest the one that would make room for it. */
static struct bucket_entry *entry_find(const struct bucket_table *table, struct ip ip,
	uint32_t number, struct bucket_entry **ret_oldest)
{
	char *bucket = bucket_table_bucket(table, ip, number);

	*ret_oldest = (void *)bucket;
	for (size_t i = 0; i < BUCKET_WAYS; i++) {
		struct bucket_entry *entry = (void *)(bucket + i * table->size);

		if (entry->used != 0 && entry->number == number && ip_equal(entry->ip, ip))
			return entry;
		if (entry->used < (*ret_oldest)->used)
			*ret_oldest = entry;
	}
	return NULL;
}

void *bucket_table_find(const struct bucket_table *table, struct ip ip, uint32_t number)
{
	struct bucket_entry *oldest;

	return entry_find(table, ip, number, &oldest);
}

void *bucket_table_need(struct bucket_table *table, struct ip ip, uint32_t number)
{
	struct bucket_entry *oldest, *entry = entry_find(table, ip, number, &oldest);

	if (entry != NULL)
		return entry;
	memset(oldest, 0, table->size);
	oldest->ip = ip;
	oldest->number = number;
	return oldest;
}
