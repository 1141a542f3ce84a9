/* SPDX-License-Identifier: ISC */
#include "process/lifecycle.h"

enum {
	RESTART_FIRST_MS = 20, /* a crash costs its clients no more than this */
	RESTART_LAST_MS = 30000,
	RESTART_BUSY_MS = 1000,
	HEALTHY_MS = 1000, /* ready for so long: the next death counts as the first */
	END_MS = 25000,    /* for the ends of sessions */
	RETIRE_MS = 600000,
	START_MS = 300000, /* a large store may be read or repaired */
	LATE_MS = 5 * TICK_MS,
};

void lifecycle_started(struct lifecycle *role, int64_t now_ms)
{
	role->life = LIFE_STARTING;
	role->sign_ms = now_ms;
	role->killed = false;
	role->waits = false;
}

/* Doubles from milliseconds to half a minute while a role does not stay up. */
static enum life_action start_later(struct lifecycle *role, enum death death, int64_t now_ms)
{
	bool healthy = role->life == LIFE_READY && now_ms - role->ready_ms >= HEALTHY_MS;

	if (death == DEATH_BUSY)
		role->delay_ms = RESTART_BUSY_MS;
	else if (healthy || role->delay_ms == 0)
		role->delay_ms = RESTART_FIRST_MS;
	else
		role->delay_ms *= 2;
	if (role->delay_ms > RESTART_LAST_MS)
		role->delay_ms = RESTART_LAST_MS;
	role->life = LIFE_DOWN;
	role->waits = true;
	return LIFE_START_LATER;
}

enum life_action lifecycle_start_failed(struct lifecycle *role, int64_t now_ms)
{
	return start_later(role, DEATH_CRASH, now_ms);
}

void lifecycle_ready(struct lifecycle *role, int64_t now_ms)
{
	role->life = LIFE_READY;
	role->settled = true;
	role->ready_ms = role->sign_ms = now_ms;
}

enum life_action lifecycle_died(
	struct lifecycles *all, struct lifecycle *role, enum death death, int64_t now_ms)
{
	if (role->life == LIFE_ENDING) {
		role->life = LIFE_DOWN;
		return role->wanted && !all->stopping ? LIFE_START : LIFE_LEAVE;
	}
	if (death == DEATH_HOPELESS && !all->reported_ready) {
		role->life = LIFE_DOWN;
		role->delay_ms = 0;
		return LIFE_GIVE_UP;
	}
	role->settled = true;
	return start_later(role, death, now_ms);
}

enum life_action lifecycle_end(struct lifecycle *role, int64_t now_ms)
{
	role->waits = false;
	if (role->life != LIFE_STARTING && role->life != LIFE_READY)
		return LIFE_LEAVE;
	role->life = LIFE_ENDING;
	role->due_ms = now_ms + END_MS;
	return LIFE_TERM;
}

void lifecycle_sign(struct lifecycle *role, int64_t now_ms)
{
	role->sign_ms = now_ms;
}

/* It may have been paused as well: nothing of what it had to do in that time is late. */
static void lifecycle_forgive(struct lifecycle *role, int64_t lost_ms, int64_t now_ms)
{
	role->sign_ms = now_ms;
	role->due_ms += lost_ms;
	for (size_t i = 0; i < FORMERS_MAX; i++) {
		role->formers[i].sign_ms = now_ms;
		role->formers[i].due_ms += lost_ms;
	}
}

void lifecycles_tick(struct lifecycles *all, int64_t now_ms)
{
	int64_t passed_ms = now_ms - all->tick_ms;

	all->tick_ms = now_ms;
	for (size_t i = 0; passed_ms > LATE_MS && i < all->len; i++)
		lifecycle_forgive(&all->roles[i], passed_ms - TICK_MS, now_ms);
}

int64_t lifecycle_silence_ms(const struct lifecycle *role, int64_t now_ms)
{
	int64_t silence_ms = now_ms - role->sign_ms;

	return role->life == LIFE_READY && silence_ms >= role->silence_ms / 3 * 2 ? silence_ms : 0;
}

enum life_action lifecycle_kill(struct lifecycle *role)
{
	if (role->killed)
		return LIFE_LEAVE;
	role->killed = true;
	return LIFE_KILL;
}

static bool lifecycle_is_overdue(const struct lifecycle *role, int64_t now_ms)
{
	switch (role->life) {
	case LIFE_DOWN:
		return false;
	case LIFE_STARTING:
		return now_ms - role->sign_ms >= START_MS;
	case LIFE_READY:
		return now_ms - role->sign_ms >= role->silence_ms;
	case LIFE_ENDING:
		return now_ms >= role->due_ms;
	}
	return false;
}

enum life_action lifecycle_tick(struct lifecycle *role, int64_t now_ms)
{
	return lifecycle_is_overdue(role, now_ms) ? lifecycle_kill(role) : LIFE_LEAVE;
}

static size_t former_place(const struct lifecycle *role)
{
	size_t i = 0;

	while (i < FORMERS_MAX && role->formers[i].life != FORMER_NONE)
		i++;
	return i;
}

size_t lifecycle_replaced(struct lifecycle *role)
{
	size_t place = former_place(role);

	role->formers[place] = (struct former){
		.life = FORMER_SERVING, .sign_ms = role->sign_ms, .silence_ms = role->silence_ms};
	role->life = LIFE_DOWN;
	return place;
}

enum life_action former_retire(struct former *former, int64_t now_ms)
{
	if (former->life != FORMER_SERVING)
		return LIFE_LEAVE;
	former->life = FORMER_RETIRING;
	former->due_ms = now_ms + RETIRE_MS;
	return LIFE_RETIRE;
}

void former_sign(struct former *former, int64_t now_ms)
{
	former->sign_ms = now_ms;
}

enum life_action former_end(struct former *former, int64_t now_ms)
{
	if (former->life != FORMER_SERVING && former->life != FORMER_RETIRING)
		return LIFE_LEAVE;
	former->life = FORMER_ENDING;
	former->due_ms = now_ms + END_MS;
	return LIFE_TERM;
}

/* One that hangs answers its clients from what it had then, and never hears that it is to retire.
 */
static bool former_is_overdue(const struct former *former, int64_t now_ms)
{
	if (former->life == FORMER_ENDING)
		return now_ms >= former->due_ms;
	return (former->life == FORMER_SERVING || former->life == FORMER_RETIRING) &&
	       now_ms - former->sign_ms >= former->silence_ms;
}

enum life_action former_tick(struct former *former, int64_t now_ms)
{
	if (!former_is_overdue(former, now_ms))
		return former->life == FORMER_RETIRING && now_ms >= former->due_ms
			       ? former_end(former, now_ms)
			       : LIFE_LEAVE;
	former->life = FORMER_KILLED;
	return LIFE_KILL;
}

enum life_action lifecycle_configure(
	struct lifecycle *role, enum life_change change, int64_t now_ms)
{
	role->wanted = change != LIFE_UNWANTED;
	if (role->life == LIFE_DOWN && role->wanted)
		return role->waits ? LIFE_LEAVE : LIFE_START;
	if (change == LIFE_BESIDE && role->life == LIFE_READY && former_place(role) < FORMERS_MAX)
		return LIFE_REPLACE;
	if (change != LIFE_SAME_PROCESS)
		return lifecycle_end(role, now_ms);
	return role->life == LIFE_ENDING ? LIFE_LEAVE : LIFE_CONFIGURE;
}

bool lifecycles_report_ready(struct lifecycles *all)
{
	for (size_t i = 0; i < all->len; i++) {
		if (all->roles[i].wanted && !all->roles[i].settled)
			return false;
	}
	if (all->reported_ready || all->stopping)
		return false;
	all->reported_ready = true;
	return true;
}

void lifecycles_stop(struct lifecycles *all)
{
	all->stopping = true;
	for (size_t i = 0; i < all->len; i++)
		all->roles[i].waits = false;
}

static bool lifecycle_lives(const struct lifecycle *role)
{
	bool lives = role->life != LIFE_DOWN;

	for (size_t i = 0; i < FORMERS_MAX; i++)
		lives |= role->formers[i].life != FORMER_NONE;
	return lives;
}

enum life_action lifecycle_stop(
	const struct lifecycles *all, struct lifecycle *role, int64_t now_ms)
{
	bool others = false;

	for (size_t i = 0; i < all->len; i++)
		others |= i != all->last && lifecycle_lives(&all->roles[i]);
	return others && role == &all->roles[all->last] ? LIFE_LEAVE : lifecycle_end(role, now_ms);
}

bool lifecycles_any_lives(const struct lifecycles *all)
{
	bool any = false;

	for (size_t i = 0; i < all->len; i++)
		any |= lifecycle_lives(&all->roles[i]);
	return any;
}
