/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is published, and who is told: snapshots, the deltas behind them, and the serial that never
 * goes back.
 */
#include "base/err.h"
#include "keeper/change.h"
#include "keeper/layout.h"

enum {
	PIECES_MAX = 4096,    /* of one delta */
	TOLD_PIECES = 200000, /* over the snapshot, before a new one is written */
	TOLD_DELTAS = 50000,
	TOLD_PIECES_MAX = 1000000, /* when none can be written: no more changes are taken */
	/* Sooner or later each change is in a file, for roles that start while the keeper is
	 * away: */
	SNAPSHOT_REST_MS = 5000,   /* between two files, at least */
	SNAPSHOT_REST_FACTOR = 20, /* and this many times what the last one took */
	FILE_NAME_SIZE = 32,
};

struct connection;
struct keeper;

/* How a change comes to the followers. */
enum served { SERVED_BY_DELTA, SERVED_BY_SNAPSHOT };
/* LATER: an import goes on; its last part asks for the snapshot. */
enum publish_when { PUBLISH_NOW, PUBLISH_LATER };

/* A delta that is newer than the snapshot. */
struct told {
	uint32_t to_serial;
	uint32_t pieces;
	uint8_t *packed; /* a Delta without from_serial, as frame_append_delta takes it */
	size_t packed_len;
};

struct snapshot_job;
struct snapshot_thread;

struct publisher {
	uint32_t serial;          /* what followers have been brought to; 0: nothing */
	uint32_t snapshot_serial; /* 0: none */
	char snapshot_file[FILE_NAME_SIZE];
	struct told *told; /* ascending, in the circle of serials */
	size_t told_len;
	size_t told_room;
	size_t pieces;
	bool hole;            /* the store holds changes that only a snapshot will show */
	uint32_t hole_serial; /* of the last of them */
	bool reshaped; /* the lists themselves changed: no delta fits before the next snapshot */
	struct shape *shape;
	struct snapshot_thread *thread;
	struct snapshot_job *job;  /* at the thread */
	int64_t job_not_before_ms; /* after a failure */
	int64_t rest_until_ms;     /* no new file just because there are deltas */
	uint32_t forget; /* changes up to this serial are in the file: their rows may go; 0: none */
	unsigned jumps;  /* ahead to the serial of a follower, since the start */
	int serial_fd;
};

/* Finds the newest snapshot that can be read; without a store it is what will be served. */
int publish_start(struct keeper *keeper, struct fault *why);
void publish_finish(struct keeper *keeper);
/* After the store was opened: makes the serial go on from the newest one anybody has seen, and
 * catches up. */
int publish_meet_store(struct keeper *keeper);
/* A follower serves this. When it is ahead of all that we know of, the serial goes on from
 * there. */
void publish_meet_follower(struct connection *connection, uint32_t serial);
/* Everything anew, under a new number; the caller opens a hole there. */
int publish_renumber(struct keeper *keeper, uint32_t *ret_serial);
void publish_hole(struct keeper *keeper, uint32_t serial);
bool publish_has_past(const struct keeper *keeper); /* anything was ever published here */
void publish_reload(struct keeper *keeper);

/* Within the transaction: gives the change its serial and notes its ground. */
int publish_number(struct keeper *keeper, const struct change *change, uint32_t *ret_serial);
/* After the commit: tells the followers, by delta or by asking for a snapshot. more: an import goes
 * on. */
void publish_change(struct keeper *keeper, struct change *change, uint32_t serial, bool more);
/* Brings a follower to what is published. */
void publish_greet(struct connection *connection, bool again);
/* Starts a snapshot when one is needed and none is being written. */
void publish_turn(struct keeper *keeper);
/* Sends a follower what it lacks, as much as the connection takes at once. */
void publish_pump(struct connection *connection);
/* The last number anybody was told, as it stands in the file `serial`; 0: none. */
uint32_t serial_read(const struct publisher *publisher);
/* The snapshot that was published last, from there; 0: none. */
uint32_t serial_read_snapshot(const struct publisher *publisher);
/* 0, or E_FULL with words: snapshots fail, and no more deltas can be kept. */
int publish_may_change(const struct keeper *keeper, struct fault *why);
/* A step of forgetting what the snapshot has made superfluous. */
void publish_forget(struct keeper *keeper);
/* A snapshot is out. */
void publish_adopt(struct keeper *keeper, uint32_t serial, const char *file);

/* keeper/delta_log.c */
void told_push(struct publisher *publisher, uint32_t serial, uint8_t *packed, size_t packed_len,
	size_t pieces); /* takes packed over */
void told_drop_up_to(struct publisher *publisher, uint32_t serial);
void told_drop_all(struct publisher *publisher);
/* The first that a follower at `serial` lacks; -1: it has to begin with the snapshot. */
ssize_t told_behind(const struct publisher *publisher, uint32_t serial);

/* keeper/repaint.c: the pieces of a change, packed; E_LIMIT: too many for a delta. */
int change_paint(struct keeper *keeper, struct change *change, uint32_t serial,
	uint8_t **ret_packed, size_t *ret_packed_len, size_t *ret_pieces);

/* keeper/snapshot_job.c */
int snapshot_thread_start(struct keeper *keeper); /* before the jail closes */
void snapshot_thread_stop(struct keeper *keeper);
void snapshot_job_start(struct keeper *keeper); /* one at a time: publisher.job is NULL */
bool snapshot_is_whole(
	const char *folder, const char *name, uint32_t serial); /* says so when not */
int snapshot_find_newest(const char *folder, uint32_t *ret_serial, char name[FILE_NAME_SIZE]);
void snapshot_remove_old(const char *folder, uint32_t serial);
void snapshot_name(uint32_t serial, char name[FILE_NAME_SIZE]);

/* What other files use from now on. */
int publisher_number(
	struct publisher *publisher, const struct change *change, uint32_t *ret_serial);
enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when);
void publisher_turn(struct publisher *publisher);
int publisher_may_change(const struct publisher *publisher, struct fault *why);
uint32_t publisher_serial(const struct publisher *publisher);
uint32_t publisher_gap_serial(const struct publisher *publisher);
