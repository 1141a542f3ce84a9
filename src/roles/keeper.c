/* SPDX-License-Identifier: ISC */
#include "keeper/keeper.h"
#include "roles/roles.h"

const struct role role_keeper = {
	.name = "keeper",
	.start = keeper_start,
	.reload = keeper_reload,
	.stop = keeper_stop,
	.finish = keeper_finish,
};
