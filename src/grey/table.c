/* SPDX-License-Identifier: ISC */
#include "grey/table.h"

#include "base/err.h"
#include "base/macro.h"
#include "base/mem.h"

enum {
	ROOM_MIN = 1024,
	BEHIND = 512,   /* slots behind the last place, so that no run has to wrap */
	SWEEP = 4,      /* entries looked at for being over, with each that comes */
	SAMPLE = 32,    /* entries of which the oldest goes */
	SEARCH = 16384, /* slots searched for them at most */
	NETWORKS = 65536
};

_Static_assert(sizeof(struct grey_entry) == 32, "what the limit on memory was reckoned with");

struct grey_table {
	struct grey_limits limits;
	struct grey_entry *slots; /* room + BEHIND */
	size_t room, count, waiting;
	size_t hand;                 /* of sweep and search */
	uint32_t networks[NETWORKS]; /* what waits, by the low bits of the network's hash */
};

uint32_t grey_time(int64_t now_s)
{
	if (now_s < 1)
		return 1;
	return now_s < UINT32_MAX ? (uint32_t)now_s : UINT32_MAX;
}

/* A time to come is taken for now: the clock was wrong when it was written. */
static int64_t age(uint32_t then_s, int64_t now_s)
{
	return then_s < now_s ? now_s - then_s : 0;
}

bool grey_entry_is_over(
	const struct grey_entry *entry, const struct grey_limits *limits, int64_t now_s)
{
	if (entry->state == GREY_WAITS)
		return age(entry->first_s, now_s) >= limits->retry_within_s;
	return age(entry->last_s, now_s) >= limits->remember_s;
}

/* ---- places ---- */

static size_t table_slots(const struct grey_table *table)
{
	return table->room + BEHIND;
}

static size_t home_of(const struct grey_table *table, struct grey_key key)
{
	return (size_t)((unsigned __int128)key.high * table->room >> 64);
}

static int key_compare(struct grey_key a, struct grey_key b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

static bool is_free_at(const struct grey_table *table, size_t at)
{
	return table->slots[at].kind == 0;
}

/* Where the key stands, or would: the first slot that is free or holds a later one. */
static size_t seek(const struct grey_table *table, struct grey_key key)
{
	size_t at = home_of(table, key);

	while (at < table_slots(table) && !is_free_at(table, at) &&
		key_compare(table->slots[at].key, key) < 0)
		at++;
	return at;
}

static bool stands_at(const struct grey_table *table, size_t at, struct grey_key key)
{
	return at < table_slots(table) && !is_free_at(table, at) &&
	       key_compare(table->slots[at].key, key) == 0;
}

static void count_waiting(struct grey_table *table, const struct grey_entry *entry, int by)
{
	if (entry->state != GREY_WAITS)
		return;
	table->waiting += (size_t)by;
	table->networks[entry->network % NETWORKS] += (uint32_t)by;
}

/* Those behind it move up, until one that stands in its place or a free slot. */
static void slot_clear(struct grey_table *table, size_t at)
{
	size_t end = at + 1;

	count_waiting(table, &table->slots[at], -1);
	table->count--;
	while (end < table_slots(table) && !is_free_at(table, end) &&
		home_of(table, table->slots[end].key) < end)
		end++;
	memmove(&table->slots[at], &table->slots[at + 1], (end - at - 1) * sizeof(*table->slots));
	table->slots[end - 1] = (struct grey_entry){0};
}

/* Makes room at a slot: those from there on move back. False: no free slot is behind it. */
static bool slot_open(struct grey_table *table, size_t at)
{
	size_t end = at;

	while (end < table_slots(table) && !is_free_at(table, end))
		end++;
	if (end == table_slots(table))
		return false;
	memmove(&table->slots[at + 1], &table->slots[at], (end - at) * sizeof(*table->slots));
	return true;
}

/* ---- room ---- */

static void table_take(struct grey_table *table, size_t room)
{
	table->room = room;
	table->slots = mem_alloc_array(table_slots(table), sizeof(*table->slots));
	table->count = table->waiting = table->hand = 0;
	memset(table->networks, 0, sizeof(table->networks));
}

static bool table_add(struct grey_table *table, size_t at, const struct grey_entry *entry)
{
	if (at >= table_slots(table) || !slot_open(table, at))
		return false;
	table->slots[at] = *entry;
	table->count++;
	count_waiting(table, entry, 1);
	return true;
}

/* In the order of the keys, so that each goes right behind the one before it. */
static void table_grow(struct grey_table *table, size_t room)
{
	struct grey_entry *old = table->slots;
	size_t slots = table_slots(table), at = 0;

	table_take(table, room);
	for (size_t i = 0; i < slots; i++) {
		if (old[i].kind == 0)
			continue;
		if (at < home_of(table, old[i].key))
			at = home_of(table, old[i].key);
		if (at < table_slots(table))
			table_add(table, at++, &old[i]);
	}
	mem_free(old);
}

struct grey_table *grey_table_new(const struct grey_limits *limits)
{
	struct grey_table *table = mem_new(grey_table);

	table->limits = *limits;
	table_take(table, ROOM_MIN);
	return table;
}

void grey_table_reserve(struct grey_table *table, size_t entries)
{
	size_t room = (entries < table->limits.entries ? entries : table->limits.entries) / 7 * 8;

	if (room > table->room)
		table_grow(table, room);
}

void grey_table_free(struct grey_table **table)
{
	if (*table == NULL)
		return;
	mem_free((*table)->slots);
	mem_free(*table);
	*table = NULL;
}

void grey_table_set_times(struct grey_table *table, int64_t retry_within_s, int64_t remember_s)
{
	table->limits.retry_within_s = retry_within_s;
	table->limits.remember_s = remember_s;
}

/* ---- who goes ---- */

static size_t hand_next(struct grey_table *table)
{
	table->hand = (table->hand + 1) % table_slots(table);
	return table->hand;
}

static void table_sweep(struct grey_table *table, int64_t now_s)
{
	for (int i = 0; i < SWEEP; i++) {
		size_t at = hand_next(table);

		if (!is_free_at(table, at) &&
			grey_entry_is_over(&table->slots[at], &table->limits, now_s))
			slot_clear(table, at);
	}
}

struct victim {
	enum grey_state state;
	bool of_network; /* only of that */
	uint32_t network;
};

static bool victim_fits(const struct victim *victim, const struct grey_entry *entry)
{
	return entry->kind != 0 && entry->state == (uint8_t)victim->state &&
	       (!victim->of_network || entry->network == victim->network);
}

static uint32_t entry_used(const struct grey_entry *entry)
{
	return entry->state == GREY_WAITS ? entry->first_s : entry->last_s;
}

/* The oldest of those that the search meets goes. False: it met none. */
static bool table_evict(struct grey_table *table, const struct victim *victim)
{
	size_t oldest = SIZE_MAX, met = 0;

	for (size_t i = 0; i < SEARCH && met < SAMPLE; i++) {
		size_t at = hand_next(table);
		const struct grey_entry *entry = &table->slots[at];

		if (!victim_fits(victim, entry))
			continue;
		met++;
		if (oldest == SIZE_MAX || entry_used(entry) < entry_used(&table->slots[oldest]))
			oldest = at;
	}
	if (oldest == SIZE_MAX)
		return false;
	slot_clear(table, oldest);
	return true;
}

/* Those that passed have their part of the table. */
static bool table_is_full_of_passed(const struct grey_table *table)
{
	return table->count - table->waiting >= table->limits.entries / 4 * 3;
}

static bool table_make_room(struct grey_table *table, const struct grey_entry *entry)
{
	struct victim victim = {.state = (enum grey_state)entry->state};

	if (entry->state == GREY_WAITS &&
		table->networks[entry->network % NETWORKS] >= table->limits.network) {
		victim.of_network = true;
		victim.network = entry->network;
		if (table_evict(table, &victim))
			return true;
		victim.of_network = false; /* another one has the same low bits */
		return table_evict(table, &victim);
	}
	if (entry->state == GREY_PASSED && table_is_full_of_passed(table))
		return table_evict(table, &victim);
	victim.state = GREY_WAITS;
	return table->count < table->limits.entries || table_evict(table, &victim);
}

/* ---- the door ---- */

const struct grey_entry *grey_table_find(
	const struct grey_table *table, struct grey_key key, int64_t now_s)
{
	size_t at = seek(table, key);

	if (!stands_at(table, at, key) ||
		grey_entry_is_over(&table->slots[at], &table->limits, now_s))
		return NULL;
	return &table->slots[at];
}

/* One that passes now may need the place of another that did; neighbours move then. */
static void slot_replace(struct grey_table *table, size_t at, const struct grey_entry *entry)
{
	const struct victim victim = {.state = GREY_PASSED};

	if (table->slots[at].state == GREY_WAITS && entry->state == GREY_PASSED &&
		table_is_full_of_passed(table) && table_evict(table, &victim))
		at = seek(table, entry->key);
	count_waiting(table, &table->slots[at], -1);
	table->slots[at] = *entry;
	count_waiting(table, entry, 1);
}

int grey_table_put(struct grey_table *table, const struct grey_entry *entry, int64_t now_s)
{
	size_t at = seek(table, entry->key);

	ASSERT(entry->kind != 0 && entry->state != 0);
	if (stands_at(table, at, entry->key)) {
		slot_replace(table, at, entry);
		return 0;
	}
	table_sweep(table, now_s);
	if (!table_make_room(table, entry))
		return E_FULL;
	if (table->count >= table->room / 8 * 7)
		table_grow(table, table->room + table->room / 4);
	return table_add(table, seek(table, entry->key), entry) ? 0 : E_FULL;
}

void grey_table_shift(struct grey_table *table, int64_t by_s)
{
	for (size_t at = 0; at < table_slots(table); at++) {
		struct grey_entry *entry = &table->slots[at];

		if (entry->kind == 0)
			continue;
		entry->first_s = grey_time(entry->first_s + by_s);
		entry->last_s = grey_time(entry->last_s + by_s);
	}
}

size_t grey_table_walk(const struct grey_table *table, struct grey_key from,
	struct grey_entry *ret_entries, size_t count)
{
	size_t len = 0;

	for (size_t at = home_of(table, from); at < table_slots(table) && len < count; at++)
		if (!is_free_at(table, at) && key_compare(table->slots[at].key, from) >= 0)
			ret_entries[len++] = table->slots[at];
	return len;
}

size_t grey_table_count(const struct grey_table *table)
{
	return table->count;
}

size_t grey_table_count_waiting(const struct grey_table *table)
{
	return table->waiting;
}

size_t grey_table_memory(const struct grey_table *table)
{
	return sizeof(*table) + table_slots(table) * sizeof(*table->slots);
}
