/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A keeper, its store and disk, and the roles that follow it, as small as the publisher's machine
 * (keeper/publisher_state.h) can tell: a listing is a number under a key, a list file an array of
 * them. Everything that happens is an operation that was drawn before, so a run can be played again
 * without some of them (sim.c).
 */
#include <stdbool.h>
#include <stdint.h>

#include "keeper/publisher_state.h"

enum { KEYS = 8, FOLLOWERS = 4, FILES = 64, NOTES = 4096, BACKUPS = 4, INBOX = 64, SEEN = 1 << 14 };
enum { ANSWERS = 64 }; /* that wait; more are forgotten */
enum { ALL_KEYS = (1 << KEYS) - 1, EVERYTHING = -1 };

/* ---- the store and the disk: what survives ---- */

/* The sources that a change touched; EVERYTHING: everything may differ. */
struct note {
	uint32_t serial;
	int keys;
};

struct sim_store {
	uint32_t rows[KEYS];
	uint32_t serial;
	struct note notes[NOTES];
	size_t notes_len;
};

struct file {
	uint32_t serial; /* 0: no file */
	uint32_t rows[KEYS];
	unsigned layout;
	bool damaged;
};

struct disk {
	struct sim_store store;
	struct sim_store backups[BACKUPS];
	unsigned backups_len;
	struct file files[FILES];
	uint32_t told_serial; /* the file `serial` */
	uint32_t told_snapshot;
	uint32_t old_serial; /* as it was when the machine wrote it to the disk last */
	uint32_t old_snapshot;
	bool full; /* for files; the file `serial` has its place */
};

/* ---- followers ---- */

/* One key in a delta, and what it answers from then on. */
struct piece {
	uint32_t key;
	uint32_t value;
	unsigned layout; /* of the lists that it was painted for */
};

enum message_kind { MESSAGE_HELLO, MESSAGE_SNAPSHOT, MESSAGE_DELTA };

struct message {
	enum message_kind kind;
	uint32_t serial; /* of a delta: where it leads */
	uint32_t over;   /* of a delta: where it starts */
	struct piece pieces[KEYS];
	size_t pieces_len;
};

/* As xfr/changes.c: where a delta leads from what is served, and what it names; 0: it leads
 * nowhere. */
struct sim_changes {
	uint32_t serial;
	int keys;
};

/* As list/view.h: a file, and deltas painted over it. */
struct sim_view {
	uint32_t serial; /* 0: none */
	struct file file;
	struct piece over[KEYS]; /* key: the serial it is of, 0: the file answers */
};

struct sim_follower {
	struct follower_state state; /* the keeper's side of it */
	struct sim_view view;        /* what is served */
	struct sim_view next;
	uint32_t target;
	uint32_t expected;
	struct sim_changes changes;
	bool connected;
	bool lies; /* about what it serves */
	struct message inbox[INBOX];
	size_t inbox_len;
	uint32_t hellos[INBOX]; /* on their way to the keeper */
	size_t hellos_len;
};

/* ---- the keeper ---- */

enum job { JOB_NONE, JOB_READ, JOB_ON_DISK };

/* As in keeper/connection.c: whoever made a change hears of it when everybody serves it. */
struct answer {
	int keys;
	uint32_t rows[KEYS];
	uint32_t snapshot; /* a snapshot at least this new comes first; 0: none */
	uint32_t serial;   /* then all followers serve this */
};

struct sim_keeper {
	bool runs;
	bool has_store;
	bool importing;
	struct publisher_state state;
	struct publisher_actions actions;
	int changed; /* the keys that are to be encoded */
	enum job job;
	struct file job_file;
	struct answer answers[ANSWERS];
	size_t answers_len;
};

struct seen {
	uint32_t serial;
	uint32_t rows[KEYS];
	unsigned layout;
};

struct sim {
	struct disk disk;
	struct sim_keeper keeper;
	struct sim_follower followers[FOLLOWERS];
	unsigned layout; /* of the configuration */
	int64_t now_ms;
	uint64_t dice;
	unsigned ends_after; /* actions that are done before the keeper ends; 0: it does not */
	unsigned failures;   /* of the store, in this operation, in a hundred */
	uint32_t last_value; /* each value is committed once */
	struct seen *seen;   /* what was served under which number */
	bool is_verbose;
	const char *wrong; /* what was found; NULL: nothing */
	char words[256];
};

uint32_t sim_roll(struct sim *sim, uint32_t below);
void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Only the first counts. */
void sim_fail(struct sim *sim, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- sim_keeper.c: publisher.c's part ---- */

void keeper_start(struct sim *sim);
void keeper_end(struct sim *sim); /* at once, whatever it is doing */
void keeper_open_store(struct sim *sim);
/* Commits new values for these keys and publishes them; EVERYTHING: for all of them, too many for a
 * delta. */
void keeper_commit(struct sim *sim, int keys, bool later);
void keeper_event(struct sim *sim, enum publisher_event_kind kind);
void keeper_follower_event(struct sim *sim, enum publisher_event_kind kind,
	struct sim_follower *follower, uint32_t serial);
/* The next thing that happens to the file being written. */
void keeper_job(struct sim *sim);
/* NULL: none that can be read. */
const struct file *disk_newest_whole(struct disk *disk);

/* ---- sim_follower.c: bus/client.c and bus/follower.c ---- */

void follower_connect(struct sim *sim, struct sim_follower *follower);
void follower_disconnect(struct sim *sim, struct sim_follower *follower);
/* A new process: it serves the newest file. */
void follower_restart(struct sim *sim, struct sim_follower *follower);
void follower_read(struct sim *sim, struct sim_follower *follower);
void follower_greet(struct sim *sim, struct sim_follower *follower);
uint32_t view_value(const struct sim_view *view, size_t key);
bool view_shows(const struct sim_view *view, const uint32_t rows[KEYS]);
