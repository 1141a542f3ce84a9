/* SPDX-License-Identifier: ISC */
#include "process/lifecycle.h"

enum {
	RESTART_FIRST_MS = 20, /* a crash costs its clients no more than this */
	RESTART_LAST_MS = 30000,
	RESTART_BUSY_MS = 1000,
	HEALTHY_MS = 1000, /* ready for so long: the next death counts as the first */
};

void lifecycle_started(struct lifecycle *role)
{
	role->life = LIFE_STARTING;
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
	role->ready_ms = now_ms;
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

enum life_action lifecycle_end(struct lifecycle *role)
{
	role->waits = false;
	if (role->life != LIFE_STARTING && role->life != LIFE_READY)
		return LIFE_LEAVE;
	role->life = LIFE_ENDING;
	return LIFE_TERM;
}

enum life_action lifecycle_configure(struct lifecycle *role, enum life_change change)
{
	role->wanted = change != LIFE_UNWANTED;
	if (role->life == LIFE_DOWN && role->wanted)
		return role->waits ? LIFE_LEAVE : LIFE_START;
	if (change != LIFE_SAME_PROCESS)
		return lifecycle_end(role);
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

enum life_action lifecycle_stop(const struct lifecycles *all, struct lifecycle *role)
{
	bool others = false;

	for (size_t i = 0; i < all->len; i++)
		others |= i != all->last && all->roles[i].life != LIFE_DOWN;
	return others && role == &all->roles[all->last] ? LIFE_LEAVE : lifecycle_end(role);
}

bool lifecycles_any_lives(const struct lifecycles *all)
{
	bool any = false;

	for (size_t i = 0; i < all->len; i++)
		any |= all->roles[i].life != LIFE_DOWN;
	return any;
}
