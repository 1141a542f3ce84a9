/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Messages that wait for the keeper's acknowledgement, kept in two files so that they survive the
 * end of the role (not a power cut: the sender of mail tries again then). Opened before the jail
 * closes; afterwards only read, written and cut, never created or renamed. Owner: the bus client;
 * one thread.
 *
 * An entry is appended, sent, and removed by its acknowledgement. Entries leave in the order they
 * came; after a restart some may be sent again that the keeper has: it knows them by their ids.
 */
#include "base/buf.h"
#include "base/err.h"

struct spool;

/* Files path.a and path.b, each of at most limit / 2 bytes; what a former process left in them is
 * taken over, damaged records are skipped. A process whose predecessor still has them open gets
 * path-1.a and path-1.b, and so on. E_BUSY: all SPOOLS_MAX are in use. */
int spool_open(const char *path, size_t limit, struct spool **ret_spool, struct fault *why);
enum { SPOOLS_MAX = 8 };

/* What processes that are gone left at the other names becomes part of this spool. How many. */
size_t spool_gather(struct spool *spool);
void spool_free(struct spool **spool);

/* E_FULL: at its bound, or the disk is full; E_IO. */
int spool_append(struct spool *spool, const uint8_t id[16], struct span body);

/* 1: *out holds the oldest entry not sent yet, which counts as sent now; 0: all were. What cannot
 * be read is dropped. */
int spool_next(struct spool *spool, struct buf *out);

/* Removes an entry; unknown ids are no error (acknowledged twice). 1: it was there. */
int spool_ack(struct spool *spool, const uint8_t id[16]);

/* All that wait count as not sent: after a reconnect, or when acknowledgements stay away. */
void spool_rewind(struct spool *spool);

size_t spool_count(const struct spool *spool); /* entries that wait */
size_t spool_size(const struct spool *spool);  /* their bytes */
size_t spool_in_flight(const struct spool *spool);
