/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * An operator's end of the bus: one question or command over the control socket, waiting for the answer. For verbs of the
 * command line; blocking. E_AWAY when no keeper listens there, E_DENIED when the socket may not be used.
 */
#include "base/err.h"

typedef struct Stockade__Command Stockade__Command;
typedef struct Stockade__Query Stockade__Query;
typedef struct Stockade__Answer Stockade__Answer;

struct control;

int control_open(const char *socket_path, struct control **ret_control, struct fault *why);
void control_free(struct control **control);

/* The answer belongs to the caller: stockade__answer__free_unpacked(answer, NULL). An answer that carries an error is
 * returned as that error, with its words in *why. */
int control_ask(struct control *control, Stockade__Query *query, Stockade__Answer **ret_answer,
	struct fault *why);
int control_command(struct control *control, Stockade__Command *command,
	Stockade__Answer **ret_answer, struct fault *why);
