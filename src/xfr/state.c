/* SPDX-License-Identifier: ISC */
#include "xfr/state.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/places.h"

/* A fifth of the places for one network alone: sixteen. */
enum { TRANSFERS_MAX = 80, LOG_EACH_MS = 1000 };

struct journal_entry {
	struct dns_name apex;
	struct zone_journal *journal;
};

struct transfer_state {
	const struct dns_shelves *shelves;
	struct places *running;
	_Atomic int64_t logged_ms; /* when a refusal was logged; 0: never */
	pthread_mutex_t lock;      /* of the list, not of the journals */
	size_t len;
	struct journal_entry **entries;
};

struct transfer_state *transfer_state_new(const struct dns_shelves *shelves)
{
	struct transfer_state *state = mem_new(transfer_state);

	state->shelves = shelves;
	state->running = places_new(TRANSFERS_MAX);
	pthread_mutex_init(&state->lock, NULL);
	return state;
}

void transfer_state_free(struct transfer_state **state)
{
	struct transfer_state *s = *state;

	*state = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->len; i++) {
		zone_journal_free(&s->entries[i]->journal);
		mem_free(s->entries[i]);
	}
	pthread_mutex_destroy(&s->lock);
	places_free(&s->running);
	mem_free(s->entries);
	mem_free(s);
}

struct zone_journal *transfer_journal_find(
	struct transfer_state *state, const struct dns_name *apex)
{
	struct zone_journal *found = NULL;

	pthread_mutex_lock(&state->lock);
	for (size_t i = 0; i < state->len && found == NULL; i++) {
		if (dns_name_equal(&state->entries[i]->apex, apex))
			found = state->entries[i]->journal;
	}
	pthread_mutex_unlock(&state->lock);
	return found;
}

struct zone_journal *transfer_journal(struct transfer_state *state, const struct dns_name *apex)
{
	struct zone_journal *journal = transfer_journal_find(state, apex);
	struct journal_entry *entry;

	if (journal != NULL)
		return journal;
	entry = mem_new(journal_entry);
	entry->apex = *apex;
	entry->journal = zone_journal_new();
	pthread_mutex_lock(&state->lock);
	state->entries = mem_resize(state->entries, (state->len + 1) * sizeof(state->entries[0]));
	state->entries[state->len++] = entry;
	pthread_mutex_unlock(&state->lock);
	return entry->journal;
}

/* A thread may hold the journal just now: the journal itself stays. */
void transfer_journals_forget(struct transfer_state *state)
{
	pthread_mutex_lock(&state->lock);
	for (size_t i = 0; i < state->len; i++) {
		struct zone_journal *journal = state->entries[i]->journal;

		zone_journal_break(journal, zone_journal_serial(journal), SERIAL_DOUBTFUL);
	}
	pthread_mutex_unlock(&state->lock);
}

static struct place_hold transfer_place(const struct transfer_state *state, struct ip client)
{
	return (struct place_hold){{places_of_client(state->running, client)}};
}

bool transfer_enter(struct transfer_state *state, struct ip client)
{
	const struct place_hold place = transfer_place(state, client);

	return places_take(state->running, &place);
}

void transfer_leave(struct transfer_state *state, struct ip client)
{
	const struct place_hold place = transfer_place(state, client);

	places_give(state->running, &place);
}

const struct dns_shelves *transfer_shelves(const struct transfer_state *state)
{
	return state->shelves;
}

bool transfer_may_log(struct transfer_state *state)
{
	int64_t now_ms = clock_monotonic_ms(), before_ms = state->logged_ms;

	return (before_ms == 0 || now_ms - before_ms >= LOG_EACH_MS) &&
	       atomic_compare_exchange_strong(&state->logged_ms, &before_ms, now_ms);
}
