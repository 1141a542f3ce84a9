/* SPDX-License-Identifier: ISC */
#include "roles/roles.h"

const struct role *const roles[] = {
	&role_keeper,
	&role_dns,
	&role_web,
	&role_gate,
	&role_courier,
	NULL,
};
