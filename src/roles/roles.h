/* SPDX-License-Identifier: ISC */
#pragma once
/* The roles of this program, for `stockade run` and `stockade role`. */
#include "process/role.h"

extern const struct role role_keeper;
extern const struct role role_dns;
extern const struct role role_gate;
extern const struct role role_web;
extern const struct role role_courier;

/* In the order in which the supervisor starts them; NULL behind the last. */
extern const struct role *const roles[];
