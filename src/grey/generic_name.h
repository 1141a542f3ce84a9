/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Whether a reverse name was given out by a pool rather than chosen for a mail server: it holds the
 * address ("203-0-113-7.dyn.isp.example"), or a label is a word of pools ("dialup"). A guess: it
 * delays, and never refuses. Pure; any thread.
 */
#include "base/ip.h"
#include "base/span.h"

bool name_is_generic(struct span name, struct ip client);
