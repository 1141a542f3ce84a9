/* SPDX-License-Identifier: ISC */
#include "smtpd/stress.h"

/* Since when it is quiet: 0 when it is not. */
static int64_t quiet_since_ms(const struct stress *stress, unsigned percent, int64_t now_ms)
{
	if (percent > STRESS_ENDS_PERCENT)
		return 0;
	return stress->quiet_ms != 0 ? stress->quiet_ms : now_ms;
}

bool stress_look(struct stress *stress, unsigned percent, int64_t now_ms)
{
	bool was_on = stress->is_on;

	stress->quiet_ms = quiet_since_ms(stress, percent, now_ms);
	if (percent >= 100)
		stress->full_ms = now_ms;
	if (percent >= STRESS_BEGINS_PERCENT)
		stress->is_on = true;
	else if (stress->quiet_ms != 0 && now_ms - stress->quiet_ms >= STRESS_QUIET_MS)
		stress->is_on = false;
	return stress->is_on != was_on;
}

bool stress_is_felt(const struct stress *stress, int64_t now_ms)
{
	return stress->is_on || (stress->full_ms != 0 && now_ms - stress->full_ms < STRESS_TOLD_MS);
}
