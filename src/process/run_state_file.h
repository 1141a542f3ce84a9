/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * <run.folder>/state: a struct run_state, for `stockade status`. Owner: the supervisor, which
 * writes it anew in one piece (rename) and removes it at its end. Who may use control.sock may read
 * it. Main thread.
 */
#include "conf/conf.h"
#include "process/run_state.h"

/* So often it is written at least; who finds it much older than that has found a supervisor that
 * does not go on. */
enum { RUN_STATE_EVERY_MS = 5000, RUN_STATE_OLD_MS = 15000 };

int run_state_write(const struct conf *conf, const struct run_state *state, struct fault *why);
void run_state_remove(const struct conf *conf);

/* E_ABSENT: there is none, or whoever has run.folder now did not write it: an older supervisor, or
 * a keeper that was started by itself. */
int run_state_read(const struct conf *conf, struct run_state *ret_state);
