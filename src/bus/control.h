/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * An operator's end of the bus: one question or command over the control socket, waiting for the
 * answer. For verbs of the command line; blocking. E_AWAY when no keeper listens there, E_DENIED
 * when the socket may not be used.
 */
#include "base/err.h"
#include "bus/record.h"

struct control;

int control_open(const char *socket_path, struct control **ret_control, struct fault *why);
void control_free(struct control **control);

/* The answer is the caller's. One that carries an error is that error, with its text in *why. */
int control_ask(struct control *control, const struct bus_query *query,
	struct bus_answer **ret_answer, struct fault *why);
int control_command(struct control *control, const struct bus_command *command,
	struct bus_answer **ret_answer, struct fault *why);
