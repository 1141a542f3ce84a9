/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The lives of the roles below `stockade run`, without processes: what happened goes in, what the
 * supervisor has to do comes out. Pure; one thread; times in milliseconds of the supervisor's loop.
 *
 *             started            ready
 *     down ------------> starting -----> ready
 *      ^ ^                  |              |
 *      | +------------------+--------------+    died: down for a while, each time for longer
 *      |                    |              |
 *      |                    +---> ending <-+    told to end, by a stop or a reload
 *      +---------------------------+            died: started at once when it is still wanted
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
	LIFE_GIVE_UP,     /* trying again will not help: all end */
};

enum death {
	DEATH_CRASH,
	DEATH_BUSY,     /* its predecessor still lets its last sessions end */
	DEATH_HOPELESS, /* its configuration, its rights or its files are wrong */
};

struct lifecycle {
	enum life life;
	bool wanted;  /* by the configuration */
	bool settled; /* was ready once, or failed once */
	bool waits;   /* down, to be started in delay_ms */
	int64_t ready_ms, delay_ms;
};

enum { ROLES_MAX = 8 };

/* All roles of a supervisor. */
struct lifecycles {
	size_t len;
	/* the one that ends last: the keeper, which hears what the others have to say */
	size_t last;
	bool reported_ready, stopping;
	struct lifecycle roles[ROLES_MAX];
};

/* The process was started (also when LIFE_START said so), or could not be: LIFE_START_LATER. */
void lifecycle_started(struct lifecycle *role);
enum life_action lifecycle_start_failed(struct lifecycle *role, int64_t now_ms);

/* It said READY=1. */
void lifecycle_ready(struct lifecycle *role, int64_t now_ms);

/* Its process is gone. */
enum life_action lifecycle_died(
	struct lifecycles *all, struct lifecycle *role, enum death death, int64_t now_ms);

/* It is to end. */
enum life_action lifecycle_end(struct lifecycle *role);

/* What a new configuration asks for. LIFE_NEW_PROCESS: its sockets or its jail change. A process
 * that is starting gets it as well: it waits in the socket until it can be taken. */
enum life_change { LIFE_SAME_PROCESS, LIFE_NEW_PROCESS, LIFE_UNWANTED };
enum life_action lifecycle_configure(struct lifecycle *role, enum life_change change);

/* True once: when each role is ready or has failed at least once and said why. A keeper without its
 * store must not keep gate and DNS from serving. */
bool lifecycles_report_ready(struct lifecycles *all);

/* All are to end: nothing waits for its start any more, and lifecycle_stop says for each role, now
 * and after each death, what to do. */
void lifecycles_stop(struct lifecycles *all);
enum life_action lifecycle_stop(const struct lifecycles *all, struct lifecycle *role);
bool lifecycles_any_lives(const struct lifecycles *all);
