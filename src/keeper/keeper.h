/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The keeper's own header: what its files share. Nobody else includes it; the rest of the program sees role_keeper.
 *
 *   keeper.c           the role: start, stop, the state of the store, clock work
 *   keeper/connection.c      connections of roles and operators; answers held until the change is served
 *   keeper/command.c   the frame of every command     keeper/command_add.c, _remove.c, _undo.c  what operators change
 *   keeper/expire.c    what ends by itself
 *   keeper/query.c     what roles and operators ask   keeper/message.c    rows as messages
 *   keeper/transaction.c     one transaction per turn       keeper/evidence.c     evidence of the roles
 *   keeper/publisher.c   serials, who is told           keeper/recovery.c    after a start: where the serial goes on
 *   keeper/delta_log.c      deltas newer than the snapshot keeper/repaint.c   what changed ground answers now
 *   keeper/snapshot_job.c  files, written by a thread
 *   keeper_feed*.c     lists of other operators, as the courier brings them
 *   keeper/command_retire.c    the end of a list
 *   policy/listing_rule.c      what may be listed, until when (pure)
 *   keeper/layout.c     the lists as they are published (pure)
 */
#include "base/arena.h"
#include "base/clock_guard.h"
#include "base/log.h"
#include "bus/rights.h"
#include "keeper/layout.h"
#include "list/delta.h"
#include "loop/stream.h"
#include "policy/listing_rule.h"
#include "process/role.h"
#include "stockade.pb-c.h"
#include "store/store.h"

enum {
	GROUNDS_MAX = 512,    /* of one delta; more is a snapshot */
	PIECES_MAX = 4096,    /* of one delta */
	TOLD_PIECES = 200000, /* over the snapshot, before a new one is written */
	TOLD_DELTAS = 50000,
	TOLD_PIECES_MAX = 1000000, /* when none can be written: no more changes are taken */
	/* Sooner or later each change is in a file, for roles that start while the keeper is away: */
	SNAPSHOT_REST_MS = 5000,   /* between two files, at least */
	SNAPSHOT_REST_FACTOR = 20, /* and this many times what the last one took */
	FILE_NAME_SIZE = 32,
	AUTHOR_SIZE = 192,
};

struct keeper;

/* ---- what a command changed ---- */

struct ground {
	struct span list;
	struct source source;
};

/* Grounds live in the arena; all: too many to name, everything may differ. */
struct change {
	struct arena *arena;
	struct ground *grounds;
	size_t len;
	size_t room;
	bool all;
	uint32_t rows; /* listings added and ended */
};

void change_add(struct change *change, struct span list, const struct source *source);

/* ---- connections ---- */

/* One connection. Roles that serve lists are followers. */
struct link {
	uint32_t magic;
	struct keeper *keeper;
	struct link *next;
	struct stream *stream;
	enum bus_sender sender;
	char author[AUTHOR_SIZE]; /* control: the user on the other side */
	bool follows;
	uint32_t serial;           /* what it says it serves */
	uint32_t sent;             /* what it will serve when it has read all we sent */
	uint64_t import_event;     /* an import goes on (ListAdd.more) */
	int64_t import_ms;         /* when its last part came */
	struct feed_staging *feed; /* a change set that is being taken in; NULL: none */
	Stockade__Health *health;  /* what it said of its surroundings; NULL: nothing */
	bool dead;
};

/* An answer that waits until the change is served everywhere. */
struct held {
	struct held *next;
	struct link *link;
	Stockade__Answer *answer; /* in the arena */
	struct arena *arena;
	uint32_t snapshot; /* a snapshot at least this new has to be out first; 0: none */
	uint32_t serial;   /* then all followers have to serve this */
	int64_t at_ms;     /* not later than this, once the snapshot is out */
};

struct listener {
	struct keeper *keeper;
	enum bus_sender sender;
	int fd;
	struct watch *watch;
};

void links_open(struct keeper *keeper);
void links_close(struct keeper *keeper);
void link_send(struct link *link, const Stockade__Message *message);
void link_answer(struct link *link, Stockade__Answer *answer);
/* Takes the arena over. */
void link_hold(struct link *link, Stockade__Answer *answer, struct arena *arena, bool snapshot);
void links_release_held(struct keeper *keeper);
bool link_serves(const struct keeper *keeper, const char *role, uint32_t *ret_serial);

/* ---- publishing ---- */

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
/* After the store was opened: makes the serial go on from the newest one anybody has seen, and catches up. */
int publish_meet_store(struct keeper *keeper);
/* A follower serves this. When it is ahead of all that we know of, the serial goes on from there. */
void publish_meet_follower(struct link *link, uint32_t serial);
/* Everything anew, under a new number; the caller opens a hole there. */
int publish_renumber(struct keeper *keeper, uint32_t *ret_serial);
void publish_hole(struct keeper *keeper, uint32_t serial);
bool publish_has_past(const struct keeper *keeper); /* anything was ever published here */
void publish_reload(struct keeper *keeper);

/* Within the transaction: gives the change its serial and notes its ground. */
int publish_number(struct keeper *keeper, const struct change *change, uint32_t *ret_serial);
/* After the commit: tells the followers, by delta or by asking for a snapshot. more: an import goes on. */
void publish_change(struct keeper *keeper, struct change *change, uint32_t serial, bool more);
/* Brings a follower to what is published. */
void publish_greet(struct link *link, bool again);
/* Starts a snapshot when one is needed and none is being written. */
void publish_turn(struct keeper *keeper);
/* Sends a follower what it lacks, as much as the connection takes at once. */
void publish_pump(struct link *link);
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

/* ---- evidence, commands, questions ---- */

struct put_ack;
struct work;

/* What came in during this turn of the loop: one transaction. */
struct batch {
	bool open; /* a transaction is */
	struct timer commit;
	struct put_ack *acks;
	size_t len;
	size_t room;
	struct work *works, **works_end; /* in order */
	struct change change;            /* of all of them */
};

void batch_init(struct keeper *keeper);
void batch_done(struct keeper *keeper);
/* Opens the transaction of this turn, when it is not. < 0: all of the batch has failed. */
int batch_open(struct keeper *keeper);
/* Commits what came in this turn and answers it; before anything else uses the store. */
void batch_flush(struct keeper *keeper);
/* The store failed: nothing of the batch is kept, commands are told so, evidence comes again. */
void batch_fail(struct keeper *keeper, int error);
void batch_forget_link(struct keeper *keeper, const struct link *link);

void put_handle(struct link *link, const Stockade__Put *put);
void put_acknowledge(struct batch *batch);
void put_forget_link(struct batch *batch, const struct link *link);

void command_handle(struct link *link, const Stockade__Command *command);
/* The connection of an import that was going on is gone: what it committed is published. */
void command_import_broken(struct link *link);
/* Ends what is due. */
void command_expire(struct keeper *keeper);

/* A command at work; it lies in the arena of its change. */
struct work {
	struct work *next;
	struct keeper *keeper;
	struct link *link;                /* NULL: it is gone */
	const Stockade__Command *command; /* only until the transaction has its part */
	const char *verb;
	const char *author;
	struct span reason;
	int64_t now_s;
	struct change change;
	uint32_t serial;
	uint64_t event;
	uint64_t undoes; /* undo_run: the event to be taken back */
	bool keeps;      /* to be committed although no listing changed */
	Stockade__Answer *answer;
	struct fault why;
	int error;
	bool more; /* an import goes on */
	bool dry_run;
};

/* The batch is committed and published, under the serial of the work, or has failed with its error. */
void work_finish(struct work *work);

int work_event(struct work *work, const char *verb, const char *subject, uint64_t undoes);
int add_run(struct work *work);
int remove_run(struct work *work);
int undo_run(struct work *work);
int retire_run(struct work *work);
/* E_DENIED with words: the list is going to end or has ended, and takes nothing new. */
int retire_refuses(struct keeper *keeper, struct span list, struct fault *why);

/* A part of a change set; answered at once. */
void feed_handle(struct link *link, const Stockade__Feed *message);
void feed_forget(struct link *link);
int feed_command_run(struct work *work);
int feed_ask(struct keeper *keeper, struct arena *arena, Stockade__Answer *answer);

void query_handle(struct link *link, const Stockade__Query *query);

/* Rows as messages, in the arena. private: with what only operators see. */
Stockade__Listing *wire_listing(struct keeper *keeper, struct arena *arena,
	const struct store_listing *listing, bool private);
Stockade__Incident *wire_incident(
	struct arena *arena, const struct store_incident *incident, bool private);
Stockade__Event *wire_event(struct arena *arena, const struct store_event *event);
struct span wire_pack_checks(struct arena *arena, const Stockade__Incident *incident);

/* ---- the role ---- */

struct keeper {
	uint32_t magic;
	struct role_context *context;
	struct loop *loop;
	struct store *store; /* NULL: cannot be opened */
	bool store_bad;
	int store_error;
	char store_words[512];
	int64_t store_retry_ms;
	struct listener listeners[BUS_SENDER_COUNT];
	struct link *links;
	struct held *held;
	struct timer held_due;
	struct batch batch;
	struct publisher publisher;
	struct timer tick;
	struct timer expiry;
	struct clock_guard guard;
	int64_t keep_at_ms;
	int64_t started_s;
};

/* Failures of the store itself, as against "not found". */
bool keeper_error_is_of_store(int error);
/* A failure of the store: said once; the store is given up when it is damaged. Returns error. */
int keeper_store_failed(struct keeper *keeper, int error);
/* A transaction went well. */
void keeper_store_worked(struct keeper *keeper);
/* 0, or why there is no store, with words. */
int keeper_need_store(struct keeper *keeper, struct fault *why);
void keeper_arm_expiry(struct keeper *keeper);
