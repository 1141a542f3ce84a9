/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What `stockade run` tells of its roles: how each is, and how often it ended without having been
 * told to. As text, for a file in run.folder that `stockade status` reads
 * (process/run_state_file.h), also when the keeper hangs or is away. Pure; constant; times are wall
 * time in seconds, but for written_ms.
 *
 *     stockade-run 1
 *     run pid=811 since=1764540000 written=86400123
 *     role gate ready pid=820 since=1764540002 deaths=1 signal=9 hung=1 recent=1764543600
 *
 * A number that is zero is left out. Who reads leaves out words that it does not know, so a newer
 * supervisor may add some; the number in the first line changes when that is not enough.
 */
#include "base/buf.h"
#include "process/lifecycle.h"

enum { DEATHS_KEPT = 8, DEATHS_TOO_MANY = 3, DEATHS_WITHIN_S = 3600 };

/* Ends that nobody had asked for, since the supervisor was started. */
struct role_deaths {
	int64_t count;
	/* of the last one: the number of the signal or, without one, the exit code */
	int64_t signal, exit_code;
	int64_t hung;                  /* 1: we killed it, because it hung */
	int64_t recent_s[DEATHS_KEPT]; /* the last one first; 0: no more */
};

struct role_state {
	char role[16];
	enum life life;
	int64_t pid;      /* 0: none */
	int64_t since_s;  /* of its life */
	int64_t silent_s; /* without the signs of life that were due by now */
	struct role_deaths deaths;
};

struct run_state {
	int64_t pid, since_s;
	int64_t written_ms; /* by base/clock.h's monotonic clock */
	size_t len;
	struct role_state roles[ROLES_MAX];
};

/* A death of which only the last fields and the first time are filled in. */
void role_deaths_add(struct role_deaths *deaths, struct role_deaths last);
/* How many within DEATHS_WITHIN_S, of those that are kept. */
size_t role_deaths_lately(const struct role_deaths *deaths, int64_t now_s);

/* It is ready, gives signs of life, and did not end too often lately. */
bool role_state_is_well(const struct role_state *state, int64_t now_s);

/* "ready" */
const char *life_name(enum life life);

void run_state_print(const struct run_state *state, struct buf *out);
/* E_PARSE: it is none; E_VERSION: of a version that writes it otherwise. */
int run_state_parse(struct span text, struct run_state *ret_state);
/* One of that name; NULL: none. */
const struct role_state *run_state_find(const struct run_state *state, const char *role);
