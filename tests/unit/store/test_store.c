/* SPDX-License-Identifier: ISC */
#include "store/store_priv.h"
#include "store/stores.h"

static const struct backend *backend;

static void what_covers_and_what_lies_within(void **state)
{
	AUTO(store) *store = open_store();
	static const char *const nets[] = {"198.51.100.0/24", "198.51.100.64/26", "198.51.100.70",
		"198.51.101.0/24", "2001:db8::/32", "2001:db8:1::/48"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(nets); i++)
		must_add(store, "main", nets[i], 0);
	must_add(store, "other", "198.51.100.0/23", 0);
	assert_found(store, STORE_COVERING, "main", "198.51.100.70",
		"198.51.100.0/24 198.51.100.64/26 198.51.100.70");
	assert_found(store, STORE_COVERING, "", "198.51.100.1", "198.51.100.0/23 198.51.100.0/24");
	assert_found(store, STORE_COVERING, "main", "203.0.113.1", "");
	assert_found(
		store, STORE_WITHIN, "main", "198.51.100.0/24", "198.51.100.64/26 198.51.100.70");
	assert_found(store, STORE_WITHIN, "main", "198.51.0.0/16",
		"198.51.100.0/24 198.51.100.64/26 198.51.100.70 198.51.101.0/24");
	assert_found(
		store, STORE_COVERING, "main", "2001:db8:1::1", "2001:db8::/32 2001:db8:1::/48");
	assert_found(store, STORE_WITHIN, "main", "2001:db8::/32", "2001:db8:1::/48");
}

static void domains_cover_by_label_not_by_letter(void **state)
{
	AUTO(store) *store = open_store();
	static const char *const names[] = {".bad.example", "bad.example", "www.bad.example",
		"bad-x.example", ".notbad.example", "example"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(names); i++)
		must_add(store, "names", names[i], 0);
	assert_found(
		store, STORE_COVERING, "names", "www.bad.example", ".bad.example www.bad.example");
	assert_found(store, STORE_COVERING, "names", "bad.example", ".bad.example bad.example");
	assert_found(store, STORE_COVERING, "names", "bad-x.example", "bad-x.example");
	assert_found(store, STORE_COVERING, "names", "x.notbad.example", ".notbad.example");
	assert_found(store, STORE_WITHIN, "names", ".bad.example", "www.bad.example");
	assert_found(store, STORE_WITHIN, "names", "bad.example", "");
}

static void a_sublist_holds_a_source_once(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t first = must_add(store, "main", "198.51.100.1", 0);
	struct store_listing ended = {.id = first, .source = source_of("198.51.100.1")};
	uint64_t second = 0;
	uint64_t count = 0;

	(void)state;
	must_add(store, "main", "198.51.100.7", 0); /* by event 2, which stands for an undo below */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(listing_add(store, "main", "198.51.100.1", 5, &second), 0);
	assert_int_equal(
		store_listing_end(store, first,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		0);
	assert_int_equal(
		store_listing_end(store, first,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		E_ABSENT);
	assert_int_equal(store_listing_again(store, &ended, 3000, 2, &second), 1);
	assert_int_equal(store_listing_again(store, &ended, 3000, 2, &second), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_list_count(store, span_text("main"), &count), 0);
	assert_int_equal(count, 2);
	/* Taken off meanwhile: the undo, gone on with, does not list it once more. */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, second,
			&(struct store_ending){3500, span_text("ann"), span_text("no"), 0}),
		0);
	assert_int_equal(store_listing_again(store, &ended, 4000, 2, &second), 0);
	assert_int_equal(store_commit(store), 0);
	assert_found(store, STORE_ENDED, "main", "198.51.100.1", "198.51.100.1 198.51.100.1");
}

/* Within one transaction: what ended is no group for what comes after, however alike. */
static void a_group_that_ended_takes_no_more(void **state)
{
	AUTO(store) *store = open_store();
	struct store_listing listing = {.list = span_text("main"),
		.sublist = span_text("manual"),
		.source = source_of("198.51.100.1"),
		.policy = span_text("by-hand"),
		.reason = span_text("spam")};
	struct store_evidence evidence = {.kind = span_text("operator")};
	uint64_t evidence_id = 0, id = 0, count = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "add", 0, &listing.added_event), 0);
	assert_int_equal(store_evidence_add(store, &evidence, &evidence_id), 1);
	assert_int_equal(store_listing_add(store, &listing, evidence_id, &id), 1);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		0);
	listing.source = source_of("198.51.100.2");
	assert_int_equal(store_listing_add(store, &listing, evidence_id, &id), 1);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_list_count(store, span_text("main"), &count), 0);
	assert_int_equal(count, 1);
	assert_found(store, STORE_COVERING, "main", "198.51.100.2", "198.51.100.2");
}

static void nothing_is_listed_without_evidence_and_criterion(void **state)
{
	AUTO(store) *store = open_store();
	struct store_listing listing = {.list = span_text("main"),
		.sublist = span_text("manual"),
		.source = source_of("198.51.100.1"),
		.policy = span_text("by-hand")};
	uint64_t id;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_listing_add(store, &listing, 0, &id), E_USAGE);
	listing.policy = span_text("");
	assert_int_equal(store_listing_add(store, &listing, 1, &id), E_USAGE);
	store_rollback(store);
}

static int event_seen(const struct store_event *event, void *arg)
{
	*(bool *)arg = event->undone;
	return 0;
}

static void an_event_is_undone_once(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t id = 0;
	uint64_t undo = 0;
	bool undone = false;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(event_add(store, "undo", id, &undo), 0);
	assert_int_equal(event_add(store, "undo", id, &undo), E_EXISTS);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_event_get(store, id, event_seen, &undone), 0);
	assert_true(undone);
	assert_int_equal(store_event_get(store, undo, event_seen, &undone), 0);
	assert_false(undone);
	assert_int_equal(store_event_get(store, 99, event_seen, &undone), E_ABSENT);
}

/* In one piece, and event by event, as those that ask in turn see it. */
static void assert_chain(struct store *store, uint64_t from, uint64_t to, uint64_t bad)
{
	struct store_chain whole, part = {0};
	uint64_t first = 0, after = 0;
	int r;

	assert_int_equal(store_events_verify(store, 0, 1000, &whole), 0);
	assert_int_equal(whole.from, from);
	assert_int_equal(whole.to, to);
	assert_int_equal(whole.bad, bad);
	do {
		r = store_events_verify(store, after, 1, &part);
		assert_true(r >= 0);
		first = part.from != 0 ? part.from : first;
		after = part.to != 0 ? part.to : after;
	} while (r > 0);
	assert_int_equal(first, from);
	assert_int_equal(after, to);
	assert_int_equal(part.bad, bad);
	assert_memory_equal(part.hash, whole.hash, sizeof(whole.hash));
}

static void a_changed_or_missing_event_shows(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t id = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(store_commit(store), 0);
	assert_chain(store, 1, 5, 0);
	backend->execute("UPDATE event SET reason = 'another' WHERE id = 3");
	assert_chain(store, 1, 2, 3);
	backend->execute("UPDATE event SET reason = 'test' WHERE id = 3");
	assert_chain(store, 1, 5, 0);
	backend->execute("DELETE FROM event WHERE id = 4");
	assert_chain(store, 1, 3, 5);
	backend->execute("DELETE FROM event WHERE id = 1");
	assert_chain(store, 2, 0, 2);
}

/* Events that listings in force rest on stay between those that go, and an undone one goes after
 * the one that undid it. */
static void the_chain_outlives_what_is_too_old_to_keep(void **state)
{
	AUTO(store) *store = open_store();
	struct store_keep keep = {.audit_before_s = 3000, .incidents_max = 1000, .limit = 3};
	uint64_t id = 0, undone = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(store_event_unfinished(store, id, true), 0);
	assert_int_equal(store_commit(store), 0);
	must_add(store, "main", "198.51.100.1", 0);
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(event_add(store, "add", 0, &undone), 0);
	assert_int_equal(event_add(store, "undo", undone, &id), 0);
	assert_int_equal(store_commit(store), 0);
	must_add(store, "main", "198.51.100.2", 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(store_commit(store), 0);
	for (int i = 0; i < 12; i++) {
		assert_true(store_drop_old(store, &keep) >= 0);
		assert_chain(store, 3, 11, 0);
	}
	for (id = 1; id <= 11; id++)
		assert_int_equal(store_event_get(store, id, event_seen, &(bool){false}),
			id == 3 || id == 4 || id == 10 || id == 11 ? 0 : E_ABSENT);
	backend->execute("UPDATE event SET reason = 'another' WHERE id = 10");
	assert_chain(store, 3, 4, 10);
	backend->execute("UPDATE event SET reason = 'test' WHERE id = 10");
	backend->execute("DELETE FROM event WHERE id = 3");
	assert_chain(store, 4, 0, 4);
}

static int incident_seen(const struct store_incident *incident, void *arg)
{
	*(struct store_incident *)arg = *incident;
	return 0;
}

static void a_repeated_message_changes_nothing(void **state)
{
	AUTO(store) *store = open_store();
	static const uint8_t message[16] = {1, 2, 3};
	struct source source = source_of("203.0.113.9");
	struct store_evidence evidence = {.message = span_of(message, sizeof(message)),
		.kind = span_text("trap"),
		.source = &source,
		.time_s = 5};
	struct store_incident incident = {
		.number = 77, .source = source, .first_s = 5, .last_s = 9, .count = 3};
	struct store_incident seen = {0};
	uint64_t id;
	uint64_t incidents = 0;
	uint64_t pieces = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_evidence_add(store, &evidence, &id), 1);
	assert_int_equal(store_evidence_add(store, &evidence, &id), 0);
	assert_true(store_incident_put(store, &incident) >= 0);
	incident.count = 1;
	incident.last_s = 6; /* an older message, late */
	assert_int_equal(store_incident_put(store, &incident), 0);
	assert_true(store_incident_raise(store, &incident) >= 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_incident_get(store, 77, incident_seen, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.last_s, 9);
	assert_int_equal(store_counts(store, &incidents, &pieces), 0);
	assert_int_equal(incidents, 1);
	assert_int_equal(pieces, 1);
}

struct changes {
	int grounds;
	int everything;
};

static int change_seen(struct span list, const struct source *source, void *arg)
{
	struct changes *changes = arg;

	(void)list;
	if (source != NULL)
		changes->grounds++;
	else
		changes->everything++;
	return 0;
}

static void changes_are_kept_around_the_circle(void **state)
{
	AUTO(store) *store = open_store();
	struct source source = source_of("198.51.100.1");
	struct changes changes = {0, 0};
	uint32_t serial = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_serial_set(store, 2), 0);
	assert_int_equal(store_change_add(store, UINT32_MAX, span_text("main"), &source), 0);
	assert_int_equal(store_change_add(store, 1, span_text("main"), &source), 0);
	assert_int_equal(store_change_add(store, 2, span_text(""), NULL), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_serial(store, &serial), 0);
	assert_int_equal(serial, 2);
	assert_int_equal(store_changes(store, UINT32_MAX, change_seen, &changes), 0);
	assert_int_equal(changes.grounds, 1);
	assert_int_equal(changes.everything, 1);
	assert_int_equal(store_changes_drop(store, 1, 100), 2);
	changes = (struct changes){0, 0};
	assert_int_equal(store_changes(store, UINT32_MAX - 5, change_seen, &changes), 0);
	assert_int_equal(changes.grounds, 0);
	assert_int_equal(changes.everything, 1);
}

static void what_expires_first_comes_first(void **state)
{
	AUTO(store) *store = open_store();
	struct store_select select = {.which = STORE_EXPIRED, .time_s = 600};
	struct words words = {""};
	int64_t until_s = 0;

	(void)state;
	must_add(store, "main", "198.51.100.3", 0);
	must_add(store, "main", "198.51.100.1", 600);
	must_add(store, "main", "198.51.100.2", 500);
	must_add(store, "main", "198.51.100.4", 601);
	assert_int_equal(store_listing_next_end(store, &until_s), 0);
	assert_int_equal(until_s, 500);
	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, "198.51.100.2 198.51.100.1");
}

static void old_rows_go_and_what_is_in_force_stays(void **state)
{
	AUTO(store) *store = open_store();
	struct store_keep keep = {.incidents_before_s = 2000,
		.audit_before_s = 3000,
		.incidents_max = 1000,
		.limit = 100};
	struct store_incident incident = {.number = 5,
		.source = source_of("203.0.113.9"),
		.first_s = 5,
		.last_s = 9,
		.count = 1};
	uint64_t ended = must_add(store, "main", "198.51.100.1", 0);
	uint64_t incidents = 0, pieces = 0;

	(void)state;
	must_add(store, "main", "198.51.100.2", 0);
	assert_int_equal(store_begin(store), 0);
	assert_true(store_incident_put(store, &incident) >= 0);
	assert_int_equal(store_listing_end(store, ended,
				 &(struct store_ending){2500, span_text("root"), span_text(""), 0}),
		0);
	assert_int_equal(store_commit(store), 0);
	assert_true(store_drop_old(store, &keep) >=
		    3); /* the incident, the listing, its evidence and event */
	assert_found(store, STORE_ENDED, "main", "198.51.100.1", "");
	assert_found(store, STORE_COVERING, "main", "198.51.100.2", "198.51.100.2");
	assert_int_equal(store_incident_get(store, 5, incident_seen, &incident), E_ABSENT);
	assert_chain(store, 2, 2, 0);
	while (store_drop_old(store, &keep) > 0)
		continue;
	assert_int_equal(store_counts(store, &incidents, &pieces), 0);
	assert_int_equal(incidents, 0);
	assert_int_equal(pieces, 1); /* that of the listing in force */
	assert_found(store, STORE_COVERING, "main", "198.51.100.2", "198.51.100.2");
}

static void must_end(struct store *store, uint64_t id, int64_t at_s)
{
	const struct store_ending ending = {at_s, span_text("root"), span_text(""), 0};

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_listing_end(store, id, &ending), 0);
	assert_int_equal(store_commit(store), 0);
}

/* What strangers ask about costs so many rows, whatever has ended there. */
static void of_what_has_ended_so_many_rows_are_looked_at(void **state)
{
	AUTO(store) *store = open_store();
	struct source source = source_of("198.51.100.0/24");
	struct store_select select = {.source = &source, .which = STORE_ENDED, .look = 3};
	struct words words = {""};

	(void)state;
	for (unsigned i = 1; i <= 9; i++) {
		char text[32];

		snprintf(text, sizeof(text), "198.51.100.%u", i);
		must_end(store, must_add(store, "main", text, 0), 2000 + i);
		must_end(store, must_add(store, "main", "198.51.100.0/24", 0), 3000 - i);
	}
	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, "198.51.100.9 198.51.100.8 198.51.100.7");
	source = source_of("198.51.100.3");
	select.which = STORE_ENDED_COVERING; /* the last that were added */
	words.text[0] = '\0';
	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, "198.51.100.0/24 198.51.100.0/24 198.51.100.0/24");
	assert_found(store, STORE_ENDED, "", "198.51.100.3", "198.51.100.3"); /* without a bound */
}

static void of_too_many_incidents_the_oldest_go(void **state)
{
	AUTO(store) *store = open_store();
	struct store_keep keep = {.incidents_max = 3, .limit = 2};
	struct store_incident incident = {.source = source_of("203.0.113.9"), .count = 1};
	uint64_t incidents = 0, pieces = 0;
	unsigned steps = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (uint64_t i = 0; i < 10; i++) {
		incident.number = 100 - i;
		incident.first_s = incident.last_s = 1000 + (int64_t)(i * 7 % 10);
		assert_true(store_incident_put(store, &incident) >= 0);
	}
	assert_int_equal(store_commit(store), 0);
	while (store_drop_old(store, &keep) > 0)
		steps++;
	assert_int_equal(steps, 4);
	assert_int_equal(store_counts(store, &incidents, &pieces), 0);
	assert_int_equal(incidents, 3);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(store_incident_get(store, 100 - i, incident_seen, &incident),
			i * 7 % 10 >= 7 ? 0 : E_ABSENT);
}

/* What listings rest on is passed over, and looked at again only when all else was. */
static void evidence_that_nothing_rests_on_goes_however_much_is_before_it(void **state)
{
	AUTO(store) *store = open_store();
	struct store_keep keep = {.incidents_before_s = 5000, .incidents_max = 1000, .limit = 2};
	struct store_evidence evidence = {.kind = span_text("trap"), .time_s = 4000};
	uint64_t incidents = 0, pieces = 0, id = 0;
	int dropped = 0;

	(void)state;
	for (int i = 0; i < 9; i++) {
		char text[32];

		snprintf(text, sizeof(text), "198.51.100.%d", i);
		must_add(store, "main", text, 0);
	}
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_evidence_add(store, &evidence, &id), 1);
	assert_int_equal(store_commit(store), 0);
	for (int i = 0; i < 8; i++)
		dropped += store_drop_old(store, &keep);
	assert_int_equal(dropped, 3);
	assert_int_equal(store_counts(store, &incidents, &pieces), 0);
	assert_int_equal(pieces, 9);
}

static void room_is_put_aside_and_given_back(void **state)
{
	AUTO(store) *store = open_store();
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/s.db-reserve", folder);
	assert_int_equal(store_reserve(store), 0);
	assert_int_equal(store_reserve(store), 0);
	assert_int_equal(access(path, F_OK), 0);
	store_reserve_use(store);
	store_reserve_use(store);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_locked_store_is_busy(void **state)
{
	AUTO(store) *store = open_store();
	AUTO(store) *other = open_store();

	(void)state;
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(store_probe(store, 1), E_BUSY);
	store_rollback(other);
	assert_int_equal(store_probe(store, 1), 0);
}

static void an_unknown_kind_of_store_is_refused(void **state)
{
	struct store *store = NULL;
	struct fault why = {""};

	(void)state;
	assert_int_equal(
		store_open(&(struct store_opening){.url = "carrier-pigeon://x", .create = true},
			&store, &why),
		E_CONFIG);
	assert_int_equal(store_open(&(struct store_opening){.url = url}, &store, &why), E_ABSENT);
	assert_null(store);
}

static void what_comes_after_a_savepoint_is_taken_back_alone(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t count = 0;
	uint64_t id = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_savepoint(store), 0);
	assert_int_equal(listing_add(store, "main", "198.51.100.1", 0, &id), 1);
	assert_int_equal(store_savepoint_release(store), 0);
	assert_int_equal(store_savepoint(store), 0);
	assert_int_equal(listing_add(store, "new", "198.51.100.2", 0, &id), 1);
	assert_int_equal(listing_add(store, "main", "198.51.100.2", 0, &id), 1);
	assert_int_equal(store_savepoint_rollback(store), 0);
	assert_int_equal(listing_add(store, "new", "198.51.100.3", 0, &id), 1);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_list_count(store, span_text("main"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_list_count(store, span_text("new"), &count), 0);
	assert_int_equal(count, 1);
	assert_found(store, STORE_COVERING, "", "198.51.100.2", "");
	assert_found(store, STORE_COVERING, "", "198.51.100.3", "198.51.100.3");
}

static uint64_t list_count(struct store *store, const char *list)
{
	uint64_t count = 0;

	assert_int_equal(store_list_count(store, span_text(list), &count), 0);
	return count;
}

/* More lists than a transaction keeps counts of in memory. */
static void each_of_many_lists_in_a_transaction_is_counted(void **state)
{
	AUTO(store) *store = open_store();
	enum { LISTS = SLOT_COUNTS_MAX + 3 };
	char name[16];
	uint64_t id = 0, extra = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < LISTS; i++) {
		snprintf(name, sizeof(name), "list%d", i);
		assert_int_equal(listing_add(store, name, "198.51.100.1", 0, &id), 1);
	}
	assert_int_equal(listing_add(store, name, "198.51.100.2", 0, &extra), 1);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		0);
	assert_int_equal(listing_add(store, name, "198.51.100.3", 0, &extra), 1);
	assert_int_equal(store_commit(store), 0);
	for (int i = 0; i < LISTS; i++) {
		snprintf(name, sizeof(name), "list%d", i);
		assert_int_equal(list_count(store, name), i == LISTS - 1 ? 2 : 1);
	}
}

/* A slot whose number does not fit into 32 bits, as a store gives out that is shared and old. */
static void numbers_of_rows_have_64_bits(void **state)
{
	AUTO(store) *store = open_store();
	struct words words = {""};
	uint64_t count = 0;
	uint64_t id;

	(void)state;
	backend->execute(
		"INSERT INTO place (id, list, sublist) VALUES (5000000000, 'big', 'manual')");
	backend->execute(
		"INSERT INTO policy (id, name, version, criterion) VALUES (5000000001, 'by-hand', 1, 'text')");
	id = must_add(store, "big", "198.51.100.1", 0);
	must_add(store, "big", "198.51.100.2", 0);
	assert_found(store, STORE_COVERING, "big", "198.51.100.1", "198.51.100.1");
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_list_count(store, span_text("big"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_listings_all(store, words_add, &words), 0);
	assert_string_equal(words.text, "198.51.100.2");
}

static int listing_short(const struct store_listing *listing, void *arg)
{
	assert_true(span_equal_text(listing->sublist, "manual"));
	assert_true(span_equal_text(listing->reason, "spam"));
	return words_add(listing, arg);
}

static void all_in_force_are_given_for_a_snapshot(void **state)
{
	AUTO(store) *store = open_store();
	AUTO(store) *reader = NULL;
	struct words words = {""};
	struct fault why;
	uint32_t serial = 0;
	uint64_t id = must_add(store, "main", "198.51.100.1", 0);

	(void)state;
	must_add(store, "other", "198.51.100.2", 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){2000, span_text("root"), span_text("over"), 0}),
		0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_open_reader(url, &reader, &why), 0);
	assert_int_equal(store_begin(reader), 0);
	assert_int_equal(store_serial(reader, &serial), 0);
	must_add(store, "main", "198.51.100.3", 0);
	assert_int_equal(store_listings_all(reader, listing_short, &words), 0);
	assert_string_equal(words.text, "198.51.100.2"); /* one state of everything */
	store_rollback(reader);
	assert_int_equal(store_listings_all(reader, listing_short, &words), 0);
	assert_non_null(strstr(words.text, "198.51.100.3"));
	assert_null(strstr(words.text, "198.51.100.1"));
}

/* ---- feeds ---- */

static int feed_copy(const struct store_feed *feed, void *arg)
{
	static char error[64];
	struct store_feed *copy = arg;

	*copy = *feed;
	snprintf(error, sizeof(error), "%.*s", (int)feed->error.len, (const char *)feed->error.ptr);
	copy->name = span_text(""); /* only lives in here */
	copy->error = span_text(error);
	return 1;
}

static int feed_count(const struct store_feed *feed, void *arg)
{
	(void)feed;
	++*(unsigned *)arg;
	return 0;
}

static void a_feed_is_known_as_it_was_put_last(void **state)
{
	struct store *store = open_store();
	struct store_feed feed = {.name = span_text("partner"), .rules = 1};
	struct store_feed other = {.name = span_text("other")};
	struct store_feed seen = {.rules = 0};
	unsigned count = 0;

	(void)state;
	assert_int_equal(store_feeds(store, span_text("partner"), feed_copy, &seen), 0);
	assert_int_equal(seen.rules, 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_feed_put(store, &feed), 0);
	assert_int_equal(store_feed_put(store, &other), 0);
	feed = (struct store_feed){.name = span_text("partner"),
		.serial = UINT32_MAX,
		.rules = UINT64_MAX - 1,
		.state = STORE_FEED_REFUSED,
		.accepts = true,
		.refused_serial = UINT32_MAX - 1,
		.success_s = 1,
		.changed_s = 2,
		.error = span_text("too much"),
		.error_s = 3};
	assert_int_equal(store_feed_put(store, &feed), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feeds(store, span_text("partner"), feed_copy, &seen), 0);
	assert_int_equal(seen.serial, feed.serial);
	assert_true(seen.rules == feed.rules);
	assert_int_equal(seen.state, STORE_FEED_REFUSED);
	assert_true(seen.accepts);
	assert_int_equal(seen.refused_serial, feed.refused_serial);
	assert_int_equal(seen.success_s, 1);
	assert_int_equal(seen.changed_s, 2);
	assert_true(span_equal_text(seen.error, "too much"));
	assert_int_equal(seen.error_s, 3);
	assert_int_equal(store_feeds(store, span_text(""), feed_count, &count), 0);
	assert_int_equal(count, 2);
	store_free(&store);
}

static int listing_first(const struct store_listing *listing, void *arg)
{
	*(uint64_t *)arg = listing->id;
	return 1;
}

static void the_listings_of_a_feed_are_those_by_its_name(void **state)
{
	static const char *const authors[] = {"feed:one", "feed:one", "feed:two", "root"};
	struct store *store = open_store();
	struct store_select select = {.which = STORE_FEED, .list = span_text("feed:one")};
	uint64_t count = 0, id = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (unsigned i = 0; i < COUNTOF(authors); i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", i);
		assert_int_equal(listing_add_by(store, authors[i], "main", text, 0, &id), 1);
	}
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feed_count(store, span_text("feed:one"), &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(store_listings(store, &select, listing_first, &id), 1);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){10, span_text("feed:one"), span_text("gone"), 0}),
		0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feed_count(store, span_text("feed:one"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_feed_count(store, span_text("feed:two"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_feed_count(store, span_text("root"), &count), 0);
	assert_int_equal(count, 0); /* no feed */
	store_free(&store);
}

/* What a store keeps and gives back, over each kind of store there is. */
static const struct backend backends[] = {
	{"sqlite", sqlite_make, sqlite_remove, sqlite_execute},
};

static int set_up(void **state)
{
	return backend->set_up(state);
}

static int tear_down(void **state)
{
	return backend->tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_covers_and_what_lies_within),
		TEST(domains_cover_by_label_not_by_letter),
		TEST(a_sublist_holds_a_source_once),
		TEST(a_group_that_ended_takes_no_more),
		TEST(nothing_is_listed_without_evidence_and_criterion),
		TEST(an_event_is_undone_once),
		TEST(a_changed_or_missing_event_shows),
		TEST(the_chain_outlives_what_is_too_old_to_keep),
		TEST(a_repeated_message_changes_nothing),
		TEST(changes_are_kept_around_the_circle),
		TEST(what_expires_first_comes_first),
		TEST(old_rows_go_and_what_is_in_force_stays),
		TEST(of_what_has_ended_so_many_rows_are_looked_at),
		TEST(of_too_many_incidents_the_oldest_go),
		TEST(evidence_that_nothing_rests_on_goes_however_much_is_before_it),
		TEST(room_is_put_aside_and_given_back),
		TEST(a_locked_store_is_busy),
		TEST(a_feed_is_known_as_it_was_put_last),
		TEST(the_listings_of_a_feed_are_those_by_its_name),
		TEST(what_comes_after_a_savepoint_is_taken_back_alone),
		TEST(each_of_many_lists_in_a_transaction_is_counted),
		TEST(numbers_of_rows_have_64_bits),
		TEST(all_in_force_are_given_for_a_snapshot),
		TEST(an_unknown_kind_of_store_is_refused),
	};
	int failed = 0;

	for (size_t i = 0; i < COUNTOF(backends); i++) {
		backend = &backends[i];
		failed += cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
	}
	return failed;
}
