/* SPDX-License-Identifier: ISC */
#pragma once
/* What is due ends by itself, some at a time. */
#include "keeper/parts.h"

/* One step, in a transaction of its own. */
void expire_due(const struct keeper_parts *parts);
