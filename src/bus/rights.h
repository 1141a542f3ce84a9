/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who may send what to the keeper. The keeper knows the sender by the socket it came in on, never
 * by what it says of itself. Pure; any thread.
 */
#include <stdbool.h>

#include "base/err.h"

typedef struct Stockade__Message Stockade__Message;

enum bus_sender { BUS_GATE, BUS_DNS, BUS_WEB, BUS_COURIER, BUS_CONTROL, BUS_SENDER_COUNT };

/* "gate", "dns", "web", "courier", "control". */
const char *bus_sender_name(enum bus_sender sender);

/* 0, or E_DENIED with words: the connection is to be closed. */
int rights_check(enum bus_sender sender, const Stockade__Message *message, struct fault *why);

/* Does it serve the lists, so that changes wait for it to have them? */
bool rights_follows(enum bus_sender sender);

/* May it be told who wrote to whom? Only operators; the role that serves pages never hears it. */
bool rights_sees_private(enum bus_sender sender);
