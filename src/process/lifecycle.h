/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The lives of the roles below `stockade run`, without processes: what happened goes in, what the
 * supervisor has to do comes out. Pure; one thread; times in milliseconds of the supervisor's loop.
 *
 *             started            ready
 *     down ------------> starting -----> ready -> former
 *      ^ ^                  |              |
 *      | +------------------+--------------+    died: down for a while, each time for longer
 *      |                    |              |
 *      |                    +---> ending <-+    told to end, by a stop or a reload
 *      +---------------------------+            died: started at once when it is still wanted
 *
 * A role whose clients would notice its end is replaced instead: its process goes on as a former
 * one until the next is ready, and then serves those clients to the end that it has (retires).
 * What gives no sign of life, or does not end in its time, is killed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum life { LIFE_DOWN, LIFE_STARTING, LIFE_READY, LIFE_ENDING };

/* What to do with the process of a role. */
enum life_action {
	LIFE_LEAVE,
	LIFE_START,
	LIFE_START_LATER, /* in delay_ms */
	LIFE_TERM,        /* SIGTERM */
	LIFE_CONFIGURE,   /* it gets the newer configuration */
	LIFE_REPLACE,     /* it is a former one from now on, and the next is started */
	LIFE_RETIRE,      /* it takes no new clients, and ends when the last has left */
	LIFE_KILL,        /* SIGKILL */
	LIFE_GIVE_UP,     /* trying again will not help: all end */
};

enum death {
	DEATH_CRASH,
	DEATH_BUSY,     /* its predecessor still lets its last sessions end */
	DEATH_HOPELESS, /* its configuration, its rights or its files are wrong */
};

/* A process beside the newest one of its role. */
enum former_life { FORMER_NONE, FORMER_SERVING, FORMER_RETIRING, FORMER_ENDING, FORMER_KILLED };

struct former {
	enum former_life life;
	int64_t due_ms;  /* retiring, ending: when that has lasted too long */
	int64_t sign_ms; /* of the last sign of life */
	int64_t silence_ms;
};

enum { FORMERS_MAX = 4 };

struct lifecycle {
	enum life life;
	bool wanted;  /* by the configuration */
	bool settled; /* was ready once, or failed once */
	bool waits;   /* down, to be started in delay_ms */
	bool killed;  /* what is left of it is gone in a moment */
	int64_t ready_ms, delay_ms;
	int64_t sign_ms;    /* of the last sign of life */
	int64_t silence_ms; /* how long it may give none; set by the owner */
	int64_t due_ms;     /* ending: when that has lasted too long */
	struct former formers[FORMERS_MAX];
};

enum { ROLES_MAX = 8, TICK_MS = 1000 };

/* All roles of a supervisor. */
struct lifecycles {
	size_t len;
	/* the one that ends last: the keeper, which hears what the others have to say */
	size_t last;
	bool reported_ready, stopping;
	int64_t tick_ms; /* of the last lifecycles_tick */
	struct lifecycle roles[ROLES_MAX];
};

/* The process was started (also when LIFE_START said so), or could not be: LIFE_START_LATER. */
void lifecycle_started(struct lifecycle *role, int64_t now_ms);
enum life_action lifecycle_start_failed(struct lifecycle *role, int64_t now_ms);

/* It said READY=1. */
void lifecycle_ready(struct lifecycle *role, int64_t now_ms);

/* Its process is gone. */
enum life_action lifecycle_died(
	struct lifecycles *all, struct lifecycle *role, enum death death, int64_t now_ms);

/* It is to end. */
enum life_action lifecycle_end(struct lifecycle *role, int64_t now_ms);

/* It showed that it goes on with its work: WATCHDOG=1. */
void lifecycle_sign(struct lifecycle *role, int64_t now_ms);

/* Ready, and two signs in a row are late: for so many milliseconds it has given none; else 0. */
int64_t lifecycle_silence_ms(const struct lifecycle *role, int64_t now_ms);
/* It was seen to hang in another way. LIFE_KILL once, else LIFE_LEAVE. */
enum life_action lifecycle_kill(struct lifecycle *role);

/* Each TICK_MS: a process that is silent or does not end. LIFE_KILL once, else LIFE_LEAVE. When we
 * were not running ourselves (stopped, or a machine that was paused), nobody is blamed for that
 * time: it counts neither as silence nor against the end of a process. */
void lifecycles_tick(struct lifecycles *all, int64_t now_ms);
enum life_action lifecycle_tick(struct lifecycle *role, int64_t now_ms);

/* LIFE_REPLACE: the place of the process among the formers, where it goes on. */
size_t lifecycle_replaced(struct lifecycle *role);
/* For a former: the newest is ready (LIFE_RETIRE); all end (LIFE_TERM); each TICK_MS (LIFE_TERM,
 * LIFE_KILL). Else LIFE_LEAVE. Its process is gone: FORMER_NONE. */
enum life_action former_retire(struct former *former, int64_t now_ms);
enum life_action former_end(struct former *former, int64_t now_ms);
void former_sign(struct former *former, int64_t now_ms);
enum life_action former_tick(struct former *former, int64_t now_ms);

/* What a new configuration asks for. LIFE_NEW_PROCESS: its sockets or its jail change; LIFE_BESIDE:
 * the same, of a role that can be replaced. A process
 * that is starting gets it as well: it waits in the socket until it can be taken. */
enum life_change { LIFE_SAME_PROCESS, LIFE_NEW_PROCESS, LIFE_BESIDE, LIFE_UNWANTED };
enum life_action lifecycle_configure(
	struct lifecycle *role, enum life_change change, int64_t now_ms);

/* True once: when each role is ready or has failed at least once and said why. A keeper without its
 * store must not keep gate and DNS from serving. */
bool lifecycles_report_ready(struct lifecycles *all);

/* All are to end: nothing waits for its start any more, and lifecycle_stop says for each role, now
 * and after each death, what to do. */
void lifecycles_stop(struct lifecycles *all);
enum life_action lifecycle_stop(
	const struct lifecycles *all, struct lifecycle *role, int64_t now_ms);
bool lifecycles_any_lives(const struct lifecycles *all);
