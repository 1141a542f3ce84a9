/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Messages as bytes: a 32-bit big-endian length, then one packed Message. Decoding bounds the
 * memory a message may take and checks every string, byte field and count, because the other side
 * may have been taken over. Pure; any thread.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

typedef struct Stockade__Message Stockade__Message;

enum {
	FRAME_HEAD = 4,
	FRAME_ROLE_MAX = 1 << 20,    /* between a role and the keeper, both ways */
	FRAME_CONTROL_MAX = 4 << 20, /* of operators: imports come in large parts */
	MESSAGE_ID_SIZE = 16,
	MESSAGE_SOURCES_MAX = 10000, /* of one command */
	MESSAGE_NETS_MAX = 32768,    /* the same, in their short form */
	MESSAGE_NET_SIZE = 17,
	MESSAGE_DOMAINS_MAX = 4096, /* of one answer, as many nets as above beside them */
	MESSAGE_RUNS_MAX = 1000,
	MESSAGE_TEXT_MAX = 1024, /* bytes of a string without a limit of its own: a reason */
	MESSAGE_FEED_ENTRIES_MAX = 4096,
};

/* Appends one message as a frame. E_LIMIT when it is longer than limit or does not fit into out;
 * nothing is appended. */
int frame_append(struct buf *out, const Stockade__Message *message, size_t limit);

/* The same for a message that is packed already. */
int frame_append_packed(struct buf *out, struct span body, size_t limit);

/* The same for a Delta that was packed once without its from_serial and goes to many followers,
 * each from its own. */
int frame_append_delta(struct buf *out, struct span delta, uint32_t from_serial, size_t limit);

/* What the keeper tells followers beside deltas: where they will be, and the name of a file. over:
 * it goes below what is served there; 0: begin anew with it. */
int frame_append_greeting(struct buf *out, uint32_t serial);
int frame_append_snapshot(struct buf *out, uint32_t serial, const char *file, uint32_t over);

/* Whether others of its role follow beside it; without, none was told of more than serial. */
int frame_append_beside(struct buf *out, bool others, uint32_t serial);

/* 1: *ret_body is the next message, *ret_used bytes may be dropped once it has been handled; 0:
 * more input needed; E_LIMIT: it announces more than limit; E_PARSE: it is empty. */
int frame_next(struct span input, size_t limit, struct span *ret_body, size_t *ret_used);

/* E_PARSE (a message of no known kind too), E_LIMIT with words; free with message_free. */
int message_decode(struct span body, Stockade__Message **ret_message, struct fault *why);
/* The same in two steps, for who has to answer what bus/check.h refuses. */
int frame_unpack(struct span body, Stockade__Message **ret_message, struct fault *why);
void message_free(Stockade__Message **message);
